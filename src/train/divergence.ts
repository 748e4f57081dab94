/** Notices a loss that is not finite or far above what it was. */

import { z } from 'zod';
import type { StepResult } from './session.ts';

export const stabilityOptions = z.strictObject({
  onTrouble: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe(
      'what a loss or gradient that is not finite does, and a loss that spikes: stop the training (at maxSpikes spikes in a row), or leave that step’s update out and go on',
    ),
  maxSkippedSteps: z
    .int()
    .min(0)
    .default(10)
    .describe('with skip: updates in a row that are left out before the training stops all the same'),
  spikeWindow: z.int().min(8).default(64).describe('recent losses that a spike is measured against'),
  spikeDeviations: z
    .number()
    .positive()
    .default(12)
    .describe('a spike is this many robust standard deviations above the median of the window'),
  spikeNats: z.number().positive().default(1).describe('and at least this many nats above it'),
  maxSpikes: z
    .int()
    .min(0)
    .default(3)
    .describe(
      'with stop: spikes in a row that are passed over, their updates made, before the training stops',
    ),
});

export type StabilityOptions = z.output<typeof stabilityOptions>;

/** Scale from the median absolute deviation to a normal's standard deviation. */
const MAD_TO_SIGMA = 1.4826;

/**
 * The highest loss that is no spike, from recent losses; infinite while there are fewer than 8. The median and the
 * median absolute deviation are used, since a mean would follow the very spikes it should find.
 */
export function spikeThreshold(recent: readonly number[], options: StabilityOptions): number {
  if (recent.length < 8) return Number.POSITIVE_INFINITY;
  const centre = median(recent);
  const spread = MAD_TO_SIGMA * median(recent.map((loss) => Math.abs(loss - centre)));
  return centre + Math.max(options.spikeNats, options.spikeDeviations * spread);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What a run remembers of its losses; part of its checkpoints. */
export interface LossState {
  readonly step: number;
  readonly losses: { first: number | null; last: number | null; recent: number[] };
  readonly troubles: { skipped: number; spikes: number };
}

/** The highest loss whose update is made: with `skip` a spike's is not. */
export function highestLoss(state: Pick<LossState, 'losses'>, options: StabilityOptions): number {
  return options.onTrouble === 'skip'
    ? spikeThreshold(state.losses.recent, options)
    : Number.POSITIVE_INFINITY;
}

/** Something was wrong with a step's loss. */
export interface Trouble {
  readonly what: 'not finite' | 'spike';
  /** What a reader is told, without the documents. */
  readonly message: string;
  readonly action: 'stop' | 'skip' | 'pass';
}

/** Enters the loss of the step just taken into `state`; gives what was wrong with it. */
export function judgeLoss(
  state: LossState,
  result: Pick<StepResult, 'loss' | 'skipped'>,
  options: StabilityOptions,
): Trouble | undefined {
  const { losses, troubles } = state;
  const { loss } = result;
  // JSON has no NaN and no infinity.
  losses.last = Number.isFinite(loss) ? loss : null;
  losses.first ??= losses.last;
  const threshold = spikeThreshold(losses.recent, options);
  const isSpike = losses.last !== null && loss > threshold;
  const skip = options.onTrouble === 'skip';
  troubles.skipped = result.skipped ? troubles.skipped + 1 : 0;
  troubles.spikes = isSpike ? troubles.spikes + 1 : 0;
  const isNumber = losses.last !== null && (!result.skipped || (skip && isSpike));
  if (isNumber && isSpike) {
    const tooMany = skip ? troubles.skipped > options.maxSkippedSteps : troubles.spikes > options.maxSpikes;
    const message = `the loss spiked to ${loss.toFixed(3)}, above ${threshold.toFixed(3)}`;
    return { what: 'spike', message, action: tooMany ? 'stop' : skip ? 'skip' : 'pass' };
  }
  if (!isNumber) {
    const goOn = skip && troubles.skipped <= options.maxSkippedSteps;
    const what = 'not finite';
    return { what, message: 'the loss or its gradient is not finite', action: goOn ? 'skip' : 'stop' };
  }
  losses.recent = [...losses.recent, loss].slice(-options.spikeWindow);
  return undefined;
}
