import { DamageError } from './damage.ts';
import type { Piece } from './file-bytes.ts';

/** Bytes of a stream on demand: `need(n)` makes n bytes stand at the front, fewer only at the end of the stream. */
export class ByteWindow {
  buffer: Buffer = Buffer.alloc(0);
  /** Offset of buffer[0] in the stream. */
  offset: number;
  /** Offset in the file as it lies on the disk after what was taken in. */
  disk = 0;
  /** Why the stream ended before its end: what stands in the window is sound, and comes first. */
  damage: DamageError | undefined;
  private readonly source: AsyncGenerator<Piece>;

  constructor(source: AsyncGenerator<Piece>, offset = 0) {
    this.source = source;
    this.offset = offset;
  }

  async need(n: number): Promise<boolean> {
    while (this.buffer.length < n) {
      const next = await this.pull();
      if (!next) return false;
      this.disk = next.disk;
      this.buffer = this.buffer.length ? Buffer.concat([this.buffer, next.bytes]) : next.bytes;
    }
    return true;
  }

  private async pull(): Promise<Piece | undefined> {
    if (this.damage) return undefined;
    try {
      const next = await this.source.next();
      return next.done ? undefined : next.value;
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      this.damage = error;
      return undefined;
    }
  }

  drop(n: number): void {
    this.buffer = this.buffer.subarray(n);
    this.offset += n;
  }

  /** Drops n bytes that need not be there yet, in bounded memory; how many there were. */
  async skip(n: number): Promise<number> {
    let left = n;
    while (left > 0 && (await this.need(1))) {
      const step = Math.min(left, this.buffer.length);
      this.drop(step);
      left -= step;
    }
    return n - left;
  }

  async close(): Promise<void> {
    await this.source.return(undefined);
  }
}
