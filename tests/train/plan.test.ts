import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quantity } from '../../src/core/format.ts';
import { resolveModel } from '../../src/train/model/options.ts';
import { openObjective } from '../../src/train/objectives/registry.ts';
import { planLines, planTraining } from '../../src/train/plan.ts';

const SMALL = { family: 'gpt2', layers: 2, width: 64, heads: 2, context: 64, vocabulary: 1024 } as const;
const LARGER = { family: 'llama', layers: 4, width: 128, heads: 4, context: 256, vocabulary: 4096 } as const;

/** How far resident memory may be from what is planned, either way. */
const FACTOR = 1.35;

const planOf = (given: object = {}) =>
  planTraining({
    shape: resolveModel(SMALL),
    objective: openObjective({ kind: 'causal' }, { vocabulary: 1024, length: 64, specialTokens: [] }),
    rows: 4,
    length: 64,
    accumulate: 2,
    steps: 100,
    corpusTokens: 50_000,
    windows: 400,
    ...given,
  });

describe('planTraining', () => {
  it('multiplies up what a run takes', () => {
    const plan = planOf();
    expect(plan.tokensPerStep).toBe(512);
    expect(plan.tokens).toBe(51_200);
    expect(plan.epochs).toBe(2);
    expect(plan.flops).toBeCloseTo(51_200 * plan.estimate.trainingFlopsPerToken, 0);
    expect(planOf({ accumulate: 1 }).tokens).toBe(25_600);
    // Muon's products are done once a step, and are none of a token's.
    const muon = planOf({ optimizer: { kind: 'muon' } });
    const { trainingFlopsPerToken, optimizerFlopsPerStep } = muon.estimate;
    expect(trainingFlopsPerToken).toBe(plan.estimate.trainingFlopsPerToken);
    expect(muon.flops).toBe(100 * (512 * trainingFlopsPerToken + optimizerFlopsPerStep));
    expect(plan.estimate.optimizerFlopsPerStep).toBe(0);
    expect(optimizerFlopsPerStep).toBeGreaterThan(1e6);
  });

  it('says it in a few lines', () => {
    const lines = planLines(planOf());
    expect(lines[0]).toBe('model       gpt2, 2 layers, width 64, 2 heads, vocabulary 1,024');
    expect(lines[1]).toMatch(
      /^parameters {2}169,728: embeddings 69,632, attention 33,280, feed-forward 66,176, norms 640, the head is the embedding$/,
    );
    expect(lines[4]).toBe('data        100 steps of 512 tokens, 2.00 epochs of 50,000 tokens');
    expect(planLines(planOf({ corpusTokens: undefined, windows: undefined }))[4]).toContain(
      'still being written',
    );
  });

  it('writes operations with three figures', () => {
    expect(quantity(999, 'FLOP')).toBe('999 FLOP');
    expect(quantity(999.6, 'FLOP')).toBe('1.00 kFLOP');
    expect(quantity(3.2712e12, 'FLOP')).toBe('3.27 TFLOP');
    expect(quantity(85.6e9, 'FLOP/s')).toBe('85.6 GFLOP/s');
  });

  it.each([
    ['small', { ...SMALL, rows: 4, length: 64, accumulate: 2 }],
    ['larger', { ...LARGER, rows: 8, length: 256, accumulate: 1 }],
  ])('plans the memory that a %s training takes, within a third', (_, model) => {
    const script = join(import.meta.dirname, 'memory-process.mjs');
    const out = execFileSync(process.execPath, [script, JSON.stringify(model)], { encoding: 'utf8' });
    const { planned, measured } = JSON.parse(out) as { planned: number; measured: number };
    expect(measured / planned).toBeGreaterThan(1 / FACTOR);
    expect(measured / planned).toBeLessThan(FACTOR);
  });
});
