import { statSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { z } from 'zod';
import { CancelledError, ConfigurationError, classifySystemError } from '../../core/errors.ts';
import type { Cursor, InputFile, InputSlice, ListContext, ReadContext, ReadItem } from '../../core/stage.ts';
import { defineSource } from '../../core/step.ts';
import { compressionOf } from '../compression.ts';
import { DamageError } from '../damage.ts';
import { expandGlob } from '../glob.ts';
import { isByMember } from '../gzip-members.ts';
import { SCHEME, urlsOf } from '../http/url.ts';
import {
  FORMATS,
  type Format,
  formatOfName,
  layoutShape,
  onInvalidUtf8Schema,
  type ReadSpec,
} from '../read-spec.ts';
import { type Position, Reading } from '../readers/reader.ts';
import { isSplittableSeparator } from '../readers/separated.ts';
import { readerOf } from '../readers/table.ts';

/** A file smaller than this is never cut, so nobody looks into it before it is read. */
const SPLIT_FROM_BYTES = 1 << 16;

const FILE_OPTIONS = [
  'format',
  'fields',
  'unit',
  'separator',
  'path',
  'delimiter',
  'columns',
  'extract',
  'group',
] as const;

const inputSchema = z
  .strictObject({
    corpus: z
      .string()
      .min(1)
      .default('local')
      .describe('Without `files`: a corpus by its card. With them: the corpus that their documents are of.'),
    folders: z
      .array(z.string().min(1))
      .optional()
      .describe('Of a corpus by its card: only these of its folders, such as [easy-ham-1].'),
    files: z
      .union([
        z
          .string()
          .min(1)
          .transform((one) => [one]),
        z.array(z.string().min(1)).min(1),
      ])
      .optional()
      .describe(
        'Paths or patterns (*, **, ?, [ab], {a,b}), from the folder of the pipeline file; or http(s) URLs ({a,b}), which are fetched into .provender/downloads there.',
      ),
    format: z
      .enum(['auto', ...FORMATS])
      .default('auto')
      .describe('What the files are; auto: told by their names.'),
    ...layoutShape,
  })
  .superRefine((input, check) => {
    if (input.files === undefined) {
      if (input.corpus === 'local')
        check.addIssue({ code: 'custom', message: 'give `corpus` (a card) or `files`', path: ['files'] });
      for (const name of FILE_OPTIONS)
        if (JSON.stringify(input[name]) !== JSON.stringify(DEFAULTS[name]))
          check.addIssue({
            code: 'custom',
            message: `only with \`files\`: a corpus's card says it`,
            path: [name],
          });
    } else if (input.folders !== undefined)
      check.addIssue({ code: 'custom', message: 'only without `files`', path: ['folders'] });
  });

const DEFAULTS: Record<(typeof FILE_OPTIONS)[number], unknown> = {
  format: 'auto',
  fields: layoutShape.fields.parse(undefined),
  unit: 'file',
  separator: undefined,
  path: undefined,
  delimiter: undefined,
  columns: undefined,
  extract: 'main',
  group: undefined,
};

export const readOptions = z.strictObject({
  inputs: z.array(inputSchema).min(1).describe('What to read, in this order.'),
  onInvalidUtf8: onInvalidUtf8Schema.default('reject'),
  maxRecordBytes: z
    .int()
    .min(1)
    .max(2 ** 28)
    .default(2 ** 26)
    .describe('A larger record is set aside, in bounded memory.'),
});

type ReadOptions = z.output<typeof readOptions>;
type Input = ReadOptions['inputs'][number];
type Common = Pick<ReadSpec, 'onInvalidUtf8' | 'maxRecordBytes'>;

interface Found {
  readonly path: string;
  readonly spec: ReadSpec;
}

const posix = (path: string) => (sep === '/' ? path : path.replaceAll(sep, '/'));

type Layout = Pick<
  Input,
  'fields' | 'unit' | 'separator' | 'path' | 'delimiter' | 'columns' | 'extract' | 'group'
>;

function specOf(
  layout: Layout,
  format: Format,
  corpus: string,
  source: string,
  index: number,
  common: Common,
): ReadSpec {
  const { fields, unit, separator, path, delimiter, columns, extract, group } = layout;
  const block = typeof group === 'object' ? Math.floor(index / group.files) : undefined;
  return {
    format,
    corpus,
    source,
    fields,
    unit,
    separator,
    path,
    delimiter,
    columns,
    extract,
    group: block === undefined ? undefined : `${corpus}/files-${block}`,
    threads: group === 'thread',
    ...common,
  };
}

function metadataFromName(
  pattern: string | undefined,
  name: string,
): Record<string, string | number> | undefined {
  const groups = pattern === undefined ? undefined : new RegExp(pattern, 'u').exec(name)?.groups;
  if (!groups) return undefined;
  const metadata: Record<string, string | number> = {};
  for (const [key, value] of Object.entries(groups))
    if (value !== undefined) metadata[key] = /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
  return metadata;
}

async function cardInput(input: Input, baseFolder: string, common: Common): Promise<Found[]> {
  // Brings the YAML parser, which no worker needs.
  const { corpusFiles, loadCorpus } = await import('../corpora.ts');
  const corpus = loadCorpus(input.corpus, baseFolder);
  const { card } = corpus;
  const { folder, paths } = corpusFiles(corpus);
  const folders = new Set(input.folders);
  const known = new Set<string>();
  const found: Found[] = [];
  paths.forEach((path, index) => {
    const name = posix(relative(folder, path));
    const first = name.includes('/') ? name.slice(0, name.indexOf('/')) : '.';
    known.add(first);
    if (input.folders && !folders.has(first)) return;
    const spec = specOf(card, card.format, corpus.name, `${corpus.name}/${name}`, index, common);
    found.push({ path, spec: { ...spec, metadata: metadataFromName(card.metadata, name) } });
  });
  for (const one of folders)
    if (!known.has(one))
      throw new ConfigurationError(`the corpus '${corpus.name}' has no folder '${one}'`, {
        expected: [...known].join(', '),
      });
  return found;
}

/** What `files` names: paths, and URLs as they are. */
async function fileInput(
  input: Input,
  patterns: readonly string[],
  context: ListContext,
  common: Common,
): Promise<Found[]> {
  const { baseFolder } = context;
  const names = new Set<string>();
  const urls = new Set<string>();
  for (const pattern of patterns) {
    const mine = SCHEME.test(pattern) ? urlsOf(pattern) : undefined;
    for (const url of mine ?? []) urls.add(url);
    for (const name of mine ?? expandGlob(pattern, baseFolder)) names.add(name);
  }
  const found = [...names].map((name, index) => {
    const isUrl = urls.has(name);
    const format =
      input.format === 'auto' ? formatOfName(isUrl ? new URL(name).pathname : name) : input.format;
    if (format === undefined)
      throw new ConfigurationError('the name does not tell the format', {
        file: name,
        expected: `\`format\`: ${FORMATS.join(', ')}`,
      });
    const source = isUrl ? name : posix(relative(baseFolder, name));
    return { path: name, spec: specOf(input, format, input.corpus, source, index, common) };
  });
  if (urls.size === 0) return found;
  const places = await placesOf([...urls], context);
  return found.flatMap(({ path, spec }) => {
    const place = urls.has(path) ? places.get(path) : path;
    return place === undefined ? [] : [{ path: place, spec }];
  });
}

/** Where the bytes of the URLs are. For a dry run: of those that were fetched before. */
async function placesOf(
  urls: readonly string[],
  { baseFolder, signal, dryRun, say }: ListContext,
): Promise<Map<string, string>> {
  // Brings an HTTP client, which no worker needs.
  const { cached, download } = await import('../http/downloads.ts');
  return dryRun ? cached(urls, baseFolder) : download(urls, baseFolder, { signal, say });
}

/** Formats whose records can be found from any byte of a plain file, and those that have their own way to be cut. */
export function isSplittable(path: string, size: number, spec: ReadSpec): boolean {
  if (size < SPLIT_FROM_BYTES) return false;
  if (spec.format === 'parquet') return true;
  try {
    const compression = compressionOf(path);
    if (spec.format === 'warc') return compression === 'gzip' && isByMember(path);
    if (spec.format === 'wikipedia') return compression === 'none' || compression === 'bzip2';
    return compression === 'none' && isSeparated(spec);
  } catch (error) {
    // What cannot be decompressed is rejected when it is read.
    if (error instanceof DamageError) return false;
    throw error;
  }
}

function isSeparated({ format, separator, unit }: ReadSpec): boolean {
  if (format === 'jsonl' || format === 'mbox') return true;
  if (format !== 'text') return false;
  return separator === undefined ? unit === 'line' : isSplittableSeparator(separator);
}

async function list(options: ReadOptions, context: ListContext): Promise<InputFile[]> {
  const { baseFolder, signal } = context;
  const { onInvalidUtf8, maxRecordBytes } = options;
  const common = { onInvalidUtf8, maxRecordBytes };
  const files: InputFile[] = [];
  for (const input of options.inputs) {
    if (signal.aborted) throw new CancelledError();
    const found = input.files
      ? await fileInput(input, input.files, context, common)
      : await cardInput(input, baseFolder, common);
    for (const { path, spec } of found) {
      try {
        const { size, mtimeMs } = statSync(path);
        const splittable = isSplittable(path, size, spec);
        files.push({ path, size, mtimeMs, splittable, spec: spec as unknown as InputFile['spec'] });
      } catch (error) {
        throw classifySystemError(error, { file: path });
      }
    }
  }
  return files;
}

async function* read(
  slice: InputSlice,
  from: Cursor | undefined,
  context: ReadContext,
): AsyncGenerator<ReadItem> {
  const spec = slice.spec as unknown as ReadSpec;
  const position = from as unknown as Position | undefined;
  const reading = new Reading(slice, spec, position, context);
  if (slice.size === 0) {
    if (!from) reading.emptyFile();
    return;
  }
  const reader = await readerOf(spec.format);
  try {
    yield* reader(reading, position);
  } catch (error) {
    // Only what failed before the first record: readers place damage further on themselves.
    reading.reject(error, slice.end - slice.start);
    reading.progress(slice.end);
  }
}

export const readStep = defineSource({
  kind: 'read',
  summary:
    'reads documents from files and URLs (text, JSON, CSV, Parquet, HTML, mail, WARC, wiki), and corpora',
  options: readOptions,
  module: import.meta.url,
  source: { list, read },
});
