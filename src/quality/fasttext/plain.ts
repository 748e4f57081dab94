import type { FastTextModel, Features } from './model-file.ts';
import { type OutputLayer, outputOf } from './output.ts';

const encoder = new TextEncoder();
const SEPARATORS = new Set([0, 9, 10, 11, 12, 13, 32]);
const END_OF_LINE = '</s>';

/** FNV-1a over signed bytes, as fastText's Dictionary::hash. */
export function fnv1a(bytes: Uint8Array): number {
  let hash = 2166136261;
  for (const byte of bytes) hash = Math.imul(hash ^ ((byte << 24) >> 24), 16777619);
  return hash >>> 0;
}

/** Cuts a text at white space as fastText's readWord does: the end of the line is a word of its own. */
function tokensOf(text: Uint8Array): string[] {
  const tokens: string[] = [];
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && !SEPARATORS.has(text[i]!)) continue;
    // latin1: one character a byte, so that nothing is lost.
    if (i > start) tokens.push(Buffer.from(text.subarray(start, i)).toString('latin1'));
    start = i + 1;
  }
  const end = tokens.indexOf(END_OF_LINE);
  return [...(end < 0 ? tokens : tokens.slice(0, end)), END_OF_LINE].filter(
    (token) => !token.startsWith('__label__'),
  );
}

/** Hashes of the character n-grams of "<token>" in bytes. */
function* subwords(token: string, minn: number, maxn: number): Generator<number> {
  const word = Buffer.from(`<${token}>`, 'latin1');
  const isInside = (at: number): boolean => (word[at]! & 0xc0) === 0x80;
  for (let i = 0; i < word.length; i++) {
    if (isInside(i)) continue;
    for (let j = i, n = 1; j < word.length && n <= maxn; n++) {
      j++;
      while (j < word.length && isInside(j)) j++;
      if (n >= minn && !(n === 1 && (i === 0 || j === word.length))) yield fnv1a(word.subarray(i, j));
    }
  }
}

/**
 * The rows of a text, in the order in which they are counted: the plain twin of the kernel. Rows of buckets that a
 * pruned model kept are in the order of their bucket.
 */
export function plainRows(features: Features, text: Uint8Array | string): number[] {
  const { minn, maxn, wordNgrams, buckets, words, kept, endOfLine } = features;
  const ids = new Map(words.map((word, id) => [Buffer.from(word).toString('latin1'), id]));
  const places = kept && new Map([...kept].map((bucket, i) => [bucket, i]));
  const rows: number[] = [];
  const addBucket = (bucket: number): void => {
    const place = places ? places.get(bucket) : bucket;
    if (place !== undefined) rows.push(words.length + place);
  };
  const tokens = tokensOf(typeof text === 'string' ? encoder.encode(text) : text);
  tokens.forEach((token, i) => {
    const isEnd = i === tokens.length - 1;
    const id = isEnd ? endOfLine : (ids.get(token) ?? -1);
    if (id >= 0) rows.push(id);
    if (!isEnd && maxn > 0) for (const hash of subwords(token, minn, maxn)) addBucket(hash % buckets);
  });
  const hashes = tokens.map((token) => BigInt.asIntN(32, BigInt(fnv1a(Buffer.from(token, 'latin1')))));
  for (let i = 0; i < hashes.length; i++) {
    let chain = BigInt.asUintN(64, hashes[i]!);
    for (let j = i + 1; j < hashes.length && j < i + wordNgrams; j++) {
      chain = BigInt.asUintN(64, chain * 116049371n + hashes[j]!);
      addBucket(Number(chain % BigInt(buckets)));
    }
  }
  return rows;
}

/** Probabilities of all labels, by the definition: the mean of the rows, then the output layer. */
export class PlainScorer {
  private readonly model: FastTextModel;
  private readonly rows: Float32Array[] = [];
  private readonly output: OutputLayer;

  constructor(model: FastTextModel) {
    this.model = model;
    model.input.read((_, values) => this.rows.push(values.slice()));
    this.output = outputOf(model);
  }

  probabilities(text: Uint8Array | string): Float64Array | undefined {
    const { model } = this;
    const mean = new Float64Array(model.dimension);
    const rows = plainRows(model, text);
    if (rows.length === 0) return undefined;
    for (const row of rows) {
      const place = row - model.words.length;
      const from = this.rows[place >= 0 && model.rowOfKept ? model.rowOfKept[place]! : row]!;
      for (let k = 0; k < mean.length; k++) mean[k]! += from[k]! / rows.length;
    }
    return this.output.probabilities(mean);
  }
}
