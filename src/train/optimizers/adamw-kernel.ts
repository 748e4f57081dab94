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
/** Values that are copied in and out at a time: four arrays of 64 KiB, which a core's own cache holds. */
const CHUNK = 1 << 14;
const START = 1024;

export class AdamwKernel {
  private readonly exports: AdamwExports;
  /** Where chunks of the parameter, its moments and its gradient lie. */
  private readonly chunks: readonly Float32Array[];

  constructor() {
    const { exports, memory } = loadKernel<AdamwExports>('adamw', 1 + (4 * CHUNK * 4) / PAGE);
    this.exports = exports;
    this.chunks = [0, 1, 2, 3].map((i) => new Float32Array(memory.buffer, START + i * CHUNK * 4, CHUNK));
  }

  update({ parameter, first, second, gradient }: AdamwArrays, scalars: AdamwScalars): void {
    const { clip, beta1, beta2, stepSize, epsilon, keep } = scalars;
    const arrays = [parameter, first, second, gradient];
    const [p, m, v, g] = this.chunks.map(({ byteOffset }) => byteOffset) as [number, number, number, number];
    for (let start = 0; start < parameter.length; start += CHUNK) {
      const end = Math.min(parameter.length, start + CHUNK);
      for (let i = 0; i < 4; i++) this.chunks[i]!.set(arrays[i]!.subarray(start, end));
      this.exports.update(p, m, v, g, bytesOf(end - start), clip, beta1, beta2, stepSize, epsilon, keep);
      for (let i = 0; i < 3; i++) arrays[i]!.set(this.chunks[i]!.subarray(0, end - start), start);
    }
  }

  /** Of finite values; not finite where one is not, or where a square is more than 32 bits hold. */
  sumOfSquares(gradient: Float32Array): number {
    const chunk = this.chunks[3]!;
    let sum = 0;
    for (let start = 0; start < gradient.length; start += CHUNK) {
      const end = Math.min(gradient.length, start + CHUNK);
      chunk.set(gradient.subarray(start, end));
      chunk.fill(0, end - start, bytesOf(end - start) / 4);
      sum += this.exports.sumOfSquares(chunk.byteOffset, bytesOf(end - start));
    }
    return sum;
  }
}

/** Of so many values, up to the next whole vector of 4. */
const bytesOf = (values: number) => Math.ceil(values / 4) * 16;
