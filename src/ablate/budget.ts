/** How many steps a budget comes to for one arm: what is equal is the budget, not the steps. */

import { ConfigurationError } from '../core/errors.ts';
import type { BudgetOptions } from './file.ts';
import type { Budget } from './outcome.ts';

export interface BudgetFacts {
  /** Tokens a step: rows * context * accumulated micro-batches. */
  readonly tokensPerStep: number;
  /** Of the arm's training text under its tokenizer. */
  readonly bytesPerToken: number;
  /** Tokens of the arm's training shards. */
  readonly trainTokens: number;
  /** Forward and backward, operations of matrix products. */
  readonly flopsPerToken: number;
}

/** The kind of a budget and its value; the schema lets exactly one through. */
export function budgetOf(options: BudgetOptions): Budget {
  for (const equal of ['tokens', 'bytes', 'flops', 'epochs'] as const) {
    const value = options[equal];
    if (value !== undefined) return { equal, value };
  }
  throw new ConfigurationError('a budget is one of tokens, bytes, flops, epochs');
}

/** Whole steps that come nearest to the budget, at least one. */
export function stepsFor({ equal, value }: Budget, facts: BudgetFacts): number {
  const tokens = {
    tokens: value,
    bytes: value / facts.bytesPerToken,
    flops: value / facts.flopsPerToken,
    epochs: value * facts.trainTokens,
  }[equal];
  return Math.max(1, Math.round(tokens / facts.tokensPerStep));
}
