import { z } from 'zod';
import { defineBarrier } from '../core/step.ts';
import { byteUnits } from './split-lines.ts';
import { type UnitSplitter, type UnitTarget, unitBarrier, unitOptions } from './unit-barrier.ts';

const KIND = 'ngram-dedup';

export const ngramDedupOptions = z.strictObject({
  unit: z
    .enum(['line', 'paragraph', 'document'])
    .default('line')
    .describe('What goes or stays as a whole; what BFF calls a paragraph is a line'),
  n: z.int().min(1).max(1000).default(13).describe('Words of an n-gram'),
  minWords: z
    .int()
    .min(1)
    .default(3)
    .describe('Units of fewer words stay; those of fewer than n are one n-gram'),
  overlap: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('A unit goes where a larger share of its n-grams came before'),
  ...unitOptions,
  method: unitOptions.method.default('bloom'),
});
export type NgramDedupOptions = z.infer<typeof ngramDedupOptions>;

/** Runs of letters, marks and digits with what joins them inside; every other character that is no space. */
const WORDS = /[\p{L}\p{M}\p{N}_]+(?:['’.][\p{L}\p{M}\p{N}_]+)*|[^\s\p{L}\p{M}\p{N}_]/gu;
const BASE_LOW = 0x01000193;
const BASE_HIGH = 0x85ebca6b;

/** Two words of 32 bits of hash for each word of a text. */
class WordHashes {
  length = 0;
  low = new Int32Array(1024);
  high = new Int32Array(1024);

  fill(text: string): void {
    this.length = 0;
    WORDS.lastIndex = 0;
    for (let match = WORDS.exec(text); match !== null; match = WORDS.exec(text)) this.push(match[0]);
  }

  private push(word: string): void {
    if (this.length === this.low.length) {
      this.low = grown(this.low);
      this.high = grown(this.high);
    }
    let low = 0x811c9dc5 | 0;
    let high = word.length;
    for (let i = 0; i < word.length; i++) {
      const c = word.charCodeAt(i);
      low = Math.imul(low ^ c, 0x9e3779b1);
      low ^= low >>> 15;
      high = Math.imul(high + c, 0xc2b2ae3d);
      high ^= high >>> 13;
    }
    this.low[this.length] = finish(low ^ Math.imul(high, 0x27d4eb2f));
    this.high[this.length++] = finish(high + Math.imul(low, 0x165667b1));
  }
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const next = new Int32Array(array.length * 2);
  next.set(array);
  return next;
}

/** The finalizer of MurmurHash3 (Appleby, public domain). */
function finish(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base);
  return result;
}

/** Gives the n-grams of the words as keys, or all words as one where they are fewer; returns how many. */
function addNgrams({ low, high, length }: WordHashes, n: number, target: UnitTarget): number {
  const size = Math.min(n, length);
  const lowPower = power(BASE_LOW, size);
  const highPower = power(BASE_HIGH, size);
  let a = 0;
  let b = 0;
  for (let i = 0; i < length; i++) {
    a = (Math.imul(a, BASE_LOW) + low[i]!) | 0;
    b = (Math.imul(b, BASE_HIGH) + high[i]!) | 0;
    if (i >= size) {
      a = (a - Math.imul(lowPower, low[i - size]!)) | 0;
      b = (b - Math.imul(highPower, high[i - size]!)) | 0;
    }
    if (i + 1 >= size) target.key(finish(a) >>> 0, finish(b ^ size) >>> 0);
  }
  return length - size + 1;
}

function splitter({ unit, n, minWords }: NgramDedupOptions): UnitSplitter {
  const words = new WordHashes();
  return (batch, i, target) => {
    const text = batch.bytes(i);
    const units =
      unit === 'document' ? [{ start: 0, end: text.length, next: text.length }] : byteUnits(text, unit);
    for (const { start, end, next } of units) {
      words.fill(Buffer.from(text.buffer, text.byteOffset + start, end - start).toString('utf8'));
      if (words.length < minWords || words.length === 0) continue;
      target.unit(start, next, addNgrams(words, n, target));
    }
  };
}

/**
 * Removes lines, paragraphs or documents most of whose n-grams came before, after BFF (Groeneveld 2023) as DCLM and
 * dolma use it. Unlike there, the n-grams of what goes count as seen, so that the outcome is one of sets and order.
 */
export const ngramDedup = defineBarrier({
  kind: KIND,
  summary: 'removes lines, paragraphs or documents most of whose 13-grams occurred before (BFF)',
  options: ngramDedupOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: unitBarrier<NgramDedupOptions>({
    kind: KIND,
    splitOptions: ['unit', 'n', 'minWords'],
    splitter,
    overlap: ({ overlap }) => overlap,
  }),
});
