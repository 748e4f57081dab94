import { loadKernel } from '../core/wasm.ts';
import type { UnitTarget } from './unit-barrier.ts';

/** What src/kernels/assembly/units.ts exports; addresses are bytes in its memory. */
interface UnitExports {
  beginUnits(text: number, length: number, least: number, minBytes: number): void;
  nextUnits(to: number, most: number): number;
}

const PAGE = 1 << 16;
/** Units that the kernel gives at once, in 16 bytes each. */
const MOST_UNITS = 4096;
const RECORDS = 1024;
const TEXT = RECORDS + MOST_UNITS * 16;
/** What the kernel may read behind a text. */
const SLACK = 16;

/** Texts that the kernel takes: longer ones are split plainly, so that a thread does not keep their room. */
export const LONGEST_IN_KERNEL = 1 << 26;

/** Lines or paragraphs with the hashes of their bytes, in WebAssembly. Its plain twin is `byteUnits` with XXH64. */
export class UnitKernel {
  private readonly kernel = loadKernel<UnitExports>('units', 2);

  /** Gives the units of at least `minBytes` bytes, each with one key. @param text up to `LONGEST_IN_KERNEL` bytes */
  split(text: Uint8Array, unit: 'line' | 'paragraph', minBytes: number, target: UnitTarget): void {
    const { exports, memory } = this.kernel;
    const missing = Math.ceil((TEXT + text.length + SLACK - memory.buffer.byteLength) / PAGE);
    if (missing > 0) memory.grow(missing);
    new Uint8Array(memory.buffer, TEXT, text.length).set(text);
    const records = new Uint32Array(memory.buffer, RECORDS, MOST_UNITS * 4);
    exports.beginUnits(TEXT, text.length, unit === 'line' ? 1 : 2, minBytes);
    for (let count = MOST_UNITS; count === MOST_UNITS; ) {
      count = exports.nextUnits(RECORDS, MOST_UNITS);
      for (let at = 0; at < count * 4; at += 4) {
        target.key(records[at + 2]!, records[at + 3]!);
        target.unit(records[at]!, records[at + 1]!, 1);
      }
    }
  }
}
