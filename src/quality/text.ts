import type { TextView } from '../core/stage.ts';
import { ALPHABETIC, codePointFrom, FLAGS, SPACE, SYMBOL } from './char-classes.ts';
import { Spans } from './spans.ts';
import { spacySpans, type WordSpans } from './words.ts';

const WORDS = {};
const LENGTHS = {};
const WORD_COUNTS = {};

/** The document's words as `spacySpans` splits them, once for all judges. */
export function wordsOf(view: TextView): WordSpans {
  return view.share(WORDS, () => spacySpans(view.text));
}

/** The length in code points of text[from..to). */
export function codePoints(text: string, from: number, to: number): number {
  let points = to - from;
  for (let i = from; i < to - 1; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      points--;
      i++;
    }
  }
  return points;
}

export interface TextLength {
  readonly codePoints: number;
  /** Every code point is one UTF-16 unit: lengths need no counting. */
  readonly flat: boolean;
}

export function lengthOf(view: TextView): TextLength {
  return view.share(LENGTHS, () => {
    const { text } = view;
    const points = view.utf8.length === text.length ? text.length : codePoints(text, 0, text.length);
    return { codePoints: points, flat: points === text.length };
  });
}

export interface WordCounts {
  /** All words, of symbols only or not. */
  readonly words: number;
  /** Words with a character outside datatrove's PUNCTUATION_SET, and their code points together. */
  readonly nonSymbolWords: number;
  readonly nonSymbolCharacters: number;
  /** Words with at least one alphabetic character (Python's str.isalpha). */
  readonly alphabeticWords: number;
}

export function wordCountsOf(view: TextView): WordCounts {
  return view.share(WORD_COUNTS, () => countWords(wordsOf(view), lengthOf(view).flat));
}

function countWords({ text, starts, ends, length }: WordSpans, flat: boolean): WordCounts {
  let nonSymbolWords = 0;
  let nonSymbolCharacters = 0;
  let alphabeticWords = 0;
  for (let i = 0; i < length; i++) {
    const from = starts[i]!;
    const to = ends[i]!;
    let alphabetic = false;
    let symbol = true;
    for (let k = from; k < to && (symbol || !alphabetic); k++) {
      const c = flat ? text.charCodeAt(k) : codePointFrom(text, k, to);
      const flags = FLAGS[c]!;
      if (!(flags & SYMBOL)) symbol = false;
      if (flags & ALPHABETIC) alphabetic = true;
      if (c > 0xffff) k++;
    }
    if (alphabetic) alphabeticWords++;
    if (symbol) continue;
    nonSymbolWords++;
    nonSymbolCharacters += flat ? to - from : codePoints(text, from, to);
  }
  return { words: length, nonSymbolWords, nonSymbolCharacters, alphabeticWords };
}

/** The first unit of text[from..to) that is no white space (Python's), or `to`. */
export function skipSpace(text: string, from: number, to: number): number {
  let i = from;
  while (i < to && FLAGS[text.charCodeAt(i)]! & SPACE) i++;
  return i;
}

/** The unit after the last of text[from..to) that is no white space, or `from`. */
export function skipSpaceBack(text: string, from: number, to: number): number {
  let i = to;
  while (i > from && FLAGS[text.charCodeAt(i - 1)]! & SPACE) i--;
  return i;
}

/** Lines as Python's str.splitlines gives them: none after a final line break. */
export function splitLines(text: string): Spans {
  const lines = new Spans();
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!isLineBreak(c)) continue;
    lines.push(start, i);
    if (c === 13 && text.charCodeAt(i + 1) === 10) i++;
    start = i + 1;
  }
  if (start < text.length) lines.push(start, text.length);
  return lines;
}

function isLineBreak(c: number): boolean {
  if (c > 30) return c === 0x85 || c === 0x2028 || c === 0x2029;
  return (c >= 10 && c <= 13) || c >= 0x1c;
}

/** Words parted by white space (Python's str.split). */
export function splitAtSpace(text: string): WordSpans {
  const words = new Spans(64);
  for (let i = skipSpace(text, 0, text.length); i < text.length; ) {
    let end = i + 1;
    while (end < text.length && !(FLAGS[text.charCodeAt(end)]! & SPACE)) end++;
    words.push(i, end);
    i = skipSpace(text, end, text.length);
  }
  return { text, length: words.length, starts: words.starts, ends: words.ends };
}

/**
 * Parts of text[from..to) between runs of at least `least` newlines, as re.split('\n{least,}') gives them; with
 * `single` each newline parts.
 */
export function splitAtNewlines(
  text: string,
  from: number,
  to: number,
  least: number,
  single = false,
): Spans {
  const parts = new Spans();
  let start = from;
  let i = text.indexOf('\n', from);
  while (i >= 0 && i < to) {
    let end = i + 1;
    while (!single && end < to && text.charCodeAt(end) === 10) end++;
    if (end - i >= least) {
      parts.push(start, i);
      start = end;
    }
    i = text.indexOf('\n', end);
  }
  parts.push(start, to);
  return parts;
}

/** How often `needle` occurs without overlap. */
export function countOf(text: string, needle: string): number {
  let count = 0;
  for (let i = text.indexOf(needle); i >= 0; i = text.indexOf(needle, i + needle.length)) count++;
  return count;
}
