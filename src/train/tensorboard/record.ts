/**
 * TFRecord framing: length (u64), masked CRC of the length, data, masked CRC of the data; little-endian.
 * https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */

import { maskedCrc32c } from './crc32c.ts';

const HEADER = 12;
const FOOTER = 4;

export function frame(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER + data.length + FOOTER);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, HEADER);
  view.setUint32(HEADER + data.length, maskedCrc32c(data), true);
  return record;
}

export interface FramedRecord {
  /** Of the record's first byte. */
  readonly start: number;
  readonly end: number;
  readonly data: Uint8Array;
}

/** The whole, undamaged records at the front of `bytes`: what follows a cut or damaged one is not told of. */
export function* records(bytes: Uint8Array): Generator<FramedRecord> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = 0; start + HEADER + FOOTER <= bytes.length; ) {
    const length = Number(view.getBigUint64(start, true));
    const end = start + HEADER + length + FOOTER;
    if (view.getUint32(start + 8, true) !== maskedCrc32c(bytes.subarray(start, start + 8))) return;
    if (end > bytes.length) return;
    const data = bytes.subarray(start + HEADER, end - FOOTER);
    if (view.getUint32(end - FOOTER, true) !== maskedCrc32c(data)) return;
    yield { start, end, data };
    start = end;
  }
}
