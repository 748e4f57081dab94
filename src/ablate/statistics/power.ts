/** How many seeds it takes. */

import type { Power } from './analysis.ts';
import { chiSquareQuantile, normalQuantile, tQuantile } from './distributions.ts';
import type { Estimate } from './domain-model.ts';

/** Four times in five: the convention. */
export const POWER = 0.8;
export const MAX_SEEDS = 1000;

/**
 * From the spread that the comparison itself used, and from both ends of that spread's 95 % interval (chi-square): a
 * difference as large as the one observed, tested at `alpha`, two-sided. That a difference was seen is no evidence that
 * it is there: the number says what it would take if it were.
 */
export function powerOf(estimate: Estimate, alpha: number): Power {
  const { difference, standardError, degreesOfFreedom: df, counts } = estimate;
  const seeds = 2 / (1 / counts[0] + 1 / counts[1]);
  const variance = (standardError ** 2 * seeds) / 2;
  const at = (share: number) => (variance * df) / chiSquareQuantile(share, df);
  const degrees = (n: number) => (df * (n - 1)) / (seeds - 1);
  const needed = (v: number) => seedsNeeded(Math.abs(difference) / Math.sqrt(v), alpha, degrees);
  const reach = tQuantile(1 - alpha / 2, df) + tQuantile(POWER, df);
  const detectable = (v: number) => reach * Math.sqrt((2 * v) / seeds);
  return {
    power: POWER,
    alpha,
    difference,
    seeds: needed(variance),
    low: needed(at(0.975)),
    high: needed(at(0.025)),
    detectable: { value: detectable(variance), low: detectable(at(0.975)), high: detectable(at(0.025)) },
  };
}

/**
 * The least number of seeds an arm at which an effect of so many standard deviations reaches the power: sqrt(n / 2) *
 * effect >= t(1 - alpha / 2) + t(power), which is within a seed of the noncentral t's answer. Undefined above MAX_SEEDS.
 */
export function seedsNeeded(
  effect: number,
  alpha: number,
  degrees: (seeds: number) => number,
): number | undefined {
  const enough = (n: number) => {
    const df = degrees(n);
    return Math.sqrt(n / 2) * effect >= tQuantile(1 - alpha / 2, df) + tQuantile(POWER, df);
  };
  // The normal distribution's answer is a little too small: a few steps from it find the first that is enough.
  const reach = normalQuantile(1 - alpha / 2) + normalQuantile(POWER);
  let n = Math.max(2, Math.floor(2 * (reach / effect) ** 2));
  if (!(n <= MAX_SEEDS)) return undefined;
  while (n <= MAX_SEEDS && !enough(n)) n++;
  return n <= MAX_SEEDS ? n : undefined;
}
