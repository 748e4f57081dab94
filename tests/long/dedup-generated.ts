import type { DocumentRow } from '../../src/core/batch.ts';

/** Documents come in groups of twenty, whose members are known copies of each other. */
export const MEMBERS = 20;
/** Words a document. */
export const WORDS = 200;
/** Six letters and a space. */
const WORD_BYTES = 7;
/** UTF-8 bytes a document. */
export const DOCUMENT_BYTES = WORDS * WORD_BYTES;
/** Of the pairs (member, member before it): how many words differ, each in five shingles of its own. */
export const EDITS: Readonly<Record<number, number>> = { 4: 2, 6: 4, 8: 6, 10: 10 };
/** Members that are the same text as member 0. */
export const COPIES = [1, 2];

/** The Jaccard similarity of two texts of 196 shingles that differ in `edits` words, none within five of another. */
export function jaccardOf(edits: number): number {
  const shingles = WORDS - 4;
  return (shingles - 5 * edits) / (shingles + 5 * edits);
}

/** A 32-bit generator (xorshift, Marsaglia 2003), quick enough for ten million documents. */
function numbers(seed: number): () => number {
  let x = Math.imul(seed + 1, 0x9e3779b1) | 1;
  let y = Math.imul(seed ^ 0x5bd1e995, 0x85ebca6b) | 1;
  return () => {
    const t = x ^ (x << 10);
    x = y;
    y = y ^ (y >>> 13) ^ (t ^ (t >>> 10));
    return y >>> 0;
  };
}

/** Six letters of 30 bits, and a space. */
function writeWord(text: Uint8Array, at: number, bits: number): void {
  for (let k = 0; k < 6; k++) {
    const five = (bits >>> (5 * k)) & 31;
    // 26 letters and 6 digits.
    text[at + k] = five < 26 ? 97 + five : 24 + five;
  }
  text[at + 6] = 32;
}

/** Writes the text of document number `i` of the test's corpus into the first `DOCUMENT_BYTES` of `text`. */
export function generateText(i: number, text: Uint8Array): void {
  const group = Math.floor(i / MEMBERS);
  const member = i % MEMBERS;
  const edits = EDITS[member] ?? 0;
  const original = COPIES.includes(member) ? 0 : edits ? member - 1 : member;
  const next = numbers(group * MEMBERS + original);
  for (let w = 0; w < WORDS; w++) writeWord(text, w * WORD_BYTES, next());
  if (edits === 0) return;
  const other = numbers(0x40000000 + i);
  for (let k = 0; k < edits; k++) writeWord(text, (10 + k * 15) * WORD_BYTES, other());
}

/** Everything of document number `i` but its text. */
export function generatedRow(i: number, ordinal: number): DocumentRow {
  return {
    id: `d${i}`,
    corpus: 'generated',
    source: 'generated',
    start: 0,
    end: DOCUMENT_BYTES,
    split: 'train',
    metadata: {},
    signals: {},
    ordinal,
  };
}
