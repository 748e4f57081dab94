/** AdamW in WebAssembly: one pass over the arrays, which are updated where they are. */

import { loadKernel } from '../../core/wasm.ts';

/** What src/kernels/assembly/adamw.ts exports; addresses and lengths are bytes in its memory. */
interface AdamwExports {
  update(
    parameter: number,
    first: number,
    second: number,
    gradient: number,
    bytes: number,
    ...scalars: [clip: number, beta1: number, beta2: number, stepSize: number, epsilon: number, keep: number]
  ): void;
  add(sum: number, gradient: number, bytes: number): void;
  sumOfSquares(gradient: number, bytes: number): number;
}

export interface AdamwScalars {
  readonly clip: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly stepSize: number;
  readonly epsilon: number;
  readonly keep: number;
}

export interface AdamwArrays {
  readonly parameter: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly gradient: Float32Array;
}

const PAGE = 1 << 16;
/** Bytes that a kernel's memory can have. */
const MOST_BYTES = 2 ** 32;
/** Of an array in memory. */
const ALIGNMENT = 64;
/** Values of an array elsewhere that are copied in and out at a time: four times 64 KiB, which a core's own cache holds. */
const CHUNK = 1 << 14;
const CHUNKS = ALIGNMENT;
const ARRAYS = CHUNKS + 4 * CHUNK * 4;

/** Takes any arrays. Its own, in the memory that it works in, it need not copy: 3.6 ms for 4.3M values that else take 9.6. */
export class AdamwKernel {
  /** Zeros of the sizes asked for; those that its memory cannot hold are elsewhere. */
  readonly arrays: readonly Float32Array[];
  private readonly exports: AdamwExports;
  private readonly memory: WebAssembly.Memory;
  /** For a chunk of a parameter, of its moments and of its gradient. */
  private readonly chunks: readonly Float32Array[];

  constructor(counts: readonly number[] = []) {
    let end = ARRAYS;
    const places = counts.map((count) => {
      const place = end;
      const after = place + Math.ceil((count * 4) / ALIGNMENT) * ALIGNMENT;
      if (after > MOST_BYTES) return undefined;
      end = after;
      return place;
    });
    const { exports, memory } = loadKernel<AdamwExports>('adamw', Math.ceil(end / PAGE));
    this.exports = exports;
    this.memory = memory;
    this.arrays = counts.map((count, i) => {
      const place = places[i];
      return place === undefined ? new Float32Array(count) : new Float32Array(memory.buffer, place, count);
    });
    this.chunks = [0, 1, 2, 3].map((i) => new Float32Array(memory.buffer, CHUNKS + i * CHUNK * 4, CHUNK));
  }

  update({ parameter, first, second, gradient }: AdamwArrays, scalars: AdamwScalars): void {
    const { clip, beta1, beta2, stepSize, epsilon, keep } = scalars;
    this.eachPart([parameter, first, second], [gradient], ([p, m, v, g], bytes) => {
      this.exports.update(p!, m!, v!, g!, bytes, clip, beta1, beta2, stepSize, epsilon, keep);
    });
  }

  add(sum: Float32Array, gradient: Float32Array): void {
    this.eachPart([sum], [gradient], ([s, g], bytes) => this.exports.add(s!, g!, bytes));
  }

  /** Of finite values; not finite where one is not, or where a square is more than 32 bits hold. */
  sumOfSquares(gradient: Float32Array): number {
    let sum = 0;
    this.eachPart([], [gradient], ([g], bytes) => {
      sum += this.exports.sumOfSquares(g!, bytes);
    });
    return sum;
  }

  /**
   * Calls `work` with where parts of `changed` and then of `read` lie in memory, and their length in whole vectors; what is
   * elsewhere is copied in, with zeros up to a whole vector, and what is changed back out.
   */
  private eachPart(
    changed: readonly Float32Array[],
    read: readonly Float32Array[],
    work: (places: readonly number[], bytes: number) => void,
  ): void {
    const arrays = [...changed, ...read];
    const { length } = arrays[0]!;
    for (let start = 0; start < length; start += CHUNK) {
      const end = Math.min(length, start + CHUNK);
      const places = arrays.map((array, i) => {
        if (this.isInMemory(array)) return array.byteOffset + start * 4;
        const chunk = this.chunks[i]!;
        chunk.set(array.subarray(start, end));
        chunk.fill(0, end - start, bytesOf(end - start) / 4);
        return chunk.byteOffset;
      });
      work(places, bytesOf(end - start));
      changed.forEach((array, i) => {
        if (!this.isInMemory(array)) array.set(this.chunks[i]!.subarray(0, end - start), start);
      });
    }
  }

  private isInMemory(array: Float32Array): boolean {
    return array.buffer === this.memory.buffer;
  }
}

/** Of so many values, up to the next whole vector of 4. */
const bytesOf = (values: number) => Math.ceil(values / 4) * 16;
