import { join } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { writeFileAtomic } from '../../core/files.ts';
import type { JobContext, JobOutcome, SideFile, StageContext } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { RankedTap, rankOf, readJson, rewriteDocuments, smallestRanks } from './injection.ts';

export const injectDuplicatesOptions = z.strictObject({
  fraction: z
    .number()
    .min(0)
    .max(1)
    .default(0.25)
    .describe('of the training documents that are replaced by copies'),
  originals: z.int().min(1).default(16).describe('how many documents the copies are of'),
});
type Options = z.output<typeof injectDuplicatesOptions>;

const POOL_FILE = 'originals.json';

interface Original {
  /** Hash of corpus and id, in hexadecimal: the smallest are chosen, in whatever order documents come. */
  readonly rank: string;
  readonly text: string;
}

function originalOf(batch: DocumentBatch, i: number): Original {
  const { corpus, id } = batch.rows[i]!;
  return { rank: rankOf(`originals\0${corpus}\0${id}`), text: batch.text(i) };
}

async function reduce(
  options: Options,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const originals = smallestRanks(
    sides.flatMap(({ path }) => readJson<Original[]>(path)),
    options.originals,
  );
  await writeFileAtomic(join(context.folder, POOL_FILE), JSON.stringify(originals));
  return { files: [POOL_FILE], summary: { originals: originals.length } };
}

function openApply(options: Options, context: StageContext & { readonly outcome: string }) {
  const originals = readJson<Original[]>(join(context.outcome, POOL_FILE));
  return {
    process(batch: DocumentBatch): DocumentBatch {
      return rewriteDocuments(batch, (row) => {
        const random = context.random.split(row.corpus, row.id);
        if (row.split !== 'train' || originals.length === 0 || random.next() >= options.fraction) return;
        context.count('injected duplicates');
        return originals[random.below(originals.length)]!.text;
      });
    },
  };
}

/** Damage that deduplication would mend: a share of the documents are copies of a few. */
export const injectDuplicates = defineBarrier({
  kind: 'inject-duplicates',
  summary: 'replaces a share of the documents by copies of a few others: a control that must do harm',
  options: injectDuplicatesOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: {
    tapOptions: ['originals'],
    tap: ({ originals }, _context, path) =>
      new RankedTap(path, { most: originals, room: 16 * originals }, originalOf),
    reduce,
    apply: openApply,
  },
});
