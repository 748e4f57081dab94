import { InvariantError } from '../core/errors.ts';
import { loadKernel } from '../core/wasm.ts';
import { ASCII_UNITS, contractions } from './english.ts';
import type { MinhashParameters } from './minhash-options.ts';
import { permutationsOf } from './permutations.ts';
import { sortedSet } from './shingles.ts';
import { datatroveWords } from './simplify.ts';
import { CLASS_CODES, FOLD_CODES, wordTables } from './word-tables.ts';

/** What src/kernels/assembly/minhash.ts exports; addresses are bytes in its memory. */
interface Kernel {
  layout(classes: number, folds: number, ring: number, scratch: number): void;
  configure(shingleSize: number, characters: number, wide: number): void;
  begin(): void;
  feed(text: number, length: number, to: number): number;
  end(to: number): number;
  permute32(shingles: number, count: number, a: number, b: number, minima: number, n: number): void;
  permute64(
    shingles: number,
    count: number,
    a: number,
    b: number,
    minima: number,
    n: number,
    mask: bigint,
  ): void;
  bandKeys(
    minima: number,
    bands: number,
    rows: number,
    valueBytes: number,
    keys: number,
    sketch: number,
  ): void;
  hashBytes(from: number, length: number): bigint;
  simplifyAscii(text: number, length: number, to: number): number;
  splitEnglish(
    text: number,
    length: number,
    to: number,
    used: number,
    starts: number,
    words: number,
    cuts: number,
    slots: number,
  ): number;
  hashNgrams(text: number, starts: number, count: number, n: number, kind: number, to: number): number;
  setShaScratch(at: number): void;
}

/** Bytes of text that the kernel takes at once. */
const CHUNK = 1 << 16;
const CUT_SLOTS = 1024;
const PAGE = 1 << 16;
const encoder = new TextEncoder();

/** Hands out addresses in a kernel's memory, 16-byte aligned. */
class Arena {
  private next = 4096;
  take(bytes: number): number {
    const at = this.next;
    this.next = (at + bytes + 15) & ~15;
    return at;
  }
  get used(): number {
    return this.next;
  }
}

/**
 * Computes signatures in WebAssembly. One signer, one memory: the views it gives are valid until the next call of
 * `sign`. Its plain twin is `signPlainly` (twin.ts).
 */
export class Signer {
  readonly parameters: MinhashParameters;
  readonly permutations: number;
  private readonly kernel: Kernel;
  private readonly memory: ReturnType<typeof loadKernel>['memory'];
  private readonly wide: boolean;
  /** Permutations, filled up to a multiple of 16 with ones that nobody reads. */
  private readonly padded: number;
  private readonly at: { a: number; b: number; minima: number; keys: number; sketch: number; cuts: number };
  /** Where buffers that grow with a document begin: text, simplified text, words, starts, hashes. */
  private readonly heap: number;
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
    // datatrove's arithmetic is 64-bit in both widths.
    this.wide = parameters.bits === 64 || splitter === 'datatrove';
    const { exports, memory } = loadKernel<Kernel>('minhash', 16);
    this.kernel = exports;
    this.memory = memory;
    const arena = new Arena();
    const classes = arena.take(CLASS_CODES);
    const folds = arena.take(FOLD_CODES * 2);
    const ring = arena.take(256 * 8);
    const sha = arena.take(448);
    this.at = {
      a: arena.take(this.padded * 8),
      b: arena.take(this.padded * 8),
      minima: arena.take(this.padded * 8),
      keys: arena.take(bands * 8),
      sketch: arena.take(this.padded),
      cuts: arena.take(CUT_SLOTS * 16),
    };
    this.heap = arena.used;
    this.reserve(CHUNK);
    this.fillTables(classes, folds);
    exports.layout(classes, folds, ring, this.scratch);
    exports.setShaScratch(sha);
    exports.configure(parameters.shingleSize, splitter === 'characters' ? 1 : 0, this.wide ? 1 : 0);
    if (splitter === 'datatrove') this.fillCuts();
  }

  /**
   * Signs a text of valid UTF-8. False where it has no signature: no word at all (datatrove: fewer than a shingle's).
   * @param collect whether `shingleSet` will be asked for
   */
  sign(text: Uint8Array, collect = false): boolean {
    this.collecting = collect;
    this.collectedLength = 0;
    const { minima } = this.at;
    new Uint8Array(this.memory.buffer, minima, this.padded * 8).fill(0xff);
    const shingles = this.parameters.splitter === 'datatrove' ? this.signEnglish(text) : this.signOwn(text);
    if (shingles === 0) return false;
    const { bands, rows } = this.parameters;
    this.kernel.bandKeys(minima, bands, rows, this.wide ? 8 : 4, this.at.keys, this.at.sketch);
    return true;
  }

  /** [bands * 2] the 64-bit key of each band, low word first. */
  get keys(): Uint32Array {
    return new Uint32Array(this.memory.buffer, this.at.keys, this.parameters.bands * 2);
  }

  /** [permutations] the lowest byte of each minimum. */
  get sketch(): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.at.sketch, this.permutations);
  }

  /** [permutations] the signature. */
  get minima(): Uint32Array | BigUint64Array {
    const { minima } = this.at;
    return this.wide
      ? new BigUint64Array(this.memory.buffer, minima, this.permutations)
      : new Uint32Array(this.memory.buffer, minima, this.permutations);
  }

  /** The distinct shingles of the last text in 32 bits, ascending; a view. */
  shingleSet(): Uint32Array {
    if (!this.collecting) throw new InvariantError('shingles were not collected');
    return sortedSet(this.collected.subarray(0, this.collectedLength));
  }

  private signOwn(text: Uint8Array): number {
    const { kernel } = this;
    kernel.begin();
    let total = 0;
    for (let from = 0; from < text.length; ) {
      const to = wholeCodePoints(text, from, Math.min(text.length, from + CHUNK));
      new Uint8Array(this.memory.buffer, this.text, to - from).set(text.subarray(from, to));
      total += this.absorb(kernel.feed(this.text, to - from, this.hashes));
      from = to;
    }
    return total + this.absorb(kernel.end(this.hashes));
  }

  private signEnglish(text: Uint8Array): number {
    const n = this.parameters.shingleSize;
    let total = 0;
    let used = 0;
    let words = 0;
    for (let from = 0; from < text.length; ) {
      const to = endOfPart(text, from);
      const part = text.subarray(from, to);
      from = to;
      words = this.addWords(part, used, words);
      total += this.hashGrams(words);
      // The last n - 1 words begin the shingles that end in the next part.
      const starts = new Uint32Array(this.memory.buffer, this.starts, words + 1);
      const keep = Math.min(words, n - 1);
      const base = starts[words - keep]!;
      const bytes = new Uint8Array(this.memory.buffer);
      used = starts[words]! - base;
      bytes.copyWithin(this.words, this.words + base, this.words + base + used);
      for (let k = 0; k <= keep; k++) starts[k] = starts[words - keep + k]! - base;
      words = keep;
    }
    return total;
  }

  /** Appends the words of a part to those kept; returns how many there are. */
  private addWords(part: Uint8Array, used: number, words: number): number {
    this.reserve(part.length + used + 64);
    const { kernel } = this;
    new Uint8Array(this.memory.buffer, this.text, part.length).set(part);
    const length = kernel.simplifyAscii(this.text, part.length, this.scratch);
    if (length >= 0) {
      return kernel.splitEnglish(
        this.scratch,
        length,
        this.words,
        used,
        this.starts,
        words,
        this.at.cuts,
        CUT_SLOTS,
      );
    }
    const list = datatroveWords(Buffer.from(part.buffer, part.byteOffset, part.length).toString('utf8'));
    const bytes = encoder.encode(list.length ? `${list.join('\0')}\0` : '');
    this.reserve(bytes.length + used + 64);
    const target = new Uint8Array(this.memory.buffer, this.words + used, bytes.length);
    const starts = new Uint32Array(this.memory.buffer, this.starts, words + list.length + 1);
    let count = words;
    starts[count] = used;
    for (let i = 0; i < bytes.length; i++) {
      const end = bytes[i] === 0;
      target[i] = end ? 32 : bytes[i]!;
      if (end) starts[++count] = used + i + 1;
    }
    return count;
  }

  private hashGrams(words: number): number {
    const { shingleSize, hash, bits } = this.parameters;
    const kind = (hash === 'sha1' ? 2 : 0) + (bits === 32 ? 1 : 0);
    return this.absorb(
      this.kernel.hashNgrams(this.words, this.starts, words, shingleSize, kind, this.hashes),
    );
  }

  /** Takes the hashes that the kernel wrote into the minima. */
  private absorb(count: number): number {
    if (count === 0) return 0;
    const { a, b, minima } = this.at;
    if (this.wide) {
      const mask = this.parameters.bits === 32 ? 0xffffffffn : 0xffffffffffffffffn;
      this.kernel.permute64(this.hashes, count, a, b, minima, this.padded, BigInt.asIntN(64, mask));
    } else {
      this.kernel.permute32(this.hashes, count, a, b, minima, this.padded);
    }
    if (this.collecting) this.collect(count);
    return count;
  }

  private collect(count: number): void {
    const need = this.collectedLength + count;
    if (need > this.collected.length) {
      const grown = new Uint32Array(Math.max(need, this.collected.length * 2));
      grown.set(this.collected.subarray(0, this.collectedLength));
      this.collected = grown;
    }
    const hashes = new Uint32Array(this.memory.buffer, this.hashes, this.wide ? 2 * count : count);
    if (!this.wide) this.collected.set(hashes, this.collectedLength);
    else
      for (let i = 0; i < count; i++)
        this.collected[this.collectedLength + i] = hashes[2 * i]! ^ hashes[2 * i + 1]!;
    this.collectedLength = need;
  }

  /** Makes room for a part of `bytes` of text in every buffer. */
  private reserve(bytes: number): void {
    if (bytes <= this.room) return;
    this.room = Math.max(bytes, Math.min(this.room * 2, 1 << 24));
    const english = this.parameters.splitter === 'datatrove';
    const arena = this.heap;
    const carried = this.words
      ? new Uint8Array(this.memory.buffer.slice(this.words, this.words + 65536))
      : undefined;
    const carriedStarts = this.starts
      ? new Uint8Array(this.memory.buffer.slice(this.starts, this.starts + 1024))
      : undefined;
    // Folding can grow a text by two thirds; splitting adds a byte a word of two.
    this.text = arena;
    this.scratch = this.text + align(this.room + 64);
    this.words = this.scratch + align(this.room * 2 + 4096);
    this.starts = this.words + (english ? align(this.room * 2 + 64) : 0);
    this.hashes = this.starts + (english ? align(this.room * 4 + 2048) : 0);
    const end = this.hashes + align(this.room * 8 + 4096);
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.memory.grow(missing);
    if (carried) new Uint8Array(this.memory.buffer, this.words).set(carried);
    if (carriedStarts) new Uint8Array(this.memory.buffer, this.starts).set(carriedStarts);
  }

  private fillTables(classes: number, folds: number): void {
    const tables = wordTables();
    const { buffer } = this.memory;
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

  /** The table of words that are split: an entry is a hash, and where to cut (255: a unit). */
  private fillCuts(): void {
    for (const [word, parts] of contractions()) {
      const first = parts[0]!.length;
      const second = parts.length > 2 ? first + parts[1]!.length : 0;
      this.addCut(word, first | (second << 8));
    }
    for (const unit of ASCII_UNITS) this.addCut(unit, 255);
  }

  private addCut(word: string, value: number): void {
    const { buffer } = this.memory;
    const bytes = encoder.encode(word);
    new Uint8Array(buffer, this.text, bytes.length).set(bytes);
    const h = BigInt.asUintN(64, this.kernel.hashBytes(this.text, bytes.length));
    const table = new BigUint64Array(buffer, this.at.cuts, CUT_SLOTS * 2);
    let slot = Number(h & BigInt(CUT_SLOTS - 1));
    while (table[slot * 2 + 1] !== 0n) slot = (slot + 1) % CUT_SLOTS;
    table[slot * 2] = h;
    table[slot * 2 + 1] = BigInt(value);
  }
}

function align(bytes: number): number {
  return (bytes + 15) & ~15;
}

/** The largest end of whole code points at or before `to`. */
function wholeCodePoints(text: Uint8Array, from: number, to: number): number {
  if (to === text.length) return to;
  let end = to;
  while (end > from && (text[end]! & 0xc0) === 0x80) end--;
  return end;
}

/** The end of a part of about a mebibyte that ends after white space: simplification does not reach across it. */
function endOfPart(text: Uint8Array, from: number): number {
  let end = from + (1 << 20);
  if (end >= text.length) return text.length;
  while (end < text.length && text[end - 1] !== 32 && text[end - 1] !== 10) end++;
  return end;
}
