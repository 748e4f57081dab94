import type { Document, Json, NewDocument, Split } from './document.ts';

/** What crosses an asynchronous boundary: many items at once; inside a batch everything is synchronous. */
export interface Batch {
  readonly length: number;
}

const EMPTY: Readonly<Record<string, never>> = Object.freeze({});
const encoder = new TextEncoder();

/** Everything of a document but its text. */
export interface DocumentRow {
  id: string;
  corpus: string;
  source: string;
  start: number;
  end: number;
  split: Split;
  group?: string;
  metadata: Readonly<Record<string, Json>>;
  signals: Record<string, number>;
  /** Which record of its task's input this is, counted from 0 before anything was dropped. */
  ordinal: number;
}

/**
 * Documents as one UTF-8 buffer with offsets, and a row for each. Strings are decoded on demand and kept.
 * A batch is immutable but for the signals in its rows, and for the metadata that judges add.
 */
export class DocumentBatch implements Batch {
  readonly length: number;
  readonly buffer: Uint8Array;
  /** [length + 1] document i is buffer[offsets[i] .. offsets[i+1]). */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly rows: readonly DocumentRow[];
  private readonly strings: (string | undefined)[];

  constructor(
    buffer: Uint8Array,
    starts: Uint32Array,
    ends: Uint32Array,
    rows: readonly DocumentRow[],
    strings?: (string | undefined)[],
  ) {
    this.length = rows.length;
    this.buffer = buffer;
    this.starts = starts;
    this.ends = ends;
    this.rows = rows;
    this.strings = strings ?? new Array(rows.length);
  }

  static from(documents: readonly NewDocument[], firstOrdinal = 0): DocumentBatch {
    const builder = new DocumentBatchBuilder(firstOrdinal);
    for (const document of documents) builder.add(document);
    return builder.take();
  }

  /** A view, not a copy: valid as long as the batch. */
  bytes(i: number): Uint8Array {
    return this.buffer.subarray(this.starts[i]!, this.ends[i]!);
  }

  /** UTF-8 length of document i. */
  size(i: number): number {
    return this.ends[i]! - this.starts[i]!;
  }

  text(i: number): string {
    let text = this.strings[i];
    if (text === undefined) {
      const { buffer, byteOffset } = this.buffer;
      const start = this.starts[i]!;
      text = Buffer.from(buffer, byteOffset + start, this.ends[i]! - start).toString('utf8');
      this.strings[i] = text;
    }
    return text;
  }

  document(i: number): Document {
    const row = this.rows[i]!;
    const batch = this;
    return {
      ...row,
      get text() {
        return batch.text(i);
      },
    };
  }

  /** UTF-8 bytes of all documents together. */
  get textBytes(): number {
    let sum = 0;
    for (let i = 0; i < this.length; i++) sum += this.size(i);
    return sum;
  }

  /** The documents at `indexes`, in that order, over the same buffer. */
  select(indexes: readonly number[]): DocumentBatch {
    const n = indexes.length;
    const starts = new Uint32Array(n);
    const ends = new Uint32Array(n);
    const rows = new Array<DocumentRow>(n);
    const strings = new Array<string | undefined>(n);
    for (let k = 0; k < n; k++) {
      const i = indexes[k]!;
      starts[k] = this.starts[i]!;
      ends[k] = this.ends[i]!;
      rows[k] = this.rows[i]!;
      strings[k] = this.strings[i];
    }
    return new DocumentBatch(this.buffer, starts, ends, rows, strings);
  }

  /** Two batches as one in the order of their ordinals; texts are copied. */
  static merge(a: DocumentBatch, b: DocumentBatch): DocumentBatch {
    if (a.length === 0) return b;
    if (b.length === 0) return a;
    const builder = new DocumentBatchBuilder();
    for (let i = 0, j = 0; i < a.length || j < b.length; ) {
      const fromA = j >= b.length || (i < a.length && a.rows[i]!.ordinal <= b.rows[j]!.ordinal);
      if (fromA) builder.addRow(a.rows[i]!, a.bytes(i++));
      else builder.addRow(b.rows[j]!, b.bytes(j++));
    }
    return builder.take();
  }

  *[Symbol.iterator](): Generator<Document> {
    for (let i = 0; i < this.length; i++) yield this.document(i);
  }
}

/** Bytes that nobody has set to zero: what is taken of them has all been written. */
function unwritten(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** Collects documents into one growing buffer. */
export class DocumentBatchBuilder {
  private buffer: Uint8Array = new Uint8Array(64 * 1024);
  private used = 0;
  private starts: number[] = [];
  private ends: number[] = [];
  private rows: DocumentRow[] = [];
  private ordinal: number;

  constructor(firstOrdinal = 0) {
    this.ordinal = firstOrdinal;
  }

  get length(): number {
    return this.rows.length;
  }

  get textBytes(): number {
    return this.used;
  }

  add(document: NewDocument, ordinal = this.ordinal): void {
    this.ordinal = ordinal + 1;
    const { id, corpus, source, start, end, text, group } = document;
    const { split = 'train', metadata = EMPTY, signals = {} } = document;
    this.starts.push(this.used);
    this.append(text);
    this.ends.push(this.used);
    // Field by field: to spread what is left of a document costs 3 microseconds, more than to parse a short one.
    this.rows.push({ id, corpus, source, start, end, split, group, metadata, signals, ordinal });
  }

  /** A document that has its row already: the same object goes on. */
  addRow(row: DocumentRow, text: Uint8Array): void {
    this.starts.push(this.used);
    this.append(text);
    this.ends.push(this.used);
    this.rows.push(row);
  }

  /** What was collected; the builder starts anew. */
  take(): DocumentBatch {
    const batch = new DocumentBatch(
      this.buffer.subarray(0, this.used),
      Uint32Array.from(this.starts),
      Uint32Array.from(this.ends),
      this.rows,
    );
    // Batches are about as large as one another: with some more room, most of them need not grow, which copies.
    this.buffer = unwritten(Math.max(64 * 1024, this.used + (this.used >> 2)));
    this.used = 0;
    this.starts = [];
    this.ends = [];
    this.rows = [];
    return batch;
  }

  private append(text: string | Uint8Array): void {
    if (typeof text === 'string') {
      this.reserve(text.length * 3);
      this.used += encoder.encodeInto(text, this.buffer.subarray(this.used)).written;
    } else {
      this.reserve(text.length);
      this.buffer.set(text, this.used);
      this.used += text.length;
    }
  }

  private reserve(more: number): void {
    const need = this.used + more;
    if (need <= this.buffer.length) return;
    const grown = unwritten(Math.max(need, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.used));
    this.buffer = grown;
  }
}

/** Documents and their tokens: document i has tokens[offsets[i] .. offsets[i+1]). */
export class TokenBatch implements Batch {
  readonly documents: DocumentBatch;
  readonly tokens: Uint32Array;
  /** [length + 1] */
  readonly offsets: Uint32Array;

  constructor(documents: DocumentBatch, tokens: Uint32Array, offsets: Uint32Array) {
    this.documents = documents;
    this.tokens = tokens;
    this.offsets = offsets;
  }

  get length(): number {
    return this.documents.length;
  }
}
