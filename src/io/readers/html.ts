import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { decodeHtml } from '../../ingest/charset.ts';
import { extractPage } from '../../ingest/html/extract.ts';
import { BadRecord } from '../fields.ts';
import type { Position, Reading } from './reader.ts';
import { readWhole } from './whole.ts';

/** An HTML page a file: its text, and what it says of itself as metadata. */
export function readHtml(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  const { corpus, source, extract } = reading.spec;
  return readWhole(reading, from, (bytes) => {
    const decoded = decodeHtml(bytes, undefined, true);
    const { text, metadata } = extractPage(decoded.text, { scope: extract });
    if (text === '') {
      const problem = new InputError('no text', {
        ...reading.place(0, 0),
        expected: 'text',
        found: 'none',
      });
      throw new BadRecord('empty-text', problem);
    }
    return {
      id: source,
      corpus,
      source,
      start: 0,
      end: bytes.length,
      text,
      metadata: { ...metadata, charset: decoded.charset },
    };
  });
}
