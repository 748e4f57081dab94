import { PUNCTUATION, TERMINAL_PUNCTUATION } from './punctuation.ts';
import { CLASSES } from './spacy-english.ts';

/** Bits of `FLAGS`: first what a code point is to the word splitter. */
export const SPACE = 1;
export const PREFIX = 2;
export const SUFFIX = 4;
export const ICON = 8;
export const LETTER = 16;
export const LOWER = 32;
export const UPPER = 64;
export const LOWER_OR_QUOTE = 128;
export const UPPER_OR_QUOTE = 256;
export const BEFORE_FULL_STOP = 512;
/** Takes part in some rule, if only with its neighbours. */
export const ACTIVE = 1024;
export const DIGIT = 2048;
/** Python's str.isalpha: a letter of any script (general category L). */
export const ALPHABETIC = 4096;
/** In datatrove's PUNCTUATION_SET: a word of only these is a symbol. */
export const SYMBOL = 8192;
/** In datatrove's TERMINAL_PUNCTUATION. */
export const TERMINAL = 16384;
/** General category P: spaCy's Token.is_punct. */
export const PUNCTUATION_MARK = 32768;
/** Whole chunks of characters with none of these bits split only where they are special cases. */
export const NOT_PLAIN = SPACE | PREFIX | SUFFIX | ICON | ACTIVE | DIGIT;

/** White space as Python's str.isspace, str.strip and str.split see it. */
const WHITE_SPACE = [
  [0x09, 0x0d],
  [0x1c, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
] as const;

/** [0x110000] bits of every code point. */
export const FLAGS = buildFlags();

function buildFlags(): Uint16Array {
  const flags = new Uint16Array(0x110000);
  const set = (bit: number, from: number, to: number) => {
    for (let c = from; c <= to; c++) flags[c] = flags[c]! | bit;
  };
  for (const [from, to] of WHITE_SPACE) set(SPACE, from, to);
  set(DIGIT, 0x30, 0x39);
  const bits: Record<keyof typeof CLASSES, number> = {
    PREFIX,
    SUFFIX,
    ICON,
    LETTER,
    LOWER,
    UPPER,
    LOWER_OR_QUOTE,
    UPPER_OR_QUOTE,
    BEFORE_FULL_STOP,
    ALPHABETIC,
    PUNCTUATION_MARK,
  };
  for (const [name, bit] of Object.entries(bits)) {
    let at = 0;
    for (const range of CLASSES[name as keyof typeof CLASSES].split(' ')) {
      const dot = range.indexOf('.');
      const from = at + Number.parseInt(dot < 0 ? range : range.slice(0, dot), 36);
      const to = from + (dot < 0 ? 0 : Number.parseInt(range.slice(dot + 1), 36));
      set(bit, from, to);
      at = to + 1;
    }
  }
  // What the rules for affixes and infixes name outside the classes.
  for (const c of "%+-*^.,:<>=/~—–'’$²³") flags[c.charCodeAt(0)] = flags[c.charCodeAt(0)]! | ACTIVE;
  for (const [from, to] of hexRanges(PUNCTUATION)) set(SYMBOL, from, to);
  for (const [from, to] of hexRanges(TERMINAL_PUNCTUATION)) set(SYMBOL | TERMINAL, from, to);
  // A lone unit says nothing of its character: it must not look plain.
  set(ACTIVE, 0xd800, 0xdfff);
  return flags;
}

/** Ranges, both ends included, of 'from' or 'from-to' in hexadecimal. */
function hexRanges(list: string): [number, number][] {
  return list.split(' ').map((range) => {
    const [from, to = from] = range.split('-');
    return [Number.parseInt(from!, 16), Number.parseInt(to!, 16)];
  });
}

/** The code point that ends right before `i` (units), not looking before `from`. */
export function codePointBefore(text: string, i: number, from: number): number {
  const low = text.charCodeAt(i - 1);
  if ((low & 0xfc00) === 0xdc00 && i - 2 >= from) {
    const high = text.charCodeAt(i - 2);
    if ((high & 0xfc00) === 0xd800) return ((high - 0xd800) << 10) + (low - 0xdc00) + 0x10000;
  }
  return low;
}

/** The code point that starts at `i` (units), not looking at or after `to`. */
export function codePointFrom(text: string, i: number, to: number): number {
  const high = text.charCodeAt(i);
  if ((high & 0xfc00) === 0xd800 && i + 1 < to) {
    const low = text.charCodeAt(i + 1);
    if ((low & 0xfc00) === 0xdc00) return ((high - 0xd800) << 10) + (low - 0xdc00) + 0x10000;
  }
  return high;
}
