import { describe, expect, it } from 'vitest';
import { type EstimateOptions, estimateModel } from '../../src/train/estimate.ts';
import { openObjective } from '../../src/train/objectives/registry.ts';

const causal = (vocabulary: number, length: number) =>
  openObjective({ kind: 'causal' }, { vocabulary, length });

/** Parameters but for the input embedding, as OLMo's ladder and DataDecide name their models by. */
const PUBLISHED = {
  'datadecide-4M': 3_744_832,
  'datadecide-6M': 6_010_464,
  'datadecide-8M': 8_538_240,
  'datadecide-10M': 9_900_432,
  'datadecide-14M': 14_380_224,
  'datadecide-16M': 16_004_560,
  'datadecide-20M': 19_101_888,
  'datadecide-60M': 57_078_144,
  'datadecide-90M': 97_946_640,
  'datadecide-150M': 151_898_880,
} as const;

describe('estimateModel', () => {
  it.each(Object.entries(PUBLISHED))('counts the published parameters of %s', (preset, parameters) => {
    const settings = { preset: preset as keyof typeof PUBLISHED, vocabulary: 50_304 };
    const { parts } = estimateModel(settings, causal(50_304, 8), { rows: 1, length: 8 });
    const { attention, feedForward, norms, head } = parts;
    expect(attention + feedForward + norms + head).toBe(parameters);
  });

  it('tells the parts of a model apart, which sum to all of it', () => {
    const of = (family: 'gpt2' | 'llama') =>
      estimateModel(
        { family, layers: 3, width: 64, heads: 4, context: 32, vocabulary: 512 },
        causal(512, 32),
        {
          rows: 1,
          length: 32,
        },
      );
    const gpt2 = of('gpt2');
    expect(gpt2.parts).toEqual({
      embeddings: 512 * 64 + 32 * 64,
      attention: 3 * 4 * (64 * 64 + 64),
      feedForward: 3 * (2 * 4 * 64 * 64 + 5 * 64),
      norms: 7 * 2 * 64,
      head: 0,
    });
    expect(Object.values(gpt2.parts).reduce((a, b) => a + b)).toBe(gpt2.parameters);
    const llama = of('llama');
    expect(llama.parts.head).toBe(512 * 64);
    expect(Object.values(llama.parts).reduce((a, b) => a + b)).toBe(llama.parameters);
    // 6 a parameter: attention's products, which no parameter has, are left out.
    expect(llama.ruleFlopsPerToken).toBe(6 * (llama.parameters - 512 * 64));
    expect(gpt2.ruleFlopsPerToken).toBe(6 * (gpt2.parameters - 32 * 64));
    for (const { trainingFlopsPerToken, ruleFlopsPerToken } of [gpt2, llama]) {
      expect(trainingFlopsPerToken / ruleFlopsPerToken).toBeGreaterThan(0.9);
      expect(trainingFlopsPerToken / ruleFlopsPerToken).toBeLessThan(1.3);
    }
  });

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
    expect(of(8).memory.activations).toBeLessThan(whole / 3);
    expect(of(8).memory.activations).toBeGreaterThan(of(4).memory.activations);
  });

  it('counts state twice where a program updates it, and gradients twice where the host does', () => {
    const model = { family: 'gpt2', layers: 1, width: 32, heads: 2, context: 64, vocabulary: 512 } as const;
    const memoryOf = (options: EstimateOptions) =>
      estimateModel(model, causal(512, 64), { rows: 2, length: 64 }, options).memory;
    const onHost = memoryOf({});
    const { weights } = onHost;
    expect(onHost).toMatchObject({ moments: 2 * weights, gradients: 2 * weights, secondBuffers: 0 });
    const byProgram = memoryOf({ prefersHostUpdates: false });
    expect(byProgram).toMatchObject({ moments: 2 * weights, gradients: weights, secondBuffers: 3 * weights });
    // Muon multiplies matrices, so that a program does it all.
    const muon = memoryOf({ optimizer: { kind: 'muon' } });
    expect(muon.secondBuffers).toBe(muon.weights + muon.moments);
    expect(memoryOf({ accumulate: 2 }).gradients).toBe(3 * weights);
    expect(memoryOf({ accumulate: 2, prefersHostUpdates: false }).gradients).toBe(2 * weights);
  });

  it('tells what a batch would need whose graph would not fit, in line with those that do', () => {
    const model = { family: 'gpt2', layers: 1, width: 16, heads: 1, context: 32, vocabulary: 512 } as const;
    const of = (rows: number, accumulate = 1) =>
      estimateModel(model, causal(512, 32), { rows, length: 32 }, { accumulate });
    for (const accumulate of [1, 2]) {
      // The graph is built up to 65,536 rows.
      const perRow =
        (of(60_000, accumulate).intermediateBytes - of(50_000, accumulate).intermediateBytes) / 1e4;
      const started = performance.now();
      const vast = of(1e8, accumulate);
      expect(performance.now() - started).toBeLessThan(20_000);
      // Rows come in whole chunks and passes.
      expect(Math.abs(vast.intermediateBytes / 1e8 / perRow - 1)).toBeLessThan(0.01);
      expect(vast.forwardFlopsPerToken).toBeCloseTo(of(50_000).forwardFlopsPerToken, 0);
      expect(vast.parameters).toBe(of(1).parameters);
    }
    const exact = of(65_536).intermediateBytes;
    expect(of(65_537).intermediateBytes / exact).toBeCloseTo(65_537 / 65_536, 4);
  });
});
