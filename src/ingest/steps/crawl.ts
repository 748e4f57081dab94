import { readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import { ensureFolder } from '../../core/files.ts';
import type { InputFile } from '../../core/stage.ts';
import { defineSource } from '../../core/step.ts';
import { layoutShape, type ReadSpec } from '../../io/read-spec.ts';
import { isSplittable, readStep } from '../../io/steps/read.ts';
import { crawl } from '../crawl/crawl.ts';
import { crawlOptions } from '../crawl/options.ts';

const options = crawlOptions.extend({
  folder: z
    .string()
    .min(1)
    .default('crawl')
    .describe('Where the WARC files and the frontier are, from the folder of the pipeline file.'),
  corpus: z.string().min(1).default('crawl').describe('The corpus that its documents are of.'),
  extract: layoutShape.extract,
  maxRecordBytes: z
    .int()
    .min(1)
    .max(2 ** 28)
    .default(2 ** 26)
    .describe('A larger record is set aside, in bounded memory.'),
});
type Options = z.output<typeof options>;

/**
 * Crawls, then reads what was captured. The crawl is its folder: one that was killed goes on, one that is complete is
 * read as it is, so that everything after it can be run again without the network.
 */
export const crawlStep = defineSource({
  kind: 'crawl',
  summary: 'crawls the web into WARC files, politely and resumably, and reads their pages',
  options,
  module: import.meta.url,
  source: {
    async list(settings: Options, { baseFolder, signal, dryRun }) {
      const { folder: name, corpus, extract, maxRecordBytes, ...crawling } = settings;
      const folder = resolve(baseFolder, name);
      if (!dryRun) {
        if (crawling.seeds.length + crawling.sitemaps.length === 0)
          throw new ConfigurationError('crawl: nothing to begin with', { expected: '`seeds` or `sitemaps`' });
        await ensureFolder(folder);
        await crawl({ folder, options: crawling, signal });
      }
      return warcFiles(folder).map((file) => fileOf(folder, file, { name, corpus, extract, maxRecordBytes }));
    },
    read: readStep.source.read,
  },
});

function warcFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.warc.gz'))
      .sort();
  } catch (error) {
    // Before the first crawl there is none.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function fileOf(
  folder: string,
  file: string,
  {
    name,
    corpus,
    extract,
    maxRecordBytes,
  }: Pick<Options, 'corpus' | 'extract' | 'maxRecordBytes'> & { name: string },
): InputFile {
  const path = resolve(folder, file);
  const { size, mtimeMs } = statSync(path);
  const spec: ReadSpec = {
    format: 'warc',
    corpus,
    source: `${name}/${file}`,
    fields: layoutShape.fields.parse(undefined),
    unit: 'file',
    extract,
    threads: false,
    onInvalidUtf8: 'reject',
    maxRecordBytes,
  };
  const splittable = isSplittable(path, size, spec);
  return { path, size, mtimeMs, splittable, spec: spec as unknown as InputFile['spec'] };
}
