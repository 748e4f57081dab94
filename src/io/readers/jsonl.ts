import { isAscii } from 'node:buffer';
import type { Json } from '../../core/document.ts';
import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { isBinarySafe, parseBinaryJson } from '../binary-json.ts';
import { BadRecord, documentOf, type FieldMap, type RecordForm } from '../fields.ts';
import { isTakeable, type JsonKernel, jsonKernel } from '../json-kernel.ts';
import type { Position, Reading } from './reader.ts';
import { readSeparated } from './separated.ts';

const NEWLINE = Buffer.from('\n');

type At = { file: string; offset: number; record?: number };

/** A record of a line, and the form that it comes in. */
interface ParsedLine extends RecordForm {
  readonly value: Json;
}

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

function otherNames({ id, corpus = '', group = '', metadata }: FieldMap): readonly string[] {
  return [id, corpus, group, ...(typeof metadata === 'string' ? [] : metadata)];
}

function isAsciiMap(fields: FieldMap): boolean {
  return isAscii(Buffer.from([fields.text, ...otherNames(fields)].join('')));
}

/** Whether the text may be left out where a record is parsed: it is nothing else of the document, and no path leads to it. */
export function isTextApart(fields: FieldMap): boolean {
  const { text } = fields;
  return !text.includes('.') && isTakeable(text) && !otherNames(fields).includes(text);
}

/** The line as a whole. Throws BadRecord `invalid-json`. */
export function parseWhole(bytes: Buffer, mayBeBinary: boolean, place: At): ParsedLine {
  // Pure ASCII is its own decoding, escapes and all.
  const ascii = isAscii(bytes);
  if (ascii || (mayBeBinary && isBinarySafe(bytes)))
    return { value: parsing(place, () => parseBinaryJson(bytes)), binary: !ascii };
  return { value: parseJson(bytes, place) };
}

/** The line, its text apart: that is most of it, and need not become a string. Undefined where `parseWhole` must look. */
export function parseApart(bytes: Buffer, field: string, kernel: JsonKernel): ParsedLine | undefined {
  const taken = kernel.takeText(bytes, field);
  if (!taken) return undefined;
  const { text, rest, binary } = taken;
  try {
    return { value: JSON.parse(rest) as Json, binary, text };
  } catch {
    // The error names a place in the line.
    return undefined;
  }
}

/** One JSON object a line. */
export function readJsonl(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  const { corpus, source, fields } = reading.spec;
  const mayBeBinary = isAsciiMap(fields);
  const kernel = mayBeBinary && isTextApart(fields) ? jsonKernel() : undefined;
  return readSeparated(reading, from, NEWLINE, (bytes, start, end, record) => {
    const place = reading.place(start, record);
    const line = (kernel && parseApart(bytes, fields.text, kernel)) ?? parseWhole(bytes, mayBeBinary, place);
    return documentOf(line.value, fields, { corpus, source, start, end }, place, line);
  });
}
