import type { ReadItem } from '../../core/stage.ts';
import type { Format } from '../read-spec.ts';
import { readJson } from './json.ts';
import { readJsonl } from './jsonl.ts';
import { readMail } from './mail.ts';
import type { Position, Reading } from './reader.ts';
import { readText } from './text.ts';
import { readWarc } from './warc.ts';

export type Reader = (reading: Reading, from: Position | undefined) => AsyncIterable<ReadItem>;

/** Every format and who reads it. */
const READERS: Readonly<Record<Format, Reader>> = {
  text: readText,
  jsonl: readJsonl,
  json: readJson,
  mail: readMail,
  warc: readWarc,
};

export function readerOf(format: Format): Reader {
  return READERS[format];
}
