/** The training loop: a function of (weights, data, options, seed), however often it is stopped and started. */

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  CancelledError,
  DivergenceError,
  type Problem,
  ProvenderError,
  ResourceError,
} from '../core/errors.ts';
import { ensureFolder } from '../core/files.ts';
import { count } from '../core/format.ts';
import type { Random } from '../core/random.ts';
import type { Progress } from '../core/stage.ts';
import type { WindowBatch } from '../shard/batch.ts';
import { batchDocuments, documentLines, type ScoredBatch } from './batch-documents.ts';
import { type Evaluation, type Receipt, receiptSchema, requireSameIdentity } from './checkpoint/receipt.ts';
import { CheckpointStore, checkpointFolder } from './checkpoint/store.ts';
import { highestLoss, judgeLoss, type Trouble } from './divergence.ts';
import type { LoopOptions } from './loop-options.ts';
import { addTokensByCorpus } from './loss-groups.ts';
import { JsonLinesLog, RateMeter } from './metrics.ts';
import type { TrainingMonitor } from './monitor/monitor.ts';
import { type Objective, targetPlacesOf } from './objectives/objective.ts';
import { epochs, freshState, identityOf, type RunState, sayEnvironmentChange } from './run-state.ts';
import { learningRateAt } from './schedules.ts';
import type { ModelSession, NamedArrays, SessionState, StepResult } from './session.ts';
import { NO_SLICINGS, type Slicings } from './slicings.ts';
import { lossesByGroup } from './step-losses.ts';

/** What the loop needs of a loader: (step) -> batch, without state. */
export interface BatchSource {
  /** Micro-batch `step`, counted from 0. */
  batch(step: number): WindowBatch | Promise<WindowBatch>;
}

export interface TrainSettings {
  readonly options: LoopOptions;
  readonly loader: BatchSource;
  readonly session: ModelSession;
  readonly objective: Pick<Objective, 'kind' | 'inputs' | 'targetPlaces'>;
  /** What the loss is told apart by, beside the corpus. */
  readonly slicings?: Slicings;
  /** The command that tells where a token of the shards comes from. */
  readonly trace?: (place: { readonly shard: number; readonly token: number }) => string;
  /** What an exact continuation must share beside `options`: model, optimizer, digests of tokenizer and shards. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** What may differ on going on; a difference is said. */
  readonly environment?: Readonly<Record<string, unknown>>;
  /** Tokens that each corpus has in the shards, for counting epochs; undefined as long as nobody knows. */
  readonly corpusTokens?: () => Readonly<Record<string, number>> | undefined;
  /** Measures the model on held-out documents; undefined, or giving that, where there are none (yet). */
  readonly evaluate?: (note: (line: string) => void) => Promise<Evaluation | undefined>;
  /** Gets `checkpoints/`, `metrics.jsonl` and `timings.jsonl`. A run is resumed from what lies there. */
  readonly folder: string;
  /** Every draw comes from a path of this one that holds step and micro-batch. */
  readonly random: Random;
  readonly progress: Progress;
  readonly monitor?: TrainingMonitor;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface TrainResult {
  readonly receipt: Receipt;
  /** Over the steps taken by this call; undefined where none was left to take. */
  readonly tokensPerSecond: number | undefined;
  /** The step that this call went on from; 0 for a fresh run. */
  readonly resumedFrom: number;
}

/**
 * Trains to the last step, or to the abort signal: then the running step is finished, a checkpoint written, and a
 * CancelledError thrown. Called again with the same folder it goes on from the newest whole checkpoint and ends, on
 * the same engine and thread count, with the same bits in weights and `metrics.jsonl` as if never stopped.
 *
 * Throws ConfigurationError where the checkpoint there belongs to another run, naming the field; DivergenceError,
 * naming the batch's documents, where the loss is not finite or keeps spiking. The last checkpoint then stands.
 */
export async function train(settings: TrainSettings): Promise<TrainResult> {
  const run = await TrainingRun.open(settings);
  try {
    await run.toTheEnd();
    return run.result();
  } finally {
    run.close();
  }
}

class TrainingRun {
  private readonly settings: TrainSettings;
  private readonly store: CheckpointStore;
  private readonly metrics: JsonLinesLog;
  private readonly timings: JsonLinesLog;
  /** The state of the run but for the tensors, which the session holds. */
  private readonly state: RunState;
  private readonly resumedFrom: number;
  private readonly rate = new RateMeter();
  private stepsTaken = 0;
  private trained: Span = { tokens: 0, milliseconds: 0 };
  private savedAt = performance.now();
  /** Whether anything happened since the last checkpoint. */
  private unsaved = false;

  private constructor(
    settings: TrainSettings,
    store: CheckpointStore,
    logs: { metrics: JsonLinesLog; timings: JsonLinesLog },
    state: RunState,
  ) {
    this.settings = settings;
    this.store = store;
    this.metrics = logs.metrics;
    this.timings = logs.timings;
    this.state = state;
    this.resumedFrom = state.step;
  }

  static async open(settings: TrainSettings): Promise<TrainingRun> {
    const { folder, options, session, say } = settings;
    await ensureFolder(folder);
    const store = await CheckpointStore.open(checkpointFolder(folder), options.checkpoint.keepLast);
    const identity = identityOf(settings);
    const checkpoint = await store.latest(say);
    let state = freshState(settings, identity);
    if (checkpoint !== undefined) {
      requireSameIdentity(checkpoint.receipt.identity, identity, checkpoint.folder);
      sayEnvironmentChange(checkpoint.receipt, settings);
      await session.load(checkpoint.state);
      state = { ...checkpoint.receipt, environment: state.environment };
      say(`going on from the checkpoint of step ${state.step} of ${options.steps}`);
    }
    const mark = checkpoint?.receipt.metrics;
    const metrics = await JsonLinesLog.open(join(folder, 'metrics.jsonl'), mark, say);
    const { edges } = settings.slicings ?? NO_SLICINGS;
    // Numbers of deciles mean nothing without what they were cut at.
    if (metrics.isEmpty && Object.keys(edges).length > 0) metrics.add({ kind: 'deciles', edges });
    const timings = await JsonLinesLog.continue(join(folder, 'timings.jsonl'));
    const run = new TrainingRun(settings, store, { metrics, timings }, state);
    try {
      await settings.monitor?.begin(state.step);
    } catch (error) {
      run.close();
      throw error;
    }
    return run;
  }

  async toTheEnd(): Promise<void> {
    const { options, signal } = this.settings;
    this.report();
    for (;;) {
      await this.evaluateIfDue();
      if (this.checkpointIsDue()) await this.save();
      if (this.state.step === options.steps) return;
      // The engine holds the event loop during a step: this lets an abort in.
      await setImmediate();
      if (signal.aborted) await this.stop();
      await this.step();
    }
  }

  result(): TrainResult {
    const { tokens, milliseconds } = this.trained;
    const tokensPerSecond = milliseconds === 0 ? undefined : (tokens * 1000) / milliseconds;
    return { receipt: this.receipt(), tokensPerSecond, resumedFrom: this.resumedFrom };
  }

  close(): void {
    this.metrics.close();
    this.timings.close();
    this.settings.monitor?.end();
  }

  private record(line: Readonly<Record<string, unknown>>): void {
    this.metrics.add(line);
    this.settings.monitor?.record(line);
  }

  private async step(): Promise<void> {
    const { options, session } = this.settings;
    const started = performance.now();
    const step = this.state.step + 1;
    const { batches, inputs } = await this.microBatches(step).catch((error: unknown) => {
      // Waiting for shards that are still being written is the only place where a step can be left.
      if (error instanceof CancelledError) return this.stop();
      throw stepFailure(step, error);
    });
    const learningRate = learningRateAt(options.schedule, step, options.steps);
    const maxLoss = highestLoss(this.state, options.stability);
    const settings = { update: this.state.updates + 1, learningRate, maxLoss };
    const result = await session.step(inputs, settings).catch((error: unknown) => {
      throw stepFailure(step, error);
    });
    this.unsaved = true;
    this.state.step = step;
    let tokens = 0;
    for (const batch of batches) tokens += addTokensByCorpus(this.state.tokensByCorpus, batch);
    this.state.tokens += tokens;
    const scored = this.scored(step, batches, inputs, result);
    if (!result.skipped) this.state.updates += 1;
    this.record({
      kind: 'step',
      step,
      tokens: this.state.tokens,
      loss: result.loss,
      learningRate,
      gradientNorm: result.gradientNorm,
      ...(result.skipped ? { skipped: true } : {}),
      ...(Object.keys(result.metrics ?? {}).length > 0 ? { metrics: result.metrics } : {}),
      ...lossesByGroup(scored, this.settings.slicings?.all),
    });
    const trouble = judgeLoss(this.state, result, options.stability);
    if (trouble) this.complain(trouble, scored);
    this.clock(step, tokens, performance.now() - started);
    this.report();
  }

  private async microBatches(step: number): Promise<{ batches: WindowBatch[]; inputs: NamedArrays[] }> {
    const { options, loader, objective, random } = this.settings;
    const batches: WindowBatch[] = [];
    const inputs: NamedArrays[] = [];
    for (let m = 0; m < options.accumulate; m++) {
      const batch = await loader.batch((step - 1) * options.accumulate + m);
      const generator = random.split('objective', step, m);
      batches.push(batch);
      inputs.push(objective.inputs(batch, () => generator.next()));
    }
    return { batches, inputs };
  }

  private scored(
    step: number,
    batches: readonly WindowBatch[],
    inputs: readonly NamedArrays[],
    { tokenLoss }: StepResult,
  ): ScoredBatch[] {
    const { objective, random } = this.settings;
    return batches.map((batch, m) => {
      const generator = random.split('objective', step, m);
      const places = targetPlacesOf(objective, batch, () => generator.next());
      return { batch, tokenLoss: tokenLoss[m]!, lossWeight: inputs[m]!.lossWeight!.data, places };
    });
  }

  /** Writes down and says what was wrong with the step and which documents it was made of; throws where that ends it. */
  private complain({ what, message, action }: Trouble, scored: readonly ScoredBatch[]): void {
    const { step } = this.state;
    const documents = batchDocuments(scored);
    this.record({
      kind: 'trouble',
      step,
      what,
      action,
      message,
      documents: documents.slice(0, MAX_DOCUMENTS),
    });
    const named = documentLines(documents, this.settings.trace);
    if (action === 'stop') throw divergence(step, message, named);
    const consequence = action === 'skip' ? 'its update is left out' : 'training goes on';
    this.settings.say([`step ${step}: ${message}; ${consequence}. Its documents:`, ...named].join('\n'));
  }

  private clock(step: number, tokens: number, milliseconds: number): void {
    this.rate.add(tokens, milliseconds);
    // The first step of a call compiles its program: it says nothing of the rate, unless it was the only one.
    const isFirstAfterCompiling = this.stepsTaken++ === 1;
    this.trained = isFirstAfterCompiling
      ? { tokens, milliseconds }
      : add(this.trained, { tokens, milliseconds });
    const at = new Date().toISOString();
    const tokensPerSecond = Math.round(this.rate.rate);
    const more = this.settings.monitor?.timed({ step, tokens, milliseconds, tokensPerSecond });
    this.timings.add({ step, at, milliseconds: Math.round(milliseconds), tokensPerSecond, ...more });
  }

  private report(phase?: string): void {
    const { progress, options, monitor } = this.settings;
    progress.report(this.state.step, options.steps, phase ?? this.note(), monitor?.state(phase));
  }

  private note(): string {
    const { last } = this.state.losses;
    if (last === null) return '';
    const rate = this.rate.rate === 0 ? '' : `  ${count(this.rate.rate)} tokens/s`;
    const more = this.settings.monitor?.note() ?? '';
    return `loss ${last.toFixed(2)}${rate}${more === '' ? '' : `  ${more}`}`;
  }

  private async evaluateIfDue(): Promise<void> {
    const { options, evaluate } = this.settings;
    const { step, evaluations } = this.state;
    const due =
      step === 0 ||
      step === options.steps ||
      (options.evaluateEvery > 0 && step % options.evaluateEvery === 0);
    if (evaluate === undefined || !due || evaluations.last?.step === step) return;
    let result: Evaluation | undefined;
    try {
      result = await evaluate((line) => this.report(line));
    } catch (error) {
      if (error instanceof CancelledError) await this.stop();
      throw error;
    }
    if (result === undefined) return;
    if (!Number.isFinite(result.total.nats)) {
      throw new DivergenceError(
        `step ${step}: the loss on held-out text is not finite; the last checkpoint stands`,
      );
    }
    this.unsaved = true;
    evaluations.last = { step, result };
    if (step === 0) evaluations.before = { step, result };
    const value = result.total.bitsPerByte ?? result.total.lossPerToken;
    const isBest = step > 0 && (evaluations.best === undefined || value < evaluations.best.value);
    if (isBest) evaluations.best = { step, value };
    this.record({ kind: 'evaluation', step, ...result });
    if (isBest) await this.save();
  }

  private checkpointIsDue(): boolean {
    const { everySteps, everySeconds } = this.settings.options.checkpoint;
    const { step } = this.state;
    if (!this.unsaved || step === 0) return false;
    if (step === this.settings.options.steps) return true;
    if (everySteps > 0 && step % everySteps === 0) return true;
    return everySeconds > 0 && performance.now() - this.savedAt >= everySeconds * 1000;
  }

  private async save(): Promise<void> {
    const tensors = await this.settings.session.state();
    const broken = notFinite(tensors);
    if (broken !== undefined) {
      throw new DivergenceError(
        `step ${this.state.step}: ${broken} has values that are not finite; nothing is saved, the last checkpoint stands`,
      );
    }
    this.state.metrics = this.metrics.mark();
    this.state.epochsByCorpus = epochs(this.state.tokensByCorpus, this.settings.corpusTokens?.());
    await this.store.save(tensors, this.receipt());
    this.unsaved = false;
    this.savedAt = performance.now();
    this.settings.monitor?.saved(this.state.step);
  }

  /** In the schema's order of members, whatever the order in which they came to be: equal states, equal bytes. */
  private receipt(): Receipt {
    return receiptSchema.parse(this.state);
  }

  private async stop(): Promise<never> {
    if (this.unsaved && this.state.step > 0) await this.save();
    throw new CancelledError(
      `stopped after step ${this.state.step} of ${this.settings.options.steps}; can go on from there`,
    );
  }
}

/** The same error with the step that it ended: a full memory, a shard that is damaged or no longer there. */
function stepFailure(step: number, error: unknown): unknown {
  const said = (what: string) => `step ${step}: ${what}; the last checkpoint stands`;
  if (
    error instanceof RangeError &&
    /allocation failed|invalid (typed )?array (buffer )?length/i.test(error.message)
  ) {
    return new ResourceError(said('out of memory; take fewer rows or a smaller model'), { cause: error });
  }
  if (!(error instanceof ProvenderError)) return error;
  const Same = error.constructor as new (what: string, problem: Problem) => ProvenderError;
  return new Same(said(error.message), { cause: error });
}

/** Documents of a step that the metrics name where there is trouble. */
const MAX_DOCUMENTS = 64;

/** Name of the first parameter that is not finite throughout: a step may be well and its update not. */
function notFinite({ parameters }: SessionState): string | undefined {
  for (const [name, { data }] of parameters) {
    for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return name;
  }
  return undefined;
}

function divergence(step: number, message: string, documents: readonly string[]): DivergenceError {
  const advice =
    'Training stops; the last checkpoint stands. A lower learning rate, a longer warm-up, stability.onTrouble: skip or ' +
    'dropping documents may help. The documents of the step, the highest loss first:';
  return new DivergenceError([`step ${step}: ${message}. ${advice}`, ...documents].join('\n'));
}

interface Span {
  readonly tokens: number;
  readonly milliseconds: number;
}

function add(a: Span, b: Span): Span {
  return { tokens: a.tokens + b.tokens, milliseconds: a.milliseconds + b.milliseconds };
}
