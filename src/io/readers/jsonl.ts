import { isAscii } from 'node:buffer';
import type { Json } from '../../core/document.ts';
import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { isBinarySafe, parseBinaryJson } from '../binary-json.ts';
import { BadRecord, documentOf, type FieldMap } from '../fields.ts';
import type { Position, Reading } from './reader.ts';
import { readSeparated } from './separated.ts';

const NEWLINE = Buffer.from('\n');

type At = { file: string; offset: number; record?: number };

export function parseJson(bytes: Buffer, place: At): Json {
  return parsing(place, () => JSON.parse(bytes.toString('utf8')) as Json);
}

function parsing(place: At, parse: () => Json): Json {
  try {
    return parse();
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new BadRecord(
      'invalid-json',
      new InputError('invalid JSON', { ...place, expected: 'one JSON value', found, cause: error }),
    );
  }
}

function isAsciiMap({ text, id, corpus = '', group = '', metadata }: FieldMap): boolean {
  const names = [text, id, corpus, group, ...(typeof metadata === 'string' ? [] : metadata)];
  return isAscii(Buffer.from(names.join('')));
}

/** One JSON object a line. */
export function readJsonl(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  const { corpus, source, fields } = reading.spec;
  const mayBeBinary = isAsciiMap(fields);
  return readSeparated(reading, from, NEWLINE, (bytes, start, end, record) => {
    const place = reading.place(start, record);
    const at = { corpus, source, start, end };
    // Pure ASCII is its own decoding, escapes and all.
    const ascii = isAscii(bytes);
    if (ascii || (mayBeBinary && isBinarySafe(bytes)))
      return documentOf(
        parsing(place, () => parseBinaryJson(bytes)),
        fields,
        at,
        place,
        !ascii,
      );
    return documentOf(parseJson(bytes, place), fields, at, place);
  });
}
