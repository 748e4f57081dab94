import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { CancelledError, IntegrityError } from '../../core/errors.ts';
import { writeJsonAtomic } from '../../core/files.ts';
import type { JobContext, JobOutcome, SideFile } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { PARTS_MANIFEST, type PartsManifest, publishParts } from '../parts-folder.ts';
import { placeFile } from '../place-file.ts';
import { JsonlSink } from '../writers/jsonl.ts';
import { LAYOUTS } from '../writers/layouts.ts';
import type { ParquetSink } from '../writers/parquet.ts';

const COMPRESSIONS = {
  jsonl: { none: '.jsonl', gzip: '.jsonl.gz', zstd: '.jsonl.zst' },
  parquet: { none: '.parquet', gzip: '.parquet', snappy: '.parquet' },
} as const;
const DEFAULT_COMPRESSION = { jsonl: 'gzip', parquet: 'snappy' } as const;
const CODECS = { none: 'UNCOMPRESSED', gzip: 'GZIP', snappy: 'SNAPPY' } as const;

export const writeOptions = z
  .strictObject({
    format: z.enum(['jsonl', 'parquet']).default('jsonl').describe('What the files are.'),
    compression: z
      .enum(['auto', 'none', 'gzip', 'zstd', 'snappy'])
      .default('auto')
      .describe('auto: gzip for jsonl, snappy for parquet. zstd is for jsonl, snappy for parquet.'),
    layout: z
      .enum(LAYOUTS)
      .default('provender')
      .describe("The fields of a line: all of provender's, or what dolma or datatrove read. For jsonl."),
    folder: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Where to put the files, from the folder of the pipeline file. They are always in the run directory too (hard links).',
      ),
  })
  .superRefine(({ format, compression, layout }, check) => {
    if (compression !== 'auto' && !Object.hasOwn(COMPRESSIONS[format], compression))
      check.addIssue({
        code: 'custom',
        path: ['compression'],
        message: `not for ${format}: ${Object.keys(COMPRESSIONS[format]).join(', ')}`,
      });
    if (format === 'parquet' && layout !== 'provender')
      check.addIssue({ code: 'custom', path: ['layout'], message: 'only for jsonl' });
  });

type WriteOptions = z.output<typeof writeOptions>;

function kindOf(options: WriteOptions): {
  compression: Exclude<WriteOptions['compression'], 'auto'>;
  ending: string;
} {
  const { format } = options;
  const compression = options.compression === 'auto' ? DEFAULT_COMPRESSION[format] : options.compression;
  const endings: Readonly<Record<string, string>> = COMPRESSIONS[format];
  return { compression, ending: endings[compression]! };
}

async function openSink(options: WriteOptions, path: string): Promise<JsonlSink | ParquetSink> {
  const { compression } = kindOf(options);
  if (options.format === 'parquet') {
    // Loaded where it is wanted, so that other workers start fast.
    const { ParquetSink } = await import('../writers/parquet.ts');
    return new ParquetSink(path, CODECS[compression as keyof typeof CODECS]);
  }
  return new JsonlSink(path, options.layout, compression as 'none' | 'gzip' | 'zstd');
}

async function reduce(
  options: WriteOptions,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const { compression, ending } = kindOf(options);
  const ordered = [...sides].sort((a, b) => a.partition - b.partition || a.part - b.part);
  const files: { name: string; documents: number; bytes: number }[] = [];
  const digests: Record<string, string> = {};
  for (const side of ordered) {
    if (context.signal.aborted) throw new CancelledError();
    if (side.documents === 0) continue;
    const name = `part-${String(files.length).padStart(5, '0')}${ending}`;
    const target = join(context.folder, name);
    const linked = await placeFile(side.path, target);
    if (linked && side.sha256 !== undefined) digests[name] = side.sha256;
    const { size } = await stat(target);
    if (size === 0)
      throw new IntegrityError('a part is empty', {
        file: side.path,
        expected: `${side.documents} documents`,
      });
    files.push({ name, documents: side.documents, bytes: size });
    context.progress.report(files.length, ordered.length);
  }
  const documents = files.reduce((sum, file) => sum + file.documents, 0);
  const manifest: PartsManifest = {
    kind: 'provender-parts',
    version: 1,
    format: options.format,
    layout: options.format === 'jsonl' ? options.layout : undefined,
    compression,
    documents,
    files,
  };
  await writeJsonAtomic(join(context.folder, PARTS_MANIFEST), manifest);
  const summary: Record<string, unknown> = {
    format: options.format,
    documents,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  };
  if (options.folder !== undefined) {
    const folder = resolve(context.baseFolder, options.folder);
    await publishParts(folder, context.folder, manifest);
    summary.folder = options.folder;
  }
  return { files: [...files.map((file) => file.name), PARTS_MANIFEST], digests, summary };
}

export const writeStep = defineBarrier({
  kind: 'write',
  summary: 'writes the documents to JSONL (plain, gzip, zstd) or Parquet files and passes them on',
  options: writeOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: {
    tap: (options: WriteOptions, _context, path) => openSink(options, path),
    reduce,
    passes: true,
    apply: () => ({ process: (batch) => batch }),
  },
});
