import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { CancelledError, IntegrityError } from '../../core/errors.ts';
import { ensureFolder, FileWriter, writeJsonAtomic } from '../../core/files.ts';
import type { JobContext, JobOutcome, SideFile, Sink } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import {
  addDocuments,
  DIMENSIONS,
  emptyStatistics,
  mergeStatistics,
  ordered,
  type Statistics,
} from '../statistics.ts';

export const STATISTICS_FILE = 'statistics.json';

const options = z.strictObject({
  by: z
    .array(z.enum(DIMENSIONS))
    .default([...DIMENSIONS])
    .describe('what is counted apart: corpus, split, domain, language, length (in words, by powers of two)'),
  urlField: z.string().min(1).default('url').describe('metadata field that holds the URL'),
  languageField: z.string().min(1).default('language').describe('metadata field that holds the language'),
  file: z
    .string()
    .min(1)
    .optional()
    .describe('Where to put statistics.json too, from the folder of the pipeline file.'),
});
type Options = z.output<typeof options>;

class StatisticsSink implements Sink<DocumentBatch> {
  private readonly path: string;
  private readonly options: Options;
  private readonly statistics: Statistics;

  constructor(path: string, options: Options) {
    this.path = path;
    this.options = options;
    this.statistics = emptyStatistics(options.by);
  }

  add(batch: DocumentBatch): void {
    addDocuments(this.statistics, batch, this.options);
  }

  async finish(): Promise<void> {
    const file = new FileWriter(this.path);
    file.add(Buffer.from(JSON.stringify(ordered(this.statistics))));
    file.finish();
  }

  async abandon(): Promise<void> {}
}

async function readStatistics(path: string): Promise<Statistics> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Statistics;
  } catch (cause) {
    throw new IntegrityError('statistics of a part', { file: path, expected: 'JSON', cause });
  }
}

async function reduce(
  { by, file }: Options,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const all = emptyStatistics(by);
  for (const [i, { path }] of sides.entries()) {
    if (context.signal.aborted) throw new CancelledError();
    mergeStatistics(all, await readStatistics(path));
    context.progress.report(i + 1, sides.length);
  }
  const statistics = ordered(all);
  await writeJsonAtomic(join(context.folder, STATISTICS_FILE), statistics);
  if (file !== undefined) {
    const path = resolve(context.baseFolder, file);
    await ensureFolder(dirname(path));
    await writeJsonAtomic(path, statistics);
  }
  const { lengths: _, ...total } = statistics.total;
  const groups = Object.entries(statistics.by).map(([dimension, values]) => [
    dimension,
    Object.keys(values).length,
  ]);
  return { files: [STATISTICS_FILE], summary: { ...total, groups: Object.fromEntries(groups) } };
}

/**
 * Counts the documents that come by: documents, bytes, characters, words, lines and lengths, by corpus, split, domain,
 * language and length. The artifact `statistics.json` is a sum: those of several runs are merged by `mergeStatistics`.
 */
export const statsStep = defineBarrier({
  kind: 'stats',
  summary: 'counts documents, bytes, words and lines by corpus, split, domain, language and length',
  options,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: {
    tapOptions: ['by', 'urlField', 'languageField'],
    tap: (o: Options, _context, path) => new StatisticsSink(path, o),
    reduce,
    passes: true,
    apply: () => ({ process: (batch) => batch }),
  },
});
