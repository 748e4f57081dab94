import { decompress } from '@mongodb-js/zstd';
import { Decompress } from 'fzstd';
import xxhash from 'xxhash-wasm';
import { ByteWindow } from './byte-window.ts';
import { DamageError } from './damage.ts';
import { fileBytes, type Piece } from './file-bytes.ts';

/** RFC 8878, 3.1.1.2: no block decompresses to more. */
const BLOCK_MAX = 128 * 1024;
/** A frame of at most this many blocks (64 MiB at most) is decompressed in one native call, a longer one as a stream. */
const ONE_SHOT_BLOCKS = 512;
const FRAME_MAGIC = 0xfd2fb528;

let hasher: ReturnType<typeof xxhash> | undefined;

/** Length of a frame's header (RFC 8878, 3.1.1.1), from its magic number and descriptor: 6 bytes are enough. */
function headerLength(descriptor: number): number {
  const single = (descriptor >> 5) & 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const content = [single, 2, 4, 8][descriptor >> 6]!;
  return 5 + (single ? 0 : 1) + dictionary + content;
}

interface Where {
  readonly path: string;
  /** Decompressed bytes before the frame. */
  offset: number;
}

function broken(where: Where, what: string, expected: string, found: string, cause?: unknown): DamageError {
  return new DamageError('corrupt-input', what, {
    file: where.path,
    offset: where.offset,
    expected,
    found,
    cause,
  });
}

const cutOff = (where: Where, at: number) =>
  new DamageError('truncated-input', 'zstd data cut off', {
    file: where.path,
    offset: where.offset,
    expected: 'the rest of a zstd frame',
    found: `the end of the file at compressed byte ${at}`,
  });

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** A frame decompressed block by block, its checksum verified. Each push gives what its bytes determine. */
class FrameStream {
  private readonly frame: Decompress;
  private output: Uint8Array[] = [];
  private readonly hash: { update(bytes: Uint8Array): unknown; digest(): bigint };

  constructor(hash: FrameStream['hash']) {
    this.hash = hash;
    this.frame = new Decompress((bytes) => {
      if (bytes.length) this.output.push(bytes);
    });
  }

  push(bytes: Uint8Array, last: boolean): Buffer[] {
    this.frame.push(bytes, last);
    return this.take();
  }

  take(): Buffer[] {
    const taken = this.output.map((bytes) => {
      this.hash.update(bytes);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    });
    this.output = [];
    return taken;
  }

  /** The frame's content checksum: the low 32 bits of XXH64 (RFC 8878, 3.1.1). */
  checksum(): number {
    return Number(this.hash.digest() & 0xffffffffn);
  }
}

/** One block at `at` of the window: where it ends and whether it is the frame's last. Undefined where the file ends first. */
async function blockAt(
  window: ByteWindow,
  at: number,
  where: Where,
): Promise<{ end: number; last: boolean } | undefined> {
  if (!(await window.need(at + 3))) return undefined;
  const block = window.buffer.readUIntLE(at, 3);
  const type = (block >> 1) & 3;
  const size = block >> 3;
  if (type === 3 || (type !== 1 && size > BLOCK_MAX))
    throw broken(
      where,
      'zstd block damaged',
      'a block of type 0 to 2 and at most 128 KiB',
      `type ${type}, ${size} bytes at compressed byte ${window.offset + at}`,
    );
  const end = at + 3 + (type === 1 ? 1 : size);
  return (await window.need(end)) ? { end, last: (block & 1) === 1 } : undefined;
}

/** Length of the frame at the front of the window if it is whole and short; undefined otherwise. */
async function shortFrame(
  window: ByteWindow,
  header: number,
  checksum: boolean,
  where: Where,
): Promise<number | undefined> {
  try {
    let at = header;
    for (let blocks = 0; blocks < ONE_SHOT_BLOCKS; blocks++) {
      const block = await blockAt(window, at, where);
      if (!block) return undefined;
      at = block.end;
      if (!block.last) continue;
      const end = at + (checksum ? 4 : 0);
      return (await window.need(end)) ? end : undefined;
    }
  } catch (error) {
    // The stream below meets the same block, after it has yielded those before it.
    if (!(error instanceof DamageError)) throw error;
  }
  return undefined;
}

/** A frame that is long, cut off or damaged: block by block, so that everything before the damage is seen. */
async function* streamFrame(
  window: ByteWindow,
  header: number,
  checksum: boolean,
  where: Where,
): AsyncGenerator<Piece> {
  hasher ??= xxhash();
  const { create64 } = await hasher;
  const frame = new FrameStream(create64());
  const feed = (length: number, last: boolean): Buffer[] => {
    try {
      return frame.push(window.buffer.subarray(0, length), last);
    } catch (error) {
      const found = `${messageOf(error)} at compressed byte ${window.offset}`;
      throw broken(where, 'zstd data damaged', 'a valid zstd frame', found, error);
    }
  };
  let length = header;
  let last = false;
  while (true) {
    const output = feed(length, last && !checksum);
    window.drop(length);
    for (const bytes of output) {
      where.offset += bytes.length;
      yield { bytes, disk: window.offset };
    }
    if (last) break;
    const block = await blockAt(window, 0, where);
    if (!block) throw cutOff(where, window.offset + window.buffer.length);
    ({ end: length, last } = block);
  }
  if (!checksum) return;
  if (!(await window.need(4))) throw cutOff(where, window.offset + window.buffer.length);
  const expected = window.buffer.readUInt32LE(0);
  if (frame.checksum() !== expected)
    throw broken(where, 'zstd checksum differs', expected.toString(16), frame.checksum().toString(16));
  window.drop(4);
}

async function* nextFrame(window: ByteWindow, where: Where): AsyncGenerator<Piece> {
  await window.need(6);
  if (window.buffer.length < 6) throw cutOff(where, window.offset + window.buffer.length);
  const descriptor = window.buffer[4]!;
  const header = headerLength(descriptor);
  const checksum = (descriptor & 4) !== 0;
  if (!(await window.need(header))) throw cutOff(where, window.offset + window.buffer.length);
  const short = await shortFrame(window, header, checksum, where);
  if (short !== undefined) {
    let bytes: Buffer | undefined;
    try {
      // A copy: the native call runs on another thread while the window may be replaced.
      bytes = await decompress(Buffer.from(window.buffer.subarray(0, short)));
    } catch {
      // Damaged: the stream below says where.
    }
    if (bytes) {
      window.drop(short);
      where.offset += bytes.length;
      yield { bytes, disk: window.offset };
      return;
    }
  }
  yield* streamFrame(window, header, checksum, where);
}

async function skipFrame(window: ByteWindow, where: Where): Promise<void> {
  if (!(await window.need(8))) throw cutOff(where, window.offset + window.buffer.length);
  const length = 8 + window.buffer.readUInt32LE(4);
  if ((await window.skip(length)) < length) throw cutOff(where, window.offset);
}

/**
 * The decompressed bytes of a zstd file of one or many frames. What a damaged block would have given is lost, since
 * a block decodes whole or not at all; everything before it is yielded.
 */
export async function* unzstdFile(path: string, size: number, signal?: AbortSignal): AsyncGenerator<Piece> {
  const window = new ByteWindow(fileBytes(path, 0, size, signal));
  const where: Where = { path, offset: 0 };
  try {
    while (await window.need(1)) {
      if (!(await window.need(4))) throw cutOff(where, window.offset + window.buffer.length);
      const magic = window.buffer.readUInt32LE(0);
      if (magic >>> 4 === 0x184d2a5) await skipFrame(window, where);
      else if (magic === FRAME_MAGIC) yield* nextFrame(window, where);
      else
        throw broken(
          where,
          'bytes after the zstd stream',
          'another zstd frame or the end of the file',
          `magic number ${magic.toString(16)} at compressed byte ${window.offset}`,
        );
    }
  } finally {
    await window.close();
  }
}
