import { closeSync, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { DocumentBatch, type DocumentRow } from './batch.ts';
import type { Json } from './document.ts';
import { classifySystemError, IntegrityError } from './errors.ts';
import { FileWriter } from './files.ts';
import { xxh64 } from './hash.ts';
import type { Sink } from './stage.ts';
import type { Drop } from './verdict.ts';

/**
 * The file of documents between two segments: 16 bytes of header (magic `PVDOCS\0\0`, u32 version, u32 zero), then
 * frames of one batch each: u32 header bytes, u32 text bytes, u64 XXH64 of what follows, header (JSON columns), text.
 * Little-endian. A refused document has the same columns and its verdict beside them.
 */
const MAGIC = Buffer.from('PVDOCS\0\0', 'latin1');
const VERSION = 1;
const FILE_HEADER = 16;
const FRAME_HEADER = 16;

/** A verdict as it is kept beside a refused document. */
export interface Refusal extends Drop {
  /** Name of the step that refused it. */
  readonly step: string;
}

interface FrameHeader {
  readonly sizes: number[];
  readonly id: string[];
  readonly corpora: string[];
  readonly corpus: number[];
  readonly sources: string[];
  readonly source: number[];
  readonly start: number[];
  readonly end: number[];
  /** Indexes of the held-out documents. */
  readonly heldOut?: number[];
  readonly validation?: number[];
  readonly group?: (string | null)[];
  readonly metadata?: (Readonly<Record<string, Json>> | 0)[];
  readonly signals: Record<string, (number | null)[]>;
  readonly refusals?: Refusal[];
}

function dictionary(): { values: string[]; index(value: string): number } {
  const values: string[] = [];
  const seen = new Map<string, number>();
  return {
    values,
    index(value) {
      let at = seen.get(value);
      if (at === undefined) {
        at = values.length;
        seen.set(value, at);
        values.push(value);
      }
      return at;
    },
  };
}

function signalColumns(rows: readonly DocumentRow[]): Record<string, (number | null)[]> {
  // Names come from readers and users' steps: `constructor` is one like any other.
  const columns = Object.create(null) as Record<string, (number | null)[]>;
  for (let i = 0; i < rows.length; i++) {
    const signals = rows[i]!.signals;
    for (const name in signals) {
      columns[name] ??= new Array<number | null>(rows.length).fill(null);
      columns[name][i] = signals[name]!;
    }
  }
  return columns;
}

function frameHeader(batch: DocumentBatch, refusals?: Refusal[]): FrameHeader {
  const rows = batch.rows;
  const corpora = dictionary();
  const sources = dictionary();
  const aside = { 'held-out': [] as number[], validation: [] as number[] };
  rows.forEach(({ split }, i) => {
    if (split !== 'train') aside[split].push(i);
  });
  return {
    sizes: rows.map((_, i) => batch.size(i)),
    id: rows.map((row) => row.id),
    corpora: corpora.values,
    corpus: rows.map((row) => corpora.index(row.corpus)),
    sources: sources.values,
    source: rows.map((row) => sources.index(row.source)),
    start: rows.map((row) => row.start),
    end: rows.map((row) => row.end),
    heldOut: aside['held-out'].length ? aside['held-out'] : undefined,
    validation: aside.validation.length ? aside.validation : undefined,
    group: rows.some((row) => row.group !== undefined) ? rows.map((row) => row.group ?? null) : undefined,
    metadata: rows.map((row) => (hasMembers(row.metadata) ? row.metadata : 0)),
    signals: signalColumns(rows),
    refusals,
  };
}

function hasMembers(record: object): boolean {
  for (const _ in record) return true;
  return false;
}

/** Writes batches as frames. The path is a temporary name; the caller renames it after `finish`. */
export class DocumentFileWriter implements Sink<DocumentBatch> {
  private readonly file: FileWriter;
  /** A frame before it is written: the next one is made where it was. */
  private room = Buffer.alloc(0);
  documents = 0;
  textBytes = 0;

  constructor(path: string) {
    this.file = new FileWriter(path);
    const header = Buffer.alloc(FILE_HEADER);
    MAGIC.copy(header);
    header.writeUInt32LE(VERSION, 8);
    this.file.add(header);
  }

  add(batch: DocumentBatch, refusals?: Refusal[]): void {
    if (batch.length === 0) return;
    const header = Buffer.from(JSON.stringify(frameHeader(batch, refusals)), 'utf8');
    const textBytes = batch.textBytes;
    const length = FRAME_HEADER + header.length + textBytes;
    if (this.room.length < length) this.room = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.room.length));
    const frame = this.room.subarray(0, length);
    frame.writeUInt32LE(header.length, 0);
    frame.writeUInt32LE(textBytes, 4);
    header.copy(frame, FRAME_HEADER);
    let at = FRAME_HEADER + header.length;
    for (let i = 0; i < batch.length; i++) {
      frame.set(batch.bytes(i), at);
      at += batch.size(i);
    }
    frame.writeBigUInt64LE(xxh64(frame.subarray(FRAME_HEADER)), 8);
    this.file.add(frame);
    this.documents += batch.length;
    this.textBytes += textBytes;
  }

  finish(): Promise<void> {
    return this.file.finishBeside();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
  }
}

export interface DocumentFrame {
  readonly batch: DocumentBatch;
  readonly refusals?: readonly Refusal[];
  /** Byte offset of the next frame: a cursor. */
  readonly next: number;
}

function rowsOf(header: FrameHeader, firstOrdinal: number): DocumentRow[] {
  const heldOut = new Set(header.heldOut ?? []);
  const validation = new Set(header.validation ?? []);
  const names = Object.keys(header.signals);
  return header.id.map((id, i) => {
    const signals: Record<string, number> = {};
    for (const name of names) {
      const value = header.signals[name]![i];
      if (value !== null && value !== undefined) signals[name] = value;
    }
    const metadata = header.metadata?.[i];
    const row: DocumentRow = {
      id,
      corpus: header.corpora[header.corpus[i]!]!,
      source: header.sources[header.source[i]!]!,
      start: header.start[i]!,
      end: header.end[i]!,
      split: heldOut.has(i) ? 'held-out' : validation.has(i) ? 'validation' : 'train',
      metadata: metadata ? metadata : {},
      signals,
      ordinal: firstOrdinal + i,
    };
    const group = header.group?.[i];
    if (group != null) row.group = group;
    return row;
  });
}

/** Undefined where the header cannot be read: the digest of its frame will say so. */
function idsOf(header: Buffer): readonly string[] | undefined {
  try {
    return (JSON.parse(header.toString('utf8')) as FrameHeader).id;
  } catch {
    return undefined;
  }
}

/**
 * Reads the frames of a file in order, from byte offset `from` (a frame's `next`) on; ordinals count up from
 * `firstOrdinal`. Every frame's digest is checked: damage is an IntegrityError that names file and offset.
 * @param wants told the ids of a frame; one that is not wanted is passed over, its text neither read nor checked
 */
export async function* readDocumentFile(
  path: string,
  from = FILE_HEADER,
  firstOrdinal = 0,
  wants?: (ids: readonly string[]) => boolean,
): AsyncGenerator<DocumentFrame> {
  const size = (
    await stat(path).catch((error: unknown) => {
      throw classifySystemError(error, { file: path });
    })
  ).size;
  const descriptor = openSync(path, 'r');
  try {
    const read = (at: number, bytes: number): Buffer => {
      const buffer = Buffer.allocUnsafe(bytes);
      for (let got = 0; got < bytes; ) {
        const n = readSync(descriptor, buffer, got, bytes - got, at + got);
        if (n === 0) {
          throw new IntegrityError('file of documents ends early', {
            file: path,
            offset: at,
            expected: `${bytes} more bytes`,
            found: `${got}`,
          });
        }
        got += n;
      }
      return buffer;
    };
    const magic = read(0, FILE_HEADER);
    if (!magic.subarray(0, 8).equals(MAGIC) || magic.readUInt32LE(8) !== VERSION) {
      throw new IntegrityError('not a file of documents', {
        file: path,
        offset: 0,
        expected: `PVDOCS version ${VERSION}`,
        found: JSON.stringify(magic.toString('latin1', 0, 12)),
      });
    }
    let at = from;
    let ordinal = firstOrdinal;
    while (at < size) {
      const head = read(at, FRAME_HEADER);
      const headerBytes = head.readUInt32LE(0);
      const bodyBytes = headerBytes + head.readUInt32LE(4);
      if (at + FRAME_HEADER + bodyBytes > size) {
        throw new IntegrityError('frame reaches past the end of the file', {
          file: path,
          offset: at,
          expected: `at most ${size - at - FRAME_HEADER} bytes`,
          found: `${bodyBytes}`,
        });
      }
      if (wants) {
        const ids = idsOf(read(at + FRAME_HEADER, headerBytes));
        if (ids && !wants(ids)) {
          at += FRAME_HEADER + bodyBytes;
          ordinal += ids.length;
          continue;
        }
      }
      const body = read(at + FRAME_HEADER, bodyBytes);
      const digest = xxh64(body);
      if (digest !== head.readBigUInt64LE(8)) {
        throw new IntegrityError('damaged frame of documents', {
          file: path,
          offset: at,
          expected: `XXH64 ${head.readBigUInt64LE(8).toString(16)}`,
          found: digest.toString(16),
        });
      }
      const header = JSON.parse(body.toString('utf8', 0, headerBytes)) as FrameHeader;
      const rows = rowsOf(header, ordinal);
      const starts = new Uint32Array(rows.length);
      const ends = new Uint32Array(rows.length);
      let sum = 0;
      header.sizes.forEach((bytes, i) => {
        starts[i] = sum;
        sum += bytes;
        ends[i] = sum;
      });
      at += FRAME_HEADER + bodyBytes;
      ordinal += rows.length;
      yield {
        batch: new DocumentBatch(body.subarray(headerBytes), starts, ends, rows),
        refusals: header.refusals,
        next: at,
      };
    }
  } finally {
    closeSync(descriptor);
  }
}

export const FIRST_FRAME = FILE_HEADER;
