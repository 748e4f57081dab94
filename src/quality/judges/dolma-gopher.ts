import { z } from 'zod';
import { atLeast, atMost, type Rule } from '../../core/rules.ts';
import type { TextView } from '../../core/stage.ts';
import { defineJudge } from '../../core/step.ts';
import { ALPHABETIC, codePointFrom, FLAGS } from '../char-classes.ts';
import { LINE_AND_GRAM_RULES } from '../gopher-rules.ts';
import { share, threshold } from '../options.ts';
import { copies, WordRuns } from '../repetition.ts';
import { lengthOf, splitAtNewlines, splitAtSpace } from '../text.ts';
import type { WordSpans } from '../words.ts';

const options = z.strictObject({
  minWords: threshold(50, 'fewest words, parted by white space'),
  maxWords: threshold(100_000, 'most words'),
  minMedianWordLength: threshold(3, 'shortest median length of the words, in characters'),
  maxMedianWordLength: threshold(10, 'longest median length of the words, in characters'),
  maxSymbolWordRatio: share(0.1, 'largest share of words with "#" or "…" in them'),
  minAlphabeticWordRatio: share(0.8, 'smallest share of words with an alphabetic character'),
  minRequiredWords: threshold(2, 'fewest occurrences of the required words, copies counted'),
  requiredWords: z
    .array(z.string().min(1))
    .default(['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with'])
    .describe('required words, compared with case'),
  maxBulletLineRatio: share(0.9, 'largest share of lines that start with "*" or "-"'),
  maxEllipsisLineRatio: share(0.3, 'largest share of lines that end in "…"'),
  maxDuplicateLines: share(0.3, 'largest share of lines that occur more than once, all copies counted'),
  maxDuplicateLineCharacters: z
    .number()
    .nonnegative()
    .nullable()
    .default(0.3)
    .describe('most characters in such lines to characters that are no white space; null: no such rule'),
  maxTop2Gram: threshold(0.2, 'most characters in the most frequent 2-gram to all of words'),
  maxTop3Gram: threshold(0.18, 'most characters in the most frequent 3-gram to all of words'),
  maxTop4Gram: threshold(0.16, 'most characters in the most frequent 4-gram to all of words'),
  maxDuplicate5Gram: share(
    0.15,
    'largest share of the characters of 5-grams in those that occur twice or more',
  ),
  maxDuplicate6Gram: share(0.14, 'the same of 6-grams'),
  maxDuplicate7Gram: share(0.13, 'the same of 7-grams'),
  maxDuplicate8Gram: share(0.12, 'the same of 8-grams'),
  maxDuplicate9Gram: share(0.11, 'the same of 9-grams'),
  maxDuplicate10Gram: share(0.1, 'the same of 10-grams'),
  ignoreEmptyLines: z
    .boolean()
    .default(true)
    .describe('part lines at runs of newlines (dolma gopher_v2), or at each newline (gopher_v1)'),
});
type Options = z.infer<typeof options>;

/** In the order in which dolma's documentation lists them. */
const RULES: readonly Rule[] = [
  atLeast('words', 'minWords', 'too-few-words'),
  atMost('words', 'maxWords', 'too-many-words'),
  atLeast('median-word-length', 'minMedianWordLength', 'short-median-word'),
  atMost('median-word-length', 'maxMedianWordLength', 'long-median-word'),
  atMost('symbol-word-ratio', 'maxSymbolWordRatio', 'too-many-symbol-words'),
  atLeast('alphabetic-word-ratio', 'minAlphabeticWordRatio', 'too-few-alphabetic-words'),
  atLeast('required-words', 'minRequiredWords', 'too-few-required-words'),
  atMost('bullet-line-ratio', 'maxBulletLineRatio', 'too-many-bullet-lines'),
  atMost('ellipsis-line-ratio', 'maxEllipsisLineRatio', 'too-many-ellipsis-lines'),
  ...LINE_AND_GRAM_RULES,
];

/**
 * Gopher's rules (Rae et al. 2021, arXiv:2112.11446, section A1.1) as dolma 1.2 measures them (taggers/gopher.py) with
 * the thresholds of its documentation: words are parted by white space, the median stands for the mean, duplicates
 * count every copy, and characters are those of words. Quality and repetition are one judge there.
 */
export const dolmaGopher = defineJudge({
  kind: 'dolma-gopher',
  summary: "Gopher's quality and repetition rules in dolma's reading",
  module: import.meta.url,
  options,
  signals: [...new Set(RULES.map(({ signal }) => signal))],
  measure,
  rules: RULES,
});

function measure(view: TextView, o: Options): number[] {
  const { text } = view;
  const { flat } = lengthOf(view);
  const words = splitAtSpace(text);
  const runs = new WordRuns(words, flat);
  const characters = Math.max(runs.characters, 1);
  const lines = splitAtNewlines(text, 0, text.length, 1, !o.ignoreEmptyLines);
  let bullets = 0;
  let ellipses = 0;
  for (let i = 0; i < lines.length; i++) {
    const from = lines.starts[i]!;
    const to = lines.ends[i]!;
    if (from === to) continue;
    const first = text.charCodeAt(from);
    if (first === 42 || first === 45) bullets++;
    if (text.charCodeAt(to - 1) === 0x2026) ellipses++;
  }
  const same = copies(text, lines, flat);
  return [
    words.length,
    runs.medianLength(),
    ...wordShares(words, o.requiredWords),
    bullets / lines.length,
    ellipses / lines.length,
    same.count / lines.length,
    same.characters / characters,
    ...[2, 3, 4].map((n) => {
      const top = runs.topNgram(n);
      return (top.characters * top.count) / characters;
    }),
    ...[5, 6, 7, 8, 9, 10].map((n) => runs.repeatedNgramShare(n)),
  ];
}

/** Shares of words with a symbol and with a letter, and how many words are required ones. */
function wordShares(words: WordSpans, required: readonly string[]): [number, number, number] {
  const { text, starts, ends, length } = words;
  const wanted = new Set(required);
  const longest = required.reduce((n, word) => Math.max(n, word.length), 0);
  let symbols = 0;
  let alphabetic = 0;
  let hits = 0;
  for (let i = 0; i < length; i++) {
    const from = starts[i]!;
    const to = ends[i]!;
    let symbol = false;
    let letter = false;
    for (let k = from; k < to; k++) {
      const c = codePointFrom(text, k, to);
      if (c === 35 || c === 0x2026) symbol = true;
      if (FLAGS[c]! & ALPHABETIC) letter = true;
    }
    if (symbol) symbols++;
    if (letter) alphabetic++;
    if (to - from <= longest && wanted.has(text.slice(from, to))) hits++;
  }
  const all = Math.max(length, 1);
  return [symbols / all, alphabetic / all, hits];
}
