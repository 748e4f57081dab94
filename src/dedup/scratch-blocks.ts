import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { classifySystemError, IntegrityError, isSystemError } from '../core/errors.ts';

/**
 * Numbered blocks of bytes in a scratch file, to be read and written again by the process that made them. Blocks of
 * zeros take no room, and one is checked as it is read.
 */
export class ScratchBlocks {
  private readonly path: string;
  private readonly file: number;
  private readonly offsets: number[] = [];
  private readonly checksums: (number | undefined)[] = [];
  private end = 0;

  constructor(path: string) {
    this.path = path;
    try {
      this.file = openSync(path, 'w+');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
  }

  /** Writes block `i`; its size stays the same from the first time on. */
  write(i: number, bytes: Uint8Array): void {
    if (this.offsets[i] === undefined) {
      this.offsets[i] = this.end;
      this.end += bytes.length;
    }
    if (isZero(bytes)) {
      this.checksums[i] = undefined;
      return;
    }
    const offset = this.offsets[i];
    this.checksums[i] = crc32(bytes);
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.file, bytes, done, bytes.length - done, offset + done);
    } catch (error) {
      throw classifySystemError(error, { file: this.path, offset });
    }
  }

  /** Whether block `i` has a byte that is not zero. */
  has(i: number): boolean {
    return this.checksums[i] !== undefined;
  }

  /** Fills `bytes` with block `i`. @throws IntegrityError where it is not what was written */
  read(i: number, bytes: Uint8Array): void {
    const expected = this.checksums[i];
    if (expected === undefined) {
      bytes.fill(0);
      return;
    }
    const offset = this.offsets[i]!;
    try {
      for (let done = 0; done < bytes.length; ) {
        const n = readSync(this.file, bytes, done, bytes.length - done, offset + done);
        if (n === 0) throw this.damage(offset + done, `${bytes.length - done} more bytes`, 'the end');
        done += n;
      }
    } catch (error) {
      throw isSystemError(error) ? classifySystemError(error, { file: this.path, offset }) : error;
    }
    const found = crc32(bytes);
    if (found !== expected) throw this.damage(offset, `checksum ${expected}`, `${found}`);
  }

  /** Closes and removes the file. */
  dispose(): void {
    closeSync(this.file);
    rmSync(this.path, { force: true });
  }

  private damage(offset: number, expected: string, found: string): IntegrityError {
    return new IntegrityError('damaged scratch file', { file: this.path, offset, expected, found });
  }
}

export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
