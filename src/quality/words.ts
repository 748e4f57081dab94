import {
  ACTIVE,
  BEFORE_FULL_STOP,
  codePointBefore,
  codePointFrom,
  DIGIT,
  FLAGS,
  ICON,
  LETTER,
  LOWER_OR_QUOTE,
  NOT_PLAIN,
  PREFIX,
  SPACE,
  SUFFIX,
  UPPER,
  UPPER_OR_QUOTE,
} from './char-classes.ts';
import { rejoin } from './rejoin.ts';
import { CURRENCY, SPECIALS, UNITS } from './spacy-english.ts';
import { Spans } from './spans.ts';
import { isUrlShaped } from './url-shape.ts';

export { SPACY_ENGLISH } from './spacy-english.ts';

/** Words as half-open ranges of UTF-16 units in the text, in order. */
export interface WordSpans {
  readonly text: string;
  readonly length: number;
  /** [length] and more: only the first `length` count. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** The words of a text as spaCy's blank English tokenizer splits them, white space left out. Linear in the text. */
export function spacyWords(text: string): string[] {
  const { starts, ends, length } = spacySpans(text);
  const words = new Array<string>(length);
  for (let i = 0; i < length; i++) words[i] = text.slice(starts[i], ends[i]);
  return words;
}

/** The same as ranges; with `keepSpace` the tokens of white space too (a run that is not one single blank). */
export function spacySpans(text: string, keepSpace = false): WordSpans {
  const splitter = new Splitter(text);
  splitter.run();
  rejoin(splitter);
  if (!keepSpace) splitter.dropSpace();
  return splitter;
}

/** Splits of special cases: the ends of the pieces, relative to the start. */
const SPECIAL = new Map<string, Uint8Array>();
let longestSpecial = 0;
for (const line of SPECIALS.split('\n')) {
  const pieces = line.split('\t');
  let end = 0;
  const key = pieces.join('');
  SPECIAL.set(
    key,
    Uint8Array.from(pieces, (piece) => {
      end += piece.length;
      return end;
    }),
  );
  longestSpecial = Math.max(longestSpecial, key.length);
}
/** Which (length, first, last) special cases have: most words are told apart without a look-up. */
const SPECIAL_SHAPES = new Uint8Array(1 << 15);
for (const key of SPECIAL.keys()) SPECIAL_SHAPES[shape(key, 0, key.length)] = 1;

function shape(text: string, from: number, to: number): number {
  return ((to - from) << 10) | ((text.charCodeAt(from) & 31) << 5) | (text.charCodeAt(to - 1) & 31);
}

const AFTER_DIGIT = [...UNITS.split(' '), ...CURRENCY.split(' ')];
/** Endings after a digit by their last unit, the longest first. */
const ENDINGS = new Map<number, string[]>();
for (const ending of AFTER_DIGIT.sort((a, b) => b.length - a.length)) {
  const last = ending.charCodeAt(ending.length - 1);
  ENDINGS.set(last, [...(ENDINGS.get(last) ?? []), ending]);
}
const LONGEST_ENDING = Math.max(...AFTER_DIGIT.map((e) => e.length));

/** Splits of short chunks seen before. Which are in it never changes a result. */
const cache = new Map<string, Uint8Array>();
const CACHED_LENGTH = 32;
const CACHE_SIZE = 1 << 16;

/** Tokenizes one text by the rules of spaCy 3.8's tokenizer.pyx; see there for the names of the parts. */
class Splitter extends Spans implements WordSpans {
  readonly text: string;
  private readonly suffixes: number[] = [];

  constructor(text: string) {
    super(64 + (text.length >>> 2));
    this.text = text;
  }

  run(): void {
    const { text } = this;
    const n = text.length;
    let i = 0;
    let runStart = 0;
    while (i < n) {
      let seen = FLAGS[text.charCodeAt(i)]!;
      if (seen & SPACE) {
        do i++;
        while (i < n && FLAGS[text.charCodeAt(i)]! & SPACE);
        if (runStart < i) this.push(runStart, i);
        continue;
      }
      const start = i;
      for (i++; i < n; i++) {
        const flags = FLAGS[text.charCodeAt(i)]!;
        if (flags & SPACE) break;
        seen |= flags;
      }
      if (seen & (NOT_PLAIN ^ DIGIT)) this.chunk(start, i);
      else if (seen & DIGIT) this.split(start, i);
      else if (!this.special(start, i)) this.push(start, i);
      if (i < n) {
        // One blank after a word belongs to the gap; what follows it is a token of white space.
        runStart = text.charCodeAt(i) === 32 ? i + 1 : i;
      }
    }
  }

  dropSpace(): void {
    const { text, starts, ends } = this;
    let kept = 0;
    for (let i = 0; i < this.length; i++) {
      if (FLAGS[text.charCodeAt(starts[i]!)]! & SPACE) continue;
      starts[kept] = starts[i]!;
      ends[kept] = ends[i]!;
      kept++;
    }
    this.length = kept;
  }

  private pieces(start: number, ends: Uint8Array): void {
    let from = start;
    for (let k = 0; k < ends.length; k++) {
      const to = start + ends[k]!;
      this.push(from, to);
      from = to;
    }
  }

  /** Pushes text[lo..hi) if it is a special case. */
  private special(lo: number, hi: number): boolean {
    if (!this.isSpecial(lo, hi)) return false;
    this.pieces(lo, SPECIAL.get(this.text.slice(lo, hi))!);
    return true;
  }

  private isSpecial(lo: number, hi: number): boolean {
    if (hi - lo > longestSpecial || SPECIAL_SHAPES[shape(this.text, lo, hi)] === 0) return false;
    return SPECIAL.has(this.text.slice(lo, hi));
  }

  private chunk(start: number, end: number): void {
    if (end - start > CACHED_LENGTH) {
      this.split(start, end);
      return;
    }
    const key = this.text.slice(start, end);
    const known = cache.get(key);
    if (known !== undefined) {
      this.pieces(start, known);
      return;
    }
    const first = this.length;
    if (!this.special(start, end)) this.split(start, end);
    const ends = new Uint8Array(this.length - first);
    for (let k = 0; k < ends.length; k++) ends[k] = this.ends[first + k]! - start;
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(key, ends);
  }

  /** Takes prefixes and suffixes off a chunk, then splits what is left at infixes. */
  private split(start: number, end: number): void {
    let lo = start;
    let hi = end;
    const { suffixes } = this;
    suffixes.length = 0;
    while (lo < hi && !this.isSpecial(lo, hi)) {
      const prefix = this.prefix(lo, hi);
      if (prefix > 0 && lo + prefix < hi && this.isSpecial(lo + prefix, hi)) {
        this.push(lo, lo + prefix);
        lo += prefix;
        break;
      }
      const suffix = this.suffix(lo + prefix, hi);
      if (suffix > 0) {
        suffixes.push(hi);
        hi -= suffix;
        if (prefix > 0 && lo < hi && this.isSpecial(lo, hi)) break;
      }
      if (prefix > 0) this.push(lo, lo + prefix);
      lo += prefix;
      if (prefix === 0 && suffix === 0) break;
    }
    if (lo < hi && !this.special(lo, hi)) this.core(lo, hi);
    let from = hi;
    for (let k = suffixes.length - 1; k >= 0; k--) {
      this.push(from, suffixes[k]!);
      from = suffixes[k]!;
    }
  }

  private prefix(lo: number, hi: number): number {
    const { text } = this;
    const c = codePointFrom(text, lo, hi);
    const flags = FLAGS[c]!;
    if (c === 43) return lo + 1 < hi && FLAGS[text.charCodeAt(lo + 1)]! & DIGIT ? 0 : 1;
    if (flags & PREFIX) return c > 0xffff ? 2 : 1;
    if (c === 46) {
      let i = lo + 1;
      while (i < hi && text.charCodeAt(i) === 46) i++;
      return i - lo > 1 ? i - lo : 0;
    }
    // "US$", "C$", "A$"
    if (c === 85) return lo + 2 < hi && text.startsWith('S$', lo + 1) ? 3 : 0;
    if (c === 67 || c === 65) return lo + 1 < hi && text.charCodeAt(lo + 1) === 36 ? 2 : 0;
    return 0;
  }

  /** The longest suffix of text[lo..hi); rules that look behind see nothing before lo. */
  private suffix(lo: number, hi: number): number {
    if (lo >= hi) return 0;
    const { text } = this;
    const c = codePointBefore(text, hi, lo);
    const flags = FLAGS[c]!;
    if (c === 46) return this.fullStops(lo, hi);
    if (c === 0x2026) return hi - 2 >= lo && text.charCodeAt(hi - 2) === c ? 2 : 1;
    if (c === 43) return hi - 2 >= lo && FLAGS[text.charCodeAt(hi - 2)]! & DIGIT ? 1 : 0;
    let length = flags & SUFFIX ? (c > 0xffff ? 2 : 1) : 0;
    if ((c === 115 || c === 83) && hi - 2 >= lo) {
      const quote = text.charCodeAt(hi - 2);
      if (quote === 39 || quote === 0x2019) return 2;
    }
    const endings = ENDINGS.get(text.charCodeAt(hi - 1));
    if (endings !== undefined && this.digitWithin(lo, hi)) {
      for (const ending of endings) {
        if (ending.length <= length) break;
        const at = hi - ending.length;
        if (at - 1 < lo || !(FLAGS[text.charCodeAt(at - 1)]! & DIGIT) || !text.startsWith(ending, at))
          continue;
        length = ending.length;
        break;
      }
    }
    return length;
  }

  private digitWithin(lo: number, hi: number): boolean {
    for (let i = Math.max(lo, hi - 1 - LONGEST_ENDING); i < hi; i++)
      if (FLAGS[this.text.charCodeAt(i)]! & DIGIT) return true;
    return false;
  }

  private fullStops(lo: number, hi: number): number {
    const { text } = this;
    let i = hi - 1;
    while (i > lo && text.charCodeAt(i - 1) === 46) i--;
    if (hi - i > 1) return hi - i;
    if (i === lo) return 0;
    const before = codePointBefore(text, i, lo);
    const flags = FLAGS[before]!;
    if (flags & (BEFORE_FULL_STOP | DIGIT)) return 1;
    if (!(flags & UPPER)) return 0;
    const second = i - (before > 0xffff ? 2 : 1);
    return second > lo && FLAGS[codePointBefore(text, second, lo)]! & UPPER ? 1 : 0;
  }

  /** Splits at infixes, unless the whole looks like a URL. */
  private core(lo: number, hi: number): void {
    let from = lo;
    let url: boolean | undefined;
    let i = lo;
    while (i < hi) {
      const length = this.infix(i, lo, hi);
      if (length === 0) {
        i++;
        continue;
      }
      // An infix at the very start is no infix.
      if (i > lo) {
        url ??= isUrlShaped(this.text, lo, hi);
        if (url) break;
        if (i > from) this.push(from, i);
        this.push(i, i + length);
        from = i + length;
      }
      i += length;
    }
    if (from < hi) this.push(from, hi);
  }

  private infix(i: number, lo: number, hi: number): number {
    const { text } = this;
    const unit = text.charCodeAt(i);
    if ((unit & 0xfc00) === 0xd800) return FLAGS[codePointFrom(text, i, hi)]! & ICON ? 2 : 0;
    const flags = FLAGS[unit]!;
    if (flags & ICON || unit === 0x2026) return 1;
    if (!(flags & ACTIVE)) return 0;
    if (unit === 46) return this.infixFullStops(i, lo, hi);
    if (i === lo) return 0;
    const before = FLAGS[codePointBefore(text, i, lo)]!;
    if (i + 1 < hi && before & DIGIT && (unit === 43 || unit === 45 || unit === 42 || unit === 94)) {
      const next = text.charCodeAt(i + 1);
      if (FLAGS[next]! & DIGIT || next === 45) return 1;
    }
    if (unit === 44) return before & LETTER && this.letterAt(i + 1, hi) ? 1 : 0;
    if (!(before & (LETTER | DIGIT))) return 0;
    if (unit === 45 || unit === 0x2013 || unit === 0x2014 || unit === 126) return this.hyphens(i, unit, hi);
    if (unit === 58 || unit === 60 || unit === 62 || unit === 61 || unit === 47)
      return this.letterAt(i + 1, hi) ? 1 : 0;
    return 0;
  }

  private infixFullStops(i: number, lo: number, hi: number): number {
    const { text } = this;
    let end = i + 1;
    while (end < hi && text.charCodeAt(end) === 46) end++;
    if (end - i > 1) return end - i;
    if (i === lo || end === hi) return 0;
    if (!(FLAGS[codePointBefore(text, i, lo)]! & LOWER_OR_QUOTE)) return 0;
    return FLAGS[codePointFrom(text, end, hi)]! & UPPER_OR_QUOTE ? 1 : 0;
  }

  /** "-", "--", "---", one or two em dashes, an en dash or a tilde between letters. */
  private hyphens(i: number, unit: number, hi: number): number {
    const most = unit === 45 ? 3 : unit === 0x2014 ? 2 : 1;
    let length = 1;
    while (length < most && i + length < hi && this.text.charCodeAt(i + length) === unit) length++;
    return this.letterAt(i + length, hi) ? length : 0;
  }

  private letterAt(i: number, hi: number): boolean {
    return i < hi && (FLAGS[codePointFrom(this.text, i, hi)]! & LETTER) !== 0;
  }
}
