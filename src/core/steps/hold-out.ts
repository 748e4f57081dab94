import { z } from 'zod';
import type { DocumentBatch, DocumentRow } from '../batch.ts';
import { xxh64 } from '../hash.ts';
import { defineStage } from '../step.ts';

export const HoldOutOptions = z.strictObject({
  fraction: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('of the groups (or documents) of each corpus that are held out'),
  fractions: z
    .record(z.string(), z.number().min(0).max(1))
    .default({})
    .describe('the same for single corpora by name; 0 keeps one out of the held-out set'),
  by: z
    .enum(['group', 'document'])
    .default('group')
    .describe(
      "what stays on one side together: a reader's groups (threads, runs of chapters) where it gives them, or single documents",
    ),
  salt: z.string().default('held-out').describe('another salt, another held-out set'),
});

const encoder = new TextEncoder();

/** Uniform over [0, 1), from the name alone: a document never changes sides when the corpus grows. */
function place(salt: string, corpus: string, name: string): number {
  return Number(xxh64(encoder.encode(`${salt}\0${corpus}\0${name}`)) >> 11n) / 2 ** 53;
}

/** Corpus and name of a document's group; one that near-duplicates joined over corpora names its corpus itself. */
function groupOf({ corpus, group, id }: DocumentRow): readonly [corpus: string, name: string] {
  if (group === undefined) return [corpus, id];
  const cut = group.indexOf('\0');
  return cut < 0 ? [corpus, group] : [group.slice(0, cut), group.slice(cut + 1)];
}

/**
 * Marks documents as held out. They go on through the pipeline, but no judge drops them, nothing trains on them, and
 * training documents that duplicate one of them are removed: a fixed ruler that the recipe cannot bend.
 */
export const holdOut = defineStage({
  kind: 'hold-out',
  summary:
    'marks a fixed share of the documents as held out: never trained on, never filtered, only measured on',
  options: HoldOutOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  seesHeldOut: true,
  open(options, context) {
    const salt = options.salt;
    return {
      process(batch: DocumentBatch): DocumentBatch {
        for (let i = 0; i < batch.length; i++) {
          const row = batch.rows[i]!;
          const [corpus, name] = options.by === 'group' ? groupOf(row) : [row.corpus, row.id];
          // A corpus may be called `constructor`.
          const fraction = Object.hasOwn(options.fractions, corpus)
            ? options.fractions[corpus]!
            : options.fraction;
          if (fraction > 0 && place(salt, corpus, name) < fraction) {
            row.split = 'held-out';
            context.count('held-out documents');
            context.count('held-out bytes', batch.size(i));
          }
        }
        return batch;
      },
    };
  },
});
