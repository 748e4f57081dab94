import { z } from 'zod';
import { atLeast, atMost } from '../../core/rules.ts';
import type { TextView } from '../../core/stage.ts';
import { defineJudge } from '../../core/step.ts';
import { share, threshold } from '../options.ts';
import { countOf, skipSpace, skipSpaceBack, splitLines, wordCountsOf, wordsOf } from '../text.ts';
import type { WordSpans } from '../words.ts';

const options = z.strictObject({
  minWords: threshold(50, 'fewest words that are not only symbols'),
  maxWords: threshold(100_000, 'most words that are not only symbols'),
  minMeanWordLength: threshold(3, 'shortest mean length of those words, in characters'),
  maxMeanWordLength: threshold(10, 'longest mean length of those words, in characters'),
  maxHashRatio: threshold(0.1, 'most "#" to words'),
  maxEllipsisRatio: threshold(0.1, 'most ellipses ("..." and "…") to words'),
  maxBulletLineRatio: share(0.9, 'largest share of lines that start with "•" or "-"'),
  maxEllipsisLineRatio: share(0.3, 'largest share of lines that end in an ellipsis'),
  minAlphabeticWordRatio: share(0.8, 'smallest share of words with an alphabetic character'),
  minStopWords: threshold(2, 'fewest different stop words'),
  stopWords: z
    .array(z.string().min(1))
    .default(['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with'])
    .describe('stop words, compared with case'),
});
type Options = z.infer<typeof options>;

/**
 * The quality rules of Gopher (Rae et al. 2021, arXiv:2112.11446, section A1.1) as datatrove 0.10 computes them
 * (gopher_quality_filter.py), with its defaults. Words are spaCy's; word count and mean length leave out words of
 * punctuation only. Where there is no word or no line, the ratios are 0 (datatrove divides by zero).
 */
export const gopherQuality = defineJudge({
  kind: 'gopher-quality',
  summary: "Gopher's quality rules: word count and length, symbols, bullets, ellipses, letters, stop words",
  module: import.meta.url,
  options,
  signals: [
    'words',
    'mean-word-length',
    'hash-ratio',
    'ellipsis-ratio',
    'bullet-line-ratio',
    'ellipsis-line-ratio',
    'alphabetic-word-ratio',
    'stop-words',
  ],
  measure,
  rules: [
    atLeast('words', 'minWords', 'too-few-words'),
    atMost('words', 'maxWords', 'too-many-words'),
    atLeast('mean-word-length', 'minMeanWordLength', 'short-mean-word'),
    atMost('mean-word-length', 'maxMeanWordLength', 'long-mean-word'),
    atMost('hash-ratio', 'maxHashRatio', 'too-many-hashes'),
    atMost('ellipsis-ratio', 'maxEllipsisRatio', 'too-many-ellipses'),
    atMost('bullet-line-ratio', 'maxBulletLineRatio', 'too-many-bullet-lines'),
    atMost('ellipsis-line-ratio', 'maxEllipsisLineRatio', 'too-many-ellipsis-lines'),
    atLeast('alphabetic-word-ratio', 'minAlphabeticWordRatio', 'too-few-alphabetic-words'),
    atLeast('stop-words', 'minStopWords', 'too-few-stop-words'),
  ],
});

function measure(view: TextView, o: Options): number[] {
  const { text } = view;
  const counts = wordCountsOf(view);
  const perWord = (n: number) => (counts.words === 0 ? 0 : n / counts.words);
  const lines = lineShares(text);
  return [
    counts.nonSymbolWords,
    counts.nonSymbolWords === 0 ? 0 : counts.nonSymbolCharacters / counts.nonSymbolWords,
    perWord(countOf(text, '#')),
    perWord(countOf(text, '...') + countOf(text, '…')),
    lines.bullets,
    lines.ellipses,
    perWord(counts.alphabeticWords),
    distinctStopWords(wordsOf(view), o.stopWords),
  ];
}

function lineShares(text: string): { bullets: number; ellipses: number } {
  const { starts, ends, length } = splitLines(text);
  if (length === 0) return { bullets: 0, ellipses: 0 };
  let bullets = 0;
  let ellipses = 0;
  for (let i = 0; i < length; i++) {
    const first = skipSpace(text, starts[i]!, ends[i]!);
    if (first === ends[i]) continue;
    const c = text.charCodeAt(first);
    if (c === 0x2022 || c === 45) bullets++;
    const last = skipSpaceBack(text, first, ends[i]!);
    if (text.charCodeAt(last - 1) === 0x2026 || (last - 3 >= first && text.startsWith('...', last - 3)))
      ellipses++;
  }
  return { bullets: bullets / length, ellipses: ellipses / length };
}

function distinctStopWords({ text, starts, ends, length }: WordSpans, stopWords: readonly string[]): number {
  const missing = new Set(stopWords);
  const all = missing.size;
  const longest = stopWords.reduce((n, word) => Math.max(n, word.length), 0);
  for (let i = 0; i < length && missing.size > 0; i++)
    if (ends[i]! - starts[i]! <= longest) missing.delete(text.slice(starts[i], ends[i]));
  return all - missing.size;
}
