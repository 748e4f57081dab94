/** Small models of every kind that is handed over, with weights that reach every tensor. */

import { expect } from 'vitest';
import type { ModelOptions } from '../../../src/train/model/options.ts';
import { type ModelShape, resolveModel } from '../../../src/train/model/options.ts';
import { openObjective } from '../../../src/train/objectives/registry.ts';
import { openSession } from '../../../src/train/open-session.ts';
import type { ModelSession } from '../../../src/train/session.ts';
import { goldenState, tiny } from '../model/formulas.ts';

export const kinds: Readonly<Record<string, ModelOptions>> = {
  gpt2: { family: 'gpt2' },
  'gpt2-untied-exact-gelu': {
    family: 'gpt2',
    tied: false,
    activation: 'gelu',
    normEpsilon: 1e-6,
    hidden: 48,
  },
  'gpt2-without-bias': { family: 'gpt2', bias: false },
  llama: { family: 'llama', hidden: 96 },
  'llama-grouped-tied': { family: 'llama', keyValueHeads: 2, tied: true, rotaryBase: 500_000 },
  'llama-bias': { family: 'llama', bias: true },
  qwen3: { family: 'llama', keyValueHeads: 1, queryKeyNorm: true },
  bert: { family: 'bert' },
  'bert-untied': { family: 'bert', tied: false },
};

export function shapeOf(
  options: ModelOptions,
  sizes: { vocabulary: number } & ModelOptions = tiny,
): ModelShape {
  return resolveModel({ ...sizes, ...options });
}

const marks = { maskToken: 0, classToken: 1, separatorToken: 2 };

/** A session whose parameters are all given by the formulas of the golden runs. */
export async function openTiny(
  options: ModelOptions,
  rows: number,
  sizes: { vocabulary: number } & ModelOptions = tiny,
  kind: 'causal' | 'masked' | 'next-sentence' = options.family === 'bert' ? 'masked' : 'causal',
): Promise<ModelSession> {
  const length = shapeOf(options, sizes).context;
  const session = await openSession({
    model: { ...sizes, ...options },
    objective: openObjective({ kind }, { vocabulary: sizes.vocabulary, length, ...marks }),
    batch: { rows, length },
    engine: { threads: 1 },
    random: () => () => 0.5,
  });
  await session.load(goldenState(await session.state()));
  return session;
}

/** The inputs that a session's `logits` takes, every token seeing what the kind of model lets it see. */
export function sessionInputs(shape: ModelShape, tokens: Int32Array, rows: number) {
  const size = [rows, tokens.length / rows];
  const zeros = new Int32Array(tokens.length);
  const order = shape.kind === 'encoder' ? zeros : zeros.map((_, i) => i % size[1]!);
  return {
    tokens: { shape: size, data: tokens },
    segment: { shape: size, data: zeros },
    order: { shape: size, data: order },
  };
}

export function expectClose(
  found: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
  what = '',
): void {
  expect(found.length, what).toBe(wanted.length);
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(found[i]! - wanted[i]!);
    // A NaN is worse than anything.
    if (!(difference <= worst)) worst = difference;
  }
  expect(worst, what).toBeLessThan(tolerance);
}
