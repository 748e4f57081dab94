import { DamageError } from './damage.ts';
import type { Piece } from './file-bytes.ts';
import { asBuffer } from './utf8.ts';

/** Bytes that hold only whole records, each ended by its separator (the last of a stream may lack it). */
export interface Block {
  readonly bytes: Buffer;
  /** Decompressed offset of bytes[0], which begins a record unless `tooLong`. */
  readonly offset: number;
  readonly disk: number;
  /** The block stands for one record longer than allowed, of which only the first bytes are here. */
  readonly tooLong?: number;
  /** The stream broke off inside the last record of the block: it is not whole. */
  readonly damage?: DamageError;
}

/**
 * Regroups pieces so that no record crosses a block. `offset` is the decompressed offset of the first piece, and a
 * record begins there. A record of more than `maxBytes` is skipped in bounded memory. Damage in the stream ends the
 * blocks: the last one carries the error and what was left of the record that it cut.
 */
export async function* recordBlocks(
  pieces: AsyncIterable<Piece>,
  offset: number,
  separator: Uint8Array,
  maxBytes: number,
): AsyncGenerator<Block> {
  const width = separator.length;
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let start = offset;
  let disk = 0;
  let skipped = 0;
  let damage: DamageError | undefined;
  const take = (): Buffer => {
    const bytes = carried.length === 1 ? carried[0]! : Buffer.concat(carried, carriedBytes);
    carried = [];
    carriedBytes = 0;
    return bytes;
  };
  try {
    for await (const piece of pieces) {
      disk = piece.disk;
      carried.push(piece.bytes);
      carriedBytes += piece.bytes.length;
      // A separator may straddle two pieces, but only one of a single byte is looked for in the new piece alone.
      const found = width === 1 ? piece.bytes.indexOf(separator[0]!) : -1;
      if (width === 1 && found < 0 && carriedBytes <= maxBytes) continue;
      if (found >= 0 && skipped === 0 && carried.length > 1) {
        // The record that crosses is put together for itself: the rest of the piece need not be copied.
        const rest = piece.bytes.subarray(found + 1);
        carried[carried.length - 1] = piece.bytes.subarray(0, found + 1);
        carriedBytes -= rest.length;
        const bytes = take();
        yield { bytes, offset: start, disk };
        start += bytes.length;
        carried = [rest];
        carriedBytes = rest.length;
      }
      let bytes = take();
      if (skipped > 0) {
        const next = bytes.indexOf(separator);
        const over = next < 0 ? Math.max(0, bytes.length - width + 1) : next;
        skipped += over;
        if (next < 0) {
          carried = [bytes.subarray(over)];
          carriedBytes = bytes.length - over;
          continue;
        }
        yield { bytes: bytes.subarray(0, 0), offset: start, disk, tooLong: skipped };
        start += skipped + width;
        skipped = 0;
        bytes = bytes.subarray(next + width);
      }
      const last = bytes.lastIndexOf(separator);
      if (last >= 0) {
        yield { bytes: bytes.subarray(0, last + width), offset: start, disk };
        start += last + width;
        bytes = bytes.subarray(last + width);
      }
      if (bytes.length > maxBytes + width) {
        skipped = bytes.length - width + 1;
        bytes = bytes.subarray(skipped);
      }
      carried = [bytes];
      carriedBytes = bytes.length;
    }
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    damage = error;
  }
  if (skipped > 0)
    yield { bytes: Buffer.alloc(0), offset: start, disk, tooLong: skipped + carriedBytes, damage };
  else if (carriedBytes > 0 || damage) yield { bytes: asBuffer(take()), offset: start, disk, damage };
}
