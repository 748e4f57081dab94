/** Held-out documents as a sample, always crossed with the runs. */

import type { Domain } from '../outcome.ts';
import type { Interval, OverDocuments } from './analysis.ts';
import { meanOf } from './blocks.ts';
import { tQuantile } from './distributions.ts';
import type { Estimate } from './domain-model.ts';
import type { Run } from './runs.ts';

/** Fewer documents say too little of other documents: in simulations 12 gave intervals that cover 92 %, 30 gave 95 %. */
const MIN_DOCUMENTS = 20;

/**
 * The interval of a difference for other documents of the same kind. Runs and documents are crossed: every run scored
 * every document. With u(d) the influence of document d on the difference of the arms' means (bits per byte is a ratio
 * of sums, so u is its linearization, which the delete-one jackknife agrees with to first order), the variance is
 *
 *   V = V(runs) + V(documents) - V(interaction),
 *
 * where V(runs) is that of `estimate` and already holds the interaction of runs and documents, which V(documents), the
 * jackknife variance of the difference over documents, holds a second time; the interaction is estimated from what is
 * left of u in single runs (Cornfield and Tukey 1956). Degrees of freedom are Satterthwaite's. Documents are never
 * resampled alone: that takes the runs for the population and covers a fraction of what it claims.
 */
export function overDocuments(
  estimate: Estimate,
  a: readonly Run[],
  b: readonly Run[],
  domain: Domain,
  confidence: number,
): OverDocuments | undefined {
  const bytes = domain.documentBytes;
  if (bytes === undefined || bytes.length < MIN_DOCUMENTS) return undefined;
  const [first, second] = [a, b].map((runs) => influences(runs, bytes, domain.name));
  if (first === undefined || second === undefined) return undefined;
  const count = bytes.length;
  const correction = count / (count - 1);
  let documents = 0;
  for (let d = 0; d < count; d++) documents += (meanAt(first, d) - meanAt(second, d)) ** 2;
  const interaction = own(first) + own(second);
  const added = Math.max(0, (documents - interaction) * correction);
  const runs = estimate.standardError ** 2;
  const total = runs + added;
  const degrees =
    total > 0 ? total ** 2 / (runs ** 2 / estimate.degreesOfFreedom + added ** 2 / (count - 1)) : count - 1;
  return {
    documents: count,
    interval: intervalAround(estimate.difference, Math.sqrt(total), degrees, confidence),
    documentShare: total > 0 ? added / total : 0,
  };
}

export function intervalAround(
  center: number,
  standardError: number,
  degrees: number,
  confidence: number,
): Interval {
  const reach = standardError > 0 ? standardError * tQuantile((1 + confidence) / 2, degrees) : 0;
  return { low: center - reach, high: center + reach, confidence };
}

/** For each run, by document: (bits - rate * bytes) / all bytes. */
function influences(
  runs: readonly Run[],
  bytes: readonly number[],
  domain: string,
): readonly (readonly number[])[] | undefined {
  const whole = bytes.reduce((sum, size) => sum + size, 0);
  const rows: number[][] = [];
  for (const { training } of runs) {
    const bits = training.documentBits?.[domain];
    if (bits?.length !== bytes.length) return undefined;
    const rate = bits.reduce((sum, one) => sum + one, 0) / whole;
    rows.push(bits.map((one, d) => (one - rate * bytes[d]!) / whole));
  }
  return rows;
}

function meanAt(rows: readonly (readonly number[])[], document: number): number {
  return meanOf(rows.map((row) => row[document]!));
}

/** Of the mean of an arm's runs: the sum over documents of the variance between runs, over their number. */
function own(rows: readonly (readonly number[])[]): number {
  const n = rows.length;
  let sum = 0;
  for (let d = 0; d < rows[0]!.length; d++) {
    const mean = meanAt(rows, d);
    for (const row of rows) sum += (row[d]! - mean) ** 2;
  }
  return sum / ((n - 1) * n);
}
