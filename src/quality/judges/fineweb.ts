import { z } from 'zod';
import { atLeast, atMost } from '../../core/rules.ts';
import type { TextView } from '../../core/stage.ts';
import { defineJudge } from '../../core/step.ts';
import { codePointBefore, FLAGS, TERMINAL } from '../char-classes.ts';
import { share, threshold } from '../options.ts';
import { findDuplicates } from '../repetition.ts';
import { Spans } from '../spans.ts';
import { codePoints, countOf, lengthOf, skipSpace, wordsOf } from '../text.ts';

const options = z.strictObject({
  minTerminalLineRatio: share(0.12, 'smallest share of lines that end in terminal punctuation of any script'),
  keepWithoutTerminalLines: z
    .boolean()
    .default(false)
    .describe('keep a document in which no line at all ends in terminal punctuation'),
  maxShortLineRatio: share(0.67, 'largest share of short lines'),
  shortLineCharacters: z
    .number()
    .int()
    .nonnegative()
    .default(30)
    .describe('a line of at most this many characters is short'),
  maxDuplicateLineCharacterRatio: share(
    0.01,
    'largest share of characters in lines that repeat an earlier one (the paper says 0.1, the code 0.01)',
  ),
  maxNewlineRatio: threshold(0.3, 'most newlines to words'),
});
type Options = z.infer<typeof options>;

/**
 * FineWeb's own quality rules (Penedo et al. 2024, arXiv:2406.17557, section 3.6) as datatrove 0.10 computes them
 * (fineweb_quality_filter.py), with its defaults: over the lines, parted by "\n", that are not blank.
 */
export const fineweb = defineJudge({
  kind: 'fineweb',
  summary: "FineWeb's quality rules: terminal punctuation, short lines, duplicate lines, newlines to words",
  module: import.meta.url,
  options,
  signals: [
    'lines',
    'terminal-line-ratio',
    'short-line-ratio',
    'duplicate-line-character-ratio',
    'newline-ratio',
  ],
  measure,
  rules: [
    atLeast('lines', 1, 'empty'),
    {
      ...atLeast('terminal-line-ratio', 'minTerminalLineRatio', 'too-few-terminal-lines'),
      spareZero: 'keepWithoutTerminalLines',
    },
    atMost('short-line-ratio', 'maxShortLineRatio', 'too-many-short-lines'),
    atMost(
      'duplicate-line-character-ratio',
      'maxDuplicateLineCharacterRatio',
      'too-many-characters-in-duplicate-lines',
    ),
    atMost('newline-ratio', 'maxNewlineRatio', 'too-many-newlines'),
  ],
});

function measure(view: TextView, o: Options): number[] {
  const { text } = view;
  const { codePoints: characters, flat } = lengthOf(view);
  const lines = nonBlankLines(text);
  const n = lines.length;
  if (n === 0) return [0, 0, 0, 0, 0];
  let terminal = 0;
  let short = 0;
  for (let i = 0; i < n; i++) {
    const from = lines.starts[i]!;
    const to = lines.ends[i]!;
    if (FLAGS[codePointBefore(text, to, from)]! & TERMINAL) terminal++;
    // Twice as many units are never as few code points.
    if (to - from <= 2 * o.shortLineCharacters)
      if ((flat ? to - from : codePoints(text, from, to)) <= o.shortLineCharacters) short++;
  }
  const newlines = countOf(text, '\n');
  const duplicates = findDuplicates(text, lines, flat);
  return [
    n,
    terminal / n,
    short / n,
    duplicates.characters / (characters - newlines),
    newlines / wordsOf(view).length,
  ];
}

function nonBlankLines(text: string): Spans {
  const lines = new Spans();
  let start = 0;
  while (start <= text.length) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    if (skipSpace(text, start, end) < end) lines.push(start, end);
    start = end + 1;
  }
  return lines;
}
