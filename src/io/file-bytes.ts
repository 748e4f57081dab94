import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CancelledError, classifySystemError, InputError } from '../core/errors.ts';

/** Bytes of a stream and how far into the file on the disk one has to be to have them. */
export interface Piece {
  readonly bytes: Buffer;
  /** Offset in the file as it lies on the disk, right after what these bytes came from. */
  readonly disk: number;
}

/** Large enough that a read costs little beside what is done with its bytes, small enough to keep two in cache. */
export const READ_BYTES = 1 << 20;

/** Bytes [start, end) of a file, in reads of `readBytes`. A file that is shorter by now is an InputError. */
export async function* fileBytes(
  path: string,
  start: number,
  end: number,
  signal?: AbortSignal,
  readBytes = READ_BYTES,
): AsyncGenerator<Piece> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    for (let at = start; at < end; ) {
      if (signal?.aborted) throw new CancelledError();
      const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, end - at));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0)
        throw new InputError('the file became shorter while it was read', {
          file: path,
          expected: `${end} bytes`,
          found: `${at} bytes`,
        });
      at += bytesRead;
      yield { bytes: buffer.subarray(0, bytesRead), disk: at };
    }
  } catch (error) {
    throw classifySystemError(error, { file: path });
  } finally {
    await handle?.close();
  }
}

/** The first `length` bytes of a file, fewer where it is shorter. Synchronous: for the many small ones. */
export function fileHead(path: string, length: number): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const buffer = Buffer.allocUnsafeSlow(length);
    let used = 0;
    while (used < length) {
      const got = readSync(file, buffer, used, length - used, used);
      if (got === 0) break;
      used += got;
    }
    return buffer.subarray(0, used);
  } catch (error) {
    throw classifySystemError(error, { file: path });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
