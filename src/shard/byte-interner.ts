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

  index(bytes: Uint8Array): number {
    const hash = hashOf(bytes);
    const mask = this.table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = this.table[slot]!;
      if (found === 0) {
        this.table[slot] = this.size + 1;
        return this.append(bytes, hash);
      }
      if (this.hashes[found - 1] === hash && this.equals(found - 1, bytes)) return found - 1;
    }
  }

  private append(bytes: Uint8Array, hash: number): number {
    const index = this.size++;
    this.hashes[index] = hash;
    const at = this.strings.add(bytes);
    const entry = this.entries.grow(4);
    setU64(this.entries.data, entry, at);
    setU64(this.entries.data, entry + 2, bytes.length);
    if (2 * this.size >= this.table.length) this.double();
    return index;
  }

  private equals(index: number, bytes: Uint8Array): boolean {
    const { data } = this.entries;
    if (getU64(data, 4 * index + 2) !== bytes.length) return false;
    const from = getU64(data, 4 * index);
    const strings = this.strings.data;
    for (let i = 0; i < bytes.length; i++) if (strings[from + i] !== bytes[i]) return false;
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

/** FNV-1a (Fowler, Noll, Vo), its bits mixed once more since tables use the low ones. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
