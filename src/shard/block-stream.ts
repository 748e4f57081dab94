import { IntegrityError } from '../core/errors.ts';
import { type BlockFile, HEADER_BYTES } from './block-file.ts';

/** Gives a range of a body in sequence, checked, through one buffer of whole blocks. */
export class BlockStream {
  private readonly file: BlockFile;
  private readonly end: number;
  private buffer: Uint8Array;
  /** buffer[from .. to) is what was read and not yet taken; `next` is the next block to read. */
  private from = 0;
  private to = 0;
  private next: number;
  private skip: number;

  constructor(file: BlockFile, start: number, end: number, bufferBytes: number) {
    const { blockBytes } = file.format;
    this.file = file;
    this.end = end;
    this.next = Math.floor(start / blockBytes);
    this.skip = start - this.next * blockBytes;
    const need = Math.max(1, Math.ceil(end / blockBytes) - this.next);
    this.buffer = new Uint8Array(
      Math.min(need, Math.max(2, Math.floor(bufferBytes / blockBytes))) * blockBytes,
    );
  }

  /** The next `bytes` bytes, in buffer[result .. result + bytes) of `bytes()`; valid until the next call. */
  take(bytes: number): Uint8Array {
    if (this.to - this.from < bytes) this.fill(bytes);
    const view = this.buffer.subarray(this.from, this.from + bytes);
    this.from += bytes;
    return view;
  }

  private fill(bytes: number): void {
    const { blockBytes } = this.file.format;
    const have = this.to - this.from;
    const missing = Math.ceil((bytes - have + this.skip) / blockBytes);
    const room = have + missing * blockBytes;
    const old = this.buffer;
    if (room > old.length) this.buffer = new Uint8Array(Math.max(room, have + old.length));
    this.buffer.set(old.subarray(this.from, this.to));
    this.from = 0;
    this.to = have;
    const last = Math.ceil(this.end / blockBytes);
    const count = Math.min(last - this.next, Math.floor((this.buffer.length - have) / blockBytes));
    if (count < missing) {
      throw new IntegrityError('a section ends early', {
        file: this.file.path,
        offset: HEADER_BYTES + this.next * blockBytes,
        expected: `${bytes} more bytes`,
        found: `${have}`,
      });
    }
    this.file.readBlocks(this.next, count, this.buffer.subarray(have));
    let got = 0;
    for (let k = 0; k < count; k++) got += this.file.blockSize(this.next + k);
    this.next += count;
    this.to = have + got;
    if (this.skip > 0) {
      // Only the first block can hold bytes of the section before.
      this.from = this.skip;
      this.skip = 0;
    }
  }
}
