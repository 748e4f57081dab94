/** Trainings of 20 steps that every engine must agree on: each model family, both optimizers. */

import type { EngineOptions } from '../../../src/train/engines/options.ts';
import type { ModelOptions } from '../../../src/train/model/options.ts';
import { type ObjectiveOptions, openObjective } from '../../../src/train/objectives/registry.ts';
import { openSession } from '../../../src/train/open-session.ts';
import type { OptimizerOptions } from '../../../src/train/optimizers/options.ts';
import type { ModelSession, NamedArrays } from '../../../src/train/session.ts';
import { uniform } from '../graph/finite-differences.ts';
import { goldenMasked, goldenWindows, rows, tiny } from '../model/formulas.ts';

interface Training {
  readonly model: ModelOptions;
  readonly objective: ObjectiveOptions;
  readonly optimizer: OptimizerOptions;
  /** The micro-batches of a step. */
  readonly inputs: (step: number) => readonly NamedArrays[];
}

export const STEPS = 20;
const size = { ...tiny, layers: 1, width: 16 };
const context = { vocabulary: tiny.vocabulary, length: tiny.context, maskToken: 0 };
const causal = openObjective({ kind: 'causal' }, context);
const windows = (step: number) => causal.inputs(goldenWindows(step), Math.random);

export const trainings: Readonly<Record<string, Training>> = {
  'gpt2, AdamW': {
    model: { family: 'gpt2' },
    objective: { kind: 'causal' },
    optimizer: { kind: 'adamw' },
    inputs: (step) => [windows(step)],
  },
  'llama, Muon, two micro-batches': {
    model: { family: 'llama', keyValueHeads: 2, queryKeyNorm: true },
    objective: { kind: 'causal' },
    optimizer: { kind: 'muon' },
    inputs: (step) => [windows(step), windows(step + 100)],
  },
  'bert, AdamW': {
    model: { family: 'bert' },
    objective: { kind: 'masked', probability: 0.19 },
    optimizer: { kind: 'adamw' },
    inputs: (step) => [goldenMasked(step)],
  },
};

/** One seed, whatever the engine. */
export function openTiny(name: string, engine: EngineOptions): Promise<ModelSession> {
  const { model, objective, optimizer } = trainings[name]!;
  return openSession({
    model: { ...size, ...model },
    objective: openObjective(objective, context),
    optimizer,
    batch: { rows, length: tiny.context },
    engine,
    random: (parameter) => uniform(parameter.length, [0, 1]),
  });
}

/** The losses of steps [from, to). */
export async function trainTiny(
  session: ModelSession,
  name: string,
  from = 0,
  to = STEPS,
  learningRate = 0.003,
): Promise<number[]> {
  const losses: number[] = [];
  for (let step = from; step < to; step++) {
    const settings = { update: step + 1, learningRate };
    losses.push((await session.step(trainings[name]!.inputs(step), settings)).loss);
  }
  return losses;
}

/** The largest difference at any step; infinite where one has more steps. */
export function largestGap(got: readonly number[], expected: readonly number[]): number {
  if (got.length !== expected.length) return Infinity;
  return Math.max(...expected.map((loss, step) => Math.abs(got[step]! - loss)));
}
