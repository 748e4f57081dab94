import { join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import { Random } from '../../core/random.ts';
import type { JobContext, JobOutcome } from '../../core/stage.ts';
import { defineJob } from '../../core/step.ts';
import { ShardLoader } from '../../shard/loader.ts';
import { loadTokenizer, type Tokenizer } from '../../tokenize/tokenizer.ts';
import type { Evaluation } from '../checkpoint/receipt.ts';
import { engineOptions } from '../engines/engine.ts';
import { evaluate } from '../evaluate.ts';
import { HeldOutSet } from '../held-out.ts';
import { type TrainResult, train } from '../loop.ts';
import { loopOptions } from '../loop-options.ts';
import { modelOptions, resolveModel } from '../model/options.ts';
import { METRICS_FILE, type ModelTokens, modelTokens, saveModel, TOKENIZER_FILE } from '../model-folder.ts';
import type { Objective } from '../objectives/objective.ts';
import { objectiveOptions, openObjective } from '../objectives/registry.ts';
import { openSession } from '../open-session.ts';
import { optimizerOptions } from '../optimizers/options.ts';
import type { ModelSession } from '../session.ts';

export const heldOutOptions = z.strictObject({
  maxBytesPerCorpus: z
    .int()
    .min(1)
    .optional()
    .describe('score at most so many bytes of each corpus, the documents chosen by hash; default: all'),
  stride: z
    .int()
    .min(1)
    .optional()
    .describe('new tokens a window of a long document, the rest being context; default: half of the context'),
});

export const trainOptions = z.strictObject({
  model: modelOptions.prefault({}).describe('the model: a preset, or family and sizes'),
  objective: objectiveOptions.prefault({ kind: 'causal' }).describe('what is predicted'),
  optimizer: optimizerOptions.prefault({}).describe('how gradients become updates'),
  rows: z.int().min(1).default(8).describe('windows a micro-batch'),
  context: z.int().min(1).optional().describe('tokens a window; default: the context of the model'),
  ...loopOptions.shape,
  heldOut: heldOutOptions
    .prefault({ maxBytesPerCorpus: 131_072 })
    .describe('what is scored before, during and after training'),
  engine: engineOptions.prefault({}).describe('what runs the tensor programs'),
  seed: z
    .int()
    .min(0)
    .optional()
    .describe('of weights and objective; by default it follows from the seed of the run'),
  orderSeed: z.int().min(0).optional().describe('of the order of the windows; default: the seed of the run'),
});

export type TrainOptions = z.output<typeof trainOptions>;

export interface TrainFolders {
  readonly shards: string;
  /** Holds tokenizer.json. */
  readonly tokenizer: string;
}

export type TrainContext = Pick<
  JobContext,
  'random' | 'seed' | 'folder' | 'progress' | 'signal' | 'threads' | 'say'
>;

/**
 * Trains from the folders of shards and tokenizer into `context.folder`: checkpoints while it goes on, in the end
 * model.safetensors, model.json, tokenizer.json and metrics.jsonl. Called again after a stop it goes on.
 */
export async function trainFromFolders(
  options: TrainOptions,
  folders: TrainFolders,
  context: TrainContext,
): Promise<JobOutcome> {
  const tokenizerPath = join(folders.tokenizer, TOKENIZER_FILE);
  const tokenizer = await loadTokenizer(tokenizerPath);
  const tokens = modelTokens(tokenizer, options.objective.kind);
  const shape = resolveModel({ ...options.model, vocabulary: tokens.vocabulary });
  const length = options.context ?? shape.context;
  const orderSeed = options.orderSeed ?? options.seed ?? context.seed;
  const random = options.seed === undefined ? context.random : new Random(options.seed);
  const open = { context: length, rows: options.rows, orderSeed };
  const loader = await ShardLoader.open(folders.shards, { ...open, split: 'train' });
  const heldOutLoader = await ShardLoader.open(folders.shards, { ...open, split: 'held-out' });
  let session: ModelSession | undefined;
  try {
    requireSameTokenizer(loader, tokenizer);
    const objective = openObjective(options.objective, { ...tokens, length });
    const engine = { ...options.engine, threads: options.engine.threads ?? context.threads };
    session = await openSession({
      model: { ...options.model, vocabulary: tokens.vocabulary },
      objective,
      optimizer: options.optimizer,
      batch: { rows: options.rows, length },
      engine,
      random: (name) => streamOf(random.split('weights', name)),
    });
    sayPlan(options, loader, length, session.parameterCount, context);
    const heldOut = await openHeldOut(options, heldOutLoader, tokenizer, context);
    const measured = { options, session, objective, tokens, length, random, signal: context.signal };
    const result = await train({
      options,
      loader,
      session,
      objective,
      identity: {
        model: shape,
        objective: options.objective,
        optimizer: options.optimizer,
        batch: { rows: options.rows, context: length, orderSeed },
        tokenizer: { digest: tokenizer.digest },
        shards: { digest: loader.digest },
      },
      environment: { engine: engine.kind, device: engine.device, threads: engine.threads },
      corpusTokens: Object.fromEntries(
        loader.index.corpora.map(({ name, splits }) => [name, splits.train.tokens]),
      ),
      evaluate: heldOut && ((note) => measure({ ...measured, heldOut }, note)),
      folder: context.folder,
      random,
      progress: context.progress,
      signal: context.signal,
      say: (line) => context.say(line),
    });
    const files = await saveModel({
      folder: context.folder,
      state: await session.state(),
      tokenizerPath,
      shape,
      content: {
        maskToken: tokens.maskToken,
        context: length,
        parameters: session.parameterCount,
        objective: options.objective,
        tokenizer: { digest: tokenizer.digest, vocabularySize: tokenizer.vocabularySize },
        receipt: result.receipt,
      },
    });
    return {
      files: [...files, METRICS_FILE],
      summary: summaryOf(result, session.parameterCount, options.objective.kind),
    };
  } finally {
    await session?.release();
    await loader.close();
    await heldOutLoader.close();
  }
}

function streamOf(random: Random): () => number {
  return () => random.next();
}

/** Throws a ConfigurationError where shards and tokenizer do not belong together. */
export function requireSameTokenizer(loader: ShardLoader, tokenizer: Tokenizer): void {
  if (loader.tokenizer.digest === tokenizer.digest) return;
  throw new ConfigurationError('the shards were encoded with another tokenizer', {
    expected: `a tokenizer with digest ${loader.tokenizer.digest}`,
    found: tokenizer.digest,
  });
}

async function openHeldOut(
  options: TrainOptions,
  loader: ShardLoader,
  tokenizer: Tokenizer,
  context: TrainContext,
): Promise<HeldOutSet | undefined> {
  if (loader.index.splits['held-out'].documents === 0) {
    context.say('the shards hold out no documents: the loss on held-out text is not measured');
    return undefined;
  }
  return HeldOutSet.choose(loader, tokenizer, options.heldOut.maxBytesPerCorpus);
}

interface Measured {
  readonly options: TrainOptions;
  readonly session: ModelSession;
  readonly objective: Objective;
  readonly tokens: ModelTokens;
  readonly length: number;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly heldOut: HeldOutSet;
}

function measure(measured: Measured, note: (line: string) => void): Promise<Evaluation> {
  const { options, session, objective, tokens, length, random, signal, heldOut } = measured;
  return evaluate({
    session,
    objective,
    heldOut,
    context: length,
    rows: options.rows,
    stride: options.heldOut.stride,
    specialTokens: new Set(tokens.specialTokens),
    random,
    signal,
    onProgress: (done, total) => note(`held-out text ${Math.floor((100 * done) / Math.max(1, total))} %`),
  });
}

function sayPlan(
  options: TrainOptions,
  loader: ShardLoader,
  length: number,
  parameters: number,
  context: TrainContext,
): void {
  const perStep = options.rows * length * options.accumulate;
  const epochs = (options.steps * options.rows * options.accumulate) / Math.max(1, loader.windows);
  const number = (value: number) => value.toLocaleString('en-US');
  context.say(
    `${number(parameters)} parameters; ${number(options.steps)} steps of ${number(perStep)} tokens, ` +
      `${epochs.toFixed(2)} epochs of ${number(loader.tokens)} tokens`,
  );
}

function summaryOf(result: TrainResult, parameters: number, objective: string): JobOutcome['summary'] {
  const { step, tokens, tokensByCorpus, epochsByCorpus, losses, evaluations } = result.receipt;
  return {
    objective,
    steps: step,
    tokens,
    parameters,
    firstLoss: losses.first,
    lastLoss: losses.last,
    tokensPerSecond: result.tokensPerSecond,
    resumedFrom: result.resumedFrom,
    tokensByCorpus,
    epochsByCorpus,
    heldOut: {
      before: evaluations.before && byCorpus(evaluations.before.result),
      after: evaluations.last && byCorpus(evaluations.last.result),
      best: evaluations.best,
    },
  };
}

/** The figures of an evaluation that a table shows. */
export function byCorpus({ corpora, measure, comparable }: Evaluation): Record<string, unknown> {
  const rows = Object.entries(corpora).map(([corpus, figures]) => {
    const { bitsPerByte, gzipBitsPerByte, lossPerToken, bytes, tokens, documents } = figures;
    return [corpus, { bitsPerByte, gzipBitsPerByte, lossPerToken, bytes, tokens, documents }];
  });
  return { measure, comparable, corpora: Object.fromEntries(rows) };
}

export const trainStep = defineJob({
  kind: 'train',
  summary: 'Trains a model on the shards; resumes where it was stopped',
  options: trainOptions,
  module: import.meta.url,
  needs: ['shards', 'tokenizer'],
  gives: ['model'],
  run: (options, context) =>
    trainFromFolders(
      options,
      { shards: context.artifact('shards'), tokenizer: context.artifact('tokenizer') },
      context,
    ),
});
