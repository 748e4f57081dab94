import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { recordBlocks } from '../blocks.ts';
import { compressionOf, decompressedBytes } from '../compression.ts';
import { parseCsvFields } from '../csv-fields.ts';
import { BadRecord, documentOf } from '../fields.ts';
import type { Position, Reading } from './reader.ts';
import { BOM, isBlank } from './separated.ts';

const NEWLINE = Buffer.from('\n');

interface Line {
  readonly bytes: Buffer;
  /** Decompressed offset. */
  readonly offset: number;
}

/**
 * CSV and TSV (RFC 4180): a record is the lines up to one after which no quoted field is open. A quote that nothing closes
 * within `maxRecordBytes` costs its own line alone: the lines after it are read anew.
 */
export async function* readCsv(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { slice, spec, context } = reading;
  const plain = compressionOf(slice.path) === 'none';
  const openAt = from?.offset ?? 0;
  const records = new Records(reading, from?.record ?? 0, await columnsOf(reading, from));
  const pieces = decompressedBytes(slice.path, slice.size, openAt, context.signal);
  let last: Position = { offset: openAt, disk: from?.disk ?? 0, record: records.count };
  let damaged = false;
  for await (const block of recordBlocks(pieces, openAt, NEWLINE, spec.maxRecordBytes)) {
    const { bytes, offset, damage } = block;
    if (block.tooLong !== undefined && !damage) records.tooLong(offset, block.tooLong);
    let at = offset === 0 && bytes.subarray(0, 3).equals(BOM) ? BOM.length : 0;
    while (at < bytes.length && !damage) {
      const found = bytes.indexOf(0x0a, at);
      const next = found < 0 ? bytes.length : found + 1;
      records.add({ bytes: bytes.subarray(at, next), offset: offset + at });
      at = next;
      if (records.waiting) continue;
      const end = offset + at;
      last = { offset: end, disk: plain ? end : block.disk, record: records.count };
      if (reading.full) yield reading.take(last);
    }
    if (damage) {
      damaged = true;
      const start = records.start ?? offset;
      if (reading.pending) yield reading.take({ offset: start, disk: block.disk, record: records.count });
      reading.reject(damage, offset + (block.tooLong ?? bytes.length) - start);
      records.forget();
    }
  }
  records.end();
  if (records.count === 0 && !from && !damaged) reading.emptyFile();
  if (reading.pending) yield reading.take({ ...last, disk: slice.size, record: records.count });
  reading.progress(slice.end);
}

/** The names of the columns where reading goes on inside a file: those of its first line, or those of the options. */
async function columnsOf(
  reading: Reading,
  from: Position | undefined,
): Promise<readonly string[] | undefined> {
  const { slice, spec, context } = reading;
  if (spec.columns || !from) return spec.columns;
  const head = new Records(reading, 0, undefined);
  for await (const { bytes, offset } of recordBlocks(
    decompressedBytes(slice.path, slice.size, 0, context.signal),
    0,
    NEWLINE,
    spec.maxRecordBytes,
  )) {
    for (let at = bytes.subarray(0, 3).equals(BOM) ? 3 : 0; at < bytes.length; ) {
      const next = bytes.indexOf(0x0a, at) + 1 || bytes.length;
      head.add({ bytes: bytes.subarray(at, next), offset: offset + at });
      at = next;
      if (head.columns) return head.columns;
    }
  }
  return undefined;
}

/** Puts lines together to records, and records to documents. */
class Records {
  /** Records so far, the header left out. */
  count: number;
  columns: readonly string[] | undefined;
  private readonly reading: Reading;
  private readonly delimiter: string;
  private readonly delimiterBytes: Buffer;
  private lines: Line[] = [];
  private bytes = 0;
  private open = false;

  constructor(reading: Reading, count: number, columns: readonly string[] | undefined) {
    this.reading = reading;
    this.count = count;
    this.columns = columns;
    const { delimiter, format } = reading.spec;
    this.delimiter = delimiter ?? (format === 'tsv' ? '\t' : ',');
    this.delimiterBytes = Buffer.from(this.delimiter);
  }

  /** Whether a record has begun that is not whole yet. */
  get waiting(): boolean {
    return this.lines.length > 0;
  }

  get start(): number | undefined {
    return this.lines[0]?.offset;
  }

  add(line: Line): void {
    if (!this.waiting && isBlank(line.bytes, 0, line.bytes.length)) return;
    this.lines.push(line);
    this.bytes += line.bytes.length;
    this.open = isOpenAfter(line.bytes, this.open, this.delimiterBytes);
    if (!this.open) this.close();
    else if (this.bytes > this.reading.spec.maxRecordBytes) this.giveUpFirst();
  }

  /** What follows a record that was too long even for a line is read anew. */
  tooLong(offset: number, bytes: number): void {
    this.end();
    this.reading.tooLarge(offset, this.count++, bytes);
  }

  forget(): void {
    this.lines = [];
    this.bytes = 0;
    this.open = false;
  }

  /** The file is over: a quote that is still open belongs to its own line. */
  end(): void {
    while (this.waiting) this.giveUpFirst();
  }

  private giveUpFirst(
    problem = {
      expected: 'a quote that ends the field',
      found: 'none in the rest of the file, or in maxRecordBytes',
    },
  ): void {
    const [first, ...rest] = this.lines;
    this.forget();
    this.bad(first!.offset, first!.bytes.length, problem);
    for (const line of rest) this.add(line);
  }

  private bad(offset: number, bytes: number, problem: { expected: string; found: string }): void {
    const place = this.reading.place(offset, this.count++);
    this.reading.reject(
      new BadRecord('invalid-csv', new InputError('no CSV record', { ...place, ...problem })),
      bytes,
    );
  }

  private close(): void {
    const { lines } = this;
    const offset = lines[0]!.offset;
    const whole = lines.length === 1 ? lines[0]!.bytes : Buffer.concat(lines.map(({ bytes }) => bytes));
    const bytes = withoutLineEnd(whole);
    try {
      const text = this.reading.validUtf8(bytes, offset, this.count).toString('utf8');
      const fields = parseCsvFields(text, this.delimiter);
      // The quote that ends here may have begun another field: what was taken into this one is read anew.
      if (!Array.isArray(fields)) this.giveUpFirst(fields);
      else {
        this.forget();
        this.record(fields, offset, bytes.length);
      }
    } catch (error) {
      this.forget();
      this.reading.reject(error, whole.length);
      this.count++;
    }
  }

  private record(fields: string[], offset: number, length: number): void {
    if (!this.columns) {
      this.columns = fields.map((name) => name.trim());
      return;
    }
    if (fields.length !== this.columns.length) {
      this.bad(offset, length, { expected: `${this.columns.length} fields`, found: `${fields.length}` });
      return;
    }
    const { corpus, source, fields: map } = this.reading.spec;
    const record = Object.fromEntries(this.columns.map((name, i) => [name, fields[i]!]));
    const at = { corpus, source, start: offset, end: offset + length };
    this.reading.add(documentOf(record, map, at, this.reading.place(offset, this.count)));
    this.count++;
  }
}

/** Whether after a line a quoted field is still open: only a quote at the beginning of a field opens one. */
function isOpenAfter(line: Buffer, open: boolean, delimiter: Buffer): boolean {
  if (!open && !line.includes(0x22)) return false;
  let inside = open;
  let begins = !open;
  for (let at = 0; at < line.length; ) {
    if (inside) {
      const quote = line.indexOf(0x22, at);
      if (quote < 0) return true;
      inside = line[quote + 1] === 0x22;
      at = quote + (inside ? 2 : 1);
      begins = false;
    } else if (begins && line[at] === 0x22) {
      inside = true;
      at++;
    } else {
      const next = line.indexOf(delimiter, at);
      if (next < 0) return false;
      at = next + delimiter.length;
      begins = true;
    }
  }
  return inside;
}

function withoutLineEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  if (bytes[end - 1] === 0x0a) end--;
  if (bytes[end - 1] === 0x0d) end--;
  return bytes.subarray(0, end);
}
