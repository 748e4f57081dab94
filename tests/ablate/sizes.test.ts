import { describe, expect, it } from 'vitest';
import { budgetWords } from '../../src/report/ablation/head.ts';
import { AblationFolder, SMALL } from './small-ablation.ts';

/** Two sizes at equal operations, one of them at two learning rates; the second arm has a tokenizer of its own. */
const SIZED = SMALL.replace(
  /arms:[\s\S]*?training:/,
  `arms:
  fewer-tokens: { set: { train-tokenizer.vocabularySize: 280 } }
training:`,
)
  .replace('budget: { tokens: 640 }', 'budget: { flops: 2.0e+7 }')
  .replace(
    'seeds: 2',
    `seeds: 1
sizes:
  - { name: narrow, learningRates: [1.0e-2, 2.0e-2] }
  - { name: wide, training: { model: { width: 32 } }, budget: { flops: 4.0e+7 } }`,
  );

describe('an ablation at several sizes', () => {
  it('trains each arm at each size and rate, for as many operations, and scores the same bytes', async () => {
    const folder = new AblationFolder();
    try {
      const { outcome, units } = await folder.go(SIZED);
      const settings = outcome.trainings.map(
        ({ arm, size, learningRate }) => `${arm} ${size} ${learningRate}`,
      );
      expect(settings).toEqual([
        'base narrow 0.01',
        'fewer-tokens narrow 0.01',
        'base narrow 0.02',
        'fewer-tokens narrow 0.02',
        'base wide 0.01',
        'fewer-tokens wide 0.01',
      ]);
      expect(outcome.declaration.budget).toEqual({ equal: 'flops', value: 2e7 });
      expect(budgetWords(outcome)).toBe(
        'equal FLOPs: 20,000,000 a training (narrow); equal FLOPs: 40,000,000 a training (wide)',
      );
      const tokens = (arm: string, size: string) =>
        units.find((unit) => unit.arm === arm && unit.size === size)!.tokens;
      // A smaller vocabulary makes a token cheaper, so that the same operations are more tokens.
      expect(tokens('fewer-tokens', 'narrow')).toBeGreaterThanOrEqual(tokens('base', 'narrow'));
      expect(tokens('base', 'wide')).toBeLessThan(2 * tokens('base', 'narrow'));
      const [base, arm] = outcome.arms;
      expect(arm!.digests.tokenizer).not.toBe(base!.digests.tokenizer);
      for (const { domains } of outcome.trainings)
        for (const { name, bytes } of outcome.domains) expect(domains[name]!.bytes).toBe(bytes);
    } finally {
      folder.remove();
    }
  }, 120_000);
});
