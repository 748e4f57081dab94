/** Turns logits into a choice: penalty, temperature, then what may be drawn at all, then the draw. */

import { z } from 'zod';

export const samplingOptions = z.strictObject({
  temperature: z
    .number()
    .min(0)
    .default(0.8)
    .describe('logits are divided by it; 0 always takes the likeliest token (greedy)'),
  topK: z.int().min(0).default(0).describe('draw only among this many likeliest tokens; 0: no limit'),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe('draw only among the fewest likeliest tokens that hold this much probability together'),
  minP: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('draw only among tokens at least this share as likely as the likeliest'),
  repetitionPenalty: z
    .number()
    .positive()
    .default(1)
    .describe(
      'logits of tokens seen already are divided by it where positive, multiplied where negative; 1: none',
    ),
});

export type SamplingOptions = z.output<typeof samplingOptions>;

export interface Candidate {
  readonly token: number;
  readonly probability: number;
}

/**
 * The distribution that is drawn from, likeliest first, ties by lower id; probabilities sum to 1.
 *
 * The order is that of transformers' `generate`: repetition penalty (arXiv 1909.05858), temperature, top-k, top-p
 * (arXiv 1904.09751), min-p (arXiv 2407.01082), each on what the one before it left, renormalized.
 */
export function candidates(
  logits: Float32Array,
  seen: ReadonlySet<number>,
  options: SamplingOptions,
): Candidate[] {
  const { temperature, topK, topP, minP, repetitionPenalty } = options;
  const scores = Float64Array.from(logits);
  if (repetitionPenalty !== 1) {
    for (const token of seen) {
      const score = scores[token]!;
      scores[token] = score > 0 ? score / repetitionPenalty : score * repetitionPenalty;
    }
  }
  if (temperature === 0) return [{ token: argmax(scores), probability: 1 }];
  const sorted = softmaxSorted(scores, temperature);
  let kept = topK > 0 ? renormalize(sorted.slice(0, topK)) : sorted;
  if (topP < 1) {
    let held = 0;
    let count = 0;
    while (count < kept.length && held < topP) held += kept[count++]!.probability;
    kept = renormalize(kept.slice(0, count));
  }
  if (minP > 0) {
    const least = minP * kept[0]!.probability;
    kept = renormalize(kept.filter(({ probability }) => probability >= least));
  }
  return kept;
}

/** The candidate that a number uniform over [0, 1) falls to. */
export function draw(among: readonly Candidate[], uniform: number): number {
  let held = 0;
  for (const { token, probability } of among) {
    held += probability;
    if (uniform < held) return token;
  }
  // Rounding can leave the sum a little below 1.
  return among.at(-1)!.token;
}

/** The model's own distribution, before any option: the `count` likeliest tokens. */
export function likeliest(logits: Float32Array, count: number): Candidate[] {
  return softmaxSorted(logits, 1).slice(0, count);
}

function softmaxSorted(scores: Float64Array | Float32Array, temperature: number): Candidate[] {
  const highest = scores[argmax(scores)]!;
  let total = 0;
  const all = Array.from(scores, (score, token) => {
    const weight = Math.exp((score - highest) / temperature);
    total += weight;
    return { token, probability: weight };
  });
  for (const candidate of all) candidate.probability /= total;
  return all.sort((a, b) => b.probability - a.probability || a.token - b.token);
}

function renormalize(kept: readonly Candidate[]): Candidate[] {
  const total = kept.reduce((sum, { probability }) => sum + probability, 0);
  return kept.map(({ token, probability }) => ({ token, probability: probability / total }));
}

function argmax(values: Float64Array | Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
