import type { Json } from '../../core/document.ts';
import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { BadRecord, documentOf } from '../fields.ts';
import type { Position, Reading } from './reader.ts';
import { readSeparated } from './separated.ts';

const NEWLINE = Buffer.from('\n');

export function parseJson(bytes: Buffer, place: { file: string; offset: number; record?: number }): Json {
  try {
    return JSON.parse(bytes.toString('utf8')) as Json;
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new BadRecord(
      'invalid-json',
      new InputError('invalid JSON', { ...place, expected: 'one JSON value', found, cause: error }),
    );
  }
}

/** One JSON object a line. */
export function readJsonl(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  const { corpus, source, fields } = reading.spec;
  return readSeparated(reading, from, NEWLINE, (bytes, start, end, record) => {
    const place = reading.place(start, record);
    return documentOf(parseJson(bytes, place), fields, { corpus, source, start, end }, place);
  });
}
