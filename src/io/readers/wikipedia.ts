import { decodeXML } from 'entities';
import type { NewDocument } from '../../core/document.ts';
import { InputError, type Place } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { wikiToText } from '../../ingest/wiki/markup.ts';
import { recordBlocks } from '../blocks.ts';
import { bunzip2File, bzip2Streams } from '../bzip2.ts';
import { compressionOf } from '../compression.ts';
import { DamageError } from '../damage.ts';
import { BadRecord } from '../fields.ts';
import type { Position, Reading } from './reader.ts';
import { readSeparated } from './separated.ts';

const PAGE_END = '</page>';

/**
 * A dump of MediaWiki (`pages-articles.xml`): a document an article. Redirects, pages of other namespaces and what is
 * around the pages are no documents. A multistream dump (bzip2) is read stream by stream, and may be cut between
 * two: there `start` and `end` are the stream's in the file as it lies, as the dump's own index has them.
 */
export function readWikipedia(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  if (compressionOf(reading.slice.path) === 'bzip2') return readStreams(reading, from);
  return readSeparated(reading, from, Buffer.from(PAGE_END), (bytes, start, end, record) =>
    articleOf(bytes, reading, start, end, reading.place(start, record)),
  );
}

/** Goes on after `record` pages of the stream at `offset` of the file. */
async function* readStreams(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { slice, context } = reading;
  let pages = 0;
  let last: Position | undefined;
  const first = from?.offset ?? slice.start;
  for await (const { start, end } of bzip2Streams(slice.path, first, slice.end, slice.size, context.signal)) {
    let done = start === from?.offset ? from.record : 0;
    let index = 0;
    const pieces = bunzip2File(slice.path, start, end, context.signal);
    const separator = Buffer.from(PAGE_END);
    for await (const block of recordBlocks(pieces, 0, separator, reading.spec.maxRecordBytes)) {
      for (const page of pagesIn(block.bytes)) {
        pages++;
        if (index++ < done) continue;
        done = index;
        addPage(reading, page, start, end, index - 1);
        last = { offset: start, disk: block.disk, record: done };
        if (reading.full) yield reading.take(last);
      }
      if (block.damage) {
        if (reading.pending) yield reading.take(last!);
        reading.reject(block.damage, end - start);
      }
    }
    last = { offset: end, disk: end, record: 0 };
    if (reading.full) yield reading.take(last);
  }
  if (pages === 0 && !from && slice.start === 0 && slice.end >= slice.size) reading.emptyFile();
  if (reading.pending) yield reading.take(last!);
  reading.progress(slice.end);
}

function* pagesIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(PAGE_END, at);
    if (end < 0) return;
    yield bytes.subarray(at, end);
    at = end + PAGE_END.length;
  }
}

function addPage(reading: Reading, bytes: Buffer, start: number, end: number, record: number): void {
  const place = { file: reading.slice.path, offset: start, record };
  try {
    const document = articleOf(reading.validUtf8(bytes, start, record), reading, start, end, place);
    if (document) reading.add(document);
  } catch (error) {
    if (error instanceof DamageError) throw error;
    reading.reject(error, bytes.length);
  }
}

/** The article in the XML up to a `</page>`; undefined where there is none, or it is no article. */
function articleOf(
  bytes: Buffer,
  reading: Reading,
  start: number,
  end: number,
  place: Place,
): NewDocument | undefined {
  const xml = bytes.toString('utf8');
  const page = xml.indexOf('<page>');
  if (page < 0) return undefined;
  const head = xml.slice(page, xml.indexOf('<revision', page) + 1 || undefined);
  const field = (name: string) => {
    const value = new RegExp(`<${name}>([^<]*)</${name}>`).exec(head)?.[1];
    return value === undefined ? undefined : decodeXML(value);
  };
  const title = field('title');
  const pageId = field('id');
  if (title === undefined || pageId === undefined)
    throw new BadRecord(
      'malformed-page',
      new InputError('no page of a dump', {
        ...place,
        expected: '<title> and <id>',
        found: head.slice(0, 60),
      }),
    );
  if ((field('ns') ?? '0') !== '0' || /<redirect\b/.test(head)) return undefined;
  const text = wikiToText(markupOf(xml, page));
  if (text === '')
    throw new BadRecord(
      'empty-text',
      new InputError('no text', { ...place, expected: 'an article', found: `none in '${title}'` }),
    );
  const { corpus, source } = reading.spec;
  const timestamp = /<timestamp>([^<]*)<\/timestamp>/.exec(xml)?.[1];
  const metadata = { title, pageId, ...(timestamp ? { timestamp } : {}) };
  return { id: `${source}#${pageId}`, corpus, source, start, end, text, metadata };
}

function markupOf(xml: string, page: number): string {
  const open = xml.indexOf('<text', page);
  const start = open < 0 ? -1 : xml.indexOf('>', open) + 1;
  if (start <= 0 || xml[start - 2] === '/') return '';
  const end = xml.indexOf('</text>', start);
  return decodeXML(xml.slice(start, end < 0 ? undefined : end));
}
