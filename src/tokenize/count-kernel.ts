import { loadKernel } from '../core/wasm.ts';
import { windowEnd } from './bpe-kernel.ts';
import type { CountTable, SparseColumns } from './count-file.ts';
import { KernelMemory, type LinearMemory } from './kernel-memory.ts';
import { kernelScannerOf, type PreTokenizerName } from './pre-tokenizers.ts';
import { CLASS_TABLE } from './unicode-classes.ts';

interface Exports {
  setClassTable(index: number, blocks: number): void;
  count(kind: number, start: number, end: number): number;
  countReset(base: number, slots: number): void;
  countTake(bytes: number): number;
  countTop(): number;
  countEntries(): number;
  countSlots(): number;
  countSlotMask(): number;
}

const INITIAL_SLOTS = 1 << 15;
/** Room for a window and the bytes that the kernel may read beyond it. */
const INPUT = (1 << 20) + (1 << 16);
const SLACK = 64;

/** Counts pre-tokens in a WebAssembly kernel over a memory of its own. */
export class CountKernel implements CountTable {
  readonly #exports: Exports;
  readonly #memory: LinearMemory;
  readonly #kind: number;
  readonly #cuts: boolean;
  readonly #base: number;
  #input = 0;
  #inputSize = 0;

  constructor(preTokenizer: PreTokenizerName) {
    const { exports, memory } = loadKernel<Exports>('bpe');
    this.#exports = exports;
    this.#memory = memory;
    this.#kind = kernelScannerOf(preTokenizer);
    this.#cuts = preTokenizer !== 'none';
    const layout = new KernelMemory(memory);
    exports.setClassTable(layout.put(CLASS_TABLE.index), layout.put(CLASS_TABLE.blocks));
    this.#base = layout.take(0);
    this.clear();
  }

  add(text: Uint8Array): number {
    let preTokens = 0;
    for (let p = 0; p < text.length; ) {
      const q = this.#cuts ? windowEnd(text, p) : text.length;
      if (q - p + SLACK > this.#inputSize) {
        this.#inputSize = q - p + SLACK;
        this.#input = this.#exports.countTake(this.#inputSize);
      }
      new Uint8Array(this.#memory.buffer, this.#input, q - p).set(text.subarray(p, q));
      preTokens += this.#exports.count(this.#kind, this.#input, this.#input + q - p);
      p = q;
    }
    return preTokens;
  }

  get memory(): number {
    return this.#exports.countTop();
  }

  columns(): SparseColumns {
    const size = this.#exports.countEntries() >>> 0;
    const slotCount = (this.#exports.countSlotMask() >>> 0) + 1;
    const slots = new Uint32Array(this.#memory.buffer, this.#exports.countSlots() >>> 0, slotCount);
    const words = new Uint32Array(this.#memory.buffer);
    const doubles = new Float64Array(this.#memory.buffer);
    const starts = new Uint32Array(size);
    const ends = new Uint32Array(size);
    const counts = new Float64Array(size);
    let i = 0;
    for (const entry of slots) {
      if (entry === 0) continue;
      starts[i] = entry + 16;
      ends[i] = entry + 16 + words[(entry >>> 2) + 1]!;
      counts[i++] = doubles[(entry >>> 3) + 1]!;
    }
    return { size, arena: new Uint8Array(this.#memory.buffer), starts, ends, counts };
  }

  clear(): void {
    this.#exports.countReset(this.#base, INITIAL_SLOTS);
    this.#inputSize = INPUT;
    this.#input = this.#exports.countTake(INPUT);
  }
}
