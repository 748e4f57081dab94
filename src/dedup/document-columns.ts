import { hash } from 'node:crypto';
import type { DocumentRow } from '../core/batch.ts';
import { IntegrityError } from '../core/errors.ts';
import type { BlockEntry, BlockReader, BlockWriter } from './block-file.ts';

/** Columns that every side file of deduplication has; those of a step start at `FIRST_OWN_SECTION`. */
export const META_SECTION = 0;
export const LABEL_SECTION = 1;
export const FIRST_OWN_SECTION = 16;

const META_BYTES = 24;
const HELD_OUT = 1;

/** How many copies of a text a document stands for: an earlier deduplication may have counted some. */
export const DUPLICATE_COUNT = 'duplicate-count';
/** Number of the cluster that a document is in. */
export const DUPLICATE_CLUSTER = 'duplicate-cluster';

/** Corpus and id, as labels are kept. */
export interface Label {
  readonly corpus: string;
  readonly id: string;
}

/** Collects what reduction needs of each document, and writes it as two blocks. */
export class DocumentColumns {
  length = 0;
  /** Bytes that the labels take so far. */
  labelBytes = 0;
  private readonly meta: DataView;
  private readonly labels: Buffer[] = [];

  constructor(capacity: number) {
    this.meta = new DataView(new ArrayBuffer(capacity * META_BYTES));
  }

  add(row: DocumentRow, preference: number): void {
    const label = Buffer.from(`${row.corpus}\0${row.id}`);
    // The first 64 bits of SHA-256.
    const digest = hash('sha256', label, 'buffer');
    const at = this.length++ * META_BYTES;
    const { meta } = this;
    meta.setUint32(at, digest.readUInt32BE(0), true);
    meta.setUint32(at + 4, digest.readUInt32BE(4), true);
    meta.setFloat64(at + 8, preference, true);
    meta.setUint32(at + 16, Math.min(0xffffffff, row.signals[DUPLICATE_COUNT] ?? 1), true);
    meta.setUint32(at + 20, row.split === 'train' ? 0 : HELD_OUT, true);
    this.labels.push(label);
    this.labelBytes += label.length;
  }

  /** Writes both blocks, or without labels the first only, and starts anew. */
  write(writer: BlockWriter, withLabels = true): void {
    const n = this.length;
    writer.write(META_SECTION, new Uint8Array(this.meta.buffer, 0, n * META_BYTES), n);
    if (withLabels) writer.write(LABEL_SECTION, encodeLabels(this.labels), n);
    this.clear();
  }

  clear(): void {
    this.length = 0;
    this.labelBytes = 0;
    this.labels.length = 0;
  }
}

/** Lengths as 32-bit numbers, then the bytes. */
export function encodeLabels(labels: readonly Uint8Array[]): Buffer {
  const lengths = new Uint32Array(labels.length);
  labels.forEach((label, i) => {
    lengths[i] = label.length;
  });
  return Buffer.concat([Buffer.from(lengths.buffer), ...labels]);
}

/** The labels of one block. */
export class LabelBlock {
  readonly length: number;
  private readonly payload: Buffer;
  private readonly starts: Uint32Array;

  constructor(payload: Buffer, count: number, file: string) {
    this.payload = payload;
    this.length = count;
    this.starts = new Uint32Array(count + 1);
    let at = count * 4;
    for (let i = 0; i < count; i++) {
      this.starts[i] = at;
      at += payload.readUInt32LE(i * 4);
    }
    this.starts[count] = at;
    if (at !== payload.length)
      throw new IntegrityError('labels of the wrong size', {
        file,
        expected: `${at} bytes`,
        found: `${payload.length}`,
      });
  }

  bytes(i: number): Buffer {
    return this.payload.subarray(this.starts[i]!, this.starts[i + 1]!);
  }

  label(i: number): Label {
    return parseLabel(this.bytes(i));
  }
}

export function parseLabel(bytes: Buffer): Label {
  const text = bytes.toString('utf8');
  const cut = text.indexOf('\0');
  return { corpus: text.slice(0, cut), id: text.slice(cut + 1) };
}

/** What a block of META says of its documents. */
export class MetaBlock {
  readonly length: number;
  private readonly view: DataView;

  constructor(payload: Buffer) {
    this.view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    this.length = payload.length / META_BYTES;
  }

  idHigh(i: number): number {
    return this.view.getUint32(i * META_BYTES, true);
  }
  idLow(i: number): number {
    return this.view.getUint32(i * META_BYTES + 4, true);
  }
  preference(i: number): number {
    return this.view.getFloat64(i * META_BYTES + 8, true);
  }
  weight(i: number): number {
    return this.view.getUint32(i * META_BYTES + 16, true);
  }
  heldOut(i: number): boolean {
    return (this.view.getUint32(i * META_BYTES + 20, true) & HELD_OUT) !== 0;
  }
}

/** A side file as reduction reads it: numbers of its documents start at `firstDocument`. */
export interface Side {
  readonly reader: BlockReader;
  readonly firstDocument: number;
}

/** Visits the blocks of a section over all side files: block, number of its first document. */
export function* blocksOf(
  sides: readonly Side[],
  section: number,
): Generator<{ side: Side; entry: BlockEntry; first: number }> {
  for (const side of sides) {
    for (const entry of side.reader.section(section))
      yield { side, entry, first: side.firstDocument + entry.first };
  }
}
