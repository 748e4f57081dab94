import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { classifySystemError, IntegrityError } from '../core/errors.ts';
import { isPreTokenizerName, type PreTokenizerName } from './pre-tokenizers.ts';
import { sortByteStrings } from './sort-bytes.ts';

/**
 * A counts file, little-endian:
 * `PVPTOKC\0` | u32 version = 1 | u32 header length | SHA-256 of all else | header (JSON) | records.
 * Records ascend by bytes: LEB128 shared prefix with the record before, LEB128 length of the rest, the rest, LEB128 count.
 */
const MAGIC = 'PVPTOKC\0';
const VERSION = 1;
const FIXED = 48;

export type TrainingNormalizer = 'none' | 'nfc';

export interface CountHeader {
  readonly preTokenizer: PreTokenizerName;
  readonly normalizer: TrainingNormalizer;
  readonly entries: number;
  /** Sum of the counts. */
  readonly preTokens: number;
  /** Bytes of text that were counted. */
  readonly bytes: number;
}

export interface CountColumns {
  readonly size: number;
  readonly arena: Uint8Array;
  readonly ends: Uint32Array;
  readonly counts: Float64Array;
}

/** Byte strings anywhere in an arena, with counts. */
export interface SparseColumns {
  readonly size: number;
  readonly arena: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly counts: Float64Array;
}

/** Counts the pre-tokens of texts. */
export interface CountTable {
  /** Returns how many pre-tokens `text` has. */
  add(text: Uint8Array): number;
  /** Bytes of memory in use. */
  readonly memory: number;
  /** Valid until the next call. */
  columns(): SparseColumns;
  clear(): void;
}

function putVarint(out: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    out[at++] = (value % 0x80) | 0x80;
    value = Math.floor(value / 0x80);
  }
  out[at++] = value;
  return at;
}

function digestOf(file: Uint8Array): Buffer {
  return createHash('sha256').update(file.subarray(0, 16)).update(file.subarray(FIXED)).digest();
}

/** A counts file in bytes [start, end) of a file on the disk: it is read piece by piece. */
export interface CountRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

export type CountSource = Uint8Array | CountRange;

/** Of a file that is read piece by piece: as many may be open at once as a corpus has parts. */
const PIECE = 1 << 16;

function lengthOf(source: CountSource): number {
  return source instanceof Uint8Array ? source.length : source.end - source.start;
}

/** At most `length` bytes from `at` on. */
function readPart(source: CountSource, at: number, length: number): Uint8Array {
  if (source instanceof Uint8Array) return source.subarray(at, at + length);
  const { path, start, end } = source;
  const into = new Uint8Array(Math.max(0, Math.min(length, end - start - at)));
  try {
    // Opened for each piece: thousands of parts would else be too many open files.
    const descriptor = openSync(path, 'r');
    try {
      let got = 0;
      for (let n = -1; got < into.length && n !== 0; got += n)
        n = readSync(descriptor, into, got, into.length - got, start + at + got);
      return into.subarray(0, got);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

function digestOfSource(source: CountSource): string {
  if (source instanceof Uint8Array) return digestOf(source).toString('hex');
  const hash = createHash('sha256').update(readPart(source, 0, 16));
  for (let at = FIXED; at < lengthOf(source); at += 1 << 20) hash.update(readPart(source, at, 1 << 20));
  return hash.digest('hex');
}

export function writeCountFile(header: Omit<CountHeader, 'entries'>, table: SparseColumns): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify({ ...header, entries: table.size }));
  let arenaLength = 0;
  for (let i = 0; i < table.size; i++) arenaLength += table.ends[i]! - table.starts[i]!;
  const out = new Uint8Array(FIXED + text.length + arenaLength + table.size * 18);
  out.set(text, FIXED);
  let at = FIXED + text.length;
  let before = 0;
  let beforeEnd = 0;
  for (const entry of sortByteStrings(table)) {
    const start = table.starts[entry]!;
    const end = table.ends[entry]!;
    let shared = 0;
    while (start + shared < end && before + shared < beforeEnd) {
      if (table.arena[start + shared] !== table.arena[before + shared]) break;
      shared++;
    }
    at = putVarint(out, at, shared);
    at = putVarint(out, at, end - start - shared);
    for (let i = start + shared; i < end; i++) out[at++] = table.arena[i]!;
    at = putVarint(out, at, table.counts[entry]!);
    before = start;
    beforeEnd = end;
  }
  const file = out.slice(0, at);
  file.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(file.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, text.length, true);
  file.set(digestOf(file), 16);
  return file;
}

/** Reads a counts file record by record. `bytes[0 .. length)` and `count` are the current record. */
export class CountReader {
  readonly header: CountHeader;
  bytes = new Uint8Array(64);
  length = 0;
  count = 0;
  readonly #source: CountSource;
  /** What was read of the source: from #pieceAt on. */
  #piece: Uint8Array;
  #pieceAt = 0;
  #at: number;
  #left: number;

  /** Throws IntegrityError where the file is not a counts file, is another version or is damaged. */
  constructor(source: CountSource, where: string) {
    const { header, start } = readHeader(source, where);
    this.header = header;
    this.#source = source;
    this.#piece = source instanceof Uint8Array ? source : new Uint8Array(0);
    this.#at = start;
    if (!(source instanceof Uint8Array)) this.#pieceAt = start;
    this.#left = header.entries;
  }

  /** Moves to the next record; false at the end. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    const shared = this.#varint();
    const rest = this.#varint();
    if (shared + rest > this.bytes.length) {
      const grown = new Uint8Array(Math.max(shared + rest, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.#need(rest);
    const from = this.#at - this.#pieceAt;
    for (let i = 0; i < rest; i++) this.bytes[shared + i] = this.#piece[from + i]!;
    this.#at += rest;
    this.length = shared + rest;
    this.count = this.#varint();
    return true;
  }

  /** Has the next `bytes` bytes in the piece. */
  #need(bytes: number): void {
    if (this.#at + bytes <= this.#pieceAt + this.#piece.length || this.#source instanceof Uint8Array) return;
    this.#piece = readPart(this.#source, this.#at, Math.max(PIECE, bytes));
    this.#pieceAt = this.#at;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      this.#need(1);
      const byte = this.#piece[this.#at++ - this.#pieceAt]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }
}

function readHeader(source: CountSource, where: string): { header: CountHeader; start: number } {
  const place = { file: where };
  const fixed = readPart(source, 0, FIXED);
  const magic = Buffer.from(fixed.subarray(0, 8)).toString('latin1');
  if (fixed.length < FIXED || magic !== MAGIC)
    throw new IntegrityError('not a file of pre-token counts', {
      ...place,
      expected: JSON.stringify(MAGIC),
      found: fixed.length < FIXED ? `${fixed.length} bytes` : JSON.stringify(magic),
    });
  const view = new DataView(fixed.buffer, fixed.byteOffset, fixed.byteLength);
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    throw new IntegrityError('pre-token counts of another version', {
      ...place,
      expected: `version ${VERSION}`,
      found: `version ${version}`,
    });
  const expected = Buffer.from(fixed.subarray(16, FIXED)).toString('hex');
  const found = digestOfSource(source);
  if (expected !== found)
    throw new IntegrityError('pre-token counts are damaged or cut off: the digest differs', {
      ...place,
      expected,
      found,
    });
  const headerBytes = view.getUint32(12, true);
  const header = JSON.parse(Buffer.from(readPart(source, FIXED, headerBytes)).toString()) as CountHeader;
  if (!isPreTokenizerName(header.preTokenizer))
    throw new IntegrityError('pre-token counts name an unknown pre-tokenizer', {
      ...place,
      found: JSON.stringify(header.preTokenizer),
    });
  return { header, start: FIXED + headerBytes };
}
