/** What a training came to by group: the losses of its last steps, read from what it wrote down. */

import { classifySystemError } from '../core/errors.ts';
import { linesOf } from '../core/json-lines.ts';
import { type GroupLoss, meanLosses } from './loss-groups.ts';

/** Whether a metric is a share of 1, as its name tells. */
export function isShare(metric: string): boolean {
  return metric.endsWith('Accuracy');
}

export interface RecentLosses {
  /** How many steps the means are over. */
  readonly steps: number;
  /** By slicing (`corpus`, `source`, ...) and group: nats per token, and tokens. */
  readonly groups: Readonly<Record<string, Readonly<Record<string, { loss: number; tokens: number }>>>>;
  /** What the objective measures beside the loss, such as `nextSentenceAccuracy`; absent where that is nothing. */
  readonly metrics?: Readonly<Record<string, number>>;
}

type Written = Record<string, { loss: number | null; tokens: number }>;

/** Means over the last tenth of `steps`, weighted by tokens. Steps that were skipped are left out. */
export async function recentLosses(metrics: string, steps: number): Promise<RecentLosses> {
  const wanted = Math.max(1, Math.ceil(steps / 10));
  const sums = new Map<string, Map<string, GroupLoss>>();
  const measured: Readonly<Record<string, number | null>>[] = [];
  try {
    for await (const line of linesOf(metrics)) {
      // A long run's log is large, and most of it is not wanted.
      const step = /^\{"kind":"step","step":(\d+),/.exec(line)?.[1];
      if (step === undefined || Number(step) <= steps - wanted) continue;
      const { byCorpus, slices, metrics, skipped } = JSON.parse(line) as {
        byCorpus: Written;
        slices?: Record<string, Written>;
        metrics?: Record<string, number | null>;
        skipped?: boolean;
      };
      if (metrics && !skipped) measured.push(metrics);
      addGroups(sums, 'corpus', byCorpus);
      for (const [slicing, groups] of Object.entries(slices ?? {})) addGroups(sums, slicing, groups);
    }
  } catch (error) {
    throw classifySystemError(error, { file: metrics });
  }
  const groups = [...sums].map(([slicing, means]) => [slicing, meanLosses(means)]);
  const means = meansOf(measured);
  return { steps: wanted, groups: Object.fromEntries(groups), ...(means ? { metrics: means } : {}) };
}

function meansOf(
  steps: readonly Readonly<Record<string, number | null>>[],
): Record<string, number> | undefined {
  if (steps.length === 0) return undefined;
  const means: Record<string, number> = {};
  for (const name of Object.keys(steps[0]!)) {
    const values = steps.flatMap((step) => (typeof step[name] === 'number' ? [step[name]] : []));
    if (values.length > 0) means[name] = values.reduce((sum, value) => sum + value, 0) / values.length;
  }
  return means;
}

function addGroups(sums: Map<string, Map<string, GroupLoss>>, slicing: string, groups: Written): void {
  const into = sums.get(slicing) ?? new Map<string, GroupLoss>();
  sums.set(slicing, into);
  for (const [name, { loss, tokens }] of Object.entries(groups)) {
    if (loss === null) continue;
    const sum = into.get(name) ?? { nats: 0, tokens: 0 };
    sum.nats += loss * tokens;
    sum.tokens += tokens;
    into.set(name, sum);
  }
}
