import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import { quantity } from '../../core/format.ts';
import { Random } from '../../core/random.ts';
import type { JobContext, JobOutcome } from '../../core/stage.ts';
import { defineJob } from '../../core/step.ts';
import { type LoaderTokenizer, ShardLoader } from '../../shard/loader.ts';
import { PACKINGS } from '../../shard/packing.ts';
import type { ShardIndex } from '../../shard/shard-set.ts';
import { loadTokenizer, type Tokenizer } from '../../tokenize/tokenizer.ts';
import { checkTraining, requireRoom, requireSplit } from '../check-options.ts';
import type { Evaluation } from '../checkpoint/receipt.ts';
import { checkpointFolder, newestReceipt } from '../checkpoint/store.ts';
import { openOn } from '../engines/open.ts';
import { deviceSchema, engineOptions, updatesOnHost } from '../engines/options.ts';
import type { Attempt } from '../engines/probe.ts';
import { requireDevice, resolveEngine } from '../engines/registry.ts';
import { evaluate } from '../evaluate.ts';
import { HeldOutSet } from '../held-out.ts';
import {
  type InitialModel,
  initialFiles,
  initialParameters,
  initOptions,
  readInitialModel,
} from '../initial.ts';
import { type TrainResult, type TrainSettings, train } from '../loop.ts';
import { loopOptions } from '../loop-options.ts';
import { type ModelShape, modelOptions, resolveModel } from '../model/options.ts';
import {
  METRICS_FILE,
  type ModelTokens,
  modelTokens,
  objectiveTokens,
  saveModel,
  TOKENIZER_FILE,
} from '../model-folder.ts';
import { openEnergyMeter } from '../monitor/energy.ts';
import { measurePeak } from '../monitor/peak.ts';
import { RunMonitor, type Usage } from '../monitor/run-monitor.ts';
import type { Objective } from '../objectives/objective.ts';
import { objectiveOptions, openObjective } from '../objectives/registry.ts';
import { openSession } from '../open-session.ts';
import { optimizerOptions } from '../optimizers/options.ts';
import { planLines, planTraining, type TrainingPlan } from '../plan.ts';
import { recentLosses } from '../recent-losses.ts';
import { requireMemory } from '../require-memory.ts';
import type { ModelSession } from '../session.ts';
import { measureOptions, openSlicings } from '../slicings.ts';
import { openBatches, type TrainingBatches } from '../training-batches.ts';

export const heldOutOptions = z.strictObject({
  maxBytesPerCorpus: z
    .int()
    .min(1)
    .optional()
    .describe(
      'score whole documents of each corpus, chosen by hash, until so many bytes are reached; default: all',
    ),
  stride: z
    .int()
    .min(1)
    .optional()
    .describe('new tokens a window of a long document, the rest being context; default: half of the context'),
});

export const trainOptions = z.strictObject({
  model: modelOptions.prefault({}).describe('the model: a preset, or family and sizes'),
  init: initOptions
    .optional()
    .describe('begin from the weights of a model that is there; by default they are random'),
  objective: objectiveOptions.prefault({ kind: 'causal' }).describe('what is predicted'),
  optimizer: optimizerOptions.prefault({}).describe('how gradients become updates'),
  rows: z.int().min(1).default(8).describe('windows a micro-batch'),
  context: z.int().min(1).optional().describe('tokens a window; default: the context of the model'),
  packing: z
    .enum(PACKINGS)
    .default('concatenate')
    .describe(
      'documents one after another; whole ones together where they fit (best-fit); or one a window (pad)',
    ),
  epochsInOrder: z
    .int()
    .min(0)
    .default(0)
    .describe('epochs in the order of the shards (a curriculum) before those that shuffle the windows'),
  prefetch: z
    .int()
    .min(0)
    .default(0)
    .describe('batches that a worker reads ahead; 0: none, without a worker'),
  follow: z
    .boolean()
    .default(false)
    .describe('train on the shards that are finished while another process still writes the rest of them'),
  measure: measureOptions.prefault({}).describe('what the training loss is told apart by, beside the corpus'),
  ...loopOptions.shape,
  evaluateOn: z
    .enum(['validation', 'held-out'])
    .optional()
    .describe(
      'the documents that are scored before, during and after training, and that choose the best checkpoint; default: validation where the shards have it, else held-out',
    ),
  heldOut: z
    .strictObject({
      ...heldOutOptions.shape,
      maxBytesPerCorpus: z
        .int()
        .min(1)
        .default(131_072)
        .describe('score at most so many bytes of each corpus, the documents chosen by hash'),
    })
    .prefault({})
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
  'random' | 'seed' | 'folder' | 'baseFolder' | 'progress' | 'signal' | 'threads' | 'deviceWatts' | 'say'
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
  const data = await openData(options, folders, context);
  try {
    const plan = planOf(options, data);
    for (const line of planLines(plan)) context.say(line);
    // A GPU has a memory of its own, of which nobody tells here.
    if (data.engine.device === 'cpu') requireMemory(plan.memoryBytes);
    const session = await openModel(options, data);
    try {
      const monitor = await openMonitor(plan, data, context);
      const result = await train({ ...(await loopSettings(options, data, session, context)), monitor });
      const files = await saveModel({
        folder: context.folder,
        parameters: (await session.state()).parameters,
        tokenizerPath: data.tokenizerPath,
        shape: data.shape,
        content: {
          ...objectiveTokens(data.tokens),
          context: data.length,
          parameters: session.parameterCount,
          objective: options.objective,
          tokenizer: { digest: data.tokenizer.digest, vocabularySize: data.tokenizer.vocabularySize },
          receipt: result.receipt,
        },
      });
      const about = { parameters: session.parameterCount, objective: options.objective.kind };
      const summary = summaryOf(result, monitor.usage(), about, data.measured);
      const lossByGroup = await recentLosses(join(context.folder, METRICS_FILE), options.steps);
      return { files: [...files, METRICS_FILE], summary: { ...summary, lossByGroup } };
    } finally {
      await session.release();
    }
  } finally {
    await data.batches.close();
    await data.heldOutLoader?.close();
  }
}

/** What a training would be, without doing any of it. Throws as the training itself would before its first step. */
export async function planFromFolders(
  options: TrainOptions,
  folders: TrainFolders,
  context: TrainContext,
): Promise<TrainingPlan> {
  const data = await openData(options, folders, context);
  try {
    return planOf(options, data);
  } finally {
    await data.batches.close();
  }
}

/** What a run is made of before there is a model. */
interface RunData {
  readonly tokenizerPath: string;
  readonly tokenizer: Tokenizer;
  readonly tokens: ModelTokens;
  readonly shape: ModelShape;
  readonly initial: InitialModel | undefined;
  readonly objective: Objective;
  /** Tokens a row. */
  readonly length: number;
  readonly orderSeed: number;
  readonly random: Random;
  readonly engine: Attempt;
  readonly shards: string;
  readonly batches: TrainingBatches;
  /** Opened once the set is whole. */
  heldOutLoader?: ShardLoader;
  heldOut?: HeldOutSet;
  /** Which documents are measured; undefined until it is known, and where there are none. */
  measured?: MeasuredSplit;
}

async function openData(
  options: TrainOptions,
  folders: TrainFolders,
  context: TrainContext,
): Promise<RunData> {
  if (options.init === undefined) checkTraining(options);
  const tokenizerPath = join(folders.tokenizer, TOKENIZER_FILE);
  const tokenizer = await loadTokenizer(tokenizerPath);
  const tokens = modelTokens(tokenizer, options.objective.kind);
  const { model, init } = options;
  const initial = init && (await readInitialModel(init, { model, tokenizer, tokens }, context.baseFolder));
  const shape = initial?.shape ?? resolveModel({ ...model, vocabulary: tokens.vocabulary });
  if (initial !== undefined) {
    const { kind: _, vocabulary: __, ...its } = shape;
    checkTraining({ ...options, model: its });
  }
  const length = options.context ?? shape.context;
  const objective = openObjective(options.objective, { ...tokens, vocabulary: shape.vocabulary, length });
  const orderSeed = options.orderSeed ?? options.seed ?? context.seed;
  const random = options.seed === undefined ? context.random : new Random(options.seed);
  const engine = await chosenEngine(options.engine, context);
  const { rows, packing, epochsInOrder, prefetch, follow } = options;
  const batches = await openBatches(
    folders.shards,
    { split: 'train', context: length, rows, orderSeed, packing, epochsInOrder },
    { prefetch, follow, signal: context.signal, say: (line) => context.say(line) },
  );
  try {
    requireSameTokenizer(batches, tokenizer);
    return {
      ...{ tokenizerPath, tokenizer, tokens, shape, initial, objective, length, orderSeed, random, engine },
      ...{ batches, shards: folders.shards },
    };
  } catch (error) {
    await batches.close();
    throw error;
  }
}

/**
 * With `device: auto`, a run goes on where its last checkpoint was made, as long as that works: what is chosen then
 * does not change with what else the machine does.
 */
async function chosenEngine(options: TrainOptions['engine'], context: TrainContext): Promise<Attempt> {
  const last = options.device === 'auto' ? await newestReceipt(checkpointFolder(context.folder)) : undefined;
  const before =
    last?.environment.engine === options.kind ? deviceSchema.safeParse(last.environment.device) : undefined;
  const threads = options.threads ?? context.threads;
  const { engine, choice } = await resolveEngine({ ...options, threads }, before?.data);
  if (choice !== undefined) context.say(`device auto ${choice}`);
  return engine;
}

async function openModel(options: TrainOptions, data: RunData): Promise<ModelSession> {
  const { kind: _, ...model } = data.shape;
  const session = await openSession({
    model,
    objective: data.objective,
    optimizer: options.optimizer,
    batch: { rows: options.rows, length: data.length },
    engine: data.engine,
    random: (name) => streamOf(data.random.split('weights', name)),
  });
  if (data.initial === undefined) return session;
  try {
    const { parameters, moments } = await session.state();
    await session.load({ parameters: initialParameters(data.initial, parameters), moments });
    return session;
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function loopSettings(
  options: TrainOptions,
  data: RunData,
  session: ModelSession,
  context: TrainContext,
): Promise<TrainSettings> {
  const { batches, objective, random, engine, orderSeed, length } = data;
  const { packing, epochsInOrder } = options;
  const { signal } = context;
  if (batches.index) await openHeldOut(options, data, context);
  return {
    options,
    loader: batches,
    session,
    objective,
    trace: ({ shard, token }) => `provender trace ${runOf(data.shards)} --shard ${shard} --token ${token}`,
    slicings: openSlicings(options.measure, data.shards, batches.index),
    identity: {
      model: data.shape,
      init: data.initial && { weights: data.initial.digest },
      objective: options.objective,
      optimizer: options.optimizer,
      batch: { rows: options.rows, context: length, orderSeed, packing, epochsInOrder },
      tokenizer: { digest: data.tokenizer.digest },
      shards: batches.identity,
      // Evaluations of two sets do not compare, and the best checkpoint is chosen by them.
      evaluateOn: options.evaluateOn,
    },
    environment: { engine: engine.kind, device: engine.device, threads: engine.threads },
    corpusTokens: () =>
      batches.index &&
      Object.fromEntries(batches.index.corpora.map(({ name, splits }) => [name, splits.train.tokens])),
    evaluate: async (note) => {
      if (batches.index) await openHeldOut(options, data, context);
      const { heldOut } = data;
      return heldOut && measure({ options, session, data, heldOut, signal }, note);
    },
    folder: context.folder,
    random,
    progress: context.progress,
    signal,
    say: (line) => context.say(line),
  };
}

/** The run directory that an artifact's folder lies in (RUN/units/UNIT/artifact); another folder as it is. */
function runOf(folder: string): string {
  const units = dirname(dirname(folder));
  return basename(folder) === 'artifact' && basename(units) === 'units' ? dirname(units) : folder;
}

function streamOf(random: Random): () => number {
  return () => random.next();
}

/** Throws a ConfigurationError where shards and tokenizer do not belong together. */
export function requireSameTokenizer(
  { tokenizer: known }: { readonly tokenizer: LoaderTokenizer },
  tokenizer: Tokenizer,
): void {
  if (known.digest === tokenizer.digest) return;
  throw new ConfigurationError('the shards were encoded with another tokenizer', {
    expected: `a tokenizer with digest ${known.digest}`,
    found: tokenizer.digest,
  });
}

type MeasuredSplit = 'validation' | 'held-out';

/** What is measured while the model trains: the held-out set stays untouched where there is one for validation. */
function measuredSplit({ evaluateOn }: TrainOptions, { splits }: ShardIndex): MeasuredSplit {
  return evaluateOn ?? (splits.validation.documents > 0 ? 'validation' : 'held-out');
}

/** Opens the documents of a whole set that are measured, once. */
async function openHeldOut(options: TrainOptions, data: RunData, context: TrainContext): Promise<void> {
  if (data.heldOutLoader) return;
  const { shards, length, orderSeed } = data;
  const split = measuredSplit(options, data.batches.index!);
  const open = { split, context: length, rows: options.rows, orderSeed } as const;
  data.heldOutLoader = await ShardLoader.open(shards, open);
  if (data.heldOutLoader.index.splits[split].documents === 0) {
    if (options.evaluateOn === 'validation') {
      throw new ConfigurationError('train.evaluateOn: the shards have no validation documents', {
        expected: 'a validationFraction of the step hold-out, or evaluateOn: held-out',
      });
    }
    context.say('the shards hold out no documents: the loss on held-out text is not measured');
    return;
  }
  data.measured = split;
  const { maxBytesPerCorpus } = options.heldOut;
  data.heldOut = await HeldOutSet.choose(data.heldOutLoader, data.tokenizer, maxBytesPerCorpus);
}

interface Measured {
  readonly options: TrainOptions;
  readonly session: ModelSession;
  readonly data: RunData;
  readonly heldOut: HeldOutSet;
  readonly signal: AbortSignal;
}

function measure(measured: Measured, note: (line: string) => void): Promise<Evaluation> {
  const { options, session, data, heldOut, signal } = measured;
  return evaluate({
    session,
    objective: data.objective,
    heldOut,
    context: data.length,
    rows: options.rows,
    stride: options.heldOut.stride,
    specialTokens: new Set(data.tokens.specialTokens),
    random: data.random,
    signal,
    onProgress: (done, total) =>
      note(`${data.measured} text ${Math.floor((100 * done) / Math.max(1, total))} %`),
  });
}

function planOf(options: TrainOptions, { shape, objective, length, batches, engine }: RunData): TrainingPlan {
  const { optimizer, rows, accumulate, steps } = options;
  const { index, windows } = batches;
  const corpusTokens = index?.splits.train.tokens;
  return planTraining({
    shape,
    objective,
    optimizer,
    rows,
    length,
    accumulate,
    steps,
    prefersHostUpdates: updatesOnHost(engine.kind, engine.device),
    corpusTokens,
    windows,
  });
}

async function openMonitor(
  { steps, flopsPerStep }: TrainingPlan,
  { engine }: RunData,
  context: TrainContext,
): Promise<RunMonitor> {
  const { folder, threads, deviceWatts } = context;
  const device = engine.device === 'cpu' ? 'cpu' : 'gpu';
  // The interpreter is for tests: a share of the machine's peak says nothing of it.
  const isMeasured = engine.kind !== 'reference';
  const peak = isMeasured ? await measurePeak(await openOn(engine), device) : undefined;
  const energy = openEnergyMeter({ device, threads: engine.threads ?? threads, deviceWatts });
  if (peak !== undefined)
    context.say(`${'peak'.padEnd(11)} ${quantity(peak, 'FLOP/s')} in matrix products, as measured`);
  context.say(
    `${'energy'.padEnd(11)} ${energy ? `estimated from ${energy.source}` : 'not known of this device'}`,
  );
  return new RunMonitor({ folder, steps, flopsPerStep, peak, energy, say: (line) => context.say(line) });
}

function summaryOf(
  result: TrainResult,
  usage: Usage,
  about: { readonly parameters: number; readonly objective: string },
  measured: MeasuredSplit | undefined,
): JobOutcome['summary'] {
  const { step, tokens, tokensByCorpus, epochsByCorpus, losses, evaluations } = result.receipt;
  return {
    ...about,
    steps: step,
    tokens,
    firstLoss: losses.first,
    lastLoss: losses.last,
    tokensPerSecond: result.tokensPerSecond,
    resumedFrom: result.resumedFrom,
    usage,
    tokensByCorpus,
    epochsByCorpus,
    heldOut: {
      ...(measured === 'validation' ? { split: measured } : {}),
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
  summary: 'trains a model on the shards; resumes where it was stopped',
  options: trainOptions,
  module: import.meta.url,
  needs: ['shards', 'tokenizer'],
  gives: ['model'],
  check(options, before) {
    // The sizes of a model to begin from are known once it is read.
    if (options.init === undefined) checkTraining(options);
    if (options.evaluateOn !== undefined) requireSplit('evaluateOn', options.evaluateOn, before);
    // A GPU has a memory of its own, of which nobody tells here.
    if (options.init === undefined && options.engine.device === 'cpu') requireRoom(options, before);
  },
  ready: ({ engine }) => requireDevice(engine),
  files: ({ init }, baseFolder) => (init ? initialFiles(init, baseFolder) : []),
  run: (options, context) =>
    trainFromFolders(
      options,
      { shards: context.artifact('shards'), tokenizer: context.artifact('tokenizer') },
      context,
    ),
});
