import { UNICODE_CLASS_RUNS } from './unicode-classes-data.ts';

/**
 * What the published pre-tokenizer expressions distinguish, one class a code point (Unicode 16.0.0, committed, so that
 * ids do not depend on the Unicode version of the Node that runs):
 * letters are UPPER..LETTER, `\s` is SPACE and NEWLINE, `[^\s\p{L}\p{N}]` is OTHER and MARK.
 */
export const OTHER = 0;
/** \p{Lu}, \p{Lt} */
export const UPPER = 1;
/** \p{Ll} */
export const LOWER = 2;
/** \p{Lm}, \p{Lo} */
export const LETTER = 3;
/** \p{M} */
export const MARK = 4;
/** \p{N} */
export const NUMBER = 5;
/** White_Space without \r and \n. */
export const SPACE = 6;
/** \r, \n */
export const NEWLINE = 7;

const BLOCK_BITS = 7;
const BLOCK = 1 << BLOCK_BITS;

/** Two-stage table: class of c = blocks[index[c >> 7] << 7 | c & 127]. */
export interface ClassTable {
  readonly index: Uint16Array;
  readonly blocks: Uint8Array;
}

function expandRuns(): Uint8Array {
  const runs = Buffer.from(UNICODE_CLASS_RUNS, 'base64');
  const classes = new Uint8Array(0x110000);
  let at = 0;
  for (let i = 0; i < runs.length; ) {
    let value = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = runs[i++]!;
      value |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    classes.fill(value & 7, at, at + (value >>> 3));
    at += value >>> 3;
  }
  return classes;
}

function buildTable(): ClassTable {
  const classes = expandRuns();
  const index = new Uint16Array(classes.length >> BLOCK_BITS);
  const seen = new Map<string, number>();
  const blocks: Uint8Array[] = [];
  for (let b = 0; b < index.length; b++) {
    const block = classes.subarray(b << BLOCK_BITS, (b + 1) << BLOCK_BITS);
    const key = Buffer.from(block).toString('latin1');
    let known = seen.get(key);
    if (known === undefined) {
      known = blocks.length;
      seen.set(key, known);
      blocks.push(block);
    }
    index[b] = known;
  }
  const flat = new Uint8Array(blocks.length * BLOCK);
  for (let b = 0; b < blocks.length; b++) flat.set(blocks[b]!, b * BLOCK);
  return { index, blocks: flat };
}

export const CLASS_TABLE: ClassTable = buildTable();

const INDEX = CLASS_TABLE.index;
const BLOCKS = CLASS_TABLE.blocks;

/** The class of one code point. */
export function classOfCodePoint(c: number): number {
  return BLOCKS[(INDEX[c >> BLOCK_BITS]! << BLOCK_BITS) | (c & (BLOCK - 1))]!;
}

/**
 * Class and UTF-8 length of what starts at `p` < `end`, packed as length << 3 | class. A byte that starts no valid
 * sequence inside [p, end) is one OTHER, as U+FFFD would be.
 */
export function classAt(bytes: Uint8Array, p: number, end: number): number {
  const b = bytes[p]!;
  if (b < 0x80) return 8 | BLOCKS[b]!;
  return classOfMultibyte(bytes, p, end, b);
}

function classOfMultibyte(bytes: Uint8Array, p: number, end: number, b: number): number {
  if (b >= 0xc2 && b < 0xe0) {
    if (p + 1 >= end || (bytes[p + 1]! & 0xc0) !== 0x80) return 8;
    return 16 | classOfCodePoint(((b & 0x1f) << 6) | (bytes[p + 1]! & 0x3f));
  }
  if (b >= 0xe0 && b < 0xf0) {
    if (p + 2 >= end || (bytes[p + 1]! & 0xc0) !== 0x80 || (bytes[p + 2]! & 0xc0) !== 0x80) return 8;
    const c = ((b & 0x0f) << 12) | ((bytes[p + 1]! & 0x3f) << 6) | (bytes[p + 2]! & 0x3f);
    return c < 0x800 || (c >= 0xd800 && c < 0xe000) ? 8 : 24 | classOfCodePoint(c);
  }
  if (b >= 0xf0 && b < 0xf5) {
    if (p + 3 >= end || (bytes[p + 1]! & 0xc0) !== 0x80) return 8;
    if ((bytes[p + 2]! & 0xc0) !== 0x80 || (bytes[p + 3]! & 0xc0) !== 0x80) return 8;
    const high = ((b & 0x07) << 18) | ((bytes[p + 1]! & 0x3f) << 12);
    const c = high | ((bytes[p + 2]! & 0x3f) << 6) | (bytes[p + 3]! & 0x3f);
    return c < 0x10000 || c > 0x10ffff ? 8 : 32 | classOfCodePoint(c);
  }
  return 8;
}
