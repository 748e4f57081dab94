/** What the step train offers beside the causal objective: each option seen to reach the training. */

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../src/train/model-folder.ts';
import { evaluateFromFolders, evaluateOptions } from '../../src/train/steps/evaluate.ts';
import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { buildTinyCorpus, jobContext, TINY_RUN } from './loop-tiny-corpus.ts';

let root: string;
let folders: { shards: string; tokenizer: string };
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-options-'));
  folders = await buildTinyCorpus(root);
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Step {
  readonly kind: string;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
  readonly metrics: Record<string, number>;
  readonly byCorpus: Record<string, { tokens: number }>;
}

let runs = 0;
async function trained(given: object) {
  const folder = join(root, `run-${runs++}`);
  await mkdir(folder);
  const { context } = jobContext(folder, folders);
  const brief = { evaluateEvery: 0, heldOut: { maxBytesPerCorpus: 500 } };
  const outcome = await trainStep.run(trainOptions.parse({ ...TINY_RUN, ...brief, ...given }), context);
  const text = await readFile(join(folder, 'metrics.jsonl'), 'utf8');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Step);
  return { folder, outcome, steps: lines.filter(({ kind }) => kind === 'step') };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe('the step train', () => {
  it('pre-trains as BERT was: masking and next sentences, marks added to the vocabulary, scored by the masked loss', async () => {
    const { folder, outcome, steps } = await trained({
      model: { ...TINY_RUN.model, family: 'bert' },
      objective: { kind: 'next-sentence', probability: 0.25, wholeWords: true },
      steps: 60,
    });
    const masked = steps.map(({ metrics }) => metrics.maskedLoss!);
    expect(mean(masked.slice(-10))).toBeLessThan(mean(masked.slice(0, 10)) - 0.5);
    for (const { metrics } of steps.slice(0, 5)) expect(metrics.nextSentenceLoss).toBeCloseTo(Math.LN2, 0);
    const { lossByGroup } = outcome.summary as { lossByGroup: { steps: number; metrics: Step['metrics'] } };
    expect(lossByGroup.steps).toBe(6);
    for (const name of ['maskedLoss', 'nextSentenceLoss', 'nextSentenceAccuracy'])
      expect(lossByGroup.metrics[name]).toBeCloseTo(mean(steps.slice(-6).map((step) => step.metrics[name]!)));
    const { heldOut } = outcome.summary as { heldOut: Record<string, Record<string, unknown>> };
    expect(heldOut.after).toMatchObject({ measure: 'masked-loss', comparable: false });
    const loss = (at: string) =>
      (heldOut[at]!.corpora as Record<string, { lossPerToken: number }>).farm!.lossPerToken;
    expect(loss('after')).toBeLessThan(loss('before') - 0.5);
    const { file, session } = await loadModel(folder);
    await session.release();
    expect(file).toMatchObject({ vocabulary: 303, maskToken: 300, classToken: 301, separatorToken: 302 });
    const again = await evaluateFromFolders(
      evaluateOptions.parse({ rows: 8 }),
      { model: folder, shards: folders.shards },
      jobContext(root, {}).context,
    );
    expect(again.measure).toBe('masked-loss');
    expect(again.total.tokens).toBeGreaterThan(100);
  });

  it.each([
    ['cosine', {}, [0.1, 0.2, 0.2 * (0.1 + 0.9 * 0.5 * (1 + Math.cos(Math.PI / 4))), 0.2 * 0.55, 0.02]],
    ['linear', {}, [0.1, 0.2, 0.2 * (1 - 0.9 / 4), 0.2 * 0.55, 0.02]],
    ['warmup-stable-decay', { decayFraction: 1 / 3 }, [0.1, 0.2, 0.2, 0.2, 0.02]],
  ])('follows the schedule %s', async (kind, given, wanted) => {
    const schedule = { kind, learningRate: 0.2, warmupSteps: 2, minLearningRateRatio: 0.1, ...given };
    const { steps } = await trained({ steps: 6, schedule });
    const rates = steps.map(({ learningRate }) => learningRate);
    // Updates 1, 2, 3, 4 and 6 of 6.
    for (const [i, at] of [0, 1, 2, 3, 5].entries()) expect(rates[at]).toBeCloseTo(wanted[i]!, 10);
  });

  it('clips the gradient to the norm that is asked for', async () => {
    const given = { steps: 4, optimizer: { kind: 'adamw', weightDecay: 0 } };
    const free = await trained(given);
    // Far below epsilon, so that no weight moves: what is left of Adam's step is clipped / epsilon.
    const clipped = await trained({ ...given, optimizer: { ...given.optimizer, clipNorm: 1e-13 } });
    expect(clipped.steps[0]!.gradientNorm).toBeCloseTo(free.steps[0]!.gradientNorm, 5);
    const drop = ({ outcome }: typeof free) => {
      const { before, after } = outcome.summary.heldOut as Record<
        string,
        { corpora: { farm: { lossPerToken: number } } }
      >;
      return before!.corpora.farm.lossPerToken - after!.corpora.farm.lossPerToken;
    };
    expect(drop(free)).toBeGreaterThan(0.05);
    expect(Math.abs(drop(clipped))).toBeLessThan(1e-4);
  });

  it('masks attention to documents: nothing of the documents before in a window is seen', async () => {
    const open = await trained({ steps: 3, objective: { kind: 'causal' } });
    const masked = await trained({ steps: 3, objective: { kind: 'causal', documentMask: true } });
    // The first target of a document is left out where no document before may be looked at.
    const tokens = ({ steps }: typeof open) =>
      steps.flatMap(({ byCorpus }) => Object.values(byCorpus)).reduce((sum, one) => sum + one.tokens, 0);
    expect(tokens(open)).toBe(3 * 4 * 32);
    expect(tokens(masked)).toBeLessThan(3 * 4 * 32);
    expect(tokens(masked)).toBeGreaterThan(0.9 * 3 * 4 * 32);
  });
});
