/** What can be known of a training's options before anything is read or trained. */

import { ConfigurationError } from '../core/errors.ts';
import type { StepBefore } from '../core/step.ts';
import { type ModelOptions, type ModelShape, resolveModel } from './model/options.ts';
import { type ObjectiveOptions, openObjective } from './objectives/registry.ts';
import type { OptimizerOptions } from './optimizers/options.ts';
import { planTraining } from './plan.ts';
import { requireMemory } from './require-memory.ts';

/** Of the options of the step train, what is checked here. */
export interface CheckedOptions {
  readonly model: ModelOptions;
  readonly objective: ObjectiveOptions;
  readonly rows: number;
  readonly context?: number | undefined;
}

/** Of no tokenizer: what an objective needs of one is there. */
const ANY_TOKENS = {
  vocabulary: 16,
  specialTokens: [0, 1, 2],
  ...{ maskToken: 0, classToken: 1, separatorToken: 2 },
  startsWord: () => true,
};

/** A class token, two separators, and a token of each text. */
const SHORTEST_PAIR = 5;

/** Throws a ConfigurationError that names the option and both values. Gives the shape for a vocabulary of any size. */
export function checkTraining({ model, objective, rows, context }: CheckedOptions): ModelShape {
  const shape = resolveModel({ ...model, vocabulary: ANY_TOKENS.vocabulary });
  const length = context ?? shape.context;
  if (length > shape.context) {
    throw new ConfigurationError("context: windows are longer than the model's context", {
      expected: `at most model.context, ${shape.context} tokens`,
      found: `${length}`,
    });
  }
  openObjective(objective, { ...ANY_TOKENS, length });
  if (objective.kind === 'next-sentence') {
    if (rows < 2) {
      throw new ConfigurationError('rows: a sentence of another window needs another window', {
        expected: 'at least 2 for the objective next-sentence',
        found: `${rows}`,
      });
    }
    if (length < SHORTEST_PAIR) {
      throw new ConfigurationError('context: too short for a pair of sentences and its marks', {
        expected: `at least ${SHORTEST_PAIR} tokens`,
        found: `${length}`,
      });
    }
  }
  return shape;
}

export interface SizedOptions extends CheckedOptions {
  readonly optimizer: OptimizerOptions;
  readonly accumulate: number;
  readonly steps: number;
}

/**
 * Throws a ResourceError where a training on the CPU cannot fit into the machine. Before there is a tokenizer its
 * vocabulary is taken to be what the step train-tokenizer is asked for, or else the smallest.
 */
export function requireRoom(options: SizedOptions, before: readonly StepBefore[]): void {
  const asked = before.findLast(({ kind }) => kind === 'train-tokenizer')?.options.vocabularySize;
  const vocabulary = typeof asked === 'number' ? asked : SMALLEST_VOCABULARY;
  const shape = resolveModel({ ...options.model, vocabulary });
  const length = options.context ?? shape.context;
  const objective = openObjective(options.objective, { ...ANY_TOKENS, vocabulary, length });
  const { optimizer, rows, accumulate, steps } = options;
  requireMemory(planTraining({ shape, objective, optimizer, rows, length, accumulate, steps }).memoryBytes);
}

/** The 256 bytes and an end of text. */
const SMALLEST_VOCABULARY = 257;

/** Whether steps like these can leave documents in a split; of a user's own stage nobody knows, a judge only drops. */
export function mayHold(before: readonly StepBefore[], split: 'held-out' | 'validation'): boolean {
  return before.some(({ kind, use, role, options }) => {
    if (use !== undefined) return role !== 'judge' && role !== 'job';
    if (kind === 'hold-out-listed') return split === 'held-out';
    if (kind !== 'hold-out') return false;
    const [one, some] =
      split === 'held-out'
        ? [options.fraction, options.fractions]
        : [options.validationFraction, options.validationFractions];
    const shares = [one, ...Object.values((some ?? {}) as Record<string, unknown>)];
    return shares.some((share) => typeof share === 'number' && share > 0);
  });
}

/** Throws a ConfigurationError where documents are to be scored that no step before puts aside. */
export function requireSplit(
  option: string,
  split: 'held-out' | 'validation',
  before: readonly StepBefore[],
): void {
  if (mayHold(before, split)) return;
  const fraction = split === 'held-out' ? 'fraction' : 'validationFraction';
  throw new ConfigurationError(`${option}: no step before puts ${split} documents aside`, {
    expected: `'hold-out: { ${fraction}: 0.01 }' right after 'read'`,
  });
}
