import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Probes } from '../../src/ablate/outcome.ts';
import { HashSample } from '../../src/ablate/probes/sample.ts';
import { byDecile, byDoubling, type Scored } from '../../src/ablate/probes/score.ts';
import { makeCanaries } from '../../src/ablate/steps/inject-canaries.ts';
import { AblationFolder, SMALL } from './small-ablation.ts';

const PROBED = SMALL.replace(
  /arms:[\s\S]*?training:/,
  `arms:
  canaries: { insert: [{ after: exact-dedup, step: { inject-canaries: { repeats: [1, 60], canaries: 2 } } }] }
training:`,
)
  .replace('question:', 'leaveOneOut: [length]\nprobes: { bytes: 6000 }\nquestion:')
  .replace('width: 16', 'width: 32')
  .replace('tokens: 640', 'tokens: 16000')
  .replace('seeds: 2', 'seeds: 1');

describe('probes of a trained model', () => {
  const folder = new AblationFolder();
  let probes: Probes;
  let go: Awaited<ReturnType<AblationFolder['go']>>;
  beforeAll(async () => {
    go = await folder.go(PROBED);
    probes = go.outcome.probes!;
  }, 120_000);
  afterAll(() => folder.remove());

  it('score what a filter refused beside what was kept, and name the arm that goes without it', () => {
    const length = probes.filters!.find(({ step }) => step === 'length')!;
    expect(length.arm).toBe('without-length');
    for (const group of [length.refused, length.kept]) {
      expect(group.documents).toBeGreaterThan(5);
      expect(group.perDocument).toHaveLength(group.documents);
      expect(group.bytes).toBeGreaterThan(1000);
      expect(group.bitsPerByte).toBeGreaterThan(0.3);
      expect(group.bitsPerByte).toBeLessThan(8);
      const rates = group.perDocument;
      expect(group.least![0]!.bitsPerByte).toBeCloseTo(Math.min(...rates), 3);
      expect(group.most![0]!.bitsPerByte).toBeCloseTo(Math.max(...rates), 3);
    }
    // Short notes are cut from the same cloth: they only lack the context.
    expect(length.refused.least![0]!.reason).toBe('too-few-words');
    for (const { text } of length.refused.least!) expect(text.split(/\s+/).length).toBeLessThan(40);
  });

  it('give the loss by signal and by size of the duplicate cluster', () => {
    const words = probes.signals!.find(({ signal }) => signal === 'length.words')!;
    expect(words.rows.length).toBeGreaterThan(3);
    words.rows.forEach(({ low, high }, i) => {
      expect(low).toBeLessThanOrEqual(high);
      if (i > 0) expect(low).toBeGreaterThan(words.rows[i - 1]!.high);
    });
    expect(probes.clusterSizes!.length).toBeGreaterThan(0);
  });

  it('tell what is memorized by how often it was seen', () => {
    const canaries = probes.canaries!;
    expect(canaries.reduce((sum, row) => sum + row.canaries, 0)).toBe(6);
    expect(canaries[0]!.repeats).toBe(0);
    expect(canaries[0]!.extracted).toBe(0);
    const most = canaries.at(-1)!;
    expect(most.repeats).toBeGreaterThan(10);
    expect(most.bitsPerByte).toBeLessThan(0.8 * canaries[0]!.bitsPerByte);
  });

  it('are not made again', async () => {
    const again = await folder.go(PROBED);
    expect(again.outcome.probes).toEqual(probes);
  });
});

describe('scores', () => {
  const scored = (signal: number, bits: number, id: string): Scored => ({
    ...{ corpus: 'a', id, text: '', bytes: 10, bits, signals: { s: signal } },
  });

  it('fall into tenths that keep equal values together, and into doublings', () => {
    const all = Array.from({ length: 40 }, (_, i) => scored(Math.max(8, i), i, `${i}`));
    const rows = byDecile(all, 's');
    expect(rows[0]).toMatchObject({ low: 8, high: 8, documents: 9 });
    expect(rows.reduce((sum, { documents }) => sum + documents, 0)).toBe(40);
    expect(
      byDecile(
        all.map((one) => ({ ...one, signals: { s: 1 } })),
        's',
      ),
    ).toEqual([]);
    expect(
      byDoubling(
        [1, 1, 2, 3, 4, 5].map((n, i) => scored(n, 20, `${i}`)),
        's',
      ),
    ).toEqual([
      { low: 1, high: 1, documents: 2, bytes: 20, bitsPerByte: 2 },
      { low: 2, high: 2, documents: 1, bytes: 10, bitsPerByte: 2 },
      { low: 3, high: 4, documents: 2, bytes: 20, bitsPerByte: 2 },
      { low: 5, high: 5, documents: 1, bytes: 10, bitsPerByte: 2 },
    ]);
  });

  it('are of a sample that does not depend on the order of the documents', () => {
    const documents = Array.from({ length: 500 }, (_, i) => ({ corpus: 'a', id: `${i}`, bytes: 10 }));
    const take = (list: typeof documents) => {
      const sample = new HashSample<(typeof documents)[number]>(205);
      for (const document of list) sample.add(document);
      return sample.take().map(({ id }) => id);
    };
    expect(take([...documents].reverse())).toEqual(take(documents));
    expect(take(documents)).toHaveLength(21);
  });

  it('of canaries are of sentences that differ', () => {
    const canaries = makeCanaries({ repeats: [1, 2], canaries: 3 }, '1/x');
    expect(canaries.map(({ repeats }) => repeats)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
    expect(new Set(canaries.map(({ secret }) => secret)).size).toBe(9);
  });
});
