import { join } from 'node:path';
import { z } from 'zod';
import type { TokenBatch } from '../../core/batch.ts';
import { ConfigurationError } from '../../core/errors.ts';
import { xxh64 } from '../../core/hash.ts';
import type { JobContext, JobOutcome, Sink, StageContext } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { loadTokenizer, type Tokenizer } from '../../tokenize/tokenizer.ts';
import { type BuildResult, buildShards } from '../build.ts';
import { tokenWidthOf } from '../format.ts';
import { requireKnownCorpora } from '../known-corpora.ts';
import { labelled } from '../labels.ts';
import type { Counts } from '../shard-set.ts';
import { SideWriter } from '../side-writer.ts';

const options = z.strictObject({
  shardTokens: z
    .number()
    .int()
    .min(1)
    .max(2 ** 40)
    .default(100_000_000)
    .describe(
      'Tokens a shard; a document is never cut, so a shard ends before the one that would exceed this',
    ),
  appendEndOfText: z
    .boolean()
    .default(true)
    .describe('Whether each document ends in the <|endoftext|> token'),
  seed: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('Seed of the shuffle; by default one that follows from the seed of the run'),
  signals: z
    .union([z.enum(['all', 'none']), z.array(z.string())])
    .default('all')
    .describe("Which of the documents' signals the shards keep, to report the loss by"),
  weights: z
    .record(z.string(), z.number().nonnegative())
    .optional()
    .describe(
      'Share of each corpus in the training shards, in any unit; without it each has what it came with',
    ),
  weightsBy: z.enum(['tokens', 'documents']).default('tokens').describe('What the weights are shares of'),
  temperature: z
    .number()
    .positive()
    .default(1)
    .describe('Weights are raised to 1/temperature: above 1 small corpora get more'),
  maxEpochs: z
    .number()
    .positive()
    .default(4)
    .describe('No corpus is taken more often than this: the mixture gets smaller instead'),
  totalTokens: z
    .number()
    .positive()
    .optional()
    .describe('Tokens (documents, where weightsBy says so) of the mixture; by default as many as there are'),
  upsample: z
    .strictObject({
      signal: z.string().describe('Name of the signal, such as learned-quality.score'),
      bands: z
        .array(
          z.strictObject({
            from: z.number().describe('Least value of the band'),
            times: z.number().min(0).max(100).describe('How often its documents are taken'),
          }),
        )
        .min(1)
        .describe('The highest band that a document reaches decides'),
      otherwise: z
        .number()
        .min(0)
        .max(100)
        .default(1)
        .describe('How often documents below all bands, or without the signal, are taken'),
    })
    .optional()
    .describe("Takes training documents more or less often by a signal; a corpus keeps its weights' share"),
  orderBy: z
    .strictObject({
      signal: z.string().describe('Name of the signal'),
      descending: z.boolean().default(false).describe('From the largest value to the smallest'),
    })
    .optional()
    .describe(
      'A curriculum: training documents in the order of a signal instead of shuffled; train.epochsInOrder reads it so',
    ),
  memoryBytes: z
    .number()
    .int()
    .min(1 << 20)
    .default(256 << 20)
    .describe(
      'Memory for the documents that the global shuffle holds at a time, in all its threads together',
    ),
});

export type ShardOptions = z.output<typeof options>;

/** Without a seed of its own the shuffle follows the run's, the same in every task of the step. */
function keySeedOf(chosen: ShardOptions, context: StageContext | JobContext): bigint {
  const seed = chosen.seed ?? context.random.path;
  return xxh64(Buffer.from(`shuffle\0${seed}`));
}

async function openTokenizer(context: StageContext | JobContext): Promise<Tokenizer> {
  return loadTokenizer(join(context.artifact('tokenizer'), 'tokenizer.json'));
}

function endOfTextOf(chosen: ShardOptions, tokenizer: Tokenizer): number | undefined {
  if (!chosen.appendEndOfText) return undefined;
  if (tokenizer.endOfText === undefined) {
    throw new ConfigurationError('the tokenizer has no <|endoftext|>, and appendEndOfText asks for one', {
      expected: 'a tokenizer with the special token, or appendEndOfText: false',
    });
  }
  return tokenizer.endOfText;
}

/** Exported for tests and for those who compose steps by hand: see the step `shard`. */
export async function tapShards(
  chosen: ShardOptions,
  context: StageContext,
  path: string,
): Promise<Sink<TokenBatch>> {
  const tokenizer = await openTokenizer(context);
  const writer = new SideWriter(path, {
    tokenizerDigest: tokenizer.digest,
    tokenWidth: tokenWidthOf(tokenizer.vocabularySize),
    endOfText: endOfTextOf(chosen, tokenizer),
    keySeed: keySeedOf(chosen, context),
  });
  return {
    add({ documents, tokens, offsets }) {
      writer.addAll(documents.rows.map(labelled), (i) => documents.size(i), tokens, offsets);
    },
    async finish() {
      await writer.finish();
    },
    async abandon() {
      writer.abandon();
    },
  };
}

function summaryOf({ index, mixture }: BuildResult): JobOutcome['summary'] {
  const { train, 'held-out': heldOut, validation } = index.splits;
  const all = [train, heldOut, validation];
  const sum = (of: (counts: Counts) => number): number =>
    all.reduce((total, counts) => total + of(counts), 0);
  const documents = sum((counts) => counts.documents);
  const hasValidation = validation.documents > 0;
  const endings = index.tokenizer.endOfText === null ? 0 : documents;
  const textTokens = sum(({ tokens }) => tokens) - endings;
  return {
    trainTokens: train.tokens,
    heldOutTokens: heldOut.tokens,
    ...(hasValidation ? { validationTokens: validation.tokens } : {}),
    documents,
    byCorpus: Object.fromEntries(
      index.corpora.map(({ name, splits }) => [
        name,
        {
          train: splits.train,
          heldOut: splits['held-out'],
          ...(hasValidation ? { validation: splits.validation } : {}),
        },
      ]),
    ),
    shards: all.reduce((total, { shards }) => total + shards.length, 0),
    bytesPerToken: textTokens > 0 ? sum(({ bytes }) => bytes) / textTokens : 0,
    digest: index.digest,
    ...(mixture ? { mixture } : {}),
  };
}

export const shardStep = defineBarrier({
  kind: 'shard',
  summary: 'shuffles all documents globally, mixes the corpora and writes token shards',
  options,
  module: import.meta.url,
  from: 'tokens',
  to: 'nothing',
  needs: ['tokenizer'],
  gives: ['shards'],
  check({ weights }, before) {
    if (weights !== undefined) requireKnownCorpora(weights, before);
  },
  barrier: {
    tapOptions: ['appendEndOfText', 'seed'],
    tap: tapShards,
    async reduce(chosen, sides, context) {
      const tokenizer = await openTokenizer(context);
      const { folder, progress, signal, threads } = context;
      const say = (line: string): void => context.say(line);
      const endOfText = endOfTextOf(chosen, tokenizer);
      const paths = sides.map((side) => side.path);
      const result = await buildShards(
        { sides: paths, folder, tokenizer, endOfText, progress, signal, threads, say },
        chosen,
      );
      return { files: result.files, summary: summaryOf(result) };
    },
  },
});
