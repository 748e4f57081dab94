import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../../src/train/schedules.ts';

const peak = { learningRate: 0.01, warmupSteps: 10, minLearningRateRatio: 0.1 } as const;

describe('learningRateAt', () => {
  it('rises linearly to the peak and falls to the last rate by each schedule', () => {
    const rates = (kind: 'cosine' | 'linear' | 'constant' | 'warmup-stable-decay', at: readonly number[]) =>
      at.map((update) => learningRateAt({ ...peak, kind }, update, 110));
    const close = (actual: number[], expected: number[]) =>
      actual.forEach((rate, i) => {
        expect(rate).toBeCloseTo(expected[i]!, 12);
      });
    close(rates('cosine', [1, 5, 10, 60, 110]), [0.001, 0.005, 0.01, 0.0055, 0.001]);
    close(rates('linear', [1, 10, 35, 110]), [0.001, 0.01, 0.00775, 0.001]);
    close(rates('constant', [5, 10, 110]), [0.005, 0.01, 0.01]);
    close(rates('warmup-stable-decay', [5, 10, 88, 99, 110]), [0.005, 0.01, 0.01, 0.0055, 0.001]);
  });

  it('begins at the peak without a warm-up', () => {
    expect(learningRateAt({ ...peak, warmupSteps: 0 }, 0, 10)).toBe(0.01);
  });
});
