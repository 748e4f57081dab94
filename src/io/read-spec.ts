import { z } from 'zod';

export const FORMATS = [
  'text',
  'jsonl',
  'json',
  'csv',
  'tsv',
  'parquet',
  'html',
  'mail',
  'mbox',
  'warc',
  'wikipedia',
] as const;
export type Format = (typeof FORMATS)[number];

export const fieldsSchema = z
  .strictObject({
    text: z
      .string()
      .min(1)
      .default('text')
      .describe('Field that holds the text; `a.b` reaches into an object.'),
    id: z
      .string()
      .min(1)
      .default('id')
      .describe('Field that holds the id; without one the id is SOURCE#OFFSET.'),
    corpus: z.string().min(1).optional().describe('Field that names the corpus, where it differs by record.'),
    group: z.string().min(1).optional().describe('Field whose equal values stay on one side of a split.'),
    metadata: z
      .union([z.enum(['all', 'none']), z.array(z.string().min(1))])
      .default('all')
      .describe('Fields kept as metadata: all others, none, or a list.'),
  })
  .prefault({});

export const onInvalidUtf8Schema = z
  .enum(['reject', 'replace'])
  .describe('What to do with a record that is not UTF-8: set it aside, or put U+FFFD for what is wrong.');

/** How the bytes of a file become documents. Shared by `read` options, corpus cards and the spec of an input. */
export const layoutShape = {
  fields: fieldsSchema.describe('Which field becomes what (jsonl, json, csv, tsv, parquet).'),
  unit: z
    .enum(['file', 'line', 'paragraph'])
    .default('file')
    .describe('What one document of a text file is: the file, a line, or a run of lines between blank ones.'),
  separator: z
    .string()
    .min(1)
    .optional()
    .describe('A string between the documents of a text file, such as <|endoftext|>; replaces `unit`.'),
  path: z
    .string()
    .min(1)
    .optional()
    .describe('Where in one JSON document the array of records is: `a.b`; the whole document without it.'),
  delimiter: z
    .string()
    .length(1)
    .optional()
    .describe('What parts the fields of a line: a comma (csv) or a tab (tsv) without it.'),
  columns: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Names of the columns of a csv or tsv file whose first line does not have them.'),
  extract: z
    .enum(['main', 'all'])
    .default('main')
    .describe('Of HTML pages (html, warc): their own text without what surrounds it, or all text.'),
  group: z
    .union([
      z.literal('thread'),
      z.strictObject({ files: z.int().min(1).describe('so many files in a row are a group') }),
    ])
    .optional()
    .describe(
      'What stays on one side of a split: `thread` (mail of one subject) or {files: N} (N files in a row by name).',
    ),
};

/** What `read` needs to know of one file: plain JSON, the same for a corpus card and for files. */
export interface ReadSpec {
  readonly format: Format;
  readonly corpus: string;
  /** The name that documents carry as their source: no path of this machine. */
  readonly source: string;
  readonly fields: z.output<typeof fieldsSchema>;
  readonly unit: 'file' | 'line' | 'paragraph';
  readonly separator?: string;
  readonly path?: string;
  readonly delimiter?: string;
  readonly columns?: readonly string[];
  readonly extract: 'main' | 'all';
  /** The group of every document of the file, or `thread`: told by each mail. */
  readonly group?: string;
  readonly threads: boolean;
  readonly metadata?: Readonly<Record<string, string | number>>;
  readonly onInvalidUtf8: 'reject' | 'replace';
  readonly maxRecordBytes: number;
}

const EXTENSIONS: Readonly<Record<string, Format>> = {
  txt: 'text',
  text: 'text',
  md: 'text',
  markdown: 'text',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'json',
  csv: 'csv',
  tsv: 'tsv',
  parquet: 'parquet',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  eml: 'mail',
  mbox: 'mbox',
  warc: 'warc',
  arc: 'warc',
  wet: 'warc',
};

/** The format that a file's name tells, the ending of a compression left out. */
export function formatOfName(path: string): Format | undefined {
  const name = path.toLowerCase().replace(/\.(gz|gzip|zst|zstd|bz2|br)$/, '');
  // `enwiki-20240101-pages-articles-multistream1.xml-p1p41242.bz2`
  if (/wiki.*-pages-(?:articles|meta).*\.xml/.test(name)) return 'wikipedia';
  return EXTENSIONS[name.slice(name.lastIndexOf('.') + 1)];
}
