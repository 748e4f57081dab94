import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_CORPORA, readCurves } from '../../src/report/curves.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-curves-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(lines: readonly unknown[], tail = ''): Promise<string> {
  const path = join(folder, 'metrics.jsonl');
  await writeFile(path, lines.map((one) => `${JSON.stringify(one)}\n`).join('') + tail);
  return path;
}

const step = (n: number, loss: number | null, byCorpus = {}): object => ({
  kind: 'step',
  step: n,
  tokens: n * 10,
  loss,
  learningRate: n / 1000,
  gradientNorm: 1,
  byCorpus,
});

describe('readCurves', () => {
  it('keeps short runs whole', async () => {
    const path = await written([
      { kind: 'evaluation', step: 0, total: { bitsPerByte: 4 } },
      step(1, 5, { a: { loss: 5, tokens: 10 } }),
      step(2, 4, { a: { loss: 4, tokens: 5 }, b: { loss: 4, tokens: 5 } }),
      { kind: 'evaluation', step: 2, total: { bitsPerByte: 3 } },
    ]);
    expect(await readCurves(path)).toMatchObject({
      steps: 2,
      stepsPerPoint: 1,
      step: [1, 2],
      loss: [5, 4],
      lossByCorpus: { a: [5, 4], b: [null, 4] },
      evaluations: [{ step: 0 }, { step: 2 }],
    });
  });

  it('thins long runs to means over equal spans, weighted by tokens within a corpus', async () => {
    const n = 1000;
    const lines = Array.from({ length: n }, (_, i) =>
      step(i + 1, i, { a: { loss: i, tokens: i % 2 ? 30 : 10 } }),
    );
    const curves = (await readCurves(await written(lines), 100))!;
    expect(curves.steps).toBe(n);
    expect(curves.stepsPerPoint).toBe(16);
    expect(curves.step.length).toBe(Math.ceil(n / 16));
    for (const [k, mean] of curves.loss.entries()) {
      const span = lines.slice(16 * k, 16 * (k + 1)).map((_, j) => 16 * k + j);
      expect(mean).toBeCloseTo(span.reduce((sum, i) => sum + i, 0) / span.length, 2);
      const weights = span.map((i) => (i % 2 ? 30 : 10));
      const weighted =
        span.reduce((sum, i, j) => sum + i * weights[j]!, 0) / weights.reduce((sum, w) => sum + w, 0);
      expect(curves.lossByCorpus.a![k]).toBeCloseTo(weighted, 2);
      expect(curves.step[k]).toBe(Math.min(n, 16 * (k + 1)));
    }
  });

  it('tells the loss by group, of ten deciles only some', async () => {
    const group = (loss: number, tokens: number) => ({ loss, tokens });
    const deciles = Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [String(i + 1), group(i, 10 - i)]),
    );
    const of = (n: number, slices: object) => ({ ...step(n, 4), slices });
    const path = await written([
      { kind: 'deciles', edges: {} },
      of(1, {
        source: { x: group(3, 1), y: group(5, 3) },
        'deciles of a': { ...deciles, none: group(1, 1) },
      }),
      of(2, { source: { y: group(4, 2) }, 'deciles of a': { 4: group(7, 1) } }),
    ]);
    const { lossByGroup } = (await readCurves(path))!;
    expect(lossByGroup.source).toEqual({ y: [5, 4], x: [3, null] });
    expect(lossByGroup['deciles of a']).toEqual({ 1: [0, null], 4: [3, 7], 7: [6, null], 10: [9, null] });
  });

  it('orders numbered groups by their numbers, others by their tokens', async () => {
    const group = (tokens: number) => ({ loss: 1, tokens });
    const copies = {
      2: group(5),
      '17-32': group(9),
      none: group(7),
      '3-4': group(1),
      1: group(2),
      '5-8': group(8),
    };
    const path = await written([
      { ...step(1, 4), slices: { copies, source: { 'a-2': group(1), 'a-10': group(2) } } },
    ]);
    const { lossByGroup } = (await readCurves(path))!;
    expect(Object.keys(lossByGroup.copies!)).toEqual(['1', '2', '3-4', '5-8', '17-32', 'none']);
    expect(Object.keys(lossByGroup.source!)).toEqual(['a-10', 'a-2']);
  });

  it('leaves gaps, cut lines and corpora beyond the limit out', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`c${i}`, { loss: 1, tokens: 100 - i }]),
    );
    const path = await written(
      [step(1, null, many), { ...step(2, null), skipped: true }, 7, null],
      '{"kind":"st',
    );
    const curves = (await readCurves(path))!;
    expect(curves.loss).toEqual([null, null]);
    expect(Object.keys(curves.lossByCorpus)).toEqual(Array.from({ length: MAX_CORPORA }, (_, i) => `c${i}`));
    expect(curves.skippedSteps).toBe(1);
    expect(curves.badLines).toBe(3);
  });

  it('bounds the evaluations too, and knows an empty log from none', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => ({ kind: 'evaluation', step: i, total: {} }));
    const curves = (await readCurves(await written(lines)))!;
    expect(curves.evaluations.length).toBeLessThanOrEqual(401);
    expect(curves.evaluations[0]!.step).toBe(0);
    expect(curves.evaluations.at(-1)!.step).toBe(2999);
    expect(await readCurves(await written([]))).toBeUndefined();
    await expect(readCurves(join(folder, 'none'))).rejects.toThrow(/no such file/);
  });
});
