import type { Json, NewDocument } from '../../core/document.ts';
import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { decodeHtml } from '../../ingest/charset.ts';
import { extractPage } from '../../ingest/html/extract.ts';
import { parseParameters } from '../../ingest/mail/headers.ts';
import { ByteWindow } from '../byte-window.ts';
import { compressionOf, decompressedWindow } from '../compression.ts';
import { DamageError } from '../damage.ts';
import { BadRecord } from '../fields.ts';
import { isByMember } from '../gzip-members.ts';
import { type MemberGroup, MemberGroups } from '../member-groups.ts';
import { decodeBody, parseHttpResponse } from '../warc/http.ts';
import { ArchiveReader, type ArchiveRecord, beginsRecord } from '../warc/records.ts';
import type { Position, Reading } from './reader.ts';

/** Records that hold a page or a text. The others say how it was fetched, or that it is elsewhere: no documents. */
const CONTENT_TYPES = new Set(['response', 'resource', 'conversion']);

/** Where a document says that its record is, and what errors say of it. */
interface RecordPlace {
  readonly start: number;
  readonly end: number;
  /** Tells it from the other records of the file: the id of a record without one. */
  readonly name: string;
  readonly number?: number;
}

/** A decompressed stretch of a file that begins with a record. */
interface Stretch {
  readonly window: ByteWindow;
  /** Records at its front that were read before. */
  readonly skip: number;
  /** Of what is at this offset of the window, for errors. */
  offsetOf(offset: number): number;
  placeOf(record: ArchiveRecord, index: number): RecordPlace;
  /** Where to go on after this record. */
  after(record: ArchiveRecord, index: number): Position;
}

/**
 * WARC, WET and ARC: a document for each page or text. A gzip file of more than one member is read by member, and may
 * be cut between two: there `start` and `end` of a document are those of the member that holds its record in the file
 * as it lies, as indexes of web archives (CDX) have them, whether it is cut or not. Of any other file they are offsets
 * in the decompressed bytes, and the slice that begins the file has all of it.
 */
export async function* readWarc(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { path, start } = reading.slice;
  if (compressionOf(path) === 'gzip' && isByMember(path)) yield* readGroups(reading, from);
  else if (start === 0) yield* readWhole(reading, from);
  reading.progress(reading.slice.end);
}

async function* readWhole(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { slice, context } = reading;
  const openAt = from?.offset ?? 0;
  const before = from?.record ?? 0;
  const window = decompressedWindow(slice.path, slice.size, openAt, context.signal);
  const { seen, last, rejectRest } = yield* readStretch(reading, {
    window,
    skip: 0,
    offsetOf: (offset) => offset,
    placeOf: ({ start, end }, index) => ({ start, end, name: String(start), number: before + index }),
    after: ({ end }, index) => ({ offset: end, disk: window.disk, record: before + index + 1 }),
  });
  if (reading.pending) yield reading.take(last!);
  rejectRest();
  if (seen === 0 && !from) reading.emptyFile();
}

/** Goes on after `record` records of the group at `offset` of the file. */
async function* readGroups(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { slice, context } = reading;
  const groups = new MemberGroups(slice.path, slice.size, beginsRecord, context.signal);
  let seen = 0;
  let last: Position | undefined;
  try {
    const end = slice.end < slice.size ? await groups.boundary(slice.end) : slice.size;
    let at = from?.offset ?? (await groups.boundary(slice.start));
    for (let skip = from?.record ?? 0; at < end; skip = 0) {
      const group = groups.group(at);
      const read = yield* readStretch(reading, stretchOf(group, skip));
      read.rejectRest();
      seen += read.seen;
      at = group.end;
      last = { offset: at, disk: at, record: 0 };
      if (reading.full) yield reading.take(last);
    }
  } finally {
    groups.close();
  }
  if (reading.pending) yield reading.take(last!);
  if (seen === 0 && !from && slice.start === 0 && slice.end >= slice.size) reading.emptyFile();
}

function stretchOf(group: MemberGroup, skip: number): Stretch {
  let member = -1;
  let inMember = 0;
  return {
    window: new ByteWindow(group.pieces, 0, true),
    skip,
    offsetOf: (offset) => group.memberOf(offset).start,
    placeOf: (record) => {
      const { start } = group.memberOf(record.start);
      inMember = start === member ? inMember + 1 : 0;
      member = start;
      const name = inMember === 0 ? String(start) : `${start}.${inMember}`;
      return { start, end: group.memberOf(record.end - 1).end, name };
    },
    after: (_, index) => ({ offset: group.start, disk: group.start, record: index + 1 }),
  };
}

interface StretchOutcome {
  /** Records, and what was none. */
  readonly seen: number;
  readonly last: Position | undefined;
  /** Counts what is wrong after the last record. */
  rejectRest(): void;
}

async function* readStretch(reading: Reading, stretch: Stretch): AsyncGenerator<ReadItem, StretchOutcome> {
  const { slice, spec } = reading;
  const { window, skip } = stretch;
  let bad = 0;
  // What lies before a record is counted with it, so that no cursor stands between the two.
  let waiting: [BadRecord | DamageError, number][] = [];
  const rejectRest = () => {
    for (const [error, bytes] of waiting) reading.reject(error, bytes);
    waiting = [];
  };
  const onBad = (error: BadRecord | DamageError, bytes: number) => {
    bad++;
    waiting.push([error, bytes]);
  };
  const records = new ArchiveReader(window, slice.path, spec.maxRecordBytes, onBad, stretch.offsetOf);
  let count = 0;
  let end = window.offset;
  let last: Position | undefined;
  try {
    for (let record = await records.next(); record; record = await records.next()) {
      const place = stretch.placeOf(record, count);
      if (count < skip) waiting = [];
      else {
        rejectRest();
        if (CONTENT_TYPES.has(record.type)) addRecord(reading, record, place);
      }
      last = stretch.after(record, count++);
      end = record.end;
      if (reading.full) yield reading.take(last);
    }
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    onBad(error, window.offset + window.buffer.length - end);
  } finally {
    await window.close();
  }
  return { seen: count + bad, last, rejectRest };
}

function addRecord(reading: Reading, record: ArchiveRecord, place: RecordPlace): void {
  const { start, end, contentBytes } = record;
  if (record.content === undefined) {
    reading.tooLarge(place.start, place.number, contentBytes);
    return;
  }
  try {
    reading.add(pageOf(reading, record, record.content, place));
  } catch (error) {
    reading.reject(error, end - start);
  }
}

/** What a record holds, without the codings of HTTP, and what was said about it. */
interface Payload {
  readonly body: Buffer;
  readonly contentType: string;
  readonly status?: number;
}

function payloadOf(
  reading: Reading,
  record: ArchiveRecord,
  content: Buffer,
  { start, number }: RecordPlace,
): Payload {
  const declared = record.headers.get('content-type') ?? '';
  if (!declared.startsWith('application/http') && record.type !== 'response')
    return { body: content, contentType: declared };
  const place = reading.place(start, number);
  const response = parseHttpResponse(content);
  if (!response) {
    // A response over another protocol (dns:, ftp:) is what its own type says.
    if (!declared.startsWith('application/http')) return { body: content, contentType: declared };
    const problem = new InputError('no HTTP response', {
      ...place,
      expected: 'a status line',
      found: JSON.stringify(content.toString('latin1', 0, 40)),
    });
    throw new BadRecord('malformed-http', problem);
  }
  const { status } = response;
  if (status < 200 || status > 299)
    throw new BadRecord(
      'http-status',
      new InputError('not a page', { ...place, expected: 'a status of 200 to 299', found: String(status) }),
    );
  const contentType = response.headers.get('content-type')?.[0] ?? '';
  try {
    return { body: decodeBody(response, reading.spec.maxRecordBytes), contentType, status };
  } catch (error) {
    const expected = `at most ${reading.spec.maxRecordBytes} bytes (maxRecordBytes)`;
    throw new BadRecord(
      'record-too-large',
      new InputError('page too large', { ...place, expected, cause: error }),
    );
  }
}

function pageOf(reading: Reading, record: ArchiveRecord, content: Buffer, at: RecordPlace): NewDocument {
  const { corpus, source } = reading.spec;
  const { headers } = record;
  const { start, end, name } = at;
  const place = reading.place(start, at.number);
  const { body, contentType, status } = payloadOf(reading, record, content, at);
  const { value: mime, parameters } = parseParameters(contentType);
  const isHtml =
    /^(text\/html|application\/xhtml\+xml)$/.test(mime) ||
    (mime === '' && /^\s*</.test(body.toString('latin1', 0, 64)));
  if (!isHtml && mime !== '' && !mime.startsWith('text/'))
    throw new BadRecord(
      'content-type',
      new InputError('not a text', { ...place, expected: 'HTML or text', found: mime }),
    );
  const decoded = decodeHtml(body, parameters.get('charset'), isHtml);
  const url = headers.get('warc-target-uri')?.replace(/^<|>$/g, '');
  const page = isHtml
    ? extractPage(decoded.text, { scope: reading.spec.extract, url })
    : { text: decoded.text.trim(), metadata: {} };
  const { text } = page;
  if (text === '')
    throw new BadRecord(
      'empty-text',
      new InputError('no text', { ...place, expected: 'text', found: 'none' }),
    );
  const metadata: Record<string, Json> = { ...page.metadata };
  const set = (name: string, value: Json | undefined) => {
    if (value !== undefined) metadata[name] = value;
  };
  set('url', url);
  set('date', headers.get('warc-date'));
  set('mime', mime || undefined);
  set('status', status);
  set('charset', decoded.charset);
  set('languages', headers.get('warc-identified-content-language'));
  const id = headers.get('warc-record-id')?.replace(/^<|>$/g, '');
  return { id: id || `${source}#${name}`, corpus, source, start, end, text, metadata };
}
