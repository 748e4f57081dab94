import { DocumentBatch, DocumentBatchBuilder } from '../../core/batch.ts';
import type { NewDocument } from '../../core/document.ts';
import { InputError } from '../../core/errors.ts';
import type { InputSlice, ReadContext, ReadItem } from '../../core/stage.ts';
import { DamageError } from '../damage.ts';
import { BadRecord } from '../fields.ts';
import type { ReadSpec } from '../read-spec.ts';
import { firstInvalidUtf8, isUtf8, replaceInvalidUtf8 } from '../utf8.ts';

/** Where a reader goes on. `offset`: decompressed; `disk`: in the file as it lies; `record`: how many came before. */
export interface Position {
  readonly offset: number;
  readonly disk: number;
  readonly record: number;
}

/** What every reader does with a slice: it collects documents, rejects records and tells how far it has come. */
export class Reading {
  readonly slice: InputSlice;
  readonly spec: ReadSpec;
  readonly context: ReadContext;
  private readonly builder = new DocumentBatchBuilder();
  private reported: number;

  constructor(slice: InputSlice, spec: ReadSpec, from: Position | undefined, context: ReadContext) {
    this.slice = slice;
    this.spec = spec;
    this.context = context;
    this.reported = from?.disk ?? slice.start;
  }

  get pending(): number {
    return this.builder.length;
  }

  get full(): boolean {
    return (
      this.builder.textBytes >= this.context.batchBytes || this.builder.length >= this.context.batchDocuments
    );
  }

  /** Place of a record in an error. In a slice that begins inside a file nobody knows the record's number. */
  place(offset: number, record?: number): { file: string; offset: number; record?: number } {
    return { file: this.slice.path, offset, record: this.slice.start === 0 ? record : undefined };
  }

  add(document: NewDocument): void {
    const { group, metadata } = this.spec;
    document.group ??= group;
    if (metadata) document.metadata = { ...metadata, ...document.metadata };
    this.builder.add(document);
  }

  /** Counts a record as bad; any error but BadRecord and InputError is a defect and goes on up. */
  reject(error: unknown, bytes: number): void {
    if (error instanceof BadRecord) this.context.reject(error.reason, error.problem, bytes);
    else if (error instanceof DamageError) this.context.reject(error.reason, error, bytes);
    else throw error;
  }

  /** Says that a file has no record at all: nothing comes of it, but it does not go unseen. */
  emptyFile(): void {
    const { path: file, size } = this.slice;
    const found = size === 0 ? '0 bytes' : 'only white space';
    this.context.reject('empty-file', new InputError('empty file', { file, expected: 'text', found }), size);
  }

  tooLarge(offset: number, record: number | undefined, bytes: number): void {
    const problem = new InputError('record too large', {
      ...this.place(offset, record),
      expected: `at most ${this.spec.maxRecordBytes} bytes (maxRecordBytes)`,
      found: `${bytes} bytes`,
    });
    this.context.reject('record-too-large', problem, bytes);
  }

  /** The bytes as valid UTF-8, whatever `onInvalidUtf8` asks for. Throws BadRecord `invalid-utf-8`. */
  validUtf8(bytes: Buffer, offset: number, record?: number): Buffer {
    if (isUtf8(bytes)) return bytes;
    if (this.spec.onInvalidUtf8 === 'replace') return replaceInvalidUtf8(bytes);
    const at = firstInvalidUtf8(bytes);
    const found = bytes.subarray(at, at + 4).toString('hex');
    throw new BadRecord(
      'invalid-utf-8',
      new InputError('invalid UTF-8', {
        ...this.place(offset + at, record),
        expected: 'UTF-8',
        found: `bytes ${found}`,
      }),
    );
  }

  /** Tells the progress up to `disk`, once for each byte of the slice. */
  progress(disk: number): void {
    const reached = Math.min(disk, this.slice.end);
    if (reached <= this.reported) return;
    this.context.consumed(reached - this.reported);
    this.reported = reached;
  }

  /** The documents so far, and the position right after them. */
  take(position: Position): ReadItem {
    this.progress(position.disk);
    return { batch: this.builder.take(), cursor: { ...position, disk: this.reported } };
  }

  /** One document alone: many small files are read without a growing buffer for each. */
  single(document: NewDocument, position: Position): ReadItem {
    const { text: raw, split = 'train', metadata, signals = {}, ...rest } = document;
    const text = typeof raw === 'string' ? Buffer.from(raw) : raw;
    this.progress(position.disk);
    const row = {
      ...rest,
      group: rest.group ?? this.spec.group,
      split,
      metadata: { ...this.spec.metadata, ...metadata },
      signals,
      ordinal: 0,
    };
    const batch = new DocumentBatch(text, Uint32Array.of(0), Uint32Array.of(text.length), [row]);
    return { batch, cursor: { ...position, disk: this.reported } };
  }
}
