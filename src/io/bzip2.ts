import { type BlockFailure, Bunzip2Kernel, MOST_BLOCK_BYTES } from './bunzip2-kernel.ts';
import { damagedStream } from './damage.ts';
import { fileBytes, type Piece } from './file-bytes.ts';

const INPUT_BYTES = 256 * 1024;
/** `BZh`, the level, and the magic number of a block or of the end of a stream. */
const STREAM = Buffer.from('BZh');
const BLOCK = Buffer.from([0x31, 0x41, 0x59, 0x26, 0x53, 0x59]);
const END = Buffer.from([0x17, 0x72, 0x45, 0x38, 0x50, 0x90]);
export const BZIP2_HEAD_BYTES = 10;

/** Whether a bzip2 stream begins at `at`. */
export function isBzip2(bytes: Uint8Array, at = 0): boolean {
  const head = Buffer.from(
    bytes.buffer,
    bytes.byteOffset + at,
    Math.min(BZIP2_HEAD_BYTES, bytes.length - at),
  );
  if (head.length < 4 || !head.subarray(0, 3).equals(STREAM) || head[3]! < 0x31 || head[3]! > 0x39)
    return false;
  const magic = head.subarray(4);
  return [BLOCK, END].some((one) => one.subarray(0, magic.length).equals(magic));
}

/**
 * The streams of a bzip2 file that begin in [from, to): each with where it ends, the start of the next or the end of
 * the file. Found by their magic numbers: eighty bits that compressed data does not have by chance.
 */
export async function* bzip2Streams(
  path: string,
  from: number,
  to: number,
  size: number,
  signal?: AbortSignal,
): AsyncGenerator<{ start: number; end: number }> {
  let open = -1;
  let carried: Buffer = Buffer.alloc(0);
  for await (const { bytes, disk } of fileBytes(path, from, size, signal)) {
    const window = carried.length ? Buffer.concat([carried, bytes]) : bytes;
    const base = disk - window.length;
    for (let at = window.indexOf(STREAM); at >= 0; at = window.indexOf(STREAM, at + 1)) {
      if (at + BZIP2_HEAD_BYTES > window.length || !isBzip2(window, at)) continue;
      if (open >= 0) yield { start: open, end: base + at };
      open = base + at;
      if (open >= to) return;
    }
    // Too short for a match of its own, so that none is found twice.
    carried = window.subarray(Math.max(0, window.length - BZIP2_HEAD_BYTES + 1));
  }
  if (open >= 0 && open < to) yield { start: open, end: size };
}

/** Bits of a bzip2 file, from the highest of each byte on, in the input of the kernel. */
class Bits {
  readonly kernel: Bunzip2Kernel = unused.pop() ?? new Bunzip2Kernel();
  /** Bytes of input that are there. */
  length = 0;
  /** The bit that is next. */
  bit = 0;
  /** Offset in the file of what the input begins with. */
  private start: number;
  private readonly source: AsyncGenerator<Piece>;

  constructor(source: AsyncGenerator<Piece>, start: number) {
    this.source = source;
    this.start = start;
  }

  /** Offset in the file of the byte that holds the next bit. */
  get disk(): number {
    return this.start + (this.bit >>> 3);
  }

  /** Sees to it that `bytes` bytes from the next bit on are there, fewer only at the end of the file. */
  async need(bytes: number): Promise<void> {
    const { input } = this.kernel;
    const first = this.bit >>> 3;
    if (this.length - first >= bytes) return;
    input.copyWithin(0, first, this.length);
    this.length -= first;
    this.start += first;
    this.bit &= 7;
    while (this.length < bytes) {
      const { value, done } = await this.source.next();
      if (done) return;
      this.length += value.bytes.copy(input, this.length);
    }
  }

  /** The next `n` bits, at most 48; undefined where the file ends before. */
  take(n: number): number | undefined {
    if (this.bit + n > this.length * 8) return undefined;
    let value = 0;
    for (let i = 0; i < n; i++, this.bit++)
      value = value * 2 + ((this.kernel.input[this.bit >>> 3]! >>> (7 - (this.bit & 7))) & 1);
    return value;
  }

  async close(): Promise<void> {
    unused.push(this.kernel);
    await this.source.return(undefined);
  }
}

const unused: Bunzip2Kernel[] = [];

/** What is wrong with a stream. */
class Failure {
  readonly message: string;
  constructor(message: BlockFailure | 'no stream begins' | 'no block begins') {
    this.message = message;
  }
}

/** The decompressed bytes of [start, end) of a bzip2 file of one or many streams. `start` begins a stream. */
export async function* bunzip2File(
  path: string,
  start: number,
  end: number,
  signal?: AbortSignal,
): AsyncGenerator<Piece> {
  const bits = new Bits(fileBytes(path, start, end, signal, INPUT_BYTES), start);
  let seen = 0;
  try {
    for (let first = true; ; first = false) {
      await bits.need(BZIP2_HEAD_BYTES);
      if (!first && bits.length * 8 === bits.bit) return;
      for await (const piece of stream(bits)) {
        seen += piece.bytes.length;
        yield piece;
      }
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const truncated = error.message === 'truncated';
    throw damagedStream('bzip2 stream', truncated, error.message, {
      file: path,
      offset: seen,
      disk: bits.disk,
    });
  } finally {
    await bits.close();
  }
}

/** The blocks of the stream that begins at the next bit, each given out when its check sum is known to be right. */
async function* stream(bits: Bits): AsyncGenerator<Piece> {
  const take = (n: number): number => {
    const value = bits.take(n);
    if (value === undefined) throw new Failure('truncated');
    return value;
  };
  if (take(24) !== STREAM.readUIntBE(0, 3)) throw new Failure('no stream begins');
  const level = take(8) - 0x30;
  if (level < 1 || level > 9) throw new Failure('no stream begins');
  let whole = 0;
  for (;;) {
    await bits.need(MOST_BLOCK_BYTES);
    const magic = take(48);
    const checksum = take(32);
    if (magic === END.readUIntBE(0, 6)) {
      if (checksum !== whole >>> 0) throw new Failure('wrong check sum');
      bits.bit = (bits.bit + 7) & ~7;
      return;
    }
    if (magic !== BLOCK.readUIntBE(0, 6)) throw new Failure('no block begins');
    const after = bits.kernel.decode(bits.length, bits.bit, level * 100_000, checksum);
    if (typeof after === 'string') throw new Failure(after);
    bits.bit = after;
    whole = ((whole << 1) | (whole >>> 31)) ^ checksum;
    for (const bytes of bits.kernel.bytes()) yield { bytes, disk: bits.disk };
  }
}
