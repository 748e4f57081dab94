/** Learning rates as pure functions of the step, so that a resumed run needs no state for them. */

import { z } from 'zod';

export const scheduleOptions = z.strictObject({
  kind: z
    .enum(['cosine', 'linear', 'constant', 'warmup-stable-decay'])
    .default('cosine')
    .describe('the form of the decay after the warm-up'),
  learningRate: z.number().positive().default(1e-3).describe('the peak, reached after the warm-up'),
  warmupSteps: z.int().min(0).default(100).describe('steps in which the rate rises from 0 to the peak'),
  minLearningRateRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('the last rate, as a share of the peak'),
  decayFraction: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe('share of all steps in which warmup-stable-decay falls to the last rate'),
});

export type ScheduleOptions = z.input<typeof scheduleOptions>;

/**
 * The learning rate of one update.
 *
 * `update` counts from 1 to `updates`. During the warm-up the rate rises linearly and reaches the peak at update
 * `warmupSteps`; `cosine` and `linear` then fall to `minLearningRateRatio` of the peak at the last update;
 * `warmup-stable-decay` keeps the peak and falls linearly over the last `decayFraction` of all updates
 * (arXiv 2404.06395); `constant` keeps the peak.
 */
export function learningRateAt(options: ScheduleOptions, update: number, updates: number): number {
  const schedule = scheduleOptions.parse(options);
  const { learningRate: peak, warmupSteps, minLearningRateRatio: floor } = schedule;
  if (update < warmupSteps) return (peak * update) / warmupSteps;
  const progress = (from: number) => Math.min(1, Math.max(0, (update - from) / Math.max(1, updates - from)));
  switch (schedule.kind) {
    case 'constant':
      return peak;
    case 'linear':
      return peak * (1 - (1 - floor) * progress(warmupSteps));
    case 'cosine':
      return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress(warmupSteps))));
    case 'warmup-stable-decay': {
      const decayFrom = Math.max(warmupSteps, updates * (1 - schedule.decayFraction));
      return peak * (1 - (1 - floor) * progress(decayFrom));
    }
    default:
      return schedule.kind satisfies never;
  }
}
