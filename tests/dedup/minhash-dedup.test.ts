import { describe, expect, it } from 'vitest';
import type { NewDocument } from '../../src/core/document.ts';
import { Random } from '../../src/core/random.ts';
import { minhashDedup } from '../../src/dedup/minhash-dedup.ts';
import { bandsFor, foundWithProbability, minhashDedupOptions } from '../../src/dedup/minhash-options.ts';
import { document, runBarrier } from './harness.ts';

const options = (more: Record<string, unknown> = {}) => minhashDedupOptions.parse(more);

function prose(random: Random, words: number): string[] {
  return Array.from({ length: words }, () => `w${random.below(50_000)}`);
}

/** Copies of a text in which a share of the words is others. */
function edited(random: Random, words: readonly string[], share: number): string {
  return words.map((word) => (random.next() < share ? `e${random.below(1e9)}` : word)).join(' ');
}

function family(seed: string, copies: number, share: number, words = 300): NewDocument[] {
  const random = new Random(seed);
  const base = prose(random, words);
  return Array.from({ length: copies }, (_, i) => document(`${seed}-${i}`, edited(random, base, share)));
}

const byId = (a: string, b: string): number => (a < b ? -1 : 1);

describe('minhash-dedup', () => {
  it('keeps one of each family and everything else', async () => {
    const families = ['a', 'b', 'c'].map((seed) => family(seed, 4, 0.01));
    const others = Array.from({ length: 30 }, (_, i) => family(`other${i}`, 1, 0)).flat();
    const { kept, refused, summary } = await runBarrier(minhashDedup.barrier, options(), [
      [...families.flat(), ...others],
    ]);
    expect(summary).toMatchObject({
      documents: 42,
      clusters: 3,
      duplicates: 9,
      largestCluster: 4,
      removed: 9,
    });
    expect(kept.filter(({ id }) => id.startsWith('other'))).toHaveLength(30);
    for (const seed of ['a', 'b', 'c']) {
      const survivors = kept.filter(({ id }) => id.startsWith(`${seed}-`));
      expect(survivors).toHaveLength(1);
      expect(survivors[0]!.signals['duplicate-count']).toBe(4);
      const gone = refused.filter(({ id }) => id.startsWith(`${seed}-`));
      for (const { drop } of gone) {
        expect(drop.reason).toBe('near-duplicate');
        expect(drop.detail).toBe(`test/${survivors[0]!.id}`);
        expect(drop.value).toBeGreaterThanOrEqual(drop.threshold!);
      }
    }
    expect(kept.find(({ id }) => id === 'other0-0')!.signals).toEqual({ 'duplicate-count': 1 });
  });

  it('keeps held-out documents whatever they resemble', async () => {
    const [a, b, c, d] = family('x', 4, 0.01);
    const { kept, refused } = await runBarrier(minhashDedup.barrier, options(), [
      [a!, { ...b!, split: 'held-out' }],
      [{ ...c!, split: 'held-out' }, d!],
    ]);
    expect(kept.map(({ id }) => id).sort(byId)).toEqual([b!.id, c!.id]);
    expect(refused.map(({ id }) => id).sort(byId)).toEqual([a!.id, d!.id]);
    expect(refused.every(({ drop }) => drop.reason === 'near-duplicate-of-held-out')).toBe(true);
  });

  it('decides the same whatever the order and the parts of the input', async () => {
    const random = new Random('order');
    const documents = ['p', 'q', 'r', 's', 't'].flatMap((seed) => family(seed, 40, 0.02, 120));
    const decide = async (order: NewDocument[], cut: number): Promise<unknown> => {
      const { kept, summary } = await runBarrier(minhashDedup.barrier, options({ keep: 'smallest-hash' }), [
        order.slice(0, cut),
        order.slice(cut),
      ]);
      const survivors = kept.map(({ id, signals }) => [id, signals] as const);
      return [
        survivors.sort(([x], [y]) => byId(x, y)),
        summary.examples,
        summary.clusters,
        summary.candidatePairs,
      ];
    };
    const expected = await decide(documents, 100);
    for (const cut of [0, 17, 150]) {
      const shuffled = [...documents].sort(() => random.next() - 0.5);
      expect(await decide(shuffled, cut)).toEqual(expected);
    }
  });

  it('finds pairs as often as the S-curve says, and with verification none that are unlike', async () => {
    const random = new Random('curve');
    const pairs = 600;
    const documents: NewDocument[] = [];
    const truth: number[] = [];
    for (let i = 0; i < pairs; i++) {
      const base = prose(random, 150);
      const other = edited(random, base, 0.12 * random.next()).split(' ');
      documents.push(document(`${i}-a`, base.join(' ')), document(`${i}-b`, other.join(' ')));
      truth.push(trueJaccard(base, other));
    }
    const bands = 9;
    const rows = 8;
    const find = async (verify: boolean): Promise<Set<number>> => {
      const { refused } = await runBarrier(
        minhashDedup.barrier,
        options({ bands, rows, verify, minJaccard: 0.7 }),
        [documents],
      );
      return new Set(refused.map(({ id }) => Number(id.split('-')[0])));
    };
    const candidates = await find(false);
    // Bins of true similarity: the number found lies within 99.9 % of a Poisson-binomial's normal approximation.
    for (let low = 0.3; low < 0.95; low += 0.1) {
      const bin = truth.flatMap((j, i) => (j >= low && j < low + 0.1 ? [i] : []));
      if (bin.length < 20) continue;
      const found = bin.filter((i) => candidates.has(i)).length;
      const p = bin.map((i) => foundWithProbability(truth[i]!, bands, rows));
      const mean = p.reduce((sum, x) => sum + x, 0);
      const deviation = Math.sqrt(p.reduce((sum, x) => sum + x * (1 - x), 0));
      expect(
        Math.abs(found - mean),
        `bin ${low.toFixed(1)}: ${found} of ${bin.length}, expected ${mean}`,
      ).toBeLessThanOrEqual(3.3 * deviation + 1);
    }
    const verified = await find(true);
    for (const i of verified) expect(truth[i]).toBeGreaterThanOrEqual(0.7);
    expect([...candidates].filter((i) => truth[i]! >= 0.7).sort()).toEqual([...verified].sort());
  });

  it('bears empty and one-word documents, and one shingle repeated', async () => {
    const { kept, summary } = await runBarrier(minhashDedup.barrier, options(), [
      [
        document('empty', ''),
        document('empty too', ''),
        document('blank', ' \n\t ... '),
        document('word', 'word'),
        document('word again', 'Word!'),
        document('another', 'other'),
        document('repeated', 'spam '.repeat(50_000)),
        document('repeated more', 'spam '.repeat(70_000)),
      ],
    ]);
    expect(summary).toMatchObject({ withoutSignature: 3, clusters: 2, removed: 2 });
    expect(kept.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['empty', 'empty too', 'blank', 'another', 'repeated more']),
    );
    expect(kept).toHaveLength(6);
  });

  it('shows at most ten examples', async () => {
    const { summary } = await runBarrier(minhashDedup.barrier, options(), [family('many', 30, 0.005)]);
    const examples = summary.examples as { kept: { id: string }; removed: { id: string }; jaccard: number }[];
    expect(examples).toHaveLength(10);
    expect(new Set(examples.map(({ kept }) => kept.id)).size).toBe(1);
    for (const { jaccard } of examples) expect(jaccard).toBeGreaterThan(0.6);
  });
});

function trueJaccard(a: readonly string[], b: readonly string[], n = 5): number {
  const shingles = (words: readonly string[]): Set<string> =>
    new Set(words.slice(n - 1).map((_, i) => words.slice(i, i + n).join(' ')));
  const x = shingles(a);
  const y = shingles(b);
  const common = [...x].filter((shingle) => y.has(shingle)).length;
  return common / (x.size + y.size - common);
}

describe('bands and rows', () => {
  it('are refused where options contradict each other', async () => {
    const tap = (more: Record<string, unknown>) => runBarrier(minhashDedup.barrier, options(more), [[]]);
    await expect(tap({ threshold: 0.8, bands: 3 })).rejects.toThrow(/threshold/);
    await expect(tap({ permutations: 64 })).rejects.toThrow(/permutations/);
    await expect(tap({ preset: 'datatrove', shingle: 'characters' })).rejects.toThrow(/shingle/);
    await expect(tap({ bands: 200, rows: 200 })).rejects.toThrow(/1024/);
    await expect(tap({ keep: 'highest-signal' })).rejects.toThrow(/signal/);
    expect(() => options({ band: 3 })).toThrow();
  });

  it('are derived from a threshold as those of RedPajama-V2 were (reference/parity.md)', () => {
    expect(bandsFor(0.7, 128)).toEqual({ bands: 14, rows: 9 });
    expect(bandsFor(0.8, 128)).toEqual({ bands: 9, rows: 13 });
    expect(bandsFor(0.9, 128)).toEqual({ bands: 5, rows: 25 });
  });
});
