import type { NewDocument } from '../../core/document.ts';
import type { ReadItem } from '../../core/stage.ts';
import { recordBlocks } from '../blocks.ts';
import { compressionOf, decompressedBytes } from '../compression.ts';
import { isUtf8 } from '../utf8.ts';
import type { Position, Reading } from './reader.ts';

/** Turns one record, [start, end) of the decompressed file, into a document, or finds that it is none. Throws BadRecord. */
export type MakeDocument = (
  bytes: Buffer,
  start: number,
  end: number,
  record: number,
) => NewDocument | undefined;

export const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

export function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (c !== 0x20 && (c < 0x09 || c > 0x0d)) return false;
  }
  return true;
}

/**
 * Whether occurrences of a separator cannot overlap one another: then any byte of a file is enough to find the next
 * record from, and the file may be cut.
 */
export function isSplittableSeparator(separator: string): boolean {
  const bytes = Buffer.from(separator);
  for (let k = 1; k < bytes.length; k++)
    if (bytes.subarray(k).equals(bytes.subarray(0, bytes.length - k))) return false;
  return true;
}

/**
 * Reads records that end with a separator. The last may lack it; records of nothing but white space do not count;
 * a BOM at the start is skipped. A slice has the records whose first byte it holds: reading begins one separator
 * before it, so that the record at its very start is seen, and goes on past its end for the last. Records are valid
 * UTF-8 unless they are `binary`.
 */
export async function* readSeparated(
  reading: Reading,
  from: Position | undefined,
  separator: Buffer,
  make: MakeDocument,
  binary = false,
): AsyncGenerator<ReadItem> {
  const { slice, spec, context } = reading;
  const width = separator.length;
  const plain = compressionOf(slice.path) === 'none';
  const limit = plain ? slice.end : Number.POSITIVE_INFINITY;
  const first = slice.start;
  const openAt = from?.offset ?? (first <= BOM.length ? 0 : Math.max(0, first - width));
  let record = from?.record ?? 0;
  let damaged = false;
  let last: Position = { offset: openAt, disk: from?.disk ?? first, record };
  const pieces = decompressedBytes(slice.path, slice.size, openAt, context.signal);
  for await (const block of recordBlocks(pieces, openAt, separator, spec.maxRecordBytes)) {
    const { bytes, offset } = block;
    const valid = binary || isUtf8(bytes);
    if (block.tooLong !== undefined && !block.damage && offset >= first && offset < limit) {
      reading.tooLarge(offset, record++, block.tooLong);
      const past = offset + block.tooLong;
      last = { offset: past, disk: plain ? past : block.disk, record };
    }
    let at = offset === 0 && bytes.subarray(0, 3).equals(BOM) ? BOM.length : 0;
    while (at < bytes.length && !block.damage) {
      const start = offset + at;
      if (start >= limit) break;
      const found = bytes.indexOf(separator, at);
      const next = found < 0 ? bytes.length : found + width;
      let end = found < 0 ? next : found;
      if (separator[0] === 0x0a && end > at && bytes[end - 1] === 0x0d) end--;
      if (start >= first && !isBlank(bytes, at, end)) {
        readRecord(reading, bytes.subarray(at, end), start, record, valid, make);
        record++;
      }
      at = next;
      last = { offset: offset + at, disk: plain ? offset + at : block.disk, record };
      if (reading.full) yield reading.take(last);
    }
    if (offset + at >= limit) break;
    if (block.damage) {
      if (reading.pending) yield reading.take({ offset, disk: block.disk, record });
      damaged = true;
      reading.reject(block.damage, block.tooLong ?? bytes.length);
    }
  }
  if (record === 0 && !from && first === 0 && slice.end >= slice.size && !damaged) reading.emptyFile();
  if (reading.pending) yield reading.take(last);
  reading.progress(slice.end);
}

function readRecord(
  reading: Reading,
  bytes: Buffer,
  start: number,
  record: number,
  valid: boolean,
  make: MakeDocument,
): void {
  const size = bytes.length;
  if (size > reading.spec.maxRecordBytes) {
    reading.tooLarge(start, record, size);
    return;
  }
  try {
    const text = valid ? bytes : reading.validUtf8(bytes, start, record);
    const document = make(text, start, start + size, record);
    if (document) reading.add(document);
  } catch (error) {
    reading.reject(error, size);
  }
}
