import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { classifySystemError, IntegrityError, ProvenderError } from '../core/errors.ts';
import { syncFile, syncFileBeside } from '../core/files.ts';

/*
 * A file of checked blocks, in columns:
 *
 *   header   64 bytes: magic, version, kind, digest of the parameters that it was written with, checksum
 *   blocks   payloads, one after the other
 *   index    24 bytes a block: section, count, offset, length, checksum
 *   trailer  40 bytes: magic, number of blocks, offset of the index, documents, checksums
 *
 * A block holds one section (a column) of one run of documents; a reader takes one column of the whole file without
 * reading the others. Each payload is checked as it is read, so that damage is found before it is used, and
 * truncation when the file is opened. Numbers are little-endian.
 */
const MAGIC = 0x42565250; // "PRVB"
const END_MAGIC = 0x45565250; // "PRVE"
const VERSION = 1;
const HEADER_BYTES = 64;
const ENTRY_BYTES = 24;
const TRAILER_BYTES = 40;

/** One block as the index knows it. */
export interface BlockEntry {
  readonly section: number;
  /** Records in the block. */
  readonly count: number;
  /** Number of the block's first document, counted from the file's first. */
  readonly first: number;
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

/** The first 16 bytes of SHA-256 over the parameters, as JSON. */
export function digestOf(parameters: unknown): Buffer {
  return createHash('sha256').update(JSON.stringify(parameters)).digest().subarray(0, 16);
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}

function headerOf(kind: string, digest: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(VERSION, 4);
  header.write(kind, 8, 16, 'latin1');
  digest.copy(header, 24);
  header.writeUInt32LE(crc32(header.subarray(0, 60)), 60);
  return header;
}

/** Writes a file of blocks. Sections of one run of documents follow each other; `commit` ends the run. */
export class BlockWriter {
  readonly path: string;
  private readonly file: number;
  private offset = HEADER_BYTES;
  private documents = 0;
  private isClosed = false;
  private readonly entries: BlockEntry[] = [];

  constructor(path: string, kind: string, digest: Buffer) {
    this.path = path;
    try {
      this.file = openSync(path, 'w');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
    this.put(headerOf(kind, digest), 0);
  }

  /** Appends a payload of `count` records that belongs to the run of documents under way. */
  write(section: number, payload: Uint8Array, count: number): void {
    const { offset, documents: first } = this;
    this.put(payload, offset);
    this.entries.push({
      section,
      count,
      first,
      offset,
      length: payload.length,
      checksum: crc32(payload),
    });
    this.offset += payload.length;
  }

  /** Ends a run: the next block belongs to the documents after these. */
  commit(documents: number): void {
    this.documents += documents;
  }

  /** Writes index and trailer, syncs and closes. */
  finish(): void {
    this.end();
    try {
      syncFile(this.file, this.path);
    } finally {
      this.abandon();
    }
  }

  /** The same, but that the disk is waited for beside: at once the file is whole for whoever reads it. */
  async finishBeside(): Promise<void> {
    this.end();
    try {
      await syncFileBeside(this.file, this.path);
    } finally {
      this.abandon();
    }
  }

  private end(): void {
    const index = Buffer.alloc(this.entries.length * ENTRY_BYTES);
    this.entries.forEach((entry, i) => {
      const at = i * ENTRY_BYTES;
      index.writeUInt32LE(entry.section, at);
      index.writeUInt32LE(entry.count, at + 4);
      index.writeUIntLE(entry.first, at + 8, 6);
      index.writeUInt32LE(entry.length, at + 16);
      index.writeUInt32LE(entry.checksum, at + 20);
    });
    const trailer = Buffer.alloc(TRAILER_BYTES);
    trailer.writeUInt32LE(END_MAGIC, 0);
    trailer.writeUInt32LE(this.entries.length, 4);
    trailer.writeUIntLE(this.offset, 8, 6);
    trailer.writeUIntLE(this.documents, 16, 6);
    trailer.writeUInt32LE(crc32(index), 32);
    trailer.writeUInt32LE(crc32(trailer.subarray(0, 36)), 36);
    this.put(index, this.offset);
    this.put(trailer, this.offset + index.length);
  }

  /** Closes without finishing: the file has no trailer, so that no reader takes it for a whole one. After `finish`, nothing. */
  abandon(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    closeSync(this.file);
  }

  private put(bytes: Uint8Array, at: number): void {
    try {
      let done = 0;
      while (done < bytes.length) done += writeSync(this.file, bytes, done, bytes.length - done, at + done);
    } catch (error) {
      throw classifySystemError(error, { file: this.path, offset: at });
    }
  }
}

/** Reads a file of blocks; every damage is an IntegrityError that says where. */
export class BlockReader {
  readonly path: string;
  readonly documents: number;
  readonly entries: readonly BlockEntry[];
  /** SHA-256 of header, index and trailer, which hold the checksum of every payload: stands for the whole file. */
  readonly identity: string;
  private readonly file: number;

  /** @throws IntegrityError if the file is not whole, or not of this kind and digest */
  constructor(path: string, kind: string, digest: Buffer) {
    this.path = path;
    try {
      this.file = openSync(path, 'r');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
    try {
      const header = this.checkHeader(kind, digest);
      const { entries, documents, end } = this.readIndex();
      this.identity = createHash('sha256').update(header).update(end).digest('hex');
      this.entries = entries;
      this.documents = documents;
    } catch (error) {
      closeSync(this.file);
      throw error;
    }
  }

  /** Blocks of one section, in the order of their documents. */
  section(section: number): BlockEntry[] {
    return this.entries.filter((entry) => entry.section === section);
  }

  /** The payload of a block, checked, in memory of its own. */
  read(entry: BlockEntry): Buffer {
    const payload = this.bytes(entry.offset, entry.length);
    const found = crc32(payload);
    if (found !== entry.checksum) {
      throw this.damage('damaged block', entry.offset, `checksum ${hex(entry.checksum)}`, hex(found));
    }
    return payload;
  }

  /** Bytes [from, from + length) of a payload, unchecked: only for blocks that were read whole before. */
  slice(entry: BlockEntry, from: number, length: number): Buffer {
    return this.bytes(entry.offset + from, length);
  }

  close(): void {
    closeSync(this.file);
  }

  private checkHeader(kind: string, digest: Buffer): Buffer {
    const size = fstatSync(this.file).size;
    if (size < HEADER_BYTES + TRAILER_BYTES)
      throw this.damage('truncated file', size, `at least ${HEADER_BYTES + TRAILER_BYTES} bytes`, `${size}`);
    const header = this.bytes(0, HEADER_BYTES);
    const magic = header.readUInt32LE(0);
    if (magic !== MAGIC) throw this.damage('not a file of blocks', 0, `magic ${hex(MAGIC)}`, hex(magic));
    const sum = crc32(header.subarray(0, 60));
    const stored = header.readUInt32LE(60);
    if (sum !== stored) throw this.damage('damaged header', 60, `checksum ${hex(stored)}`, hex(sum));
    const version = header.readUInt32LE(4);
    if (version !== VERSION)
      throw this.damage('unknown version', 4, `version ${VERSION}`, `version ${version}`);
    const foundKind = header.toString('latin1', 8, 24).replace(/\0+$/, '');
    if (foundKind !== kind) throw this.damage('wrong kind of file', 8, kind, foundKind);
    const foundDigest = header.subarray(24, 40);
    if (!foundDigest.equals(digest)) {
      throw this.damage(
        'written with other parameters',
        24,
        `digest ${digest.toString('hex')}`,
        foundDigest.toString('hex'),
      );
    }
    return header;
  }

  private readIndex(): { entries: BlockEntry[]; documents: number; end: Buffer } {
    const size = fstatSync(this.file).size;
    const end = size - TRAILER_BYTES;
    const trailer = this.bytes(end, TRAILER_BYTES);
    const sum = crc32(trailer.subarray(0, 36));
    if (trailer.readUInt32LE(0) !== END_MAGIC || trailer.readUInt32LE(36) !== sum)
      throw this.damage('truncated or damaged file', end, 'a trailer', 'other bytes');
    const blocks = trailer.readUInt32LE(4);
    const indexOffset = trailer.readUIntLE(8, 6);
    if (indexOffset + blocks * ENTRY_BYTES !== end) {
      throw this.damage(
        'wrong size',
        end,
        `${indexOffset + blocks * ENTRY_BYTES + TRAILER_BYTES} bytes`,
        `${size}`,
      );
    }
    const index = this.bytes(indexOffset, blocks * ENTRY_BYTES);
    const stored = trailer.readUInt32LE(32);
    const found = crc32(index);
    if (found !== stored)
      throw this.damage('damaged index', indexOffset, `checksum ${hex(stored)}`, hex(found));
    const entries: BlockEntry[] = [];
    let offset = HEADER_BYTES;
    for (let at = 0; at < index.length; at += ENTRY_BYTES) {
      const length = index.readUInt32LE(at + 16);
      entries.push({
        section: index.readUInt32LE(at),
        count: index.readUInt32LE(at + 4),
        first: index.readUIntLE(at + 8, 6),
        offset,
        length,
        checksum: index.readUInt32LE(at + 20),
      });
      offset += length;
    }
    return { entries, documents: trailer.readUIntLE(16, 6), end: Buffer.concat([index, trailer]) };
  }

  private bytes(offset: number, length: number): Buffer {
    // An ArrayBuffer of its own, so that a typed array can be laid over it.
    const buffer = Buffer.from(new ArrayBuffer(length));
    let done = 0;
    try {
      while (done < length) {
        const n = readSync(this.file, buffer, done, length - done, offset + done);
        if (n === 0) throw this.damage('truncated file', offset + done, `${length} bytes`, `${done}`);
        done += n;
      }
    } catch (error) {
      if (error instanceof ProvenderError) throw error;
      throw classifySystemError(error, { file: this.path, offset: offset + done });
    }
    return buffer;
  }

  private damage(what: string, offset: number, expected: string, found: string): IntegrityError {
    return new IntegrityError(what, { file: this.path, offset, expected, found });
  }
}
