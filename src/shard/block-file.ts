import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
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
  /** Earlier versions that can be read. */
  readonly older?: readonly number[];
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
  private range = new Uint8Array(0);

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

  get version(): number {
    return this.header[2]!;
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

  /** Reads whole blocks [first, first + count) into `into` in the background; they are not checked. */
  async fetchBlocks(first: number, count: number, into: Uint8Array): Promise<void> {
    const at = first * this.format.blockBytes;
    const bytes = Math.min(count * this.format.blockBytes, this.bodyBytes - at);
    for (let got = 0; got < bytes; ) {
      const position = HEADER_BYTES + at + got;
      const n = await new Promise<number>((resolve, reject) => {
        read(this.descriptor, into, got, bytes - got, position, (error, count) => {
          if (error) reject(classifySystemError(error, { file: this.path, offset: position }));
          else resolve(count);
        });
      });
      if (n === 0) this.damaged('the file ends early', position, `${bytes - got} more bytes`, 'its end');
      got += n;
    }
  }

  /** Holds the digests of blocks from `first` on, made elsewhere, against the table. */
  checkDigests(first: number, found: BigUint64Array): void {
    for (let i = 0; i < found.length; i++) this.checkDigest(first + i, found[i]!);
  }

  /** Body bytes [at, at + bytes), checked, in a buffer of the file's own: valid until the next call. */
  readRange(at: number, bytes: number): Uint8Array {
    if (bytes === 0) return new Uint8Array(0);
    this.checkRange(at, bytes);
    const { blockBytes } = this.format;
    const first = Math.floor(at / blockBytes);
    const count = Math.floor((at + bytes - 1) / blockBytes) + 1 - first;
    if (count * blockBytes > this.range.length) this.range = new Uint8Array(count * blockBytes);
    this.readBlocks(first, count, this.range);
    return this.range.subarray(at - first * blockBytes, at - first * blockBytes + bytes);
  }

  /** Copies body bytes [at, at + into.length) to `into`, having checked the blocks they are in. */
  read(at: number, into: Uint8Array): void {
    this.checkRange(at, into.length);
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

  private checkRange(at: number, bytes: number): void {
    if (at >= 0 && at + bytes <= this.bodyBytes) return;
    throw new IntegrityError('a range reaches past the body of the file', {
      file: this.path,
      offset: HEADER_BYTES + at,
      expected: `at most ${this.bodyBytes} bytes of body`,
      found: `${at + bytes}`,
    });
  }

  private checkBlock(k: number, bytes: Uint8Array): void {
    this.checkDigest(k, xxh64(bytes));
  }

  private checkDigest(k: number, found: bigint): void {
    const expected = getBig(this.table, 2 * k);
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
    if (words[2] !== format.version && !format.older?.includes(words[2]!))
      this.damaged('unknown version', 8, `${format.version}`, `${words[2]}`);
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
