import { loadKernel } from '../core/wasm.ts';

/** What src/kernels/assembly/json.ts exports; addresses are bytes in its memory. */
interface JsonExports {
  escape(text: number, length: number, to: number): number;
}

const PAGE = 1 << 16;
/** Addresses below are the kernel's own: its static data. */
const FIRST = 4096;
/** What the kernel may read and write behind a text. */
const SLACK = 32;
/** So much text is escaped at once: a small room, which stays in the processor's cache, does for any text. */
export const ESCAPED_AT_ONCE = 1 << 15;
/** One control is six bytes: `\u001f`. */
const MOST_FOR_ONE = 6;
const ESCAPED = FIRST + ESCAPED_AT_ONCE + SLACK;

/** Texts of JSON strings as UTF-8, in WebAssembly. What it gives stands in its memory until it is called again. */
export class JsonKernel {
  private readonly kernel = loadKernel<JsonExports>(
    'json',
    Math.ceil((ESCAPED + ESCAPED_AT_ONCE * MOST_FOR_ONE + SLACK) / PAGE),
  );
  private bytes = new Uint8Array(this.kernel.memory.buffer);

  /** The inside of the JSON string of a text of valid UTF-8, or of a part of one: up to `ESCAPED_AT_ONCE` bytes. */
  escape(text: Uint8Array): Uint8Array {
    this.bytes.set(text, FIRST);
    const length = this.kernel.exports.escape(FIRST, text.length, ESCAPED);
    return this.bytes.subarray(ESCAPED, ESCAPED + length);
  }
}

let shared: JsonKernel | undefined;

/** The thread's kernel: each holds a memory, and none is in use for longer than a call. */
export function jsonKernel(): JsonKernel {
  shared ??= new JsonKernel();
  return shared;
}
