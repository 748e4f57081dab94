import { loadKernel } from '../core/wasm.ts';
import { type GrowingBytes, GrowingWords } from './growable.ts';
import { STAGE_DOCUMENTS } from './index-stage.ts';

interface Exports {
  open(at: number, slots: number): void;
  slotCount(): number;
  codedAt(): number;
  codedBytes(): number;
  place(n: number, bytes: number): number;
  intern(n: number, lengths: number, out: number, entries: number): number;
}

const LENGTHS_AT = 1024;
const OUT_AT = LENGTHS_AT + 4 * STAGE_DOCUMENTS;
const ENTRIES_AT = OUT_AT + 4 * STAGE_DOCUMENTS;
const TABLE_AT = ENTRIES_AT + 8 * STAGE_DOCUMENTS;
const FEWEST_SLOTS = 1024;

/**
 * Gives equal sources one number each, in order of appearance, and writes each new one as a shard holds it: to `strings`
 * what it does not share with the first of its block, and an entry (FORMAT.md). The texts and a table over them are in a
 * kernel's memory.
 */
export class SourceTable {
  /** u64 a source, as words. */
  readonly entries = new GrowingWords();
  size = 0;
  private readonly strings: GrowingBytes;
  private readonly kernel: Exports;
  private readonly wasm: WebAssembly.Memory;
  private bytes!: Uint8Array;
  private lengths!: Uint32Array;
  private out!: Uint32Array;
  private newEntries!: Uint32Array;

  constructor(strings: GrowingBytes) {
    this.strings = strings;
    const { exports, memory } = loadKernel<Exports>('sources', 4);
    this.kernel = exports;
    this.wasm = memory;
    this.kernel.open(TABLE_AT, FEWEST_SLOTS);
    this.look();
  }

  /** Forgets all sources; the caller empties `strings`. */
  clear(): void {
    this.entries.length = 0;
    this.size = 0;
    this.kernel.open(TABLE_AT, this.kernel.slotCount());
  }

  /** Bytes of memory besides `strings`. */
  get memory(): number {
    return 4 * this.entries.data.length + this.bytes.length;
  }

  /** The number of one source. */
  index(source: Uint8Array): number {
    const at = this.place(1, source.length);
    this.bytes.set(source, at);
    this.lengths[0] = source.length;
    this.enter(1);
    return this.out[0]!;
  }

  /** The numbers of `n` sources, which lie one after the other in `texts`, to out[first + k * step]. At most STAGE_DOCUMENTS. */
  indexAll(
    texts: Uint8Array,
    lengths: Uint32Array,
    n: number,
    out: Uint32Array,
    step: number,
    first: number,
  ): void {
    let total = 0;
    for (let k = 0; k < n; k++) total += lengths[k]!;
    const at = this.place(n, total);
    this.bytes.set(texts.subarray(0, total), at);
    this.lengths.set(lengths.subarray(0, n));
    this.enter(n);
    const found = this.out;
    for (let k = 0; k < n; k++) out[first + k * step] = found[k]!;
  }

  private enter(n: number): void {
    const { kernel } = this;
    const before = kernel.codedBytes();
    const added = kernel.intern(n, LENGTHS_AT, OUT_AT, ENTRIES_AT);
    if (added === 0) return;
    this.size += added;
    this.entries.add(this.newEntries.subarray(0, 2 * added));
    this.strings.add(this.bytes, kernel.codedAt() >>> 0, kernel.codedBytes() - before);
  }

  private place(n: number, bytes: number): number {
    const at = this.kernel.place(n, bytes);
    if (at === 0) throw new RangeError('the sources of one shard are more than its memory holds');
    if (this.bytes.buffer !== this.wasm.buffer) this.look();
    return at >>> 0;
  }

  /** Views of the memory, which are of no use once it has grown. */
  private look(): void {
    const { buffer } = this.wasm;
    this.bytes = new Uint8Array(buffer);
    this.lengths = new Uint32Array(buffer, LENGTHS_AT, STAGE_DOCUMENTS);
    this.out = new Uint32Array(buffer, OUT_AT, STAGE_DOCUMENTS);
    this.newEntries = new Uint32Array(buffer, ENTRIES_AT, 2 * STAGE_DOCUMENTS);
  }
}
