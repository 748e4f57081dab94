import { damagedStream } from './damage.ts';
import { fileBytes, type Piece } from './file-bytes.ts';

/** A block of bzip2 expands to at most 900 kB, but that of a run of one byte from some 40: small steps bound memory. */
const INPUT_BYTES = 64 * 1024;
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

/** The decompressed bytes of [start, end) of a bzip2 file of one or many streams. `start` begins a stream. */
export async function* bunzip2File(
  path: string,
  start: number,
  end: number,
  signal?: AbortSignal,
): AsyncGenerator<Piece> {
  let output: Buffer[] = [];
  let failure: unknown;
  let seen = 0;
  let good = start;
  // Few inputs are bzip2: workers start faster without.
  const { default: unbzip2 } = await import('unbzip2-stream');
  const stream = unbzip2();
  stream.on('data', (bytes: Buffer) => output.push(bytes));
  stream.on('error', (error: unknown) => {
    failure ??= error;
  });
  const take = function* (disk: number): Generator<Piece> {
    const taken = output;
    output = [];
    for (const bytes of taken) {
      seen += bytes.length;
      yield { bytes, disk };
    }
  };
  for await (const { bytes, disk } of fileBytes(path, start, end, signal, INPUT_BYTES)) {
    stream.write(bytes);
    yield* take(disk);
    if (failure !== undefined) break;
    good = disk;
  }
  if (failure === undefined) {
    stream.end();
    yield* take(end);
  }
  if (failure !== undefined) {
    // Inside a block the library runs out of input by reading a byte of nothing.
    const truncated = failure instanceof TypeError || String(failure).includes('ended prematurely');
    throw damagedStream('bzip2 stream', truncated, failure, { file: path, offset: seen, disk: good });
  }
}
