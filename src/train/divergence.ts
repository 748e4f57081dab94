/** Notices a loss that is not finite or far above what it was, and says which documents were in the batch. */

import { z } from 'zod';
import { ProvenderError } from '../core/errors.ts';
import type { WindowBatch } from '../shard/batch.ts';
import type { StepResult } from './session.ts';

/** Training blew up: the same call with the same options would do so again. */
export class DivergenceError extends ProvenderError {}

export const stabilityOptions = z.strictObject({
  maxSkippedSteps: z
    .int()
    .min(0)
    .default(0)
    .describe('steps in a row with a loss or gradient that is not finite to pass over before stopping'),
  spikeWindow: z.int().min(8).default(64).describe('recent losses that a spike is measured against'),
  spikeDeviations: z
    .number()
    .positive()
    .default(12)
    .describe('a spike is this many robust standard deviations above the median of the window'),
  spikeNats: z.number().positive().default(1).describe('and at least this many nats above it'),
  maxSpikes: z.int().min(0).default(3).describe('spikes in a row to pass over before stopping'),
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

/**
 * Enters the loss of the step just taken into `state`. A loss that is not finite, or a spike, is said together with
 * the batch's documents; where there were too many in a row, a DivergenceError is thrown instead.
 */
export function judgeLoss(
  state: LossState,
  result: Pick<StepResult, 'loss' | 'skipped'>,
  batches: readonly WindowBatch[],
  options: StabilityOptions,
  say: (line: string) => void,
): void {
  const { step, losses, troubles } = state;
  const { loss } = result;
  // JSON has no NaN and no infinity.
  losses.last = Number.isFinite(loss) ? loss : null;
  losses.first ??= losses.last;
  const complain = (what: string, stop: boolean): void => {
    const line = `step ${step}: ${what}; documents of the batch: ${nameDocuments(batches)}`;
    if (stop) {
      throw new DivergenceError(
        `${line}. Training stops; the last checkpoint stands. A lower learning rate, a longer warm-up or dropping ` +
          'these documents may help',
      );
    }
    say(line);
  };
  if (result.skipped || losses.last === null) {
    troubles.skipped += 1;
    complain('the loss or its gradient is not finite', troubles.skipped > options.maxSkippedSteps);
    return;
  }
  troubles.skipped = 0;
  const threshold = spikeThreshold(losses.recent, options);
  if (loss > threshold) {
    troubles.spikes += 1;
    const what = `the loss spiked to ${loss.toFixed(3)}, above ${threshold.toFixed(3)}`;
    complain(what, troubles.spikes > options.maxSpikes);
    return;
  }
  troubles.spikes = 0;
  losses.recent = [...losses.recent, loss].slice(-options.spikeWindow);
}

/** The documents of the batches by share of tokens, at most 8 by name, for an error or a warning. */
export function nameDocuments(batches: readonly WindowBatch[]): string {
  const tokens = new Map<string, number>();
  for (const batch of batches) {
    for (const index of batch.documentIndex) {
      if (index < 0) continue;
      const { corpus, id } = batch.documents[index]!;
      const name = `${corpus}/${id}`;
      tokens.set(name, (tokens.get(name) ?? 0) + 1);
    }
  }
  const sorted = [...tokens].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const named = sorted.slice(0, 8).map(([name, count]) => `${name} (${count} tokens)`);
  const more = sorted.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
