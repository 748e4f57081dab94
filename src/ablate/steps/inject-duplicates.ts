import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type DocumentBatch, DocumentBatchBuilder } from '../../core/batch.ts';
import { classifySystemError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../core/files.ts';
import { xxh64 } from '../../core/hash.ts';
import type { JobContext, JobOutcome, SideFile, Sink, StageContext } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';

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
const encoder = new TextEncoder();

interface Original {
  /** Hash of corpus and id, in hexadecimal: the smallest are chosen, in whatever order documents come. */
  readonly rank: string;
  readonly text: string;
}

function rankOf(corpus: string, id: string): string {
  return xxh64(encoder.encode(`originals\0${corpus}\0${id}`))
    .toString(16)
    .padStart(16, '0');
}

function smallest(originals: readonly Original[], n: number): Original[] {
  return [...originals].sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0)).slice(0, n);
}

/** Keeps the candidates of one part. */
class OriginalTap implements Sink<DocumentBatch> {
  private found: Original[] = [];
  private readonly options: Options;
  private readonly path: string;

  constructor(options: Options, path: string) {
    this.options = options;
    this.path = path;
  }

  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const { corpus, id, split } = batch.rows[i]!;
      if (split === 'train') this.found.push({ rank: rankOf(corpus, id), text: batch.text(i) });
    }
    if (this.found.length > 16 * this.options.originals)
      this.found = smallest(this.found, this.options.originals);
  }

  async finish(): Promise<void> {
    await writeFileAtomic(this.path, JSON.stringify(smallest(this.found, this.options.originals)));
  }

  async abandon(): Promise<void> {
    this.found = [];
  }
}

function readOriginals(path: string): Original[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Original[];
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

async function reduce(
  options: Options,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const originals = smallest(
    sides.flatMap(({ path }) => readOriginals(path)),
    options.originals,
  );
  await writeFileAtomic(join(context.folder, POOL_FILE), JSON.stringify(originals));
  return { files: [POOL_FILE], summary: { originals: originals.length } };
}

function openApply(options: Options, context: StageContext & { readonly outcome: string }) {
  const originals = readOriginals(join(context.outcome, POOL_FILE));
  return {
    process(batch: DocumentBatch): DocumentBatch {
      const builder = new DocumentBatchBuilder();
      for (let i = 0; i < batch.length; i++) {
        const row = batch.rows[i]!;
        const random = context.random.split(row.corpus, row.id);
        if (row.split !== 'train' || originals.length === 0 || random.next() >= options.fraction) {
          builder.addRow(row, batch.bytes(i));
          continue;
        }
        context.count('injected duplicates');
        builder.addRow(row, encoder.encode(originals[random.below(originals.length)]!.text));
      }
      return builder.take();
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
    tap: (options, _context, path) => new OriginalTap(options, path),
    reduce,
    apply: openApply,
  },
});
