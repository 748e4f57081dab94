import { loadKernel } from '../core/wasm.ts';

/** What src/kernels/assembly/minhash.ts exports; addresses are bytes in its memory. */
export interface MinhashExports {
  layout(classes: number, folds: number, ring: number, scratch: number): void;
  configure(shingleSize: number, characters: number, wide: number): void;
  begin(): void;
  feed(text: number, length: number, to: number): number;
  end(to: number): number;
  permute32(shingles: number, count: number, a: number, b: number, minima: number, n: number): void;
  permuteMersenne(shingles: number, count: number, a: number, b: number, minima: number, n: number): void;
  permuteLow32(shingles: number, count: number, a: number, b: number, minima: number, n: number): void;
  bandKeys(
    minima: number,
    bands: number,
    rows: number,
    valueBytes: number,
    keys: number,
    sketch: number,
  ): void;
  hashBytes(from: number, length: number): bigint;
  layoutEnglish(codes: number, slots: number, cuts: number, cutSlots: number): void;
  beginPart(text: number, length: number, to: number, used: number, starts: number, words: number): void;
  resumeAt(used: number, words: number): void;
  splitPart(): number;
  splitPlain(): number;
  unknown(): number;
  chunkFrom(): number;
  chunkTo(): number;
  countedWords(): number;
  hashNgrams(text: number, starts: number, count: number, n: number, kind: number, to: number): number;
  setShaScratch(at: number): void;
}

const PAGE = 1 << 16;

/** The kernel, its memory, and addresses in it: tables first, then one region that grows with the texts. */
export class MinhashKernel {
  readonly exports: MinhashExports;
  private readonly memory: ReturnType<typeof loadKernel>['memory'];
  private next = 4096;

  constructor() {
    const { exports, memory } = loadKernel<MinhashExports>('minhash', 16);
    this.exports = exports;
    this.memory = memory;
  }

  /** Whatever was taken from it before memory grew is detached: take views anew. */
  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }

  /** Takes bytes at the end, 16-byte aligned. */
  take(bytes: number): number {
    const at = this.next;
    this.next = align(at + bytes);
    this.growTo(this.next);
    return at;
  }

  /** Where the growing region begins: after all that was taken. */
  get heap(): number {
    return this.next;
  }

  growTo(end: number): void {
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.memory.grow(missing);
  }
}

export function align(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
