import { constants, createGunzip, type Gunzip } from 'node:zlib';
import { InvariantError } from '../core/errors.ts';
import { DamageError, damagedStream } from './damage.ts';
import { fileBytes, type Piece } from './file-bytes.ts';
import { soundMembers } from './gzip-members.ts';

/** 330 MB/s at 256 KiB, 96 to 189 at Node's default of 16 KiB. */
const CHUNK_BYTES = 256 * 1024;
/** Deflate expands at most 1032 times: 64 KiB in keep a gzip bomb at 68 MB between two yields. */
const INPUT_BYTES = 64 * 1024;

/** A gunzip fed piece by piece, so that one knows which piece failed. Members that follow one another are one stream. */
class Inflater {
  failure: Error | undefined;
  /** Set once the members are over and only padding of zeros can follow. */
  ended = false;
  private readonly gunzip: Gunzip;
  private output: Buffer[] = [];
  private wake: (() => void) | undefined;

  constructor() {
    // Z_SYNC_FLUSH brings out all that the input so far determines.
    this.gunzip = createGunzip({ chunkSize: CHUNK_BYTES, flush: constants.Z_SYNC_FLUSH });
    this.gunzip.on('data', (bytes: Buffer) => this.output.push(bytes));
    this.gunzip.on('end', () => {
      this.ended = true;
    });
    this.gunzip.on('error', (error) => {
      this.failure = error;
      this.wake?.();
    });
  }

  /** What these bytes give. After a failure, what they gave before it may be missing: see `salvage`. */
  async push(bytes: Buffer): Promise<Buffer[]> {
    await new Promise<void>((resolve) => {
      // A write that fails inside zlib never calls back: only the stream's error tells.
      this.wake = resolve;
      this.gunzip.write(bytes, () => resolve());
    });
    return this.take();
  }

  /** Says that the input is over: a failure if it stopped inside a member. */
  async end(): Promise<Buffer[]> {
    if (!this.ended && !this.failure)
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        this.gunzip.once('end', resolve);
        this.gunzip.end();
      });
    return this.take();
  }

  close(): void {
    this.gunzip.destroy();
  }

  private take(): Buffer[] {
    const taken = this.output;
    this.output = [];
    return taken;
  }
}

function damage(path: string, failure: Error, offset: number, disk: number): DamageError {
  const truncated = (failure as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
  return damagedStream('gzip member', truncated, failure, { file: path, offset, disk });
}

async function* smallPieces(
  path: string,
  from: number,
  size: number,
  signal?: AbortSignal,
): AsyncGenerator<Piece> {
  for await (const { bytes, disk } of fileBytes(path, from, size, signal)) {
    const start = disk - bytes.length;
    for (let at = 0; at < bytes.length; at += INPUT_BYTES) {
      const piece = bytes.subarray(at, Math.min(at + INPUT_BYTES, bytes.length));
      yield { bytes: piece, disk: start + at + piece.length };
    }
  }
}

/**
 * zlib drops what the failing write gave before its error. So the file is read again to just before the damage, in
 * ever smaller steps, at last byte by byte: `good` compressed bytes are known to be sound, `seen` decompressed
 * bytes were yielded before.
 */
async function* salvage(
  path: string,
  size: number,
  {
    from,
    before,
    good,
    seen,
    named,
  }: { from: number; before: number; good: number; seen: number; named?: number },
  signal?: AbortSignal,
): AsyncGenerator<Piece, never> {
  let sound = good;
  for (const step of [1024, 1]) {
    const inflater = new Inflater();
    let at = before;
    try {
      const prefix = smallPieces(path, from, sound, signal);
      const suspect = fileBytes(path, sound, size, signal, step);
      for (const pieces of [prefix, suspect]) {
        if (inflater.failure) break;
        for await (const piece of pieces) {
          const output = await inflater.push(piece.bytes);
          if (inflater.failure) break;
          sound = Math.max(sound, piece.disk);
          for (const bytes of output) {
            const end = at + bytes.length;
            if (step === 1 && end > seen)
              yield { bytes: bytes.subarray(Math.max(0, seen - at)), disk: piece.disk };
            at = end;
          }
        }
      }
      if (step === 1)
        throw damage(path, inflater.failure ?? new Error('damaged'), named ?? Math.max(at, seen), sound);
    } finally {
      inflater.close();
    }
  }
  throw new InvariantError('a salvage pass ended without its error', { file: path });
}

/** What follows the last member must be zeros (tapes and some archivers pad so). */
function checkPadding(path: string, bytes: Buffer, offset: number): void {
  if (bytes.some((byte) => byte !== 0))
    throw new DamageError('corrupt-input', 'bytes after the gzip stream', {
      file: path,
      offset,
      expected: 'another gzip member, padding of zeros or the end of the file',
      found: 'other bytes',
    });
}

/** The decompressed bytes of a gzip file of one or many members; `lent` as of `soundMembers`. */
export async function* gunzipFile(
  path: string,
  size: number,
  signal?: AbortSignal,
  lent = false,
): AsyncGenerator<Piece> {
  const rest = yield* soundMembers(path, size, signal, lent);
  if (rest.from < size) yield* gunzipStream(path, size, rest.from, rest.seen, signal);
}

/**
 * The same from a member's start at compressed offset `from` on; `before` bytes of output came before it. Errors name
 * offset `named` where that is given.
 */
export async function* gunzipStream(
  path: string,
  size: number,
  from: number,
  before: number,
  signal?: AbortSignal,
  named?: number,
): AsyncGenerator<Piece> {
  const inflater = new Inflater();
  // After a member a zero byte begins padding: gunzip itself knows that only of bytes that follow one it has read.
  let padding = from > 0;
  let seen = before;
  let good = from;
  try {
    for await (const piece of smallPieces(path, from, size, signal)) {
      padding &&= piece.bytes[0] === 0;
      if (inflater.ended || padding) {
        checkPadding(path, piece.bytes, named ?? seen);
        continue;
      }
      const output = await inflater.push(piece.bytes);
      if (inflater.failure) break;
      good = piece.disk;
      for (const bytes of output) {
        seen += bytes.length;
        yield { bytes, disk: good };
      }
    }
    if (padding) return;
    if (!inflater.failure) {
      for (const bytes of await inflater.end()) {
        seen += bytes.length;
        yield { bytes, disk: good };
      }
      if (inflater.failure) throw damage(path, inflater.failure, named ?? seen, good);
      return;
    }
  } finally {
    inflater.close();
  }
  yield* salvage(path, size, { from, before, good, seen, named }, signal);
}
