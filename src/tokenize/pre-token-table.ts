import type { CountTable, SparseColumns } from './count-file.ts';
import { type PreTokenizerName, type Scanner, scannerOf } from './pre-tokenizers.ts';

const INITIAL_SLOTS = 1 << 14;

/** FNV-1a over a range of bytes, with a final mix because the table takes the low bits. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let h = 0x811c9dc5;
  for (let i = start; i < end; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

/**
 * Pre-tokens and how often each came: open addressing over one arena, so that nothing is allocated per entry. The
 * kernel's twin (count-kernel.ts), in plain TypeScript.
 */
export class PreTokenTable implements CountTable {
  readonly #scan: Scanner;
  #size = 0;
  #arenaLength = 0;
  #arena = new Uint8Array(1 << 18);
  /** [size] where entry i ends in the arena; it starts where i - 1 ends. */
  #ends = new Uint32Array(INITIAL_SLOTS);
  /** [size], exact up to 2^53. */
  #counts = new Float64Array(INITIAL_SLOTS);
  #hashes = new Uint32Array(INITIAL_SLOTS);
  /** Entry + 1, or 0 where free. */
  #slots = new Uint32Array(INITIAL_SLOTS * 2);

  constructor(preTokenizer: PreTokenizerName) {
    this.#scan = scannerOf(preTokenizer);
  }

  add(text: Uint8Array): number {
    let preTokens = 0;
    for (let p = 0; p < text.length; ) {
      const q = this.#scan(text, p, text.length);
      this.#addOne(text, p, q);
      preTokens++;
      p = q;
    }
    return preTokens;
  }

  #addOne(bytes: Uint8Array, start: number, end: number): void {
    const hash = hashBytes(bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const entry = this.#slots[slot]!;
      if (entry === 0) break;
      if (this.#hashes[entry - 1] === hash && this.#equals(entry - 1, bytes, start, end)) {
        this.#counts[entry - 1]! += 1;
        return;
      }
      slot = (slot + 1) & mask;
    }
    this.#insert(bytes, start, end, hash, slot);
  }

  /** Bytes that the table holds on to. */
  get memory(): number {
    return this.#arena.length + this.#ends.length * 16 + this.#slots.length * 4;
  }

  columns(): SparseColumns {
    const ends = this.#ends.subarray(0, this.#size);
    const starts = new Uint32Array(this.#size);
    if (this.#size > 0) starts.set(ends.subarray(0, -1), 1);
    return { size: this.#size, arena: this.#arena, starts, ends, counts: this.#counts };
  }

  clear(): void {
    this.#size = 0;
    this.#arenaLength = 0;
    this.#slots.fill(0);
  }

  #equals(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    let at = entry === 0 ? 0 : this.#ends[entry - 1]!;
    if (this.#ends[entry]! - at !== end - start) return false;
    for (let i = start; i < end; i++) if (this.#arena[at++] !== bytes[i]) return false;
    return true;
  }

  #insert(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): void {
    const length = end - start;
    if (this.#arenaLength + length > this.#arena.length) {
      const grown = new Uint8Array(Math.max(this.#arena.length * 2, this.#arenaLength + length));
      grown.set(this.#arena.subarray(0, this.#arenaLength));
      this.#arena = grown;
    }
    if (length < 32) {
      for (let i = 0; i < length; i++) this.#arena[this.#arenaLength + i] = bytes[start + i]!;
    } else this.#arena.set(bytes.subarray(start, end), this.#arenaLength);
    this.#arenaLength += length;
    this.#ends[this.#size] = this.#arenaLength;
    this.#counts[this.#size] = 1;
    this.#hashes[this.#size] = hash;
    this.#slots[slot] = ++this.#size;
    if (this.#size === this.#ends.length) this.#grow();
  }

  #grow(): void {
    const capacity = this.#ends.length * 2;
    const ends = new Uint32Array(capacity);
    ends.set(this.#ends);
    this.#ends = ends;
    const counts = new Float64Array(capacity);
    counts.set(this.#counts);
    this.#counts = counts;
    const hashes = new Uint32Array(capacity);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#slots = new Uint32Array(capacity * 2);
    const mask = this.#slots.length - 1;
    for (let i = 0; i < this.#size; i++) {
      let slot = hashes[i]! & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = i + 1;
    }
  }
}
