import { closeSync, fstatSync, fsync, openSync, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { classifySystemError, IntegrityError } from '../core/errors.ts';
import { xxh64 } from '../core/hash.ts';
import { asBytes, getBig, getU64, setBig, setU64 } from './u64.ts';

/**
 * The container of shards and side files: a header of 256 bytes, a body, and a table of XXH64 digests, one for each
 * block of the body. FORMAT.md gives every byte. The header is written last, so that no half-written file opens.
 */
export const HEADER_BYTES = 256;
export const BLOCK_BYTES = 1 << 20;
/** First word of a header that belongs to the format inside the container, and the first after them. */
export const FIELDS_AT = 10;
const HEADER_DIGEST_AT = 62;
const TABLE_DIGEST_AT = 8;

export interface BlockFormat {
  /** Eight bytes of Latin-1. */
  readonly magic: string;
  readonly version: number;
  readonly blockBytes: number;
}

/** Bytes of one buffer of a writer, and how many of them may be on their way to the disk. */
const BUFFER_BYTES = 2 << 20;
const MOST_IN_FLIGHT = 8;

/**
 * Writes a body sequentially, digesting each block. Full buffers are written in the background as long as few are on
 * their way, else at once, so that memory stays bounded whether or not the caller lets the event loop turn.
 * Call `abandon` after an error.
 */
export class BlockFileWriter {
  readonly path: string;
  private readonly format: BlockFormat;
  private readonly descriptor: number;
  private readonly digests: bigint[] = [];
  private readonly spare: Uint8Array[] = [];
  private buffer: Uint8Array;
  private used = 0;
  private flushed = 0;
  private inFlight = 0;
  private failure: unknown;
  private landed: (() => void) | undefined;
  private closed = false;

  constructor(path: string, format: BlockFormat) {
    this.path = path;
    this.format = format;
    this.buffer = new Uint8Array(BUFFER_BYTES);
    try {
      this.descriptor = openSync(path, 'w');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
  }

  /** Bytes of body given so far. */
  get bodyBytes(): number {
    return this.flushed + this.used;
  }

  add(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const n = Math.min(bytes.length - at, this.buffer.length - this.used);
      this.buffer.set(at === 0 && n === bytes.length ? bytes : bytes.subarray(at, at + n), this.used);
      this.used += n;
      at += n;
      if (this.used === this.buffer.length) this.flush();
    }
  }

  /** Zeros up to the next multiple of `bytes` of the body. */
  align(bytes: number): void {
    const over = this.bodyBytes % bytes;
    if (over > 0) this.add(new Uint8Array(bytes - over));
  }

  /** Writes table and header (`fields` fills its words from FIELDS_AT on), syncs and closes. Gives the XXH64 of the header. */
  async finish(fields: (words: Uint32Array) => void): Promise<bigint> {
    try {
      this.flush();
      await this.allLanded();
      const table = asBytes(BigUint64Array.from(this.digests));
      const header = encodeHeader(this.format, this.flushed, xxh64(table), fields);
      this.put(table, HEADER_BYTES + this.flushed);
      this.put(header, 0);
      await promisify(fsync)(this.descriptor);
      return xxh64(header);
    } catch (error) {
      throw classifySystemError(error, { file: this.path });
    } finally {
      this.abandon();
    }
  }

  /** Closes the file, when the last write has landed, without making it whole; nothing more after `finish`. */
  abandon(): void {
    if (this.closed) return;
    this.closed = true;
    // A descriptor must not be closed, and perhaps given out anew, under a write.
    if (this.inFlight === 0) closeSync(this.descriptor);
  }

  private flush(): void {
    const { blockBytes } = this.format;
    const { buffer, used } = this;
    for (let at = 0; at < used; at += blockBytes) {
      this.digests.push(xxh64(buffer.subarray(at, Math.min(used, at + blockBytes))));
    }
    const position = HEADER_BYTES + this.flushed;
    this.flushed += used;
    this.used = 0;
    if (this.failure !== undefined) throw classifySystemError(this.failure, { file: this.path });
    if (this.inFlight >= MOST_IN_FLIGHT) {
      this.put(buffer.subarray(0, used), position);
      return;
    }
    this.inFlight++;
    this.buffer = this.spare.pop() ?? new Uint8Array(BUFFER_BYTES);
    this.send(buffer, 0, used, position);
  }

  private send(buffer: Uint8Array, from: number, to: number, position: number): void {
    write(this.descriptor, buffer, from, to - from, position, (error, written) => {
      if (!error && from + written < to) {
        this.send(buffer, from + written, to, position + written);
        return;
      }
      if (error) this.failure ??= error;
      this.inFlight--;
      this.spare.push(buffer);
      if (this.inFlight > 0) return;
      if (this.closed) closeSync(this.descriptor);
      this.landed?.();
    });
  }

  private async allLanded(): Promise<void> {
    while (this.inFlight > 0) {
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

/** The 256 bytes of a header: the container's words, then `fields`, then the header's own digest. */
export function encodeHeader(
  format: BlockFormat,
  bodyBytes: number,
  tableDigest: bigint,
  fields: (words: Uint32Array) => void,
): Uint8Array {
  const words = new Uint32Array(HEADER_BYTES / 4);
  const bytes = asBytes(words);
  bytes.set(Buffer.from(format.magic, 'latin1').subarray(0, 8));
  words[2] = format.version;
  words[3] = format.blockBytes;
  setU64(words, 4, HEADER_BYTES + bodyBytes + 8 * Math.ceil(bodyBytes / format.blockBytes));
  setU64(words, 6, bodyBytes);
  setBig(words, TABLE_DIGEST_AT, tableDigest);
  fields(words);
  setBig(words, HEADER_DIGEST_AT, xxh64(bytes.subarray(0, HEADER_DIGEST_AT * 4)));
  return bytes;
}

/**
 * Reads a container. Opening checks magic, version, the header's digest, the file's size and the digest of the
 * table; a block is checked against the table before any byte of it is given (once).
 * Damage is an IntegrityError with file, byte offset, the digest that was expected and the one found.
 */
export class BlockFile {
  readonly path: string;
  readonly format: BlockFormat;
  readonly header: Uint32Array;
  readonly bodyBytes: number;
  /** XXH64 of the header, which holds the digest of the table of the blocks' digests. */
  readonly digest: bigint;
  private readonly descriptor: number;
  private readonly table: Uint32Array;
  private readonly checked: Uint8Array;
  private scratch: Uint8Array | undefined;

  constructor(path: string, format: BlockFormat) {
    this.path = path;
    this.format = format;
    try {
      this.descriptor = openSync(path, 'r');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
    try {
      const size = fstatSync(this.descriptor).size;
      this.header = this.readHeader(size);
      this.digest = xxh64(asBytes(this.header));
      this.bodyBytes = getU64(this.header, 6);
      this.table = this.readTable();
      this.checked = new Uint8Array(this.blocks);
    } catch (error) {
      closeSync(this.descriptor);
      throw error;
    }
  }

  get blocks(): number {
    return Math.ceil(this.bodyBytes / this.format.blockBytes);
  }

  /** Bytes of block `k`; only the last one may be shorter than the format's. */
  blockSize(k: number): number {
    return Math.min(this.format.blockBytes, this.bodyBytes - k * this.format.blockBytes);
  }

  /** Reads and checks whole blocks [first, first + count) into `into`. */
  readBlocks(first: number, count: number, into: Uint8Array): void {
    const { blockBytes } = this.format;
    const at = first * blockBytes;
    const bytes = Math.min(count * blockBytes, this.bodyBytes - at);
    this.pread(into, bytes, HEADER_BYTES + at);
    for (let k = 0; k < count; k++) {
      this.checkBlock(first + k, into.subarray(k * blockBytes, k * blockBytes + this.blockSize(first + k)));
    }
  }

  /** Copies body bytes [at, at + into.length) to `into`, having checked the blocks they are in. */
  read(at: number, into: Uint8Array): void {
    if (at < 0 || at + into.length > this.bodyBytes) {
      throw new IntegrityError('a range reaches past the body of the file', {
        file: this.path,
        offset: HEADER_BYTES + at,
        expected: `at most ${this.bodyBytes} bytes of body`,
        found: `${at + into.length}`,
      });
    }
    if (into.length === 0) return;
    const last = Math.floor((at + into.length - 1) / this.format.blockBytes);
    for (let k = Math.floor(at / this.format.blockBytes); k <= last; k++) if (!this.checked[k]) this.touch(k);
    this.pread(into, into.length, HEADER_BYTES + at);
  }

  /** Takes every block as checked: for those who trust the disk. */
  trust(): void {
    this.checked.fill(1);
  }

  /** Reads every block that was not checked yet. */
  verify(): void {
    for (let k = 0; k < this.blocks; k++) if (!this.checked[k]) this.touch(k);
    this.scratch = undefined;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private touch(k: number): void {
    this.scratch ??= new Uint8Array(this.format.blockBytes);
    this.readBlocks(k, 1, this.scratch);
  }

  private checkBlock(k: number, bytes: Uint8Array): void {
    const expected = getBig(this.table, 2 * k);
    const found = xxh64(bytes);
    if (found !== expected) {
      throw new IntegrityError(`block ${k} is damaged`, {
        file: this.path,
        offset: HEADER_BYTES + k * this.format.blockBytes,
        expected: `XXH64 ${hex(expected)}`,
        found: hex(found),
      });
    }
    this.checked[k] = 1;
  }

  private readHeader(size: number): Uint32Array {
    if (size < HEADER_BYTES) this.damaged('too short for a header', 0, `${HEADER_BYTES} bytes`, `${size}`);
    const words = new Uint32Array(HEADER_BYTES / 4);
    const bytes = asBytes(words);
    this.pread(bytes, HEADER_BYTES, 0);
    const magic = Buffer.from(bytes.subarray(0, 8)).toString('latin1');
    const { format } = this;
    if (magic !== format.magic)
      this.damaged('wrong magic', 0, JSON.stringify(format.magic), JSON.stringify(magic));
    if (words[2] !== format.version) this.damaged('unknown version', 8, `${format.version}`, `${words[2]}`);
    const digest = xxh64(bytes.subarray(0, HEADER_DIGEST_AT * 4));
    const kept = getBig(words, HEADER_DIGEST_AT);
    if (digest !== kept) this.damaged('the header is damaged', 0, `XXH64 ${hex(kept)}`, hex(digest));
    if (words[3] !== format.blockBytes)
      this.damaged('other block size', 12, `${format.blockBytes}`, `${words[3]}`);
    if (getU64(words, 4) !== size)
      this.damaged('the file has the wrong size', 16, `${getU64(words, 4)} bytes`, `${size}`);
    return words;
  }

  private readTable(): Uint32Array {
    const table = new Uint32Array(2 * this.blocks);
    const at = HEADER_BYTES + this.bodyBytes;
    this.pread(asBytes(table), table.byteLength, at);
    const expected = getBig(this.header, TABLE_DIGEST_AT);
    const found = xxh64(asBytes(table));
    if (found !== expected)
      this.damaged('the table of digests is damaged', at, `XXH64 ${hex(expected)}`, hex(found));
    return table;
  }

  private pread(into: Uint8Array, bytes: number, position: number): void {
    for (let got = 0; got < bytes; ) {
      let n: number;
      try {
        n = readSync(this.descriptor, into, got, bytes - got, position + got);
      } catch (error) {
        throw classifySystemError(error, { file: this.path, offset: position + got });
      }
      if (n === 0)
        this.damaged('the file ends early', position + got, `${bytes - got} more bytes`, 'its end');
      got += n;
    }
  }

  private damaged(what: string, offset: number, expected: string, found: string): never {
    throw new IntegrityError(what, { file: this.path, offset, expected, found });
  }
}

export function hex(digest: bigint): string {
  return digest.toString(16).padStart(16, '0');
}

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
