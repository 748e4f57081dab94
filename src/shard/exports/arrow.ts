import {
  Field,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Uint16,
  Utf8,
} from 'apache-arrow';
import type { ShardSplit } from '../format.ts';
import { publicFiles } from '../public-names.ts';
import type { ExportDocument, ExportFolder, ExportOptions, ExportSource } from './source.ts';

/** Tokens a record batch: what a reader holds at a time. */
const BATCH_TOKENS = 1_000_000;

const TEXTS = ['id', 'corpus', 'source'] as const;
const NUMBERS = ['source_start', 'source_end', 'bytes'] as const;

/**
 * `data/train-00000-of-00002.arrow`, named as the Parquet files are: IPC streams, which `datasets` maps into memory as they
 * are (`load_dataset("arrow", ...)`). A row a document; `input_ids` are as wide as in the shards.
 */
export async function exportArrow(
  source: ExportSource,
  out: ExportFolder,
  _options: ExportOptions,
): Promise<void> {
  for (const { split, shard, name } of publicFiles(source.index, 'arrow')) {
    writeShard(source, split, shard, out, name);
  }
}

/**
 * A stream is its schema, its record batches and a marker of the end. Each batch is encoded as a stream of its own, of
 * which the middle is kept: the library's writer would hold all of them until it is read from.
 */
function writeShard(
  source: ExportSource,
  split: ShardSplit,
  shard: number,
  out: ExportFolder,
  name: string,
): void {
  const schema = schemaOf(source.width);
  const empty = tableToIPC(new Table(schema), 'stream');
  const end = empty.length - END_BYTES;
  const writer = out.create(name);
  writer.add(empty.subarray(0, end));
  let rows: Row[] = [];
  let held = 0;
  const flush = (): void => {
    if (rows.length === 0) return;
    const stream = tableToIPC(new Table([batchOf(schema, rows, source.width)]), 'stream');
    writer.add(stream.subarray(end, stream.length - END_BYTES));
    rows = [];
    held = 0;
  };
  for (const found of source.shardDocuments(split, shard)) {
    rows.push(rowOf(found));
    held += found.tokens;
    if (held >= BATCH_TOKENS) flush();
  }
  flush();
  writer.add(empty.subarray(end));
  writer.finish();
}

/** The marker of a stream's end: 0xFFFFFFFF and a zero. */
const END_BYTES = 8;

interface Row {
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
  readonly bytes: Uint8Array;
}

function rowOf({ document, bytes }: ExportDocument): Row {
  const { id, corpus, source, sourceRange } = document;
  return {
    texts: [id, corpus, source],
    numbers: [sourceRange[0], sourceRange[1], document.bytes],
    bytes: bytes.slice(),
  };
}

const tokenType = (width: 2 | 4): Uint16 | Int32 => (width === 2 ? new Uint16() : new Int32());

function schemaOf(width: 2 | 4): Schema {
  return new Schema([
    ...TEXTS.map((name) => new Field(name, new Utf8(), false)),
    ...NUMBERS.map((name) => new Field(name, new Int64(), false)),
    new Field('input_ids', new List(new Field('item', tokenType(width), false)), false),
  ]);
}

function batchOf(schema: Schema, rows: readonly Row[], width: 2 | 4): RecordBatch {
  const texts = TEXTS.map((_, k) => {
    const encoded = rows.map((row) => Buffer.from(row.texts[k]!, 'utf8'));
    return makeData({ type: new Utf8(), ...joined(encoded, 1) });
  });
  const numbers = NUMBERS.map((_, k) =>
    makeData({ type: new Int64(), data: BigInt64Array.from(rows, (row) => BigInt(row.numbers[k]!)) }),
  );
  const { valueOffsets, data } = joined(
    rows.map((row) => row.bytes),
    width,
  );
  const type = tokenType(width);
  const array = width === 2 ? new Uint16Array(data.buffer) : new Int32Array(data.buffer);
  const child = makeData({ type, data: array } as { type: Uint16; data: Uint16Array });
  const lists = makeData({ type: schema.fields.at(-1)!.type as List, valueOffsets, child });
  const children = [...texts, ...numbers, lists];
  const struct = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type: struct, length: rows.length, nullCount: 0, children }));
}

/** Parts one after the other, and where each begins in units of so many bytes. */
function joined(
  parts: readonly Uint8Array[],
  unit: number,
): { valueOffsets: Int32Array; data: Uint8Array<ArrayBuffer> } {
  const valueOffsets = new Int32Array(parts.length + 1);
  parts.forEach((part, i) => {
    valueOffsets[i + 1] = valueOffsets[i]! + part.length / unit;
  });
  const data = new Uint8Array(valueOffsets.at(-1)! * unit);
  parts.forEach((part, i) => {
    data.set(part, valueOffsets[i]! * unit);
  });
  return { valueOffsets, data };
}
