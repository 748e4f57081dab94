import type { ReadItem } from '../../core/stage.ts';
import type { Format } from '../read-spec.ts';
import type { Position, Reading } from './reader.ts';

export type Reader = (reading: Reading, from: Position | undefined) => AsyncIterable<ReadItem>;

/** Every format and who reads it; loaded when a file of it is opened, so that workers start fast. */
const READERS: Readonly<Record<Format, () => Promise<Reader>>> = {
  text: async () => (await import('./text.ts')).readText,
  jsonl: async () => (await import('./jsonl.ts')).readJsonl,
  json: async () => (await import('./json.ts')).readJson,
  csv: async () => (await import('./csv.ts')).readCsv,
  tsv: async () => (await import('./csv.ts')).readCsv,
  parquet: async () => (await import('./parquet.ts')).readParquet,
  html: async () => (await import('./html.ts')).readHtml,
  mail: async () => (await import('./mail.ts')).readMail,
  mbox: async () => (await import('./mbox.ts')).readMbox,
  warc: async () => (await import('./warc.ts')).readWarc,
  wikipedia: async () => (await import('./wikipedia.ts')).readWikipedia,
};

export function readerOf(format: Format): Promise<Reader> {
  return READERS[format]();
}
