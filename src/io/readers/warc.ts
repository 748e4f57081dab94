import type { Json, NewDocument } from '../../core/document.ts';
import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { decodeHtml } from '../../ingest/charset.ts';
import { extractPage } from '../../ingest/html/extract.ts';
import { parseParameters } from '../../ingest/mail/headers.ts';
import { ByteWindow } from '../byte-window.ts';
import { decompressedBytes } from '../compression.ts';
import { DamageError } from '../damage.ts';
import { BadRecord } from '../fields.ts';
import { decodeBody, parseHttpResponse } from '../warc/http.ts';
import { ArchiveReader, type ArchiveRecord } from '../warc/records.ts';
import type { Position, Reading } from './reader.ts';

/** Records that hold a page or a text. The others say how it was fetched, or that it is elsewhere: no documents. */
const CONTENT_TYPES = new Set(['response', 'resource', 'conversion']);

/** WARC, WET and ARC: a document for each page or text. */
export async function* readWarc(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { slice, spec, context } = reading;
  const openAt = from?.offset ?? 0;
  const window = new ByteWindow(decompressedBytes(slice.path, slice.size, openAt, context.signal), openAt);
  let bad = 0;
  // What lies before a record is counted with it, so that no cursor stands between the two.
  const waiting: [BadRecord | DamageError, number][] = [];
  const rejectWaiting = () => {
    for (const [error, bytes] of waiting.splice(0)) reading.reject(error, bytes);
  };
  const records = new ArchiveReader(window, slice.path, spec.maxRecordBytes, (error, bytes) => {
    bad++;
    waiting.push([error, bytes]);
  });
  let count = from?.record ?? 0;
  let last: Position = { offset: openAt, disk: from?.disk ?? 0, record: count };
  try {
    for (;;) {
      const record = await records.next();
      if (!record) break;
      rejectWaiting();
      if (CONTENT_TYPES.has(record.type)) addRecord(reading, record, count);
      count++;
      last = { offset: record.end, disk: window.disk, record: count };
      if (reading.full) yield reading.take(last);
    }
    if (count + bad === 0 && !from) reading.emptyFile();
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    const left = window.offset + window.buffer.length - last.offset;
    if (reading.pending) yield reading.take(last);
    rejectWaiting();
    reading.reject(error, left);
  } finally {
    await window.close();
  }
  if (reading.pending) yield reading.take(last);
  rejectWaiting();
  reading.progress(slice.end);
}

function addRecord(reading: Reading, record: ArchiveRecord, number: number): void {
  const { start, end, contentBytes } = record;
  if (record.content === undefined) {
    reading.tooLarge(start, number, contentBytes);
    return;
  }
  try {
    reading.add(pageOf(reading, record, record.content, number));
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

function payloadOf(reading: Reading, record: ArchiveRecord, content: Buffer, number: number): Payload {
  const declared = record.headers.get('content-type') ?? '';
  if (!declared.startsWith('application/http') && record.type !== 'response')
    return { body: content, contentType: declared };
  const place = reading.place(record.start, number);
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

function pageOf(reading: Reading, record: ArchiveRecord, content: Buffer, number: number): NewDocument {
  const { corpus, source } = reading.spec;
  const { headers, start, end } = record;
  const place = reading.place(start, number);
  const { body, contentType, status } = payloadOf(reading, record, content, number);
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
  return { id: id || `${source}#${start}`, corpus, source, start, end, text, metadata };
}
