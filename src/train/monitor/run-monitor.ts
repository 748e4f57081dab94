/**
 * Watches a training: TensorBoard's event files beside metrics.jsonl, operations per second beside the machine's
 * peak, energy, and what a live view shows.
 */

import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { count, duration } from '../../core/format.ts';
import { RateMeter } from '../metrics.ts';
import { EventLog } from '../tensorboard/event-log.ts';
import { scalarsOf, timingScalars } from '../tensorboard/scalars.ts';
import type { EnergyMeter } from './energy.ts';
import { LossHistory } from './loss-history.ts';
import type { StepTiming, Timing, TrainingMonitor } from './monitor.ts';
import type { LiveEvaluation, TrainingState } from './state.ts';

export interface MonitorSettings {
  /** Where metrics.jsonl lies. */
  readonly folder: string;
  readonly steps: number;
  /** Floating-point operations of the matrix products of a step. */
  readonly flopsPerStep: number;
  /** Operations per second that the machine does at best; undefined where it was not measured. */
  readonly peak?: number;
  readonly energy?: EnergyMeter;
  readonly say?: (line: string) => void;
}

/** What the call that was watched took; for the summary of its step. */
export interface Usage {
  readonly flops: number;
  readonly flopsPerSecond?: number;
  readonly peakFlopsPerSecond?: number;
  readonly peakShare?: number;
  /** From power and time, of this call alone. */
  readonly energyEstimate?: {
    readonly source: string;
    readonly kilowattHours: number;
    readonly joulesPerMillionTokens: number;
  };
}

type Line = Readonly<Record<string, unknown>>;

const CORPORA = 6;
const STEPS_TO_JUDGE_BY = 6;
const JOULES_PER_KILOWATT_HOUR = 3.6e6;

export class RunMonitor implements TrainingMonitor {
  private readonly settings: MonitorSettings;
  private readonly history = new LossHistory();
  private readonly stepRate = new RateMeter();
  private events: EventLog | undefined;
  private last: { readonly [name: string]: number | null } = {};
  private step = 0;
  private tokensPerSecond = 0;
  private evaluation: LiveEvaluation | undefined;
  private checkpoint: TrainingState['checkpoint'];
  /** Of this call. */
  private readonly sums = { steps: 0, tokens: 0, joules: 0 };
  /** Steps that count for the mean rate, and their time. */
  private steady = { steps: 0, milliseconds: 0 };
  private watts = 0;
  private energyReadAt = performance.now();

  constructor(settings: MonitorSettings) {
    this.settings = settings;
  }

  async begin(step: number): Promise<void> {
    const { folder } = this.settings;
    this.step = step;
    this.readEnergy();
    this.sums.joules = 0;
    this.events = await EventLog.open(folder, step);
    if (step > 0) for await (const line of linesOf(join(folder, 'metrics.jsonl'))) this.remember(line);
  }

  record(line: Line): void {
    this.remember(line);
    this.events?.add(line.step as number, scalarsOf(line));
  }

  timed(timing: StepTiming): Timing {
    const { step, tokens, milliseconds, tokensPerSecond } = timing;
    const { flopsPerStep, peak } = this.settings;
    this.stepRate.add(1, milliseconds);
    this.tokensPerSecond = tokensPerSecond;
    const joules = this.readEnergy();
    this.sums.steps += 1;
    this.sums.tokens += tokens;
    // The first step compiles: it counts only where there is no other.
    if (this.sums.steps === 2) this.steady = { steps: 0, milliseconds: 0 };
    this.steady.steps += 1;
    this.steady.milliseconds += milliseconds;
    const flopsPerSecond = this.stepRate.rate * flopsPerStep;
    const more = {
      gigaflopsPerSecond: rounded(flopsPerSecond / 1e9),
      ...(peak === undefined ? {} : { peakShare: rounded(flopsPerSecond / peak) }),
      ...(joules === undefined ? {} : { joulesEstimate: rounded(joules) }),
    };
    this.events?.add(step, timingScalars({ tokensPerSecond, ...more }));
    if (this.sums.steps === STEPS_TO_JUDGE_BY) this.sayTime(step);
    return more;
  }

  saved(step: number): void {
    this.checkpoint = { step, at: Date.now() };
  }

  state(phase?: string): TrainingState {
    const { steps, flopsPerStep, peak, energy } = this.settings;
    const { step, tokensPerSecond, evaluation, checkpoint } = this;
    const { rate } = this.stepRate;
    const isMoving = rate > 0;
    return {
      kind: 'training',
      step,
      steps,
      phase,
      loss: this.last.loss ?? null,
      curve: this.history.curve.map((loss) => rounded(loss)),
      lossByCorpus: this.history.largest(CORPORA),
      learningRate: this.last.learningRate ?? undefined,
      gradientNorm: this.last.gradientNorm ?? undefined,
      memory: process.memoryUsage.rss(),
      ...(isMoving && {
        tokensPerSecond,
        flopsPerSecond: rate * flopsPerStep,
        peakShare: peak && (rate * flopsPerStep) / peak,
        secondsLeft: (steps - step) / rate,
      }),
      evaluation,
      checkpoint,
      energy: energy && {
        kilowattHours: this.sums.joules / JOULES_PER_KILOWATT_HOUR,
        watts: this.watts,
        source: energy.source,
      },
    };
  }

  note(): string {
    const { peak, flopsPerStep } = this.settings;
    const { rate } = this.stepRate;
    if (peak === undefined || rate === 0) return '';
    return `${Math.round((100 * rate * flopsPerStep) / peak)} % of peak`;
  }

  usage(): Usage {
    const { flopsPerStep, peak, energy } = this.settings;
    this.readEnergy();
    const { steps, tokens, joules } = this.sums;
    const { steady } = this;
    const flopsPerSecond =
      steps === 0 ? undefined : (steady.steps * flopsPerStep * 1000) / steady.milliseconds;
    return {
      flops: steps * flopsPerStep,
      flopsPerSecond,
      peakFlopsPerSecond: peak,
      peakShare: peak && flopsPerSecond && flopsPerSecond / peak,
      energyEstimate:
        energy && tokens > 0
          ? {
              source: energy.source,
              kilowattHours: joules / JOULES_PER_KILOWATT_HOUR,
              joulesPerMillionTokens: (joules / tokens) * 1e6,
            }
          : undefined,
    };
  }

  end(): void {
    this.events?.close();
    this.settings.energy?.close();
  }

  private sayTime(step: number): void {
    const left = this.settings.steps - step;
    if (left <= 0) return;
    const time = duration(left / this.stepRate.rate);
    this.settings.say?.(
      `${'time'.padEnd(11)} about ${time} for the other ${count(left)} steps, evaluations not counted`,
    );
  }

  /** Joules since the last call: what is done between two steps counts to the second one. */
  private readEnergy(): number | undefined {
    const joules = this.settings.energy?.read();
    if (joules === undefined) return undefined;
    const now = performance.now();
    this.watts = (joules * 1000) / Math.max(1, now - this.energyReadAt);
    this.energyReadAt = now;
    this.sums.joules += joules;
    return joules;
  }

  private remember(line: Line): void {
    this.history.add(line);
    if (line.kind === 'step') {
      this.step = line.step as number;
      this.last = line as typeof this.last;
    }
    if (line.kind === 'evaluation') this.evaluation = evaluationOf(line);
  }
}

function evaluationOf({ step, measure, corpora }: Line): LiveEvaluation {
  const isLikelihood = measure === 'bits-per-byte';
  const figures = Object.entries(corpora as Record<string, Record<string, number>>);
  return {
    step: step as number,
    measure: isLikelihood ? 'bits-per-byte' : 'masked-loss',
    corpora: Object.fromEntries(
      figures.map(([name, one]) => [name, one[isLikelihood ? 'bitsPerByte' : 'lossPerToken']!]),
    ),
  };
}

/** Four figures: clocks give no more. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

async function* linesOf(path: string): AsyncGenerator<Line> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Line;
  }
}
