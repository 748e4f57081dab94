import { DamageError } from './damage.ts';
import type { Piece } from './file-bytes.ts';

const NONE: Buffer = Buffer.alloc(0);

/** Bytes of a stream on demand: `need(n)` makes n bytes stand at the front, fewer only at the end of the stream. */
export class ByteWindow {
  buffer: Buffer = NONE;
  /** Offset of buffer[0] in the stream. */
  offset: number;
  /** Offset in the file as it lies on the disk after what was taken in. */
  disk = 0;
  /** Why the stream ended before its end: what stands in the window is sound, and comes first. */
  damage: DamageError | undefined;
  private readonly source: AsyncGenerator<Piece>;
  private readonly lent: boolean;
  /** Pieces after `buffer` that were only looked at: a piece that is not joined to others is not copied. */
  private readonly ahead: Buffer[] = [];
  /** Whether what is in `buffer` was copied from pieces. */
  private ownsBuffer = false;

  /** `lent`: the bytes of a piece are valid until the second one after it is asked for, and so is what stands here. */
  constructor(source: AsyncGenerator<Piece>, offset = 0, lent = false) {
    this.source = source;
    this.offset = offset;
    this.lent = lent;
  }

  async need(n: number): Promise<boolean> {
    while (this.buffer.length < n) {
      const next = this.ahead.shift() ?? (await this.pull());
      if (!next) return false;
      this.ownsBuffer = this.buffer.length > 0;
      this.buffer = this.ownsBuffer ? Buffer.concat([this.buffer, next]) : next;
    }
    return true;
  }

  /** The `n` bytes after the first `at`, fewer only at the end of the stream. `buffer` stays as it is. */
  async peek(at: number, n: number): Promise<Buffer> {
    const inside = this.buffer.subarray(at, at + n);
    if (inside.length === n) return inside;
    let have = this.buffer.length;
    for (const piece of this.ahead) have += piece.length;
    while (have < at + n) {
      const next = await this.pull();
      if (!next) break;
      this.ahead.push(next);
      have += next.length;
    }
    // Only now: what was lent may have been copied to another place.
    let before = 0;
    const parts = [this.buffer, ...this.ahead].map((piece) => {
      const part = piece.subarray(Math.max(0, at - before), Math.max(0, at + n - before));
      before += piece.length;
      return part;
    });
    return Buffer.concat(parts);
  }

  private async pull(): Promise<Buffer | undefined> {
    if (this.damage) return undefined;
    if (this.lent && this.ahead.length > 0) {
      if (!this.ownsBuffer) this.buffer = Buffer.from(this.buffer);
      this.ownsBuffer = true;
      this.ahead.push(Buffer.from(this.ahead.pop()!));
    }
    try {
      const next = await this.source.next();
      if (next.done) return undefined;
      this.disk = next.value.disk;
      return next.value.bytes;
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
