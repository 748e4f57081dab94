import { z } from 'zod';
import { atLeast, atMost, type Rule } from '../../core/rules.ts';
import type { TextView } from '../../core/stage.ts';
import { defineJudge } from '../../core/step.ts';
import { ALPHABETIC, codePointFrom, FLAGS } from '../char-classes.ts';
import { LINE_AND_GRAM_RULES } from '../gopher-rules.ts';
import { share, threshold } from '../options.ts';
import { copies, WordRuns } from '../repetition.ts';
import { Spans } from '../spans.ts';
import { codePoints, countOf, lengthOf, skipSpace, skipSpaceBack, splitAtSpace } from '../text.ts';
import { isAlphanumeric, unicodeWords } from '../unicode-words.ts';
import type { WordSpans } from '../words.ts';

const top = (value: number, n: number) =>
  threshold(value, `most characters in the most frequent ${n}-gram, the longest of a tie, to all of words`);
const repeated = (value: number, n: number) =>
  share(value, `largest share of the characters of words that stand in ${n}-grams occurring twice or more`);

const options = z.strictObject({
  minWords: threshold(50, 'fewest words, parted by ASCII white space, that begin with a letter or a number'),
  maxWords: threshold(100_000, 'most such words'),
  minMeanWordLength: threshold(3, 'shortest mean length of words parted by white space, in characters'),
  maxMeanWordLength: threshold(10, 'longest mean length of those words, in characters'),
  maxSymbolWordRatio: threshold(0.1, 'most "#", "...", ". . ." and "…" to words'),
  maxBulletLineRatio: share(0.9, 'largest share of lines that start with "●", "•", "*" or "-"'),
  maxEllipsisLineRatio: share(0.3, 'largest share of lines that end in "...", ". . ." or "…"'),
  maxNonAlphabeticWordRatio: share(0.2, 'largest share of words without an alphabetic character'),
  minStopWords: threshold(2, 'fewest occurrences of stop words, copies counted'),
  stopWords: z
    .array(z.string().min(1))
    .default(['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with'])
    .describe('stop words in lower case, compared without case'),
  maxDuplicateLines: share(0.3, 'largest share of lines that occur more than once, all copies counted'),
  maxDuplicateParagraphs: share(0.3, 'the same of paragraphs, parted by two newlines'),
  maxDuplicateLineCharacters: share(0.2, 'largest share of the characters of lines in such lines'),
  maxDuplicateParagraphCharacters: share(0.2, 'the same of paragraphs'),
  maxTop2Gram: top(0.2, 2),
  maxTop3Gram: top(0.18, 3),
  maxTop4Gram: top(0.16, 4),
  maxDuplicate5Gram: repeated(0.15, 5),
  maxDuplicate6Gram: repeated(0.14, 6),
  maxDuplicate7Gram: repeated(0.13, 7),
  maxDuplicate8Gram: repeated(0.12, 8),
  maxDuplicate9Gram: repeated(0.11, 9),
  maxDuplicate10Gram: repeated(0.1, 10),
});
type Options = z.infer<typeof options>;

const [DUPLICATE_LINES, DUPLICATE_LINE_CHARACTERS, ...GRAMS] = LINE_AND_GRAM_RULES as [Rule, Rule, ...Rule[]];

/** In the order in which DCLM's pipeline tries them. */
const RULES: readonly Rule[] = [
  atLeast('words', 'minWords', 'too-few-words'),
  atMost('words', 'maxWords', 'too-many-words'),
  atLeast('mean-word-length', 'minMeanWordLength', 'short-mean-word'),
  atMost('mean-word-length', 'maxMeanWordLength', 'long-mean-word'),
  atMost('symbol-word-ratio', 'maxSymbolWordRatio', 'too-many-symbols'),
  atMost('bullet-line-ratio', 'maxBulletLineRatio', 'too-many-bullet-lines'),
  atMost('ellipsis-line-ratio', 'maxEllipsisLineRatio', 'too-many-ellipsis-lines'),
  atMost('non-alphabetic-word-ratio', 'maxNonAlphabeticWordRatio', 'too-few-alphabetic-words'),
  atLeast('stop-words', 'minStopWords', 'too-few-stop-words'),
  DUPLICATE_LINES,
  atMost('duplicate-paragraphs', 'maxDuplicateParagraphs', 'too-many-duplicate-paragraphs'),
  DUPLICATE_LINE_CHARACTERS,
  atMost(
    'duplicate-paragraph-characters',
    'maxDuplicateParagraphCharacters',
    'too-many-characters-in-duplicate-paragraphs',
  ),
  ...GRAMS,
];

/**
 * Gopher's rules (Rae et al. 2021, arXiv:2112.11446, section A1.1) as DCLM computes them (Li et al. 2024,
 * arXiv:2406.11794; mlfoundations/dclm, baselines/mappers/filters/content_filters.py) with the thresholds and the order
 * of its pipeline (baselines_configs/dclm_baseline_refinedweb.yaml; those of repetition in
 * massive_web_repetition_filters): lines and paragraphs are stripped, blank ones left out; duplicates count every copy;
 * n-grams are of Unicode's words (UAX 29) that begin with a letter or a number, and their characters are held against
 * those of all such words. Quality and repetition are one judge.
 */
export const dclmGopher = defineJudge({
  kind: 'dclm-gopher',
  summary: "Gopher's quality and repetition rules in DCLM's reading",
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
  const perWord = (n: number) => (words.length === 0 ? 0 : n / words.length);
  const symbols = ['#', '...', '. . .', '…'].reduce((sum, symbol) => sum + countOf(text, symbol), 0);
  const counts = wordCounts(words, flat, o.stopWords);
  const lines = strippedParts(text, 1);
  const line = lineShares(text, lines);
  const sameLines = repeats(text, lines, flat);
  const sameParagraphs = repeats(text, strippedParts(text, 2), flat);
  const runs = new WordRuns(unicodeWords(text), flat);
  const characters = Math.max(runs.characters, 1);
  return [
    fastTextWords(text),
    perWord(counts.characters),
    perWord(symbols),
    line.bullets,
    line.ellipses,
    perWord(counts.nonAlphabetic),
    counts.stopWords,
    sameLines.parts,
    sameParagraphs.parts,
    sameLines.characters,
    sameParagraphs.characters,
    ...[2, 3, 4].map((n) => {
      const gram = runs.longestTopNgram(n);
      return gram.count < 2 ? 0 : (gram.characters * gram.count) / characters;
    }),
    ...[5, 6, 7, 8, 9, 10].map((n) => runs.repeatedWordCharacters(n) / characters),
  ];
}

/** Words as fastText parts them (at ASCII white space and zero bytes), those that begin with no letter or number left out. */
function fastTextWords(text: string): number {
  const parted = (c: number) => c === 32 || (c >= 9 && c <= 13) || c === 0;
  let count = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (parted(c)) inside = false;
    else if (!inside) {
      inside = true;
      if (isAlphanumeric(codePointFrom(text, i, text.length))) count++;
    }
  }
  return count;
}

/** Parts between `newlines` newlines, without the white space around them; those of white space only are left out. */
function strippedParts(text: string, newlines: 1 | 2): Spans {
  const separator = newlines === 1 ? '\n' : '\n\n';
  const parts = new Spans();
  for (let start = 0; start <= text.length; ) {
    let end = text.indexOf(separator, start);
    if (end < 0) end = text.length;
    const from = skipSpace(text, start, end);
    if (from < end) parts.push(from, skipSpaceBack(text, from, end));
    start = end + newlines;
  }
  return parts;
}

/** Shares of the parts, and of their characters, that occur more than once; of a single part 0. */
function repeats(text: string, parts: Spans, flat: boolean): { parts: number; characters: number } {
  if (parts.length < 2) return { parts: 0, characters: 0 };
  const same = copies(text, parts, flat);
  let all = 0;
  for (let i = 0; i < parts.length; i++) {
    const from = parts.starts[i]!;
    const to = parts.ends[i]!;
    all += flat ? to - from : codePoints(text, from, to);
  }
  return { parts: same.count / parts.length, characters: same.characters / all };
}

function lineShares(text: string, lines: Spans): { bullets: number; ellipses: number } {
  let bullets = 0;
  let ellipses = 0;
  for (let i = 0; i < lines.length; i++) {
    const from = lines.starts[i]!;
    const to = lines.ends[i]!;
    const first = text.charCodeAt(from);
    if (first === 0x25cf || first === 0x2022 || first === 42 || first === 45) bullets++;
    const ends = (mark: string) => to - mark.length >= from && text.startsWith(mark, to - mark.length);
    if (ends('…') || ends('...') || ends('. . .')) ellipses++;
  }
  const all = Math.max(lines.length, 1);
  return { bullets: bullets / all, ellipses: ellipses / all };
}

interface Counts {
  readonly characters: number;
  readonly nonAlphabetic: number;
  readonly stopWords: number;
}

function wordCounts(words: WordSpans, flat: boolean, stopWords: readonly string[]): Counts {
  const { text, starts, ends, length } = words;
  const wanted = new Set(stopWords);
  const longest = stopWords.reduce((n, word) => Math.max(n, word.length), 0);
  let characters = 0;
  let nonAlphabetic = 0;
  let hits = 0;
  for (let i = 0; i < length; i++) {
    const from = starts[i]!;
    const to = ends[i]!;
    characters += flat ? to - from : codePoints(text, from, to);
    let alphabetic = false;
    for (let k = from; k < to && !alphabetic; k++)
      alphabetic = (FLAGS[codePointFrom(text, k, to)]! & ALPHABETIC) !== 0;
    if (!alphabetic) nonAlphabetic++;
    if (to - from <= longest && wanted.has(text.slice(from, to).toLowerCase())) hits++;
  }
  return { characters, nonAlphabetic, stopWords: hits };
}
