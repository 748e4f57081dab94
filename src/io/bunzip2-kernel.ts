import { loadKernel } from '../core/wasm.ts';

/** What src/kernels/assembly/bunzip2.ts exports; addresses are bytes in its memory. */
interface Bunzip2Exports {
  prepare(): void;
  decode(input: number, inputLength: number, skipBits: number, most: number): number;
  consumedBits(): number;
  rewind(): void;
  walk(output: number, room: number): number;
  crc(value: number, from: number, bytes: number): number;
  firstFree(): number;
}

/** 900,000 symbols of at most 20 bits, 32,767 selectors of 6 and the codes take 2.3 MB. */
export const MOST_BLOCK_BYTES: number = 2_400_000;
const INPUT_BYTES = 4 << 20;
const OUTPUT_BYTES = 2 << 20;
const SLACK = 64;
const PAGE = 1 << 16;

export type BlockFailure = 'truncated' | 'corrupt' | 'randomised' | 'wrong check sum';
const FAILURES: readonly (BlockFailure | undefined)[] = [undefined, 'truncated', 'corrupt', 'randomised'];

/** Decodes blocks of bzip2 that lie whole in its input. */
export class Bunzip2Kernel {
  /** Where the caller writes the input. */
  readonly input: Buffer;
  readonly #exports: Bunzip2Exports;
  readonly #inputAddress: number;
  readonly #outputAddress: number;
  readonly #output: Buffer;
  /** How many bytes of the last block the output holds, or -1 where it took more than one call. */
  #only: number | undefined;

  constructor() {
    const { exports, memory } = loadKernel<Bunzip2Exports>('bunzip2', 1);
    const align = (address: number) => (address + 63) & ~63;
    this.#exports = exports;
    this.#inputAddress = align(exports.firstFree());
    this.#outputAddress = align(this.#inputAddress + INPUT_BYTES + SLACK);
    memory.grow(Math.ceil((this.#outputAddress + OUTPUT_BYTES + SLACK) / PAGE));
    const all = Buffer.from(memory.buffer);
    this.input = all.subarray(this.#inputAddress, this.#inputAddress + INPUT_BYTES);
    this.#output = all.subarray(this.#outputAddress, this.#outputAddress + OUTPUT_BYTES);
    exports.prepare();
  }

  /**
   * Decodes the block of which the part after the check sum begins `bit` bits into the input, of which there are
   * `length` bytes; it holds at most `most` bytes before its first run lengths are undone. Gives the bit after it.
   */
  decode(length: number, bit: number, most: number, checksum: number): number | BlockFailure {
    const failure = FAILURES[this.#exports.decode(this.#inputAddress, length, bit, most)];
    if (failure) return failure;
    const end = this.#exports.consumedBits();
    let crc = 0xffffffff;
    let chunk: number;
    this.#only = undefined;
    do {
      chunk = this.#walk();
      crc = this.#exports.crc(crc, this.#outputAddress, chunk);
      this.#only = this.#only === undefined ? chunk : -1;
    } while (chunk === OUTPUT_BYTES);
    return (~crc ^ checksum) === 0 ? end : 'wrong check sum';
  }

  /** The bytes of the last block that was decoded: its check sum is right. Only long runs make more than one piece. */
  *bytes(): Generator<Buffer> {
    if (this.#only !== -1) {
      if (this.#only) yield Buffer.from(this.#output.subarray(0, this.#only));
      return;
    }
    this.#exports.rewind();
    let chunk: number;
    do {
      chunk = this.#walk();
      if (chunk > 0) yield Buffer.from(this.#output.subarray(0, chunk));
    } while (chunk === OUTPUT_BYTES);
  }

  #walk(): number {
    return this.#exports.walk(this.#outputAddress, OUTPUT_BYTES);
  }
}
