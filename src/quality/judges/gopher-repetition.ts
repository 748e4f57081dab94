import { z } from 'zod';
import { atLeast, atMost, type Rule } from '../../core/rules.ts';
import type { TextView } from '../../core/stage.ts';
import { defineJudge } from '../../core/step.ts';
import { LINE_AND_GRAM_RULES } from '../gopher-rules.ts';
import { share } from '../options.ts';
import { findDuplicates, WordRuns } from '../repetition.ts';
import { lengthOf, skipSpace, skipSpaceBack, splitAtNewlines, wordsOf } from '../text.ts';

const top = (value: number, n: number) =>
  share(value, `largest share of characters in the most frequent ${n}-gram`);
const duplicate = (value: number, n: number) =>
  share(value, `largest share of characters in ${n}-grams that occurred before`);

const options = z.strictObject({
  maxDuplicateParagraphs: share(0.3, 'largest share of paragraphs that repeat an earlier one'),
  maxDuplicateParagraphCharacters: share(0.2, 'largest share of characters in such paragraphs'),
  maxDuplicateLines: share(0.3, 'largest share of lines that repeat an earlier one'),
  maxDuplicateLineCharacters: share(0.2, 'largest share of characters in such lines'),
  maxTop2Gram: top(0.2, 2),
  maxTop3Gram: top(0.18, 3),
  maxTop4Gram: top(0.16, 4),
  maxDuplicate5Gram: duplicate(0.15, 5),
  maxDuplicate6Gram: duplicate(0.14, 6),
  maxDuplicate7Gram: duplicate(0.13, 7),
  maxDuplicate8Gram: duplicate(0.12, 8),
  maxDuplicate9Gram: duplicate(0.11, 9),
  maxDuplicate10Gram: duplicate(0.1, 10),
});
/** In the order in which datatrove tries them. */
const SHARES: readonly Rule[] = [
  atMost('duplicate-paragraphs', 'maxDuplicateParagraphs', 'too-many-duplicate-paragraphs'),
  atMost(
    'duplicate-paragraph-characters',
    'maxDuplicateParagraphCharacters',
    'too-many-characters-in-duplicate-paragraphs',
  ),
  ...LINE_AND_GRAM_RULES,
];

/**
 * The repetition rules of Gopher (Rae et al. 2021, arXiv:2112.11446, table A1) as datatrove 0.10 computes them
 * (gopher_repetition_filter.py), with its defaults: duplicates leave out the first occurrence, characters are code
 * points and shares of the whole text, words are spaCy's. An empty text is dropped as `empty`.
 */
export const gopherRepetition = defineJudge({
  kind: 'gopher-repetition',
  summary: "Gopher's repetition rules: duplicate paragraphs, lines and n-grams, dominant n-grams",
  module: import.meta.url,
  options,
  signals: [...SHARES.map(({ signal }) => signal), 'characters'],
  measure,
  rules: [atLeast('characters', 1, 'empty'), ...SHARES],
});

function measure(view: TextView): number[] {
  const { text } = view;
  const { codePoints, flat } = lengthOf(view);
  if (codePoints === 0) return new Array(SHARES.length + 1).fill(0);
  const from = skipSpace(text, 0, text.length);
  const paragraphs = splitAtNewlines(text, from, skipSpaceBack(text, from, text.length), 2);
  const lines = splitAtNewlines(text, 0, text.length, 1);
  const sameParagraphs = findDuplicates(text, paragraphs, flat);
  const sameLines = findDuplicates(text, lines, flat);
  const runs = new WordRuns(wordsOf(view), flat);
  return [
    sameParagraphs.count / paragraphs.length,
    sameParagraphs.characters / codePoints,
    sameLines.count / lines.length,
    sameLines.characters / codePoints,
    ...[2, 3, 4].map((n) => runs.topNgramCharacters(n) / codePoints),
    ...[5, 6, 7, 8, 9, 10].map((n) => runs.duplicateNgramCharacters(n) / codePoints),
    codePoints,
  ];
}
