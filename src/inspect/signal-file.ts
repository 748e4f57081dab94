import { ByteWriter, type ColumnSource, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { FileWriter } from '../core/files.ts';
import type { MeasuredStep } from './measured-step.ts';

/** A row group ends here: readers hold one in memory. */
const GROUP_ROWS = 20_000;

/** UTF-16 units of a document's beginning that are kept beside its signals. */
export const EXCERPT_UNITS = 400;

/** One document as it is written: what it is, and a value for each column of signals. */
export interface SignalRow {
  readonly id: string;
  readonly corpus: string;
  readonly source: string;
  readonly start: number;
  readonly end: number;
  readonly split: string;
  readonly language: string | undefined;
  /** UTF-8 bytes of the text as it was read. */
  readonly bytes: number;
  /** By the tokenizer that was named, or undefined. */
  readonly tokens: number | undefined;
  readonly excerpt: string;
  /** In the order of `signalColumns`; NaN where nothing was measured. */
  readonly values: readonly number[];
  /** In the order of `refusalColumns`. */
  readonly refusals: readonly (string | undefined)[];
  /** In the order of `sizeColumns`. */
  readonly sizes: readonly number[];
}

export function signalColumns(steps: readonly MeasuredStep[]): string[] {
  return steps.flatMap(({ name, signals }) => signals.map((signal) => `${name}.${signal}`));
}

export function refusalColumns(steps: readonly MeasuredStep[]): string[] {
  return steps.flatMap(({ name, refuses }) => (refuses ? [`${name}:refused`] : []));
}

export function sizeColumns(steps: readonly MeasuredStep[]): string[] {
  return steps.flatMap(({ name, rewrites }) => (rewrites ? [`${name}:bytes`] : []));
}

/** Writes documents' signals as Parquet. What is in which row group depends on the documents alone. */
export class SignalFileWriter {
  private readonly file: FileWriter;
  private readonly bytes = new ByteWriter();
  private readonly parquet: ParquetWriter;
  private readonly steps: readonly MeasuredStep[];
  private rows: SignalRow[] = [];

  constructor(path: string, steps: readonly MeasuredStep[]) {
    this.steps = steps;
    this.file = new FileWriter(path);
    this.parquet = new ParquetWriter({
      writer: this.bytes,
      schema: schemaFromColumnData({ columnData: columnsOf([], steps) }),
      codec: 'SNAPPY',
      createdBy: 'provender',
    });
  }

  add(row: SignalRow): void {
    this.rows.push(row);
    if (this.rows.length >= GROUP_ROWS) this.writeGroup();
  }

  finish(): void {
    this.writeGroup();
    this.parquet.finish();
    this.drain();
    this.file.finish();
  }

  abandon(): void {
    this.file.abandon();
  }

  private writeGroup(): void {
    if (this.rows.length === 0) return;
    this.parquet.write({ columnData: columnsOf(this.rows, this.steps), rowGroupSize: this.rows.length });
    this.rows = [];
    this.drain();
  }

  private drain(): void {
    this.file.add(this.bytes.getBytes());
    this.bytes.index = 0;
  }
}

function columnsOf(rows: readonly SignalRow[], steps: readonly MeasuredStep[]): ColumnSource[] {
  const text = (name: 'id' | 'corpus' | 'source' | 'split' | 'excerpt'): ColumnSource => ({
    name,
    data: rows.map((row) => row[name]),
    type: 'STRING',
    nullable: false,
  });
  const whole = (name: 'start' | 'end'): ColumnSource => ({
    name,
    data: rows.map((row) => BigInt(row[name])),
    type: 'INT64',
    nullable: false,
  });
  const optional = (
    name: string,
    type: 'STRING' | 'INT32' | 'DOUBLE',
    of: (row: SignalRow) => string | number | undefined,
  ): ColumnSource => ({ name, data: rows.map(of), type, nullable: true });
  return [
    text('id'),
    text('corpus'),
    text('source'),
    whole('start'),
    whole('end'),
    text('split'),
    optional('language', 'STRING', (row) => row.language),
    { name: 'bytes', data: rows.map((row) => row.bytes), type: 'INT32', nullable: false },
    optional('tokens', 'INT32', (row) => row.tokens),
    text('excerpt'),
    ...signalColumns(steps).map((name, k) =>
      optional(name, 'DOUBLE', (row) => (Number.isNaN(row.values[k]!) ? undefined : row.values[k])),
    ),
    ...refusalColumns(steps).map((name, k) => optional(name, 'STRING', (row) => row.refusals[k])),
    ...sizeColumns(steps).map((name, k) => optional(name, 'INT32', (row) => row.sizes[k])),
  ];
}
