import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ModelOptions } from '../../../src/train/model/options.ts';
import { type ObjectiveOptions, openObjective } from '../../../src/train/objectives/registry.ts';
import { openSession } from '../../../src/train/open-session.ts';
import type { OptimizerOptions } from '../../../src/train/optimizers/options.ts';
import type { NamedArrays } from '../../../src/train/session.ts';
import { goldenMasked, goldenSentences, goldenState, goldenWindows, rows, tiny } from './formulas.ts';

const path = new URL('../../golden/train/losses.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8')) as {
  cases: Record<string, { losses: number[]; norms: number[] }>;
};

const causal = openObjective({ kind: 'causal' }, { vocabulary: tiny.vocabulary, length: tiny.context });
const documents = openObjective(
  { kind: 'causal', documentMask: true },
  { vocabulary: tiny.vocabulary, length: tiny.context },
);

const prefix = openObjective({ kind: 'prefix' }, { vocabulary: tiny.vocabulary, length: tiny.context });

interface Case {
  readonly model: ModelOptions;
  readonly objective: ObjectiveOptions;
  readonly inputs: (step: number) => NamedArrays;
  readonly optimizer?: OptimizerOptions;
}

const llama = { family: 'llama', hidden: 96 } as const;
const plain = {
  objective: { kind: 'causal' },
  inputs: (step: number) => causal.inputs(goldenWindows(step), Math.random),
} as const;

const cases: Record<string, Case> = {
  gpt2: { model: { family: 'gpt2' }, ...plain },
  'gpt2-documents': {
    model: { family: 'gpt2' },
    objective: { kind: 'causal', documentMask: true },
    inputs: (step) => documents.inputs(goldenWindows(step, [0, 5]), Math.random),
  },
  llama: { model: llama, ...plain },
  'llama-grouped': { model: { ...llama, keyValueHeads: 2, queryKeyNorm: true }, ...plain },
  'llama-muon': { model: llama, ...plain, optimizer: { kind: 'muon' } },
  'gpt2-prefix': {
    model: { family: 'gpt2' },
    objective: { kind: 'prefix' },
    inputs: (step) => {
      // Prefixes of 4, 5 and 6 tokens, drawn by what gives them from 1 to 15.
      const draws = [4, 5, 6].map((prefix) => (prefix - 1 + 0.5) / 15);
      return prefix.inputs(goldenWindows(step), () => draws.shift()!);
    },
  },
  'bert-next-sentence': {
    model: { family: 'bert' },
    objective: { kind: 'next-sentence', probability: 0.19 },
    inputs: (step) => ({ ...goldenMasked(step), ...goldenSentences }),
  },
  bert: {
    model: { family: 'bert' },
    // round(0.19 * 16) = 3 predictions a row, as in the golden batches
    objective: { kind: 'masked', probability: 0.19 },
    inputs: goldenMasked,
  },
};

describe('losses and gradient norms of 20 steps against PyTorch', () => {
  it.each(Object.keys(golden.cases))('%s', async (name) => {
    const { model, objective, inputs, optimizer } = cases[name]!;
    const session = await openSession({
      model: { ...tiny, ...model },
      objective: openObjective(objective, {
        vocabulary: tiny.vocabulary,
        length: tiny.context,
        maskToken: 0,
        classToken: 1,
        separatorToken: 2,
      }),
      optimizer,
      batch: { rows, length: tiny.context },
      engine: { threads: 1 },
      random: () => () => 0.5,
    });
    await session.load(goldenState(await session.state()));
    const { losses, norms } = golden.cases[name]!;
    for (const [step, loss] of losses.entries()) {
      const learningRate = (0.003 * (step + 1)) / losses.length;
      const result = await session.step([inputs(step)], { update: step + 1, learningRate });
      expect(Math.abs(result.loss - loss), `loss of step ${step}: ${result.loss}, ${loss}`).toBeLessThan(
        1e-4,
      );
      expect(Math.abs(result.gradientNorm / norms[step]! - 1), `norm of step ${step}`).toBeLessThan(1e-3);
    }
    await session.release();
  });
});
