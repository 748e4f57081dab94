import { InvariantError } from '../core/errors.ts';
import { EnglishSplitter } from './english-splitter.ts';
import { align } from './growing-kernel.ts';
import { MinhashKernel } from './kernel.ts';
import { isWide, type MinhashParameters } from './minhash-options.ts';
import { permutationsOf } from './permutations.ts';
import { PlainSplitter } from './plain-splitter.ts';
import { MOST_SHINGLES, sortedSet } from './shingles.ts';
import { CLASS_CODES, FOLD_CODES, wordTables } from './word-tables.ts';

/** Bytes of text that the kernel takes at once. */
const CHUNK = 1 << 16;
/** 80 words of each of four messages. */
const SHA_SCRATCH = 80 * 16;
/**
 * Computes signatures in WebAssembly. One signer, one memory: the views it gives are valid until the next call of
 * `sign`. Its plain twin is `signPlainly` (twin.ts).
 */
export class Signer {
  readonly parameters: MinhashParameters;
  readonly permutations: number;
  private readonly kernel: MinhashKernel;
  private readonly splitter: EnglishSplitter | PlainSplitter | undefined;
  private readonly wide: boolean;
  /** Permutations, filled up to a multiple of 16 with ones that nobody reads. */
  private readonly padded: number;
  private readonly at: { a: number; b: number; minima: number; keys: number; sketch: number };
  private text = 0;
  private scratch = 0;
  private words = 0;
  private starts = 0;
  private hashes = 0;
  private room = 0;
  private collected = new Uint32Array(1024);
  private collectedLength = 0;
  private collecting = false;

  constructor(parameters: MinhashParameters) {
    const { bands, rows, splitter } = parameters;
    this.parameters = parameters;
    this.permutations = bands * rows;
    this.padded = Math.ceil(this.permutations / 16) * 16;
    this.wide = isWide(parameters);
    const kernel = new MinhashKernel();
    this.kernel = kernel;
    const classes = kernel.take(CLASS_CODES);
    const folds = kernel.take(FOLD_CODES * 2);
    const ring = kernel.take(256 * 8);
    kernel.exports.setShaScratch(kernel.take(SHA_SCRATCH));
    this.at = {
      a: kernel.take(this.padded * 8),
      b: kernel.take(this.padded * 8),
      minima: kernel.take(this.padded * 8),
      keys: kernel.take(bands * 8),
      sketch: kernel.take(this.padded),
    };
    if (splitter === 'datatrove') this.splitter = new EnglishSplitter(kernel);
    if (splitter === 'text-dedup') this.splitter = new PlainSplitter(kernel);
    this.reserve(CHUNK);
    this.fillTables(classes, folds);
    kernel.exports.layout(classes, folds, ring, this.scratch);
    kernel.exports.configure(parameters.shingleSize, splitter === 'characters' ? 1 : 0, this.wide ? 1 : 0);
  }

  /**
   * Signs a text of valid UTF-8. False where it has no signature: no word at all (other systems' presets: fewer than a shingle's).
   * @param collect whether `shingleSet` will be asked for
   */
  sign(text: Uint8Array, collect = false): boolean {
    this.collecting = collect;
    this.collectedLength = 0;
    const { minima } = this.at;
    new Uint8Array(this.kernel.buffer, minima, this.padded * 8).fill(0xff);
    const shingles = this.splitter ? this.signWords(text, this.splitter) : this.signOwn(text);
    if (shingles === 0) return false;
    const { bands, rows } = this.parameters;
    this.kernel.exports.bandKeys(minima, bands, rows, this.wide ? 8 : 4, this.at.keys, this.at.sketch);
    return true;
  }

  get memoryBytes(): number {
    return this.kernel.buffer.byteLength;
  }

  /** [bands * 2] the 64-bit key of each band, low word first. */
  get keys(): Uint32Array {
    return new Uint32Array(this.kernel.buffer, this.at.keys, this.parameters.bands * 2);
  }

  /** [permutations] the lowest byte of each minimum. */
  get sketch(): Uint8Array {
    return new Uint8Array(this.kernel.buffer, this.at.sketch, this.permutations);
  }

  /** [permutations] the signature. */
  get minima(): Uint32Array | BigUint64Array {
    const { minima } = this.at;
    return this.wide
      ? new BigUint64Array(this.kernel.buffer, minima, this.permutations)
      : new Uint32Array(this.kernel.buffer, minima, this.permutations);
  }

  /** The distinct shingles of the last text in 32 bits, ascending, at most `MOST_SHINGLES` of them; a view. */
  shingleSet(): Uint32Array {
    if (!this.collecting) throw new InvariantError('shingles were not collected');
    this.compact();
    return this.collected.subarray(0, this.collectedLength);
  }

  private signOwn(text: Uint8Array): number {
    const { exports } = this.kernel;
    exports.begin();
    let total = 0;
    for (let from = 0; from < text.length; ) {
      const to = wholeCodePoints(text, from, Math.min(text.length, from + CHUNK));
      new Uint8Array(this.kernel.buffer, this.text, to - from).set(text.subarray(from, to));
      total += this.absorb(exports.feed(this.text, to - from, this.hashes));
      from = to;
    }
    return total + this.absorb(exports.end(this.hashes));
  }

  /** Splits and hashes as other systems do: parts of the text, each with the last words of the one before. */
  private signWords(text: Uint8Array, splitter: EnglishSplitter | PlainSplitter): number {
    const n = this.parameters.shingleSize;
    let total = 0;
    let used = 0;
    let words = 0;
    for (let from = 0; from < text.length; ) {
      const to = endOfPart(text, from);
      const part = text.subarray(from, to);
      from = to;
      this.reserve(part.length + used + 64);
      new Uint8Array(this.kernel.buffer, this.text, part.length).set(part);
      const isLast = to === text.length;
      words = splitter.split(this.text, part.length, this.words, used, this.starts, words, isLast);
      total += this.hashGrams(words);
      // The last n - 1 words begin the shingles that end in the next part.
      const starts = new Uint32Array(this.kernel.buffer, this.starts, words + 1);
      const keep = Math.min(words, n - 1);
      const base = starts[words - keep]!;
      const bytes = new Uint8Array(this.kernel.buffer);
      used = starts[words]! - base;
      bytes.copyWithin(this.words, this.words + base, this.words + base + used);
      for (let k = 0; k <= keep; k++) starts[k] = starts[words - keep + k]! - base;
      words = keep;
    }
    return total;
  }

  private hashGrams(words: number): number {
    const { shingleSize, hash, bits } = this.parameters;
    const kind = (hash === 'sha1' ? 2 : 0) + (bits === 32 ? 1 : 0);
    return this.absorb(
      this.kernel.exports.hashNgrams(this.words, this.starts, words, shingleSize, kind, this.hashes),
    );
  }

  /** Takes the hashes that the kernel wrote into the minima. */
  private absorb(count: number): number {
    if (count === 0) return 0;
    const { a, b, minima } = this.at;
    const { permute32, permuteLow32, permuteMersenne } = this.kernel.exports;
    const permute = !this.wide ? permute32 : this.parameters.bits === 32 ? permuteLow32 : permuteMersenne;
    permute(this.hashes, count, a, b, minima, this.padded);
    if (this.collecting) this.collect(count);
    return count;
  }

  private collect(count: number): void {
    if (this.collectedLength + count > 2 * MOST_SHINGLES) this.compact();
    const need = this.collectedLength + count;
    if (need > this.collected.length) {
      const grown = new Uint32Array(Math.max(need, this.collected.length * 2));
      grown.set(this.collected.subarray(0, this.collectedLength));
      this.collected = grown;
    }
    const hashes = new Uint32Array(this.kernel.buffer, this.hashes, this.wide ? 2 * count : count);
    if (!this.wide) this.collected.set(hashes, this.collectedLength);
    else
      for (let i = 0; i < count; i++)
        this.collected[this.collectedLength + i] = hashes[2 * i]! ^ hashes[2 * i + 1]!;
    this.collectedLength = need;
  }

  /** Sorts what was collected, and keeps the smallest: memory is bounded whatever the document. */
  private compact(): void {
    const set = sortedSet(this.collected.subarray(0, this.collectedLength));
    this.collectedLength = Math.min(set.length, MOST_SHINGLES);
  }

  /** Makes room for a part of `bytes` of text in every buffer; what is kept of the part before moves along. */
  private reserve(bytes: number): void {
    if (bytes <= this.room) return;
    const { kernel } = this;
    const keptWords = this.room ? kernel.buffer.slice(this.words, this.starts) : undefined;
    const keptStarts = this.room ? kernel.buffer.slice(this.starts, this.hashes) : undefined;
    this.room = Math.max(bytes, Math.min(this.room * 2, 1 << 24));
    // Folding can grow a text by two thirds, splitting by a space for each byte; a word and its space have two bytes.
    const english = this.splitter ? 1 : 0;
    this.text = kernel.heap;
    this.scratch = this.text + align(this.room + 64);
    this.words = this.scratch + align((1 - english) * this.room * 2 + 4096);
    this.starts = this.words + english * align(this.room * 3 + 64);
    this.hashes = this.starts + english * align(this.room * 4 + 2048);
    kernel.growTo(this.hashes + align(this.room * 8 + 4096));
    if (keptWords) new Uint8Array(kernel.buffer, this.words).set(new Uint8Array(keptWords));
    if (keptStarts) new Uint8Array(kernel.buffer, this.starts).set(new Uint8Array(keptStarts));
  }

  private fillTables(classes: number, folds: number): void {
    const tables = wordTables();
    const { buffer } = this.kernel;
    new Uint8Array(buffer, classes, CLASS_CODES).set(tables.classes);
    new Uint16Array(buffer, folds, FOLD_CODES).set(tables.folds);
    const { a, b } = permutationsOf(this.parameters);
    for (let j = 0; j < this.permutations; j++) {
      if (this.wide) {
        new BigUint64Array(buffer, this.at.a)[j] = a[j]!;
        new BigUint64Array(buffer, this.at.b)[j] = b[j]!;
      } else {
        new Uint32Array(buffer, this.at.a)[j] = Number(a[j]!);
        new Uint32Array(buffer, this.at.b)[j] = Number(b[j]!);
      }
    }
  }
}

/** The largest end of whole code points at or before `to`. */
function wholeCodePoints(text: Uint8Array, from: number, to: number): number {
  if (to === text.length) return to;
  let end = to;
  while (end > from && (text[end]! & 0xc0) === 0x80) end--;
  return end;
}

/** Bytes of a part beyond which it is cut even inside a word: datatrove and we then differ, in bounded memory. */
const LONGEST_PART = 1 << 24;

/** The end of a part of about a mebibyte that ends after white space: simplification does not reach across it. */
function endOfPart(text: Uint8Array, from: number): number {
  let end = from + (1 << 20);
  if (end >= text.length) return text.length;
  const limit = Math.min(text.length, from + LONGEST_PART);
  while (end < limit && text[end - 1] !== 32 && text[end - 1] !== 10) end++;
  return wholeCodePoints(text, from, end);
}
