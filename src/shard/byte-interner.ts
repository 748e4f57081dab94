import { type GrowingBytes, GrowingWords } from './growable.ts';
import { getU64, setU64 } from './u64.ts';

/**
 * Gives equal byte strings one number each, in order of appearance, and keeps them one after the other in `strings`.
 * An open-addressing table over the bytes themselves: a Map of decoded strings cost as much as all else of writing
 * an index, and ends at 16.7M entries.
 */
export class ByteInterner {
  /** (u64 offset, u64 length) of each string, as words. */
  readonly entries = new GrowingWords();
  private readonly strings: GrowingBytes;
  /** Number + 1, or 0 where free; at most half full. */
  private table = new Uint32Array(1024);
  private hashes = new Uint32Array(512);
  size = 0;

  constructor(strings: GrowingBytes) {
    this.strings = strings;
  }

  /** Forgets all strings; the caller empties `strings`. */
  clear(): void {
    this.entries.length = 0;
    this.table.fill(0);
    this.size = 0;
  }

  /** Bytes of memory besides `strings`. */
  get memory(): number {
    return 4 * (this.entries.data.length + this.table.length + this.hashes.length);
  }

  /** The number of bytes[from .. from + length), whose `sourceHash` may be known. */
  index(bytes: Uint8Array, from = 0, length = bytes.length, hash = sourceHash(bytes, from, length)): number {
    const before = this.size;
    const index = this.find(bytes, from, length, hash);
    if (index === before) this.enter(this.strings.add(bytes, from, length), length);
    return index;
  }

  /** The number of a byte string; `size` where it is new, for which it then has a slot and must be entered. */
  private find(bytes: Uint8Array, from: number, length: number, hash: number): number {
    const mask = this.table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = this.table[slot]!;
      if (found === 0) {
        this.table[slot] = this.size + 1;
        this.hashes[this.size] = hash;
        return this.size;
      }
      if (this.hashes[found - 1] === hash && this.equals(found - 1, bytes, from, length)) return found - 1;
    }
  }

  /**
   * The numbers of `n` byte strings that lie one after the other in `texts`, to out[first + k * step]. `known`: bytes and
   * `sourceHash` of each.
   */
  indexAll(
    texts: Uint8Array,
    known: Uint32Array,
    n: number,
    out: Uint32Array,
    step: number,
    first: number,
  ): void {
    let total = 0;
    for (let k = 0; k < n; k++) total += known[2 * k]!;
    // All of them at once; those that are there already are closed up over.
    let from = this.strings.add(texts, 0, total);
    let kept = from;
    for (let k = 0; k < n; k++) {
      const length = known[2 * k]!;
      const before = this.size;
      const index = this.find(this.strings.data, from, length, known[2 * k + 1]!);
      out[first + k * step] = index;
      if (index === before) {
        if (kept < from) this.strings.data.copyWithin(kept, from, from + length);
        this.enter(kept, length);
        kept += length;
      }
      from += length;
    }
    this.strings.length = kept;
  }

  private enter(at: number, length: number): void {
    this.size++;
    const entry = this.entries.grow(4);
    setU64(this.entries.data, entry, at);
    setU64(this.entries.data, entry + 2, length);
    if (2 * this.size >= this.table.length) this.double();
  }

  private equals(index: number, bytes: Uint8Array, from: number, length: number): boolean {
    const { data } = this.entries;
    if (getU64(data, 4 * index + 2) !== length) return false;
    const at = getU64(data, 4 * index);
    const strings = this.strings.data;
    for (let i = 0; i < length; i++) if (strings[at + i] !== bytes[from + i]) return false;
    return true;
  }

  private double(): void {
    const table = new Uint32Array(2 * this.table.length);
    const hashes = new Uint32Array(this.table.length);
    hashes.set(this.hashes.subarray(0, this.size));
    const mask = table.length - 1;
    for (let index = 0; index < this.size; index++) {
      let slot = hashes[index]! & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = index + 1;
    }
    this.table = table;
    this.hashes = hashes;
  }
}

/**
 * Four bytes at a time, multiplied and shifted as the finalizer of MurmurHash3 (Appleby, 2011) does. The kernel of the
 * shuffle hashes alike.
 */
export function sourceHash(bytes: Uint8Array, from: number, length: number): number {
  let hash = Math.imul(length, 0x9e3779b1);
  const end = from + length;
  let at = from;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = Math.imul(hash ^ word, 0x85ebca77);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
