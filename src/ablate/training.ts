/** One training of an ablation and its measurement: a function of (shards, ruler, options, seeds). */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, DivergenceError } from '../core/errors.ts';
import { ensureFolder } from '../core/files.ts';
import { digestOf } from '../core/hash.ts';
import { Random } from '../core/random.ts';
import { readCurves } from '../report/curves.ts';
import type { ShardDocument } from '../shard/batch.ts';
import { ShardLoader } from '../shard/loader.ts';
import { loadTokenizer, type Tokenizer } from '../tokenize/tokenizer.ts';
import type { Receipt } from '../train/checkpoint/receipt.ts';
import { documentKey, documentLosses } from '../train/evaluate.ts';
import { type DocumentSource, HeldOutSet } from '../train/held-out.ts';
import { train } from '../train/loop.ts';
import { predictsHidden } from '../train/loss-groups.ts';
import { resolveModel } from '../train/model/options.ts';
import {
  METRICS_FILE,
  type ModelTokens,
  modelTokens,
  objectiveTokens,
  saveModel,
  TOKENIZER_FILE,
} from '../train/model-folder.ts';
import type { Objective } from '../train/objectives/objective.ts';
import { openObjective } from '../train/objectives/registry.ts';
import { openSession } from '../train/open-session.ts';
import type { ModelSession } from '../train/session.ts';
import { requireSameTokenizer, type TrainOptions } from '../train/steps/train.ts';
import { readJsonLines } from './documents.ts';
import type { RulerDocument } from './ruler.ts';

/** Everything that a training depends on: plain data, as it goes to a process. */
export interface TrainingTask {
  readonly folder: string;
  readonly shards: string;
  /** Folder with the tokenizer.json. */
  readonly tokenizer: string;
  /** The ruler's documents. */
  readonly ruler: string;
  /** Of the step train, the number of steps and the learning rate among them. */
  readonly options: TrainOptions;
  readonly weightSeed: number;
  readonly orderSeed: number;
  /** Keep weights and tokenizer in `folder`/model. */
  readonly keepModel: boolean;
  /** Of all of the above that the outcome depends on. */
  readonly fingerprint: string;
}

/** What a training comes to. A diverged one has a reason and no bits. */
export interface TrainingResult {
  readonly fingerprint: string;
  readonly status: 'complete' | 'diverged' | 'failed';
  readonly reason?: string;
  readonly seconds: number;
  readonly parameters: number;
  readonly steps: number;
  readonly tokens: number;
  readonly tokensByCorpus: Readonly<Record<string, number>>;
  /** [step, nats per token] */
  readonly curve: readonly (readonly [number, number])[];
  /** Bits of each document of the ruler, in its order. */
  readonly documentBits: readonly number[];
  /** Over the weights' bits and the figures: equal where everything is. */
  readonly digest: string;
}

export interface TrainingContext {
  readonly signal: AbortSignal;
  report(done: number, total: number): void;
  say(line: string): void;
}

const CURVE_POINTS = 60;

interface Opened {
  readonly tokenizer: Tokenizer;
  readonly tokens: ModelTokens;
  readonly objective: Objective;
  readonly length: number;
  readonly loader: ShardLoader;
  readonly session: ModelSession;
}

/**
 * Trains, measures, and gives the result; what lies in the folder from an interrupted call is gone on with. A
 * training that diverges is a result, too. Throws CancelledError after an abort, having saved where it is.
 */
export async function carryOutTraining(
  task: TrainingTask,
  context: TrainingContext,
): Promise<TrainingResult> {
  await ensureFolder(task.folder);
  const started = performance.now();
  const opened = await open(task);
  try {
    const receipt = await trainHere(task, opened, context);
    if (!('step' in receipt)) return diverged(task, opened, receipt.reason, seconds(started));
    const documents = await readJsonLines<RulerDocument>(task.ruler);
    const documentBits = await measure(task, opened, documents, context.signal);
    const where = documentBits.findIndex((bits) => !Number.isFinite(bits));
    if (where >= 0) {
      const reason = `the loss on held-out document ${documents[where]!.id} is not finite`;
      return diverged(task, opened, reason, seconds(started));
    }
    if (task.keepModel) await keepModel(task, opened, receipt);
    const curve = await curveOf(task.folder);
    const { step, tokens, tokensByCorpus } = receipt;
    const figures = { steps: step, tokens, tokensByCorpus: { ...tokensByCorpus }, curve, documentBits };
    await removeWorkFiles(task.folder);
    return {
      fingerprint: task.fingerprint,
      status: 'complete',
      seconds: seconds(started),
      parameters: opened.session.parameterCount,
      ...figures,
      digest: digestOf(figures),
    };
  } finally {
    await opened.session.release();
    await opened.loader.close();
  }
}

function seconds(since: number): number {
  return (performance.now() - since) / 1000;
}

async function open(task: TrainingTask): Promise<Opened> {
  const { options, weightSeed, orderSeed } = task;
  const tokenizer = await loadTokenizer(join(task.tokenizer, TOKENIZER_FILE));
  const tokens = modelTokens(tokenizer, options.objective.kind);
  const length = options.context ?? resolveModel({ ...options.model, vocabulary: tokens.vocabulary }).context;
  const objective = openObjective(options.objective, { ...tokens, length });
  const { rows } = options;
  const loader = await ShardLoader.open(task.shards, { context: length, rows, orderSeed, split: 'train' });
  try {
    requireSameTokenizer(loader, tokenizer);
    const random = new Random(weightSeed);
    const session = await openSession({
      model: { ...options.model, vocabulary: tokens.vocabulary },
      objective,
      optimizer: options.optimizer,
      batch: { rows, length },
      // Trainings run side by side: one thread each is what wastes least.
      engine: { ...options.engine, threads: 1 },
      random: (name) => {
        const stream = random.split('weights', name);
        return () => stream.next();
      },
    });
    return { tokenizer, tokens, objective, length, loader, session };
  } catch (error) {
    await loader.close();
    throw error;
  }
}

async function trainHere(
  task: TrainingTask,
  { loader, session, objective, length, tokenizer }: Opened,
  context: TrainingContext,
): Promise<Receipt | { readonly reason: string }> {
  const { options, orderSeed, weightSeed } = task;
  try {
    const { receipt } = await train({
      options,
      loader,
      session,
      objective,
      identity: {
        model: options.model,
        objective: options.objective,
        optimizer: options.optimizer,
        batch: { rows: options.rows, context: length, orderSeed },
        tokenizer: { digest: tokenizer.digest },
        shards: { digest: loader.digest },
      },
      folder: task.folder,
      random: new Random(weightSeed),
      progress: { report: (done, total) => context.report(done, total ?? options.steps) },
      signal: context.signal,
      say: (line) => context.say(line),
    });
    return receipt;
  } catch (error) {
    if (error instanceof DivergenceError) return { reason: error.message.split('. Training stops', 1)[0]! };
    throw error;
  }
}

async function diverged(
  task: TrainingTask,
  { session }: Opened,
  reason: string,
  elapsed: number,
): Promise<TrainingResult> {
  const curve = await curveOf(task.folder);
  await removeWorkFiles(task.folder);
  return {
    fingerprint: task.fingerprint,
    status: 'diverged',
    reason,
    seconds: elapsed,
    parameters: session.parameterCount,
    steps: curve.at(-1)?.[0] ?? 0,
    tokens: 0,
    tokensByCorpus: {},
    curve,
    documentBits: [],
    digest: digestOf([reason, curve]),
  };
}

/** Bits of each document, special tokens left out, over whatever tokens its text is cut into. */
async function measure(
  task: TrainingTask,
  opened: Opened,
  documents: readonly RulerDocument[],
  signal: AbortSignal,
): Promise<number[]> {
  const { tokenizer, tokens, objective, length, session } = opened;
  const heldOut = await HeldOutSet.choose(documentSource(documents, tokenizer), tokenizer);
  const losses = await documentLosses({
    session,
    objective,
    heldOut,
    context: length,
    rows: task.options.rows,
    stride: task.options.heldOut.stride,
    specialTokens: new Set(tokens.specialTokens),
    random: new Random(0),
    signal,
  });
  return documents.map((document) => (losses.get(documentKey(document))?.nats ?? 0) / Math.LN2);
}

/** Texts as the evaluation reads documents from shards. */
export function documentSource(
  documents: readonly { readonly corpus: string; readonly id: string; readonly text: string }[],
  tokenizer: Tokenizer,
): DocumentSource {
  return {
    async *documents() {
      for (const { corpus, id, text } of documents) {
        const tokens = Int32Array.from(tokenizer.encode(text));
        const bytes = Buffer.byteLength(text);
        const document: ShardDocument = {
          ...{ corpus, id, source: '', sourceRange: [0, bytes], tokenRange: [0, tokens.length] },
          ...{ shard: 0, bytes, signals: {} },
        };
        yield { document, tokens };
      }
    },
  };
}

async function keepModel(task: TrainingTask, opened: Opened, receipt: Receipt): Promise<void> {
  const { session, tokenizer, tokens, length } = opened;
  const { options } = task;
  await saveModel({
    folder: join(task.folder, 'model'),
    parameters: (await session.state()).parameters,
    tokenizerPath: join(task.tokenizer, TOKENIZER_FILE),
    shape: resolveModel({ ...options.model, vocabulary: tokens.vocabulary }),
    content: {
      ...objectiveTokens(tokens),
      context: length,
      parameters: session.parameterCount,
      objective: options.objective,
      tokenizer: { digest: tokenizer.digest, vocabularySize: tokenizer.vocabularySize },
      receipt,
    },
  });
}

async function curveOf(folder: string): Promise<[number, number][]> {
  const curves = await readCurves(join(folder, METRICS_FILE), CURVE_POINTS);
  return (curves?.step ?? []).flatMap((at, i) => {
    const loss = curves!.loss[i]!;
    return loss === null ? [] : [[at, loss] as [number, number]];
  });
}

/** Checkpoints are of no more use; the log of losses stays. */
async function removeWorkFiles(folder: string): Promise<void> {
  await rm(join(folder, 'checkpoints'), { recursive: true, force: true });
}

/** Throws where an ablation cannot measure a model of this objective. */
export function requireLikelihood({ objective }: Pick<TrainOptions, 'objective'>): void {
  if (predictsHidden(objective.kind))
    throw new ConfigurationError('a masked model gives no likelihood of a text, and so no bits per byte', {
      expected: 'training.objective.kind: causal or prefix',
      found: objective.kind,
    });
}
