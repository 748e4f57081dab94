import { loadKernel } from '../core/wasm.ts';
import { GrowingKernel } from './growing-kernel.ts';

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

/** The kernel of signatures: tables first, then one region that grows with the texts. */
export class MinhashKernel extends GrowingKernel<MinhashExports> {
  constructor() {
    super(loadKernel<MinhashExports>('minhash', 16));
  }
}
