import type { NewDocument } from '../../src/core/document.ts';
import { Random } from '../../src/core/random.ts';

/** Bytes of a document's own words; and of a passage that it may share with others. */
const DOCUMENT_BYTES = 10_000;
const PASSAGE_BYTES = 1000;
const PASSAGES = 500;

const vocabulary = Array.from({ length: 1 << 16 }, (_, i) => Buffer.from(`${(i * 2654435761) % 0xfffff} `));

function words(random: Random, bytes: number): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  for (let at = 0; at < bytes; ) {
    const word = vocabulary[random.uint32() >>> 16]!;
    at += word.copy(out, at);
  }
  return out;
}

const passages = Array.from({ length: PASSAGES }, (_, i) => words(new Random(`passage/${i}`), PASSAGE_BYTES));

/** Document i of the corpus: words of its own, with a passage in the middle of every fifth. */
export function generated(i: number): NewDocument {
  const own = words(new Random(`document/${i}`), DOCUMENT_BYTES);
  const half = DOCUMENT_BYTES / 2;
  const passage = i % 5 === 0 ? [passages[(i / 5) % PASSAGES]!] : [];
  const text = Buffer.concat([own.subarray(0, half), ...passage, own.subarray(half)]);
  return { id: String(i), corpus: 'generated', source: '', start: 0, end: 0, text };
}

/** How many documents have so many bytes together, a multiple of five. */
export function documentsFor(bytes: number): number {
  return Math.ceil(bytes / (5 * DOCUMENT_BYTES + PASSAGE_BYTES)) * 5;
}

/** Bytes that occur earlier, at least: chance adds a few at the edges of each passage. */
export function repeatedBytes(documents: number): number {
  const holders = documents / 5;
  return Math.max(0, holders - PASSAGES) * PASSAGE_BYTES;
}
