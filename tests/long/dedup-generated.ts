import type { NewDocument } from '../../src/core/document.ts';

/** Documents come in groups of twenty, whose members are known copies of each other. */
export const MEMBERS = 20;
/** Words a document. */
export const WORDS = 200;
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
function words(seed: number): () => number {
  let x = Math.imul(seed + 1, 0x9e3779b1) | 1;
  let y = Math.imul(seed ^ 0x5bd1e995, 0x85ebca6b) | 1;
  return () => {
    const t = x ^ (x << 10);
    x = y;
    y = y ^ (y >>> 13) ^ (t ^ (t >>> 10));
    return y >>> 0;
  };
}

/** Document number `i` of the test's corpus. */
export function generated(i: number): NewDocument {
  const group = Math.floor(i / MEMBERS);
  const member = i % MEMBERS;
  const edits = EDITS[member] ?? 0;
  const original = COPIES.includes(member) ? 0 : edits ? member - 1 : member;
  const next = words(group * MEMBERS + original);
  let text = '';
  for (let w = 0; w < WORDS; w++) text += `${next().toString(36)} `;
  if (edits) {
    const list = text.split(' ');
    for (let k = 0; k < edits; k++) list[10 + k * 15] = `edit${group}x${k}`;
    text = list.join(' ');
  }
  return { id: `d${i}`, corpus: 'generated', source: 'generated', start: 0, end: text.length, text };
}
