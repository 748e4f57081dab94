import { z } from 'zod';
import type { DocumentBatch, DocumentRow } from '../batch.ts';
import type { Split } from '../document.ts';
import { ConfigurationError } from '../errors.ts';
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
  validationFraction: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'of each corpus, as many again that are kept for validation: looked at while a model trains, so that the held-out set stays untouched to the end; default: none',
    ),
  validationFractions: z
    .record(z.string(), z.number().min(0).max(1))
    .optional()
    .describe('the same for single corpora by name; 0 keeps one out of the validation set'),
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

/** A corpus may be called `constructor`. */
function ofCorpus(fractions: Readonly<Record<string, number>>, corpus: string, otherwise: number): number {
  return Object.hasOwn(fractions, corpus) ? fractions[corpus]! : otherwise;
}

/** The share of a corpus on each measured side. Throws ConfigurationError where they overlap. */
function sharesOf(
  options: z.output<typeof HoldOutOptions>,
  corpus: string,
): { heldOut: number; validation: number } {
  const { fraction, fractions, validationFraction = 0, validationFractions = {} } = options;
  const heldOut = ofCorpus(fractions, corpus, fraction);
  const validation = ofCorpus(validationFractions, corpus, validationFraction);
  if (heldOut + validation > 1) {
    const whose = corpus === '' ? 'a corpus' : `corpus ${corpus}`;
    throw new ConfigurationError(`hold-out: more than all of ${whose} is asked for`, {
      expected: 'a held-out and a validation fraction of at most 1 together',
      found: `${heldOut} and ${validation}`,
    });
  }
  return { heldOut, validation };
}

/**
 * The hash places a document in [0, 1): the held-out set grows from below, the validation set from above, so that
 * neither fraction moves documents of the other set, and a larger one only takes training documents.
 */
export function sideAt(at: number, heldOut: number, validation: number): Split {
  if (at < heldOut) return 'held-out';
  return at >= 1 - validation ? 'validation' : 'train';
}

/**
 * Marks documents as held out, or for validation. They go on through the pipeline, but no judge drops them, nothing
 * trains on them, and training documents that duplicate one of them are removed: a fixed ruler that the recipe cannot
 * bend.
 */
export const holdOut = defineStage({
  kind: 'hold-out',
  summary:
    'marks a share of the documents as held out or for validation: never trained on or filtered, only measured',
  options: HoldOutOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  seesHeldOut: true,
  check(options) {
    const { fractions, validationFractions = {} } = options;
    // No corpus can be called so: what holds for all those that are not named.
    for (const corpus of ['', ...Object.keys(fractions), ...Object.keys(validationFractions)]) {
      sharesOf(options, corpus);
    }
  },
  open(options, context) {
    const salt = options.salt;
    const shares = new Map<string, ReturnType<typeof sharesOf>>();
    return {
      process(batch: DocumentBatch): DocumentBatch {
        for (let i = 0; i < batch.length; i++) {
          const row = batch.rows[i]!;
          const [corpus, name] = options.by === 'group' ? groupOf(row) : [row.corpus, row.id];
          let share = shares.get(corpus);
          if (!share) {
            share = sharesOf(options, corpus);
            shares.set(corpus, share);
          }
          const { heldOut, validation } = share;
          if (heldOut === 0 && validation === 0) continue;
          const side = sideAt(place(salt, corpus, name), heldOut, validation);
          if (side === 'train') continue;
          row.split = side;
          context.count(`${side} documents`);
          context.count(`${side} bytes`, batch.size(i));
        }
        return batch;
      },
    };
  },
});
