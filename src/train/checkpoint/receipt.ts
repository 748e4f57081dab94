/** What a checkpoint says of itself beside its tensors: enough to go on exactly, and to refuse what does not fit. */

import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';

export const RECEIPT_FORMAT = 1;

const count = z.int().min(0);
const byCorpus = z.record(z.string(), z.number());
/** A loss may be NaN in a skipped step; JSON has no NaN, so it is null there. */
const loss = z.number().nullable();

const corpusEvaluation = z.strictObject({
  documents: count,
  /** UTF-8 bytes of the documents' text. */
  bytes: count,
  /** Scored tokens; special ones are not scored. */
  tokens: count,
  nats: z.number(),
  /** nats / tokens */
  lossPerToken: z.number(),
  /** nats / (ln 2 * bytes); null where the objective gives no likelihood of the text. */
  bitsPerByte: z.number().nullable(),
  /** What `gzip -9` needs for the same text as one stream. */
  gzipBitsPerByte: z.number(),
});

export const evaluationSchema = z.strictObject({
  measure: z.enum(['bits-per-byte', 'masked-loss']),
  /** Whether the figures may be held against those of another tokenizer or model. */
  comparable: z.boolean(),
  corpora: z.record(z.string(), corpusEvaluation),
  total: corpusEvaluation,
  /** Documents whose decoded tokens are not byte for byte as long as their text; bits per byte count the text. */
  inexactDocuments: count,
});

export type CorpusEvaluation = z.output<typeof corpusEvaluation>;
export type Evaluation = z.output<typeof evaluationSchema>;

const evaluationAt = z.strictObject({ step: count, result: evaluationSchema });

export const receiptSchema = z.strictObject({
  format: z.literal(RECEIPT_FORMAT),
  /** Optimizer steps taken; the next one is step + 1. Also the place in the data: micro-batch step * accumulate. */
  step: count,
  /** Updates that changed the weights: steps less those skipped. */
  updates: count,
  tokens: count,
  tokensByCorpus: byCorpus,
  /** Tokens seen over the tokens that the corpus has in the shards. */
  epochsByCorpus: byCorpus,
  /** What an exact continuation must share, in full, so that a mismatch can be named. */
  identity: z.record(z.string(), z.unknown()),
  identityDigest: z.string(),
  /** What may differ on going on, though bit-equality may then end: threads, versions. */
  environment: z.record(z.string(), z.unknown()),
  /** Streams are split by position from these paths, so a path is the whole state between two steps. */
  generators: z.record(z.string(), z.string()),
  losses: z.strictObject({ first: loss, last: loss, recent: z.array(z.number()) }),
  /** Steps in a row whose loss was not finite, and whose loss was far above the recent ones. */
  troubles: z.strictObject({ skipped: count, spikes: count }),
  evaluations: z.strictObject({
    before: evaluationAt.optional(),
    last: evaluationAt.optional(),
    best: z.strictObject({ step: count, value: z.number() }).optional(),
  }),
  /** The part of metrics.jsonl that belongs to this checkpoint. */
  metrics: z.strictObject({ bytes: count, sha256: z.string() }),
});

export type Receipt = z.output<typeof receiptSchema>;

/**
 * Throws a ConfigurationError that names the first field in which a checkpoint's identity differs from this run's.
 * Members of objects are compared by name in sorted order; undefined and missing are the same.
 */
export function requireSameIdentity(
  checkpoint: Readonly<Record<string, unknown>>,
  run: Readonly<Record<string, unknown>>,
  where: string,
): void {
  const difference = firstDifference('', checkpoint, run);
  if (difference === undefined) return;
  throw new ConfigurationError(`cannot go on from ${where}: ${difference.path} differs`, {
    expected: `${JSON.stringify(difference.left) ?? 'nothing'} as in the checkpoint`,
    found: JSON.stringify(difference.right) ?? 'nothing',
  });
}

interface Difference {
  readonly path: string;
  readonly left: unknown;
  readonly right: unknown;
}

function firstDifference(path: string, left: unknown, right: unknown): Difference | undefined {
  if (isObject(left) && isObject(right)) {
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
    for (const name of names) {
      const found = firstDifference(path === '' ? name : `${path}.${name}`, left[name], right[name]);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return JSON.stringify(left) === JSON.stringify(right) ? undefined : { path, left, right };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
