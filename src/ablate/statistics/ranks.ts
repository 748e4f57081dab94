/** Whether the order of the arms holds from one learning rate or size to another. */

import type { RankStability, SettingAnalysis } from './analysis.ts';

/** Undefined for a single setting. */
export function rankStability(
  settings: readonly SettingAnalysis[],
  primary: string,
): RankStability | undefined {
  if (settings.length < 2) return undefined;
  const orders = settings.map(({ size, learningRate, arms }) => ({
    size,
    learningRate,
    arms: arms
      .flatMap(({ arm, excluded, domains }) => {
        const mean = domains[primary]?.mean ?? null;
        return excluded === undefined && mean !== null ? [{ arm, mean }] : [];
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
  return { orders, pairs, signs };
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
