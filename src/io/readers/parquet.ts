import { type FileHandle, open } from 'node:fs/promises';
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type RowGroup,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Json } from '../../core/document.ts';
import { CancelledError, classifySystemError, InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { DamageError } from '../damage.ts';
import { BadRecord, documentOf } from '../fields.ts';
import { isUtf8 } from '../utf8.ts';
import type { Position, Reading } from './reader.ts';

/** A row group of more bytes is decoded in several passes, each of so many bytes: one is held in memory. */
const PASS_BYTES = 256 << 20;

/**
 * Parquet: a document a row, columns by `fields`, only those that are asked for. A slice has the row groups whose
 * first byte it holds. `start` and `end` are the row group's; a row without an id gets its number in the file.
 */
export async function* readParquet(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { slice, context } = reading;
  const handle = await openFile(slice.path);
  try {
    const file = bufferOf(handle, slice.size);
    const metadata = await metadataOf(reading, file);
    const columns = columnsOf(reading, metadata);
    if (metadata.num_rows === 0n && slice.start === 0) reading.emptyFile();
    let last: Position = { offset: slice.start, disk: slice.start, record: 0 };
    for (const { row, end, group } of passesOf(reading, metadata, from)) {
      if (context.signal.aborted) throw new CancelledError();
      let records: Record<string, unknown>[];
      try {
        const rows = { rowStart: group.firstRow + row, rowEnd: group.firstRow + end };
        records = await parquetReadObjects({ file, metadata, columns, ...rows, compressors });
      } catch (error) {
        if (reading.pending) yield reading.take(last);
        const place = { file: slice.path, offset: group.start };
        reading.reject(damage(error, place, `${end - row} rows of a row group`), group.end - group.start);
        last = positionAfter(group, end);
        continue;
      }
      for (let i = 0; i < records.length; i++) {
        add(reading, records[i]!, group.firstRow + row + i, group);
        last = positionAfter(group, row + i + 1);
        if (reading.full) yield reading.take(last);
      }
    }
    if (reading.pending) yield reading.take(last);
    reading.progress(slice.end);
  } finally {
    await handle.close();
  }
}

/** A row group: its bytes in the file, and which rows it has. */
interface Group {
  readonly start: number;
  readonly end: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** The runs of rows, [row, end) within their group, that a slice has and that come after `from`. */
function* passesOf(
  { slice }: Reading,
  metadata: FileMetaData,
  from: Position | undefined,
): Generator<{ group: Group; row: number; end: number }> {
  let firstRow = 0;
  for (const rowGroup of metadata.row_groups) {
    const rows = Number(rowGroup.num_rows);
    const group = { ...rangeOf(rowGroup), firstRow, rows };
    firstRow += rows;
    if (group.start < slice.start || group.start >= slice.end) continue;
    if (from !== undefined && group.start < from.offset) continue;
    const done = group.start === from?.offset ? from.record : 0;
    const step = Math.max(
      1,
      Math.ceil((rows * PASS_BYTES) / Math.max(PASS_BYTES, Number(rowGroup.total_byte_size))),
    );
    for (let row = done; row < rows; row += step) yield { group, row, end: Math.min(rows, row + step) };
  }
}

function positionAfter({ start, end, rows }: Group, row: number): Position {
  return row === rows ? { offset: end, disk: end, record: 0 } : { offset: start, disk: start, record: row };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

function bufferOf(handle: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const buffer = new Uint8Array(end - start);
      for (let at = 0; at < buffer.length; ) {
        const { bytesRead } = await handle.read(buffer, at, buffer.length - at, start + at);
        if (bytesRead === 0) throw new Error('the file became shorter while it was read');
        at += bytesRead;
      }
      return buffer.buffer;
    },
  };
}

async function metadataOf(reading: Reading, file: AsyncBuffer): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(file);
  } catch (error) {
    throw damage(
      error,
      { file: reading.slice.path, offset: Math.max(0, file.byteLength - 8) },
      'a Parquet footer',
    );
  }
}

function damage(error: unknown, place: { file: string; offset: number }, expected: string): DamageError {
  const found = error instanceof Error ? error.message : String(error);
  return new DamageError('corrupt-input', 'Parquet data damaged', {
    ...place,
    expected,
    found,
    cause: error,
  });
}

/** The bytes of a row group: those of its column chunks. */
function rangeOf(group: RowGroup): { start: number; end: number } {
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const { meta_data: chunk } of group.columns) {
    if (!chunk) continue;
    const first = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
    start = Math.min(start, first);
    end = Math.max(end, first + Number(chunk.total_compressed_size));
  }
  return Number.isFinite(start) ? { start, end } : { start: 0, end: 0 };
}

/** The top-level columns that the field mapping needs, or undefined for all. */
function columnsOf(reading: Reading, metadata: FileMetaData): string[] | undefined {
  const { fields } = reading.spec;
  const there = new Set(topLevel(metadata));
  if (!there.has(fields.text) && !there.has(fields.text.split('.')[0]!))
    throw new BadRecord(
      'missing-text',
      new InputError('no column for the text', {
        file: reading.slice.path,
        expected: `a column '${fields.text}'`,
        found: [...there].join(', '),
      }),
    );
  if (fields.metadata === 'all') return undefined;
  const wanted = [
    fields.text,
    fields.id,
    fields.corpus,
    fields.group,
    ...(fields.metadata === 'none' ? [] : fields.metadata),
  ];
  const names = wanted.flatMap((name) =>
    name === undefined ? [] : there.has(name) ? [name] : [name.split('.')[0]!],
  );
  return [...new Set(names)].filter((name) => there.has(name));
}

function topLevel({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  const skip = (at: number): number => {
    let next = at + 1;
    for (let child = 0; child < (schema[at]!.num_children ?? 0); child++) next = skip(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = skip(at)) names.push(schema[at]!.name);
  return names;
}

function add(reading: Reading, row: Record<string, unknown>, number: number, { start, end }: Group): void {
  const { corpus, source, fields } = reading.spec;
  const place = { file: reading.slice.path, offset: start, record: number };
  try {
    const record = toJson(row) as Record<string, Json>;
    const document = documentOf(record, fields, { corpus, source, start, end }, place);
    if (document.id === `${source}#${start}`) document.id = `${source}#row-${number}`;
    reading.add(document);
  } catch (error) {
    reading.reject(error, 0);
  }
}

/** Values as JSON has them: dates as ISO 8601, large integers and bytes as strings. */
function toJson(value: unknown): Json {
  switch (typeof value) {
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'string':
    case 'boolean':
      return value;
    case 'object':
      if (value === null) return null;
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
      if (value instanceof Uint8Array) {
        const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
        return bytes.toString(isUtf8(bytes) ? 'utf8' : 'base64');
      }
      if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as unknown[], toJson);
      return Object.fromEntries(
        Object.entries(value)
          .filter(([, one]) => one !== undefined)
          .map(([key, one]) => [key, toJson(one)]),
      );
    default:
      return null;
  }
}
