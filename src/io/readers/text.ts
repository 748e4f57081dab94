import type { NewDocument } from '../../core/document.ts';
import type { ReadItem } from '../../core/stage.ts';
import { recordBlocks } from '../blocks.ts';
import { compressionOf, decompressedBytes } from '../compression.ts';
import type { Position, Reading } from './reader.ts';
import { BOM, isBlank, readSeparated } from './separated.ts';
import { readWhole } from './whole.ts';

const NEWLINE = Buffer.from('\n');

/** Text by file, line, paragraph or separator; the bytes are the document's as they are (without a BOM). */
export function readText(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  const { corpus, source, separator, unit } = reading.spec;
  const make = (text: Uint8Array, start: number, end: number): NewDocument => ({
    id: `${source}#${start}`,
    corpus,
    source,
    start,
    end,
    text,
  });
  if (separator !== undefined) return readSeparated(reading, from, Buffer.from(separator), make);
  switch (unit) {
    case 'line':
      return readSeparated(reading, from, NEWLINE, make);
    case 'paragraph':
      return readParagraphs(reading, from, make);
    case 'file':
      return readWhole(reading, from, (bytes) => {
        const start = bytes.subarray(0, 3).equals(BOM) ? BOM.length : 0;
        const text = reading.validUtf8(bytes.subarray(start), start, 0);
        return { ...make(text, start, bytes.length), id: source };
      });
    default:
      return unit satisfies never;
  }
}

/**
 * Runs of lines between blank lines, streamed. The lines of a paragraph are views of up to a few pieces; one that
 * grows past `maxRecordBytes` is dropped as it comes in.
 */
async function* readParagraphs(
  reading: Reading,
  from: Position | undefined,
  make: (text: Uint8Array, start: number, end: number) => NewDocument,
): AsyncGenerator<ReadItem> {
  const { slice, spec, context } = reading;
  const plain = compressionOf(slice.path) === 'none';
  const openAt = from?.offset ?? 0;
  const open = new OpenParagraph(reading, make, from?.record ?? 0);
  const pieces = decompressedBytes(slice.path, slice.size, openAt, context.signal);
  let damaged = false;
  let last: Position = { offset: openAt, disk: from?.disk ?? 0, record: open.record };
  for await (const block of recordBlocks(pieces, openAt, NEWLINE, spec.maxRecordBytes)) {
    const { bytes, offset, damage } = block;
    if (block.tooLong !== undefined) open.grow(offset, block.tooLong);
    let at = offset === 0 && bytes.subarray(0, 3).equals(BOM) ? BOM.length : 0;
    while (at < bytes.length && !damage) {
      const found = bytes.indexOf(0x0a, at);
      const next = found < 0 ? bytes.length : found + 1;
      if (isBlank(bytes, at, next)) {
        open.close();
        last = { offset: offset + next, disk: plain ? offset + next : block.disk, record: open.record };
        if (reading.full) yield reading.take(last);
      } else open.add(offset + at, bytes.subarray(at, next));
      at = next;
    }
    if (damage) {
      const start = open.isOpen ? open.start : offset;
      if (reading.pending) yield reading.take({ offset: start, disk: block.disk, record: open.record });
      reading.reject(damage, offset + (block.tooLong ?? bytes.length) - start);
      open.forget();
      damaged = true;
    }
  }
  const end = open.end;
  if (open.close()) last = { offset: end, disk: slice.size, record: open.record };
  if (open.record === 0 && !from && !damaged) reading.emptyFile();
  if (reading.pending) yield reading.take(last);
  reading.progress(slice.end);
}

/** The paragraph that is being collected, [start, end) of the decompressed file. */
class OpenParagraph {
  start = 0;
  end = 0;
  record: number;
  isOpen = false;
  private lines: Buffer[] = [];
  private readonly reading: Reading;
  private readonly make: (text: Uint8Array, start: number, end: number) => NewDocument;

  constructor(reading: Reading, make: OpenParagraph['make'], record: number) {
    this.reading = reading;
    this.make = make;
    this.record = record;
  }

  add(offset: number, line: Buffer): void {
    this.grow(offset, line.length);
    if (this.end - this.start <= this.reading.spec.maxRecordBytes) this.lines.push(line);
    else this.lines = [];
  }

  /** Counts bytes that are not kept: the paragraph is too large already. */
  grow(offset: number, length: number): void {
    if (!this.isOpen) {
      this.isOpen = true;
      this.start = offset;
    }
    this.end = offset + length;
  }

  /** Adds the paragraph, without its last line's end, or rejects it. False where there was none. */
  close(): boolean {
    if (!this.isOpen) return false;
    const { start, record, reading } = this;
    let text: Buffer = this.lines.length === 1 ? this.lines[0]! : Buffer.concat(this.lines);
    const size = this.end - start;
    this.forget();
    this.record++;
    if (size > reading.spec.maxRecordBytes) {
      reading.tooLarge(start, record, size);
      return true;
    }
    if (text.at(-1) === 0x0a) text = text.subarray(0, text.at(-2) === 0x0d ? -2 : -1);
    try {
      reading.add(this.make(reading.validUtf8(text, start, record), start, start + text.length));
    } catch (error) {
      reading.reject(error, size);
    }
    return true;
  }

  forget(): void {
    this.isOpen = false;
    this.lines = [];
  }
}
