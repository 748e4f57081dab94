/** Whether the order of the arms holds from one learning rate or size to another. */

import type { RankStability, SettingAnalysis } from './analysis.ts';
import { groupBy } from './blocks.ts';

/** Undefined for a single setting. */
export function rankStability(
  settings: readonly SettingAnalysis[],
  primary: string,
): RankStability | undefined {
  if (settings.length < 2) return undefined;
  // A null control is the base once more: which of the two comes first is noise.
  const nulls = settings[0]!.comparisons.flatMap(({ arm, control }) =>
    control === 'null-control' ? arm : [],
  );
  const orders = settings.map(({ size, learningRate, arms }) => ({
    size,
    learningRate,
    arms: arms
      .flatMap(({ arm, excluded, domains }) => {
        const mean = domains[primary]?.mean ?? null;
        return excluded === undefined && mean !== null && !nulls.includes(arm) ? [{ arm, mean }] : [];
      })
      .sort((a, b) => a.mean - b.mean),
  }));
  const pairs: RankStability['pairs'][number][] = [];
  for (let a = 0; a < orders.length; a++)
    for (let b = a + 1; b < orders.length; b++) {
      const second = new Map(orders[b]!.arms.map(({ arm, mean }) => [arm, mean]));
      const both = orders[a]!.arms.filter(({ arm }) => second.has(arm));
      const tau = kendallTau(
        both.map(({ mean }) => mean),
        both.map(({ arm }) => second.get(arm)!),
      );
      if (tau !== undefined) pairs.push({ a, b, tau });
    }
  const signs = settings[0]!.comparisons.map(({ arm, against }, i) => ({
    arm,
    against,
    signs: settings.map(({ comparisons }) => {
      const difference = comparisons[i]!.primary?.difference;
      return difference === undefined ? null : Math.sign(difference);
    }),
  }));
  return { orders, atBestRate: atBestRate(orders), pairs, signs };
}

/** The lowest of several means is a little too low for every arm alike; what it tells is whether one rate for all misled. */
function atBestRate(orders: RankStability['orders']): RankStability['atBestRate'] {
  return [...groupBy(orders, ({ size }) => size)].flatMap(([size, group]) => {
    if (group.length < 2) return [];
    const best = new Map<string, { arm: string; learningRate: number; mean: number }>();
    for (const { learningRate, arms } of group)
      for (const { arm, mean } of arms)
        if (mean < (best.get(arm)?.mean ?? Number.POSITIVE_INFINITY))
          best.set(arm, { arm, learningRate, mean });
    return { size, arms: [...best.values()].sort((a, b) => a.mean - b.mean) };
  });
}

/** Tau-b (Kendall 1945): 1 for the same order, -1 for the reverse; undefined where either side has only ties. */
export function kendallTau(a: readonly number[], b: readonly number[]): number | undefined {
  let [sum, inA, inB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(a[i]! - a[j]!), Math.sign(b[i]! - b[j]!)];
      sum += x * y;
      inA += x * x;
      inB += y * y;
    }
  return inA > 0 && inB > 0 ? sum / Math.sqrt(inA * inB) : undefined;
}
