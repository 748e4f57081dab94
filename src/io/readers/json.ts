import type { Json } from '../../core/document.ts';
import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { decompressedBytes } from '../compression.ts';
import { DamageError } from '../damage.ts';
import { BadRecord, documentOf } from '../fields.ts';
import type { Piece } from '../file-bytes.ts';
import { type JsonElement, JsonElements } from '../json-elements.ts';
import { parseJson } from './jsonl.ts';
import type { Position, Reading } from './reader.ts';
import { readWhole } from './whole.ts';

/** A megabyte of JSON makes some 100,000 tokens: a quarter of it bounds what lies in memory at once. */
const FEED_BYTES = 256 * 1024;

/** One JSON document: an object that is a record, or an array of records (at the top, or at `path`). */
export async function* readJson(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { corpus, source, fields, path } = reading.spec;
  if (path !== undefined || (await firstCharacter(reading)) === '[') {
    yield* readElements(reading, from);
    return;
  }
  yield* readWhole(reading, from, (bytes) => {
    const place = reading.place(0, 0);
    const text = reading.validUtf8(withoutBom(bytes), 0, 0);
    const at = { corpus, source, start: 0, end: bytes.length };
    const document = documentOf(parseJson(text, place), fields, at, place);
    return document.id === `${source}#0` ? { ...document, id: source } : document;
  });
}

function withoutBom(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

async function firstCharacter({ slice, context }: Reading): Promise<string | undefined> {
  try {
    for await (const { bytes } of decompressedBytes(slice.path, slice.size, 0, context.signal)) {
      const head = withoutBom(bytes).toString('latin1').trimStart();
      if (head !== '') return head[0];
    }
  } catch (error) {
    // Whoever reads the file meets the damage again, and counts it.
    if (!(error instanceof DamageError)) throw error;
  }
  return undefined;
}

async function* inPortions(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece> {
  for await (const { bytes, disk } of pieces)
    for (let at = 0; at < bytes.length; at += FEED_BYTES)
      yield { bytes: bytes.subarray(at, at + FEED_BYTES), disk };
}

/** Resuming parses from the start again, and passes over the elements that were read. */
async function* readElements(reading: Reading, from: Position | undefined): AsyncGenerator<ReadItem> {
  const { slice, spec, context } = reading;
  const skip = from?.record ?? 0;
  let waiting: JsonElement[] = [];
  let record = 0;
  const elements = new JsonElements(spec.path, (element) => waiting.push(element));
  let disk = 0;
  let problem: unknown;
  const pieces = decompressedBytes(slice.path, slice.size, 0, context.signal);
  try {
    for await (const piece of inPortions(pieces)) {
      disk = piece.disk;
      try {
        elements.feed(piece.bytes, false);
      } catch (error) {
        problem = invalid(reading, elements, error);
      }
      for (const element of waiting) {
        if (record++ < skip) continue;
        addElement(reading, element, record - 1);
        if (reading.full) yield reading.take({ offset: element.end, disk, record });
      }
      waiting = [];
      if (problem || elements.stopped) break;
      if (elements.pendingBytes > spec.maxRecordBytes) {
        problem = tooLarge(reading, elements);
        break;
      }
    }
    if (!problem && !elements.done) problem = unfinished(reading, elements);
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    problem = error;
  }
  if (reading.pending) yield reading.take({ offset: elements.offset + 1, disk, record });
  if (problem) reading.reject(problem, Math.max(0, elements.pendingBytes));
  else if (record === 0 && !from) reading.emptyFile();
  reading.progress(slice.end);
}

function addElement(reading: Reading, element: JsonElement, record: number): void {
  const { corpus, source, fields, onInvalidUtf8, maxRecordBytes } = reading.spec;
  const { start, end, invalidUtf8 } = element;
  const place = reading.place(start, record);
  try {
    if (invalidUtf8 >= 0 && onInvalidUtf8 === 'reject')
      throw new BadRecord(
        'invalid-utf-8',
        new InputError('invalid UTF-8', {
          ...place,
          offset: invalidUtf8,
          expected: 'UTF-8',
          found: 'other bytes',
        }),
      );
    if (end - start > maxRecordBytes) reading.tooLarge(start, record, end - start);
    else reading.add(documentOf(element.value as Json, fields, { corpus, source, start, end }, place));
  } catch (error) {
    reading.reject(error, end - start);
  }
}

const REST = 'the rest of the file is not read';

function invalid(reading: Reading, elements: JsonElements, error: unknown): BadRecord {
  const found = `${error instanceof Error ? error.message : String(error)}, after this byte; ${REST}`;
  const array = /should be an array/.test(found);
  return new BadRecord(
    array ? 'not-an-array' : 'invalid-json',
    new InputError(array ? 'not an array' : 'invalid JSON', {
      ...reading.place(elements.offset),
      expected: array ? `an array at '${reading.spec.path ?? 'the top'}'` : 'one JSON document',
      found,
      cause: error,
    }),
  );
}

function tooLarge(reading: Reading, elements: JsonElements): BadRecord {
  const problem = new InputError('record too large', {
    ...reading.place(elements.offset),
    expected: `at most ${reading.spec.maxRecordBytes} bytes (maxRecordBytes)`,
    found: `more than ${elements.pendingBytes} bytes; ${REST}`,
  });
  return new BadRecord('record-too-large', problem);
}

function unfinished(reading: Reading, elements: JsonElements): BadRecord {
  const { path } = reading.spec;
  const place = reading.place(elements.offset);
  if (elements.found)
    return new BadRecord(
      'truncated-input',
      new InputError('JSON cut off', {
        ...place,
        expected: 'the end of the array',
        found: 'the end of the file',
      }),
    );
  return new BadRecord(
    'missing-path',
    new InputError('no such array', {
      ...place,
      expected: `an array at '${path ?? 'the top'}'`,
      found: 'none',
    }),
  );
}
