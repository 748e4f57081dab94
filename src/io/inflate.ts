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
const FIRST_ROOM = 1 << 20;

/** `bytes`: the output, valid until the next call; `length`: bytes of input that the stream took. */
export type Inflated =
  | { readonly bytes: Buffer; readonly length: number }
  | 'truncated'
  | 'too-long'
  | 'corrupt';

/** Inflates raw DEFLATE streams that lie whole in memory, in twice zlib's speed: short members of gzip files. */
export class InflateKernel {
  readonly #exports: InflateExports;
  readonly #memory: WebAssembly.Memory;
  readonly #input: number;
  readonly #inputRoom: number;
  readonly #output: number;
  #room = 0;
  /** All of the memory: taken anew where it grew. */
  #bytes: Buffer;

  /** Inputs of up to `inputRoom` bytes. */
  constructor(inputRoom: number) {
    const { exports, memory } = loadKernel<InflateExports>('inflate', 1);
    this.#exports = exports;
    this.#memory = memory;
    this.#input = align(exports.firstFree());
    this.#inputRoom = inputRoom;
    this.#output = align(this.#input + inputRoom + SLACK);
    this.#bytes = Buffer.from(memory.buffer);
    this.#makeRoom(FIRST_ROOM);
  }

  /** Inflates the stream at the front of `input`, to at most `maxOutput` bytes. */
  inflate(input: Uint8Array, maxOutput: number): Inflated {
    const { length } = input;
    if (length > this.#inputRoom) return 'too-long';
    for (;;) {
      const memory = this.#bytes;
      memory.set(input, this.#input);
      // What is read past the end must not be an earlier input's rest.
      memory.fill(0, this.#input + length, this.#input + length + 16);
      const status = this.#exports.inflate(
        this.#input,
        length,
        this.#output,
        Math.min(this.#room, maxOutput),
      );
      if (status === DONE) {
        const bytes = memory.subarray(this.#output, this.#output + this.#exports.produced());
        return { bytes, length: this.#exports.consumed() };
      }
      if (status === TRUNCATED) return 'truncated';
      if (status !== OUTPUT_FULL) return 'corrupt';
      if (this.#room >= maxOutput) return 'too-long';
      this.#makeRoom(Math.min(maxOutput, this.#room * 4));
    }
  }

  #makeRoom(room: number): void {
    const pages = Math.ceil((this.#output + room + SLACK) / PAGE);
    const more = pages - this.#memory.buffer.byteLength / PAGE;
    if (more > 0) {
      this.#memory.grow(more);
      this.#bytes = Buffer.from(this.#memory.buffer);
    }
    this.#room = room;
  }
}

function align(address: number): number {
  return (address + 15) & ~15;
}
