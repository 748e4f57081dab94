import { codePointFrom } from './char-classes.ts';
import { Spans } from './spans.ts';
import { ALPHANUMERIC, PICTOGRAPHIC, WORD_BREAK } from './word-break-data.ts';
import type { WordSpans } from './words.ts';

const CLASSES = Object.keys(WORD_BREAK) as (keyof typeof WORD_BREAK)[];
/** The number of a Word_Break class; 0 is Other. */
const number = (name: keyof typeof WORD_BREAK) => CLASSES.indexOf(name) + 1;

const CR = number('CR');
const LF = number('LF');
const NEWLINE = number('Newline');
const EXTEND = number('Extend');
const ZWJ = number('ZWJ');
const FORMAT = number('Format');
const REGIONAL = number('Regional_Indicator');
const KATAKANA = number('Katakana');
const HEBREW = number('Hebrew_Letter');
const LETTER = number('ALetter');
const SINGLE_QUOTE = number('Single_Quote');
const DOUBLE_QUOTE = number('Double_Quote');
const MID_NUM_LET = number('MidNumLet');
const MID_LETTER = number('MidLetter');
const MID_NUM = number('MidNum');
const NUMERIC = number('Numeric');
const EXTEND_NUM_LET = number('ExtendNumLet');
const SPACE = number('WSegSpace');

const CLASS = 31;
const IS_PICTOGRAPHIC = 32;
const IS_ALPHANUMERIC = 64;

/** [0x110000] class and bits of every code point, built when first needed. */
let table: Uint8Array | undefined;

function buildTable(): Uint8Array {
  const built = new Uint8Array(0x110000);
  const set = (ranges: string, bits: number) => {
    let at = 0;
    for (const range of ranges.split(' ')) {
      const [gap, more = '0'] = range.split('.');
      const from = at + Number.parseInt(gap!, 36);
      at = from + Number.parseInt(more, 36) + 1;
      for (let c = from; c < at; c++) built[c] = built[c]! | bits;
    }
  };
  for (const name of CLASSES) set(WORD_BREAK[name], number(name));
  set(PICTOGRAPHIC, IS_PICTOGRAPHIC);
  set(ALPHANUMERIC, IS_ALPHANUMERIC);
  return built;
}

/** Whether a code point is a letter or a number of any script (Python's str.isalnum). */
export function isAlphanumeric(c: number): boolean {
  table ??= buildTable();
  return (table[c]! & IS_ALPHANUMERIC) !== 0;
}

const isLetter = (k: number) => k === LETTER || k === HEBREW;
const isSkipped = (k: number) => k === EXTEND || k === FORMAT || k === ZWJ;
const isLineEnd = (k: number) => k === CR || k === LF || k === NEWLINE;
const isMidLetter = (k: number) => k === MID_LETTER || k === MID_NUM_LET || k === SINGLE_QUOTE;
const isMidNumber = (k: number) => k === MID_NUM || k === MID_NUM_LET || k === SINGLE_QUOTE;

/**
 * Whether rules WB5 to WB13b of UAX 29 join `current` to what stands before it. Classes are those of what is not skipped:
 * `before` the last, `earlier` the one before that, `next` the following one.
 */
function joins(earlier: number, before: number, current: number, next: () => number): boolean {
  if (isLetter(before)) {
    if (isLetter(current) || current === NUMERIC || current === EXTEND_NUM_LET) return true;
    if (before === HEBREW && current === SINGLE_QUOTE) return true;
    if (isMidLetter(current)) return isLetter(next());
    return before === HEBREW && current === DOUBLE_QUOTE && next() === HEBREW;
  }
  if (before === NUMERIC) {
    if (current === NUMERIC || isLetter(current) || current === EXTEND_NUM_LET) return true;
    return isMidNumber(current) && next() === NUMERIC;
  }
  if (before === KATAKANA) return current === KATAKANA || current === EXTEND_NUM_LET;
  if (before === EXTEND_NUM_LET)
    return isLetter(current) || current === NUMERIC || current === KATAKANA || current === EXTEND_NUM_LET;
  if (isLetter(current) && isMidLetter(before) && isLetter(earlier)) return true;
  if (current === HEBREW && before === DOUBLE_QUOTE && earlier === HEBREW) return true;
  return current === NUMERIC && isMidNumber(before) && earlier === NUMERIC;
}

/**
 * The words of a text as the default word boundaries of Unicode give them (UAX 29, Unicode 16, no dictionaries: each
 * Chinese character and each hiragana stands alone), of which those that begin with a letter or a number are kept.
 */
export function unicodeWords(text: string): WordSpans {
  table ??= buildTable();
  const properties = table;
  const words = new Spans(64);
  const n = text.length;
  let start = 0;
  let wanted = false;
  // Classes: `raw` of the last code point, `before` and `earlier` of the last that are not skipped (-1: none).
  let raw = -1;
  let before = -1;
  let earlier = -1;
  let flags = 0;
  let at = 0;
  let size = 0;
  const next = () => {
    for (let i = at + size; i < n; ) {
      const c = codePointFrom(text, i, n);
      const k = properties[c]! & CLASS;
      if (!isSkipped(k)) return k;
      i += c > 0xffff ? 2 : 1;
    }
    return -1;
  };
  for (; at < n; at += size) {
    const c = codePointFrom(text, at, n);
    size = c > 0xffff ? 2 : 1;
    const property = properties[c]!;
    const k = property & CLASS;
    const skipped = isSkipped(k);
    let joined: boolean;
    if (raw < 0) joined = false;
    else if (isLineEnd(raw) || isLineEnd(k)) joined = raw === CR && k === LF;
    else if (skipped || (raw === ZWJ && property & IS_PICTOGRAPHIC) || (raw === SPACE && k === SPACE))
      joined = true;
    else if (k === REGIONAL && before === REGIONAL) joined = (flags & 1) === 1;
    else joined = joins(earlier, before, k, next);
    if (!joined) {
      if (wanted) words.push(start, at);
      start = at;
      wanted = (property & IS_ALPHANUMERIC) !== 0;
    }
    raw = k;
    if (skipped && !isLineEnd(before) && before >= 0) continue;
    flags = k === REGIONAL ? flags + 1 : 0;
    earlier = before;
    before = k;
  }
  if (wanted) words.push(start, n);
  return { text, length: words.length, starts: words.starts, ends: words.ends };
}
