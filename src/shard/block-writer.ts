import { closeSync, fdatasync, fsync, openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { classifySystemError } from '../core/errors.ts';
import { xxh64 } from '../core/hash.ts';
import { type BlockFormat, encodeHeader, HEADER_BYTES } from './block-file.ts';
import { takeBuffers, type WriterBuffers } from './kernel.ts';
import { asBytes } from './u64.ts';

/** Sent to the disk in the background whenever so much was written, so that little is left to sync at the end. */
const SYNC_BYTES = 32 << 20;

/**
 * Writes a body sequentially, digesting each block. Full buffers are written in the background as long as few are on
 * their way, else at once, so that memory stays bounded whether or not the caller lets the event loop turn.
 * Call `abandon` after an error.
 */
export class BlockFileWriter {
  readonly path: string;
  private readonly format: BlockFormat;
  private readonly descriptor: number;
  private readonly own: WriterBuffers;
  private readonly spare: Uint8Array[];
  private digests = new BigUint64Array(64);
  private blocks = 0;
  private buffer: Uint8Array;
  private used = 0;
  private flushed = 0;
  private synced = 0;
  private inFlight = 0;
  private syncing = false;
  private failure: unknown;
  private landed: (() => void) | undefined;
  private closed = false;

  /** `own`: what it collects blocks in; buffers of its own unless given. */
  constructor(path: string, format: BlockFormat, own = takeBuffers()) {
    this.path = path;
    this.format = format;
    this.own = own;
    this.spare = [...this.own.buffers];
    this.buffer = this.spare.pop()!;
    try {
      this.descriptor = openSync(path, 'w');
    } catch (error) {
      this.own.release?.();
      throw classifySystemError(error, { file: path });
    }
  }

  /** Bytes of body given so far. */
  get bodyBytes(): number {
    return this.flushed + this.used;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length < this.buffer.length - this.used) {
      this.buffer.set(bytes, this.used);
      this.used += bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const n = Math.min(bytes.length - at, this.buffer.length - this.used);
      this.buffer.set(bytes.subarray(at, at + n), this.used);
      this.used += n;
      at += n;
      if (this.used === this.buffer.length) this.flush();
    }
  }

  /**
   * Takes what `fill` puts into the free part [from, to) of a buffer, which it is given as addresses in the buffers'
   * memory; it says how many bytes that were, and is called again as long as it filled all.
   */
  gather(fill: (from: number, to: number) => number): void {
    for (;;) {
      const { byteOffset, length } = this.buffer;
      const filled = fill(byteOffset + this.used, byteOffset + length);
      this.used += filled;
      if (this.used < length) return;
      this.flush();
    }
  }

  /** Zeros up to the next multiple of `bytes` of the body. */
  align(bytes: number): void {
    const over = this.bodyBytes % bytes;
    if (over > 0) this.add(new Uint8Array(bytes - over));
  }

  /** Writes table and header (`fields` fills its words from FIELDS_AT on), syncs and closes. Gives the XXH64 of the header. */
  async finish(fields: (words: Uint32Array) => void): Promise<bigint> {
    const digest = await this.complete(fields);
    await this.sync();
    return digest;
  }

  /**
   * The first half of `finish`: all is written, and buffers that were given may serve another writer, while `sync`, which
   * must follow, waits for the disk.
   */
  async complete(fields: (words: Uint32Array) => void): Promise<bigint> {
    try {
      this.flush();
      await this.landing(() => this.writing === 0);
      const table = asBytes(this.digests.subarray(0, this.blocks));
      const header = encodeHeader(this.format, this.flushed, xxh64(table), fields);
      this.put(table, HEADER_BYTES + this.flushed);
      this.put(header, 0);
      return xxh64(header);
    } catch (error) {
      this.abandon();
      throw classifySystemError(error, { file: this.path });
    }
  }

  async sync(): Promise<void> {
    try {
      await promisify(fsync)(this.descriptor);
      await this.landing(() => this.inFlight === 0);
    } catch (error) {
      throw classifySystemError(error, { file: this.path });
    } finally {
      this.abandon();
    }
  }

  /** Closes the file, when the last write has landed, without making it whole; nothing more after `finish` or `sync`. */
  abandon(): void {
    if (this.closed) return;
    this.closed = true;
    // A descriptor must not be closed, and perhaps given out anew, under a write.
    if (this.inFlight === 0) this.close();
  }

  private close(): void {
    closeSync(this.descriptor);
    this.own.release?.();
  }

  private flush(): void {
    const { buffer, used } = this;
    if (this.failure !== undefined) throw classifySystemError(this.failure, { file: this.path });
    this.digest(buffer, used);
    const position = HEADER_BYTES + this.flushed;
    this.flushed += used;
    this.used = 0;
    const next = this.spare.pop();
    if (next === undefined) {
      this.put(buffer.subarray(0, used), position);
    } else {
      this.buffer = next;
      this.inFlight++;
      this.send(buffer, 0, used, position);
    }
    if (this.flushed - this.synced >= SYNC_BYTES && !this.syncing) this.startSync();
  }

  private digest(buffer: Uint8Array, bytes: number): void {
    const found = this.own.digest(buffer, 0, bytes, this.format.blockBytes);
    if (this.blocks + found.length > this.digests.length) {
      const grown = new BigUint64Array(2 * this.digests.length);
      grown.set(this.digests);
      this.digests = grown;
    }
    this.digests.set(found, this.blocks);
    this.blocks += found.length;
  }

  private send(buffer: Uint8Array, from: number, to: number, position: number): void {
    write(this.descriptor, buffer, from, to - from, position, (error, written) => {
      if (!error && from + written < to) {
        this.send(buffer, from + written, to, position + written);
        return;
      }
      this.spare.push(buffer);
      this.done(error);
    });
  }

  private startSync(): void {
    this.syncing = true;
    this.synced = this.flushed;
    this.inFlight++;
    fdatasync(this.descriptor, (error) => {
      this.syncing = false;
      this.done(error);
    });
  }

  private done(error: unknown): void {
    if (error) this.failure ??= error;
    if (--this.inFlight === 0 && this.closed) this.close();
    this.landed?.();
  }

  /** Writes under way; a sync is no write. */
  private get writing(): number {
    return this.inFlight - (this.syncing ? 1 : 0);
  }

  private async landing(landed: () => boolean): Promise<void> {
    while (!landed()) {
      await new Promise<void>((resolve) => {
        this.landed = resolve;
      });
    }
    if (this.failure !== undefined) throw this.failure;
  }

  private put(bytes: Uint8Array, position: number): void {
    try {
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.descriptor, bytes, at, bytes.length - at, position + at);
      }
    } catch (error) {
      throw classifySystemError(error, { file: this.path });
    }
  }
}
