import { describe, expect, it } from 'vitest';
import { estimateModel } from '../../src/train/estimate.ts';
import { openObjective } from '../../src/train/objectives/registry.ts';

const causal = (vocabulary: number, length: number) =>
  openObjective({ kind: 'causal' }, { vocabulary, length });

describe('estimateModel', () => {
  it('counts the parameters that the published models have', () => {
    const gpt2 = estimateModel({ preset: 'gpt2-124M', vocabulary: 50257 }, causal(50257, 8), {
      rows: 1,
      length: 8,
    });
    expect(gpt2.parameters).toBe(124_439_808);
    const bert = estimateModel(
      { preset: 'bert-base', vocabulary: 30522 },
      openObjective({ kind: 'masked' }, { vocabulary: 30522, length: 8, maskToken: 103 }),
      { rows: 1, length: 8 },
    );
    // BertForMaskedLM of bert-base-uncased
    expect(bert.parameters).toBe(109_514_298);
  });

  it('counts 2 operations a matrix weight and token forward, 6 in training, and those of attention', () => {
    const [vocabulary, width, layers, length] = [512, 64, 3, 32];
    const settings = { family: 'gpt2', layers, width, heads: 4, context: length, vocabulary } as const;
    const { forwardFlopsPerToken, trainingFlopsPerToken } = estimateModel(
      settings,
      causal(vocabulary, length),
      {
        rows: 2,
        length,
      },
    );
    const weights = layers * 12 * width * width + vocabulary * width;
    const attention = layers * 4 * length * width;
    expect(forwardFlopsPerToken).toBe(2 * weights + attention);
    // Row sums of LayerNorm are taken as products with a column: two for each of its 2 layers + 1 norms.
    const norms = (2 * layers + 1) * 2 * 2 * width;
    expect(trainingFlopsPerToken).toBe(6 * weights + 3 * attention + norms);
  });

  it('bounds memory by the chunk of logits and grows with the batch', () => {
    const model = {
      family: 'gpt2',
      layers: 1,
      width: 32,
      heads: 2,
      context: 512,
      vocabulary: 50257,
    } as const;
    const of = (rows: number) => estimateModel(model, causal(50257, 512), { rows, length: 512 });
    const whole = 8 * 512 * 50257 * 4;
    expect(of(8).intermediateBytes).toBeLessThan(whole / 3);
    expect(of(8).intermediateBytes).toBeGreaterThan(of(4).intermediateBytes);
    expect(of(8).stateBytes).toBe(2 * 4 * 3 * of(8).parameters);
  });
});
