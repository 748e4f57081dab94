import { readFileSync } from 'node:fs';
import type { NewDocument } from '../../core/document.ts';
import { classifySystemError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { decompressedBytes, detectCompression } from '../compression.ts';
import type { Position, Reading } from './reader.ts';

/** Files up to this size are read in one synchronous call: 20 microseconds instead of 200. */
const SMALL_BYTES = 1 << 20;

/** All decompressed bytes of a file, or undefined where they are more than `maxRecordBytes` (rejected then). */
export async function wholeFile(reading: Reading): Promise<Buffer | undefined> {
  const { slice, spec, context } = reading;
  if (slice.size <= Math.min(SMALL_BYTES, spec.maxRecordBytes)) {
    try {
      const bytes = readFileSync(slice.path);
      if (detectCompression(bytes, slice.path) === 'none') return bytes;
    } catch (error) {
      throw classifySystemError(error, { file: slice.path });
    }
  }
  const parts: Buffer[] = [];
  let length = 0;
  for await (const { bytes } of decompressedBytes(slice.path, slice.size, 0, context.signal)) {
    parts.push(bytes);
    length += bytes.length;
    if (length > spec.maxRecordBytes) {
      reading.tooLarge(0, 0, length);
      return undefined;
    }
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts, length);
}

/**
 * Reads a file that is one document. `make` throws BadRecord where it is none; a file
 * of nothing but white space is empty.
 */
export async function* readWhole(
  reading: Reading,
  from: Position | undefined,
  make: (bytes: Buffer) => NewDocument,
): AsyncGenerator<ReadItem> {
  if (from === undefined) {
    let size = 0;
    try {
      const bytes = await wholeFile(reading);
      if (bytes) {
        size = bytes.length;
        if (!hasText(bytes)) reading.emptyFile();
        else yield reading.single(make(bytes), { offset: size, disk: reading.slice.size, record: 1 });
      }
    } catch (error) {
      reading.reject(error, size || reading.slice.size);
    }
  }
  reading.progress(reading.slice.end);
}

/** Whether there is anything but white space. */
export function hasText(text: Uint8Array): boolean {
  return text.some((byte) => byte !== 0x20 && (byte < 0x09 || byte > 0x0d));
}
