/** The runs of all arms in one domain, and how far their spread lets two arms be told apart. */

import type { Method, SeedCorrelation, Spread } from './analysis.ts';
import { type BlockFit, fitBlocks, groupBy, meanOf, type Observation, varianceOf } from './blocks.ts';
import { chiSquareQuantile, fQuantile } from './distributions.ts';

/** Where the largest standard deviation of an arm is more than so many times the smallest, none is pooled. */
export const MAX_SPREAD_RATIO = 3;

/** A difference of two means with what its uncertainty is made of. */
export interface Estimate {
  readonly difference: number;
  readonly standardError: number;
  readonly degreesOfFreedom: number;
  readonly method: Method;
  readonly sharedSeeds: boolean;
  /** Runs of either arm. */
  readonly counts: readonly [number, number];
  /** Standard deviation of one run of either arm, from the same spread. */
  readonly spreads: readonly [number, number];
}

export class DomainModel {
  readonly spread: Spread;
  readonly correlation: SeedCorrelation | undefined;
  private readonly arms: ReadonlyMap<string, readonly Observation[]>;
  private readonly fit: BlockFit;
  /** Variance within the arms, pooled, and the degrees of freedom it is worth. */
  private readonly within: { readonly variance: number; readonly degrees: number };

  /** `runs` has at least two of every arm; `block` names the seeds. */
  constructor(runs: readonly Observation[]) {
    this.arms = groupBy(runs, ({ arm }) => arm);
    this.fit = fitBlocks(runs);
    this.correlation = seedCorrelation(this.arms);
    this.within = this.pooledWithin(runs.length);
    this.spread = this.spreadOf();
  }

  has(arm: string): boolean {
    return this.arms.has(arm);
  }

  /** a minus b. */
  compare(a: string, b: string): Estimate {
    const [first, second] = [this.arms.get(a)!, this.arms.get(b)!];
    const sharedSeeds = commonBlocks(first, second) >= 2;
    const counts = [first.length, second.length] as const;
    const own = [first, second].map((runs) => varianceOf(runs.map(({ value }) => value)));
    if (this.spread.unequal) return { ...welch(first, second), sharedSeeds, counts };
    if (sharedSeeds && this.fit.degreesOfFreedom > 0) {
      const { difference, factor } = this.fit.contrast(a, b)!;
      const { variance, degreesOfFreedom } = this.fit;
      const total = Math.sqrt(this.within.variance);
      return {
        difference,
        standardError: Math.sqrt(variance * factor),
        degreesOfFreedom,
        ...{ method: 'blocks', sharedSeeds, counts, spreads: [total, total] },
      };
    }
    const { variance, degrees } = this.within;
    const total = Math.sqrt(variance);
    return {
      difference: difference(first, second),
      standardError: Math.sqrt(variance * own.map((_, i) => 1 / counts[i]!).reduce((x, y) => x + y)),
      degreesOfFreedom: degrees,
      ...{ method: 'pooled', sharedSeeds, counts, spreads: [total, total] },
    };
  }

  /**
   * Where arms share seeds and these move all of them alike (intraclass correlation r), the variances of s such arms
   * are not s independent figures: of normal values they correlate by r^2, which divides their degrees of freedom by
   * 1 + (s - 1) r^2.
   */
  private pooledWithin(total: number): { variance: number; degrees: number } {
    let squares = 0;
    for (const runs of this.arms.values())
      squares += varianceOf(runs.map(({ value }) => value)) * (runs.length - 1);
    const degrees = total - this.arms.size;
    const { value: r = 0, arms: s = 1 } = this.correlation ?? {};
    return { variance: squares / degrees, degrees: degrees / (1 + (s - 1) * r ** 2) };
  }

  private spreadOf(): Spread {
    const own = [...this.arms.values()].map((runs) => Math.sqrt(varianceOf(runs.map(({ value }) => value))));
    const [least, most] = [Math.min(...own), Math.max(...own)];
    const shared = this.correlation !== undefined && this.fit.degreesOfFreedom > 0;
    const variance = shared ? this.fit.variance : this.within.variance;
    const degreesOfFreedom = shared ? this.fit.degreesOfFreedom : this.within.degrees;
    return {
      value: Math.sqrt(variance),
      degreesOfFreedom,
      low: Math.sqrt((variance * degreesOfFreedom) / chiSquareQuantile(0.975, degreesOfFreedom)),
      high: Math.sqrt((variance * degreesOfFreedom) / chiSquareQuantile(0.025, degreesOfFreedom)),
      ratio: least > 0 ? most / least : null,
      unequal: most > MAX_SPREAD_RATIO * least,
    };
  }
}

function difference(a: readonly Observation[], b: readonly Observation[]): number {
  return meanOf(a.map(({ value }) => value)) - meanOf(b.map(({ value }) => value));
}

/** Welch (1947), with Satterthwaite's degrees of freedom. */
function welch(a: readonly Observation[], b: readonly Observation[]) {
  const [va, vb] = [a, b].map((runs) => varianceOf(runs.map(({ value }) => value))) as [number, number];
  const [ea, eb] = [va / a.length, vb / b.length];
  const squared = ea + eb;
  const degrees = squared ** 2 / (ea ** 2 / (a.length - 1) + eb ** 2 / (b.length - 1));
  return {
    difference: difference(a, b),
    standardError: Math.sqrt(squared),
    degreesOfFreedom: squared > 0 ? degrees : a.length + b.length - 2,
    method: 'welch' as const,
    spreads: [Math.sqrt(va), Math.sqrt(vb)] as const,
  };
}

function commonBlocks(a: readonly Observation[], b: readonly Observation[]): number {
  const blocks = new Set(a.map(({ block }) => block));
  return b.filter(({ block }) => blocks.has(block)).length;
}

/**
 * Over the arms that share seeds and the blocks in which all of them ran: ICC(C,1) with its interval (McGraw and Wong
 * 1996, table 7).
 */
function seedCorrelation(arms: ReadonlyMap<string, readonly Observation[]>): SeedCorrelation | undefined {
  const all = [...arms.values()];
  const sharing = all.filter((own) => all.some((other) => other !== own && commonBlocks(own, other) >= 2));
  if (sharing.length < 2) return undefined;
  const byBlock = sharing.map((runs) => new Map(runs.map(({ block, value }) => [block, value])));
  const whole = [...byBlock[0]!.keys()].filter((block) => byBlock.every((values) => values.has(block)));
  const [k, n] = [sharing.length, whole.length];
  if (n < 2) return undefined;
  const rows = whole.map((block) => byBlock.map((values) => values.get(block)!));
  const grand = meanOf(rows.flat());
  const columns = byBlock.map((_, i) => meanOf(rows.map((row) => row[i]!)));
  let between = 0;
  let residual = 0;
  for (const row of rows) {
    const mean = meanOf(row);
    between += k * (mean - grand) ** 2;
    for (const [i, value] of row.entries()) residual += (value - mean - columns[i]! + grand) ** 2;
  }
  const [da, db] = [n - 1, (n - 1) * (k - 1)];
  const f = between / da / (residual / db);
  if (!Number.isFinite(f)) return undefined;
  const correlation = (ratio: number) => (ratio - 1) / (ratio + k - 1);
  return {
    value: correlation(f),
    low: correlation(f / fQuantile(0.975, da, db)),
    high: correlation(f * fQuantile(0.975, db, da)),
    arms: k,
    blocks: n,
  };
}
