import { signalIn } from './quality.ts';
import { isTraining, SIDE, type SideFile } from './side-file.ts';

export interface CurriculumOptions {
  readonly signal: string;
  readonly descending: boolean;
}

/** Upper halves of ordered 32-bit floats, and one for documents without the signal, which come last. */
const BINS = 65536;
const LACKING = BINS;
const TWO_32 = 2 ** 32;

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** A 32-bit float as a whole number that sorts as the float does. */
export function ordered(value: number): number {
  float[0] = value;
  const bits = floatBits[0]!;
  return (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0;
}

/**
 * Keys that put training documents in the order of a signal (to the precision of a 32-bit float; equal ones shuffled).
 * A key's high word is the document's rank as a fraction of all, so that keys are spread as evenly as shuffle keys are:
 * ranks come from a histogram over the upper half of the ordered float, and from the lower half within a bin.
 */
export class Curriculum {
  private readonly options: CurriculumOptions;
  private readonly counts = new Float64Array(BINS + 1);
  private readonly before = new Float64Array(BINS + 2);
  private readonly indexes = new Map<SideFile, number>();

  constructor(options: CurriculumOptions) {
    this.options = options;
  }

  /** Call for every document first, then `rank`, then `key` for each. */
  see(side: SideFile, words: Uint32Array, at: number, bytes: Uint8Array, bodyAt: number): void {
    if (!isTraining(words[at + SIDE.corpus]!)) return;
    this.counts[this.binOf(this.place(side, words, at, bytes, bodyAt))]!++;
  }

  rank(): void {
    for (let bin = 0; bin <= BINS; bin++) this.before[bin + 1] = this.before[bin]! + this.counts[bin]!;
  }

  key(side: SideFile, words: Uint32Array, at: number, bytes: Uint8Array, bodyAt: number): bigint {
    const high = words[at + SIDE.key + 1]!;
    const low = words[at + SIDE.key]!;
    if (!isTraining(words[at + SIDE.corpus]!)) return (BigInt(high) << 32n) | BigInt(low);
    const place = this.place(side, words, at, bytes, bodyAt);
    const bin = this.binOf(place);
    // Documents of one value are spread over the value's share by the shuffle's own key.
    const within = place < 0 ? high / TWO_32 : ((place % BINS) + high / TWO_32) / BINS;
    const rank = (this.before[bin]! + this.counts[bin]! * within) / this.before[BINS + 1]!;
    const word = Math.min(TWO_32 - 1, Math.floor(rank * TWO_32));
    return (BigInt(word) << 32n) | BigInt(high);
  }

  /** The ordered float, turned round where descending; -1 for a document without the signal. */
  private place(side: SideFile, words: Uint32Array, at: number, bytes: Uint8Array, bodyAt: number): number {
    let index = this.indexes.get(side);
    if (index === undefined) {
      index = side.footer.signals.indexOf(this.options.signal);
      this.indexes.set(side, index);
    }
    const value = index < 0 ? Number.NaN : signalIn(side, index, words, at, bytes, bodyAt);
    if (Number.isNaN(value)) return -1;
    const place = ordered(value);
    return this.options.descending ? TWO_32 - 1 - place : place;
  }

  private binOf(place: number): number {
    return place < 0 ? LACKING : Math.floor(place / BINS);
  }
}
