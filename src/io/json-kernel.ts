import { loadKernel } from '../core/wasm.ts';

/** What src/kernels/assembly/json.ts exports; addresses are bytes in its memory. */
interface JsonExports {
  escape(text: number, length: number, to: number): number;
  takeText(line: number, length: number, name: number, nameBytes: number, to: number, taken: number): number;
}

const PAGE = 1 << 16;
/** What the kernel may read and write behind a text or a line. */
const SLACK = 64;
/** Addresses below are the kernel's own: its static data. Here it leaves what `takeText` found: two i32. */
const TAKEN = 4096;
const NAME = TAKEN + 8;
const LONGEST_NAME = 256;
/** Where a line or a text is put; what comes of it goes behind it. */
const GIVEN = NAME + LONGEST_NAME + SLACK;

/** So much text is escaped at once: a small room, which stays in the processor's cache, does for any text. */
export const ESCAPED_AT_ONCE = 1 << 15;
/** One control is six bytes: `\u001f`. */
const MOST_FOR_ONE = 6;
const ESCAPED = GIVEN + ESCAPED_AT_ONCE + SLACK;

/** Lines that the kernel takes: a thread does not keep the room for longer ones. */
export const LONGEST_LINE = 1 << 24;

/** What is in the rest of a line. */
const NOT_ASCII = 1;
const NEITHER_PLAIN = 2;

/** A JSON line and the text that was in it. Valid until the kernel is called again. */
export interface TakenText {
  readonly text: Uint8Array;
  /** The line, the empty string where the text was. */
  readonly rest: string;
  /** `rest` has one character a byte of its UTF-8, as `parseBinaryJson` reads it. */
  readonly binary: boolean;
}

/** Whether `takeText` may look for a name. */
export function isTakeable(name: string): boolean {
  return /^[\x20-\x7f]*$/.test(name) && name.length <= LONGEST_NAME;
}

/** Texts of JSON strings as UTF-8, in WebAssembly. What it gives stands in its memory until it is called again. */
export class JsonKernel {
  private readonly kernel = loadKernel<JsonExports>(
    'json',
    Math.ceil((ESCAPED + ESCAPED_AT_ONCE * MOST_FOR_ONE + SLACK) / PAGE),
  );
  private bytes = Buffer.from(this.kernel.memory.buffer);
  private taken = new Int32Array(this.kernel.memory.buffer, TAKEN, 2);
  private name: string | undefined;

  /** The inside of the JSON string of a text of valid UTF-8, or of a part of one: up to `ESCAPED_AT_ONCE` bytes. */
  escape(text: Uint8Array): Uint8Array {
    this.bytes.set(text, GIVEN);
    const length = this.kernel.exports.escape(GIVEN, text.length, ESCAPED);
    return this.bytes.subarray(ESCAPED, ESCAPED + length);
  }

  /**
   * Takes the text out of a JSON line: the string of the member `name` of the object that it is. Undefined where that is
   * not plain to see: the line is to be parsed as a whole then, as it is where the rest turns out not to be JSON.
   * @param line valid UTF-8
   * @param name one that `isTakeable`
   */
  takeText(line: Uint8Array, name: string): TakenText | undefined {
    const size = line.length;
    if (size > LONGEST_LINE) return undefined;
    const to = GIVEN + size + SLACK;
    this.growTo(to + size + SLACK);
    const { bytes, taken, kernel } = this;
    if (name !== this.name) {
      bytes.write(name, NAME, 'latin1');
      this.name = name;
    }
    bytes.set(line, GIVEN);
    const length = kernel.exports.takeText(GIVEN, size, NAME, name.length, to, TAKEN);
    if (length < 0) return undefined;
    const end = GIVEN + taken[0]!;
    const kind = taken[1]!;
    return {
      text: bytes.subarray(to, to + length),
      rest: bytes.toString(kind === NEITHER_PLAIN ? 'utf8' : 'latin1', GIVEN, end),
      binary: kind === NOT_ASCII,
    };
  }

  private growTo(end: number): void {
    const missing = Math.ceil((end - this.bytes.length) / PAGE);
    if (missing <= 0) return;
    this.kernel.memory.grow(missing);
    this.bytes = Buffer.from(this.kernel.memory.buffer);
    this.taken = new Int32Array(this.kernel.memory.buffer, TAKEN, 2);
  }
}

let shared: JsonKernel | undefined;

/** The thread's kernel: each holds a memory, and none is in use for longer than a call. */
export function jsonKernel(): JsonKernel {
  shared ??= new JsonKernel();
  return shared;
}
