import { loadKernel } from '../core/wasm.ts';

/** What src/kernels/assembly/inflate.ts exports; addresses are bytes in its memory. */
interface InflateExports {
  inflate(input: number, inputLength: number, output: number, room: number): number;
  consumed(): number;
  produced(): number;
  firstFree(): number;
}

const DONE = 0;
const TRUNCATED = 1;
const OUTPUT_FULL = 2;
/** The kernel reads and writes so far past the ends. */
const SLACK = 512;
const PAGE = 1 << 16;

/** `bytes`: the output, valid until the next call without `keep`; `length`: bytes of input that the stream took. */
export type Inflated =
  | { readonly bytes: Buffer; readonly length: number }
  | 'truncated'
  | 'too-long'
  | 'corrupt';

/**
 * Inflates raw DEFLATE streams that lie whole in memory, in 1.6 times zlib's speed: short members of gzip files. Two
 * areas take in turn the outputs that are kept. Memory never grows, which would take it from under what was given out; of what
 * is not written to, the system gives none.
 */
export class InflateKernel {
  /** Where the input lies: the caller may write it there himself, and then sets `loaded`. */
  readonly input: Buffer;
  /** Bytes of input at the front of it. */
  loaded = 0;
  readonly #exports: InflateExports;
  readonly #bytes: Buffer;
  readonly #inputAddress: number;
  readonly #outputs: readonly [number, number];
  readonly #outputRoom: number;
  #turn = 0;

  constructor(inputRoom: number, outputRoom: number) {
    const { exports, memory } = loadKernel<InflateExports>('inflate', 1);
    this.#exports = exports;
    this.#inputAddress = align(exports.firstFree());
    const first = align(this.#inputAddress + inputRoom + SLACK);
    const second = align(first + outputRoom + SLACK);
    this.#outputs = [first, second];
    this.#outputRoom = outputRoom;
    memory.grow(Math.ceil((second + outputRoom + SLACK) / PAGE));
    this.#bytes = Buffer.from(memory.buffer);
    this.input = this.#bytes.subarray(this.#inputAddress, this.#inputAddress + inputRoom);
  }

  /** Takes a copy of the input for any number of calls of `inflateAt`. */
  load(input: Uint8Array): void {
    this.input.set(input);
    this.loaded = input.length;
  }

  /** Inflates the stream that begins at `offset` of what was loaded, to at most `maxOutput` bytes. */
  inflateAt(offset: number, maxOutput = this.#outputRoom): Inflated {
    const output = this.#outputs[this.#turn]!;
    const room = Math.min(this.#outputRoom, maxOutput);
    switch (this.#exports.inflate(this.#inputAddress + offset, this.loaded - offset, output, room)) {
      case DONE:
        break;
      case TRUNCATED:
        return 'truncated';
      case OUTPUT_FULL:
        return 'too-long';
      default:
        return 'corrupt';
    }
    const bytes = this.#bytes.subarray(output, output + this.#exports.produced());
    return { bytes, length: this.#exports.consumed() };
  }

  /** Lets the last output stand until the call after the next `keep`. */
  keep(): void {
    this.#turn ^= 1;
  }

  /** Inflates the stream at the front of `input`, to at most `maxOutput` bytes. */
  inflate(input: Uint8Array, maxOutput?: number): Inflated {
    if (input.length > this.input.length) return 'too-long';
    this.load(input);
    return this.inflateAt(0, maxOutput);
  }
}

function align(address: number): number {
  return (address + 15) & ~15;
}
