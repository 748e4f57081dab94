import { describe, expect, it, vi } from 'vitest';
import { resolveModel } from '../../src/train/model/options.ts';
import type { Objective } from '../../src/train/objectives/objective.ts';
import { type ObjectiveOptions, openObjective } from '../../src/train/objectives/registry.ts';
import { openSession } from '../../src/train/open-session.ts';
import { hostGradientProgram, passRows } from '../../src/train/programs/host-gradient.ts';
import type { StepResult } from '../../src/train/session.ts';

const [rows, length, vocabulary] = [9, 256, 24];

/** Documents end inside the windows. */
function windows() {
  const width = length + 1;
  const places = Int32Array.from({ length: rows * width }, (_, i) => i);
  return {
    rows,
    width,
    tokens: places.map((i) => 3 + ((i * 7919 + (i % 5)) % (vocabulary - 3))),
    segments: places.map((i) => Math.floor((i % width) / 100)),
    positions: places.map((i) => (i % width) % 100),
    documentIndex: places.map(() => 0),
    documents: [],
  };
}

const uniform = (seed: number) => {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
};

async function steps(
  family: 'gpt2' | 'llama' | 'bert',
  options: ObjectiveOptions,
  kind: 'onnx' | 'reference',
) {
  const special = { maskToken: 0, classToken: 1, separatorToken: 2 };
  const objective = openObjective(options, { vocabulary, length, ...special });
  const session = await openSession({
    model: { family, layers: 1, width: 8, heads: 2, context: length, vocabulary },
    objective,
    optimizer: { kind: 'adamw' },
    batch: { rows, length },
    engine: kind === 'onnx' ? { kind, device: 'cpu', threads: 1 } : { kind },
    random: (name) => uniform(1 + name.length),
  });
  const results: StepResult[] = [];
  for (const update of [1, 2]) {
    const inputs = objective.inputs(windows(), uniform(5));
    results.push(await session.step([inputs], { update, learningRate: 1e-2 }));
  }
  await session.release();
  return results;
}

describe('a step in passes over some of its rows', () => {
  it.each([
    ['gpt2', { kind: 'causal' }],
    ['llama', { kind: 'causal', documentMask: true }],
    ['bert', { kind: 'masked' }],
    ['bert', { kind: 'next-sentence' }],
  ] as const)('gives what one over all gives: %s, %o', async (family, options) => {
    // The reference takes all rows at a time, ONNX Runtime five and then four.
    expect(passRows(rows, length)).toBe(5);
    const [passes, whole] = [await steps(family, options, 'onnx'), await steps(family, options, 'reference')];
    for (const [i, step] of whole.entries()) {
      const own = passes[i]!;
      expect(own.loss).toBeCloseTo(step.loss, 4);
      expect(own.gradientNorm / step.gradientNorm).toBeCloseTo(1, 3);
      expect(Object.keys(own.metrics ?? {})).toEqual(Object.keys(step.metrics ?? {}));
      for (const [name, value] of Object.entries(step.metrics ?? {}))
        expect(own.metrics?.[name]).toBeCloseTo(value, 3);
      expect(own.tokenLoss[0]!.length).toBe(rows * length);
      const furthest = own.tokenLoss[0]!.map((nats, at) => Math.abs(nats - step.tokenLoss[0]![at]!));
      expect(Math.max(...furthest)).toBeLessThan(1e-4);
    }
  });

  it('is one pass where rows are compared', () => {
    const causal = openObjective({ kind: 'causal' }, { vocabulary, length });
    const shape = resolveModel({
      family: 'gpt2',
      layers: 1,
      width: 8,
      heads: 2,
      context: length,
      vocabulary,
    });
    const lossesOf = (objective: Objective) => {
      const loss = vi.fn(objective.loss);
      hostGradientProgram(shape, { ...objective, loss }, { rows, length });
      return loss.mock.calls.length;
    };
    expect(lossesOf(causal)).toBe(2);
    expect(lossesOf({ ...causal, comparesRows: true })).toBe(1);
  });

  it('has passes of at least 1,024 tokens where there are as many, and at most four', () => {
    expect(passRows(8, 256)).toBe(4);
    expect(passRows(7, 256)).toBe(7);
    expect(passRows(64, 256)).toBe(16);
    expect(passRows(3, 4096)).toBe(1);
    expect(passRows(1, 4096)).toBe(1);
    expect(passRows(5, 512)).toBe(3);
  });
});
