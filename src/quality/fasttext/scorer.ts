import { ResourceError } from '../../core/errors.ts';
import { loadKernel } from '../../core/wasm.ts';
import type { FastTextModel, Features } from './model-file.ts';
import { flatOutput, type OutputLayer, outputOf, type Prediction } from './output.ts';

/** What src/kernels/assembly/fasttext.ts exports; addresses are bytes in its memory. */
interface Exports {
  configure(
    width: number,
    minn: number,
    maxn: number,
    ngrams: number,
    buckets: number,
    words: number,
    endOfLine: number,
    pruning: number,
  ): void;
  layout(...addresses: number[]): void;
  addWord(id: number): void;
  begin(): void;
  feed(text: number, length: number): void;
  finish(): number;
  list(to: number): void;
  listed(): number;
}

const PAGE = 1 << 16;
/** Bytes of text that the kernel takes at once; a longer token is taken whole. */
const CHUNK = 1 << 16;
/** Bytes that the sums of frequent tokens may take: they should stay in the processor's cache. */
const CACHE_BYTES = 1 << 21;
const ENTRY_HEAD = 32;
const align = (bytes: number): number => Math.ceil(bytes / 16) * 16;
const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, least)));

/** The kernel over one model's features, with a table of `width` numbers a row. */
export class FeatureKernel {
  readonly exports: Exports;
  readonly rowCount: number;
  /** Numbers a row, filled up to a multiple of four. */
  readonly width: number;
  private readonly memory: WebAssembly.Memory;
  private readonly sumAt: number;
  readonly rowsAt: number;
  private readonly textAt: number;
  private readonly rowsPerByte: number;
  private room = 0;

  constructor(features: Features, width: number) {
    const { words, buckets, kept } = features;
    const { exports, memory } = loadKernel<Exports>('fasttext', 16);
    this.exports = exports;
    this.memory = memory;
    this.width = Math.ceil(width / 4) * 4;
    this.rowsPerByte = 1 + Math.max(0, features.maxn - features.minn + 1) + features.wordNgrams;
    this.rowCount = words.length + (kept?.length ?? buckets);
    const slotCount = powerOfTwo(words.length * 2 + 1);
    const cacheCount = 2 ** Math.floor(Math.log2(CACHE_BYTES / (ENTRY_HEAD + this.width * 4)));
    const wordBytes = words.reduce((sum, word) => sum + word.length, 0);
    const groups = kept ? Math.ceil(buckets / 64) : 0;
    let next = 8192;
    const take = (bytes: number): number => {
      const at = next;
      next = align(at + bytes);
      return at;
    };
    const slots = take(slotCount * 8);
    const wordBytesAt = take(wordBytes + 16);
    const wordStarts = take((words.length + 1) * 4);
    const bitmap = take(groups * 8);
    const ranks = take(groups * 4);
    const cache = take(cacheCount * (ENTRY_HEAD + this.width * 4));
    this.sumAt = take(this.width * 4);
    const scratch = take(this.width * 4);
    const chains = take(Math.max(1, features.wordNgrams) * 8);
    this.rowsAt = take(this.rowCount * this.width * 4);
    this.textAt = next + 16;
    this.reserve(CHUNK);
    const pruning = kept === undefined ? (buckets > 0 ? 0 : 2) : kept.length > 0 ? 1 : 2;
    exports.configure(
      this.width,
      features.minn,
      features.maxn,
      features.wordNgrams,
      buckets,
      words.length,
      features.endOfLine,
      pruning,
    );
    exports.layout(
      this.rowsAt,
      slots,
      slotCount,
      wordBytesAt,
      wordStarts,
      bitmap,
      ranks,
      cache,
      cacheCount,
      this.sumAt,
      scratch,
      chains,
    );
    this.fillWords(words, wordBytesAt, wordStarts);
    if (kept) this.fillBitmap(kept, bitmap, ranks, groups);
  }

  /** [rowCount][width] a view: valid until a longer text makes the memory grow. */
  get rows(): Float32Array {
    return new Float32Array(this.memory.buffer, this.rowsAt, this.rowCount * this.width);
  }

  /** Sums the rows of a text; gives their number, and the sum as a view that is valid until the next call. */
  sum(text: Uint8Array): { count: number; sum: Float32Array } {
    const { exports } = this;
    exports.begin();
    this.feed(text);
    const count = exports.finish() >>> 0;
    return { count, sum: new Float32Array(this.memory.buffer, this.sumAt, this.width) };
  }

  /** The rows of a text in the order in which they are counted; a copy. */
  list(text: Uint8Array): Uint32Array {
    const { exports } = this;
    // A byte begins at most so many n-grams of characters, and a word ends so many of words.
    const most = (text.length + 8) * this.rowsPerByte;
    this.reserve(text.length + 64 + most * 4);
    const to = align(this.textAt + text.length + 64);
    exports.begin();
    exports.list(to);
    new Uint8Array(this.memory.buffer, this.textAt, text.length).set(text);
    exports.feed(this.textAt, text.length);
    exports.finish();
    const end = exports.listed();
    exports.list(0);
    return new Uint32Array(this.memory.buffer, to, (end - to) / 4).slice();
  }

  private feed(text: Uint8Array): void {
    for (let from = 0; from < text.length; ) {
      const to = endOfTokens(text, from);
      this.reserve(to - from + 16);
      new Uint8Array(this.memory.buffer, this.textAt, to - from).set(text.subarray(from, to));
      this.exports.feed(this.textAt, to - from);
      from = to;
    }
  }

  private reserve(bytes: number): void {
    if (bytes <= this.room) return;
    const missing = Math.ceil((this.textAt + bytes + 64 - this.memory.buffer.byteLength) / PAGE);
    try {
      if (missing > 0) this.memory.grow(missing);
    } catch (cause) {
      const expected = 'at most 4 GiB for a model and a text';
      throw new ResourceError('a fastText model is too large', {
        expected,
        found: `${this.textAt + bytes} bytes`,
        cause,
      });
    }
    this.room = bytes;
  }

  private fillWords(words: readonly Uint8Array[], bytesAt: number, startsAt: number): void {
    const bytes = new Uint8Array(this.memory.buffer);
    const starts = new Uint32Array(this.memory.buffer, startsAt, words.length + 1);
    let at = 0;
    words.forEach((word, id) => {
      starts[id] = at;
      bytes.set(word, bytesAt + at);
      at += word.length;
    });
    starts[words.length] = at;
    for (let id = 0; id < words.length; id++) this.exports.addWord(id);
  }

  private fillBitmap(kept: Uint32Array, bitmapAt: number, ranksAt: number, groups: number): void {
    const bits = new Uint8Array(this.memory.buffer, bitmapAt, groups * 8);
    const ranks = new Uint32Array(this.memory.buffer, ranksAt, groups);
    for (const bucket of kept) {
      bits[bucket >> 3]! |= 1 << (bucket & 7);
      if ((bucket >> 6) + 1 < groups) ranks[(bucket >> 6) + 1]!++;
    }
    for (let group = 1; group < groups; group++) ranks[group]! += ranks[group - 1]!;
  }
}

/** The end of a chunk that ends after white space, so that no token is cut. */
function endOfTokens(text: Uint8Array, from: number): number {
  const aim = from + CHUNK;
  if (aim >= text.length) return text.length;
  const isSpace = (byte: number): boolean => byte === 32 || byte === 0 || (byte >= 9 && byte <= 13);
  for (let end = aim; end > from; end--) if (isSpace(text[end - 1]!)) return end;
  let end = aim;
  while (end < text.length && !isSpace(text[end]!)) end++;
  return end;
}

/**
 * Scores texts with a fastText classifier in WebAssembly. Where the output layer is flat and has fewer labels than
 * the model has dimensions, each row is multiplied with it once, at loading: means commute with products, and two
 * labels at 100 dimensions then take a fiftieth of the memory. The plain twin is PlainScorer (plain.ts).
 */
export class FastTextScorer {
  readonly labels: readonly string[];
  private readonly kernel: FeatureKernel;
  private readonly output: OutputLayer;
  private readonly mean: Float64Array;

  constructor(model: FastTextModel) {
    this.labels = model.labels;
    const count = model.labels.length;
    const isProjected = model.loss !== 'hierarchical-softmax' && count < model.dimension;
    const width = isProjected ? count : model.dimension;
    this.kernel = new FeatureKernel(model, width);
    this.mean = new Float64Array(width);
    this.output = isProjected ? flatOutput(model.loss, count, (mean) => mean.slice()) : outputOf(model);
    this.fillRows(model, isProjected);
  }

  /** The most probable label of a text of UTF-8; undefined where not one row is its own. */
  top(text: Uint8Array): Prediction | undefined {
    return this.measure(text) ? this.output.top(this.mean) : undefined;
  }

  /** [labels] of a text of UTF-8; undefined where not one row is its own. */
  probabilities(text: Uint8Array): Float64Array | undefined {
    return this.measure(text) ? this.output.probabilities(this.mean) : undefined;
  }

  private measure(text: Uint8Array): boolean {
    const { count, sum } = this.kernel.sum(text);
    if (count === 0) return false;
    for (let k = 0; k < this.mean.length; k++) this.mean[k] = sum[k]! / count;
    return true;
  }

  private fillRows(model: FastTextModel, isProjected: boolean): void {
    const { width, rows } = this.kernel;
    const { dimension, output, words, rowOfKept } = model;
    const places = rowOfKept && placesOf(rowOfKept, words.length);
    model.input.read((row, values) => {
      const place = places && row >= words.length ? places.get(row) : row;
      if (place === undefined || place >= this.kernel.rowCount) return;
      if (!isProjected) {
        rows.set(values, place * width);
        return;
      }
      for (let label = 0; label < model.labels.length; label++) {
        let dot = 0;
        for (let k = 0; k < dimension; k++) dot += values[k]! * output[label * dimension + k]!;
        rows[place * width + label] = dot;
      }
    });
  }
}

/** Where the file's row of a kept bucket goes: buckets are in ascending order in the kernel. */
function placesOf(rowOfKept: Uint32Array, words: number): Map<number, number> {
  return new Map([...rowOfKept].map((row, i) => [row, words + i]));
}
