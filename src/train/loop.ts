/** The training loop: a function of (weights, data, options, seed), however often it is stopped and started. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CancelledError, classifySystemError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Progress } from '../core/stage.ts';
import type { WindowBatch } from '../shard/batch.ts';
import { type Evaluation, type Receipt, receiptSchema, requireSameIdentity } from './checkpoint/receipt.ts';
import { CheckpointStore } from './checkpoint/store.ts';
import { DivergenceError, judgeLoss } from './divergence.ts';
import type { LoopOptions } from './loop-options.ts';
import {
  addLossByGroup,
  addTokensByCorpus,
  type GroupLoss,
  JsonLinesLog,
  RateMeter,
  targetOffset,
} from './metrics.ts';
import type { Objective } from './objectives/objective.ts';
import { epochs, freshState, identityOf, type RunState, sayEnvironmentChange } from './run-state.ts';
import { learningRateAt } from './schedules.ts';
import type { ModelSession, NamedArrays, StepResult } from './session.ts';

/** What the loop needs of a loader: (step) -> batch, without state. */
export interface BatchSource {
  /** Micro-batch `step`, counted from 0. */
  batch(step: number): WindowBatch | Promise<WindowBatch>;
}

export interface TrainSettings {
  readonly options: LoopOptions;
  readonly loader: BatchSource;
  readonly session: ModelSession;
  readonly objective: Pick<Objective, 'kind' | 'inputs'>;
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
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw classifySystemError(error, { file: folder });
    });
    const store = await CheckpointStore.open(join(folder, 'checkpoints'), options.checkpoint.keepLast);
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
    const timings = await JsonLinesLog.continue(join(folder, 'timings.jsonl'));
    return new TrainingRun(settings, store, { metrics, timings }, state);
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
  }

  private async step(): Promise<void> {
    const { options, session } = this.settings;
    const started = performance.now();
    const step = this.state.step + 1;
    const { batches, inputs } = await this.microBatches(step).catch((error: unknown) => {
      // Waiting for shards that are still being written is the only place where a step can be left.
      if (error instanceof CancelledError) return this.stop();
      throw error;
    });
    const learningRate = learningRateAt(options.schedule, step, options.steps);
    const result = await session.step(inputs, { update: this.state.updates + 1, learningRate });
    this.unsaved = true;
    this.state.step = step;
    let tokens = 0;
    for (const batch of batches) tokens += addTokensByCorpus(this.state.tokensByCorpus, batch);
    this.state.tokens += tokens;
    if (!result.skipped) this.state.updates += 1;
    this.metrics.add({
      kind: 'step',
      step,
      tokens: this.state.tokens,
      loss: result.loss,
      learningRate,
      gradientNorm: result.gradientNorm,
      ...(result.skipped ? { skipped: true } : {}),
      ...(Object.keys(result.metrics ?? {}).length > 0 ? { metrics: result.metrics } : {}),
      byCorpus: this.lossByCorpus(batches, inputs, result),
    });
    judgeLoss(this.state, result, batches, options.stability, this.settings.say);
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

  private lossByCorpus(
    batches: readonly WindowBatch[],
    inputs: readonly NamedArrays[],
    result: StepResult,
  ): Record<string, { loss: number; tokens: number }> {
    const sums = new Map<string, GroupLoss>();
    const offset = targetOffset(this.settings.objective.kind);
    for (const [m, batch] of batches.entries()) {
      const weights = inputs[m]!.lossWeight!.data;
      addLossByGroup(sums, batch, result.tokenLoss[m]!, weights, offset, ({ corpus }) => corpus);
    }
    const sorted = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      sorted.map(([corpus, { nats, tokens }]) => [corpus, { loss: nats / tokens, tokens }]),
    );
  }

  private clock(step: number, tokens: number, milliseconds: number): void {
    this.rate.add(tokens, milliseconds);
    // The first step of a call compiles its program: it says nothing of the rate, unless it was the only one.
    const isFirstAfterCompiling = this.stepsTaken++ === 1;
    this.trained = isFirstAfterCompiling
      ? { tokens, milliseconds }
      : add(this.trained, { tokens, milliseconds });
    const at = new Date().toISOString();
    this.timings.add({
      step,
      at,
      milliseconds: Math.round(milliseconds),
      tokensPerSecond: Math.round(this.rate.rate),
    });
  }

  private report(note = this.note()): void {
    this.settings.progress.report(this.state.step, this.settings.options.steps, note);
  }

  private note(): string {
    const { last } = this.state.losses;
    if (last === null) return '';
    const rate =
      this.rate.rate === 0 ? '' : `  ${Math.round(this.rate.rate).toLocaleString('en-US')} tokens/s`;
    return `loss ${last.toFixed(2)}${rate}`;
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
    this.metrics.add({ kind: 'evaluation', step, ...result });
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
    this.state.metrics = this.metrics.mark();
    this.state.epochsByCorpus = epochs(this.state.tokensByCorpus, this.settings.corpusTokens?.());
    await this.store.save(await this.settings.session.state(), this.receipt());
    this.unsaved = false;
    this.savedAt = performance.now();
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

interface Span {
  readonly tokens: number;
  readonly milliseconds: number;
}

function add(a: Span, b: Span): Span {
  return { tokens: a.tokens + b.tokens, milliseconds: a.milliseconds + b.milliseconds };
}
