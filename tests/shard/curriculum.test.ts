import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/core/errors.ts';
import { ordered } from '../../src/shard/curriculum.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { build, makeDocuments, type TestBuild, type TestDocument } from './make-shards.ts';

/** Documents of which two thirds have a score, many of them the same one. */
function scored(n: number): TestDocument[] {
  return makeDocuments(n, 17).map((document, i) => {
    const score = [-3, 0.25, 0.5, 1, 1e3][i % 5]! + (i % 2 ? 0 : (i % 11) / 1000);
    const signals = { ...document.row.signals, ...(i % 3 === 2 ? {} : { score }) };
    return { ...document, row: { ...document.row, signals } };
  });
}

interface Told {
  key: string;
  corpus: string;
  score: number;
  tokens: number;
}

async function trainDocuments(folder: string): Promise<Told[]> {
  const loader = await ShardLoader.open(folder, { split: 'train', context: 1, rows: 1, orderSeed: 0 });
  const told: Told[] = [];
  for await (const { document, tokens } of loader.documents()) {
    const { corpus, id, signals } = document;
    told.push({ key: `${corpus}/${id}`, corpus, score: signals.score ?? Number.NaN, tokens: tokens.length });
  }
  await loader.close();
  return told;
}

describe('the order of a signal', () => {
  it('32-bit floats as whole numbers sort as they do', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), fc.float({ noNaN: true }), (a, b) => {
        if (a < b) expect(ordered(a)).toBeLessThan(ordered(b));
      }),
    );
  });

  it.each([false, true])(
    'training documents come in it, those without it last (descending: %s)',
    async (descending) => {
      const documents = scored(700);
      const orderBy = { signal: 'score', descending };
      const options: TestBuild = { shardTokens: 2000, orderBy, weights: { alpha: 1, beta: 2, gamma: 1 } };
      const { folder, index } = await build(documents, { ...options, parts: 3 });
      const told = await trainDocuments(folder);
      const scores = told.map(({ score }) => score).filter((score) => !Number.isNaN(score));
      expect(scores).toEqual([...scores].sort((a, b) => (descending ? b - a : a - b)));
      const lacking = told.findIndex(({ score }) => Number.isNaN(score));
      expect(told.slice(lacking).every(({ score }) => Number.isNaN(score))).toBe(true);
      expect(lacking).toBe(scores.length);
      // The mixture takes what it takes without an order, and equal scores are shuffled.
      const plain = await build(documents, { ...options, orderBy: undefined });
      expect(told.map(({ key }) => key).sort()).toEqual(
        (await trainDocuments(plain.folder)).map(({ key }) => key).sort(),
      );
      const same = told.filter(({ score }) => score === 0.25).map(({ key }) => key);
      expect(same.length).toBeGreaterThan(20);
      expect(same).not.toEqual([...same].sort());
      // Not how they came in parts.
      expect((await build(documents, options)).index.digest).toBe(index.digest);
      expect(index.build.orderBy).toEqual(orderBy);
    },
  );

  it('many documents of one value are still dealt in bounded memory', async () => {
    const documents = makeDocuments(3000, 5, 300, 300).map((document) => ({
      ...document,
      row: { ...document.row, signals: { one: 1 } },
    }));
    const { folder } = await build(documents, {
      orderBy: { signal: 'one', descending: false },
      shardTokens: 1e6,
    });
    const keys = (await trainDocuments(folder)).map(({ key }) => key);
    expect(keys.length).toBe(documents.filter(({ row }) => row.split === 'train').length);
    expect(keys).not.toEqual([...keys].sort());
  });
});

describe('upsampling by quality', () => {
  const upsample = {
    signal: 'score',
    bands: [
      { from: 0.5, times: 1 },
      { from: 1, times: 2.5 },
      { from: 100, times: 3 },
    ],
    otherwise: 0,
  };

  it('takes each document as often as its band says', async () => {
    const documents = scored(900);
    const { folder, index } = await build(documents, { upsample, parts: 2 });
    const counts = new Map<string, number>();
    for (const { key } of await trainDocuments(folder)) counts.set(key, (counts.get(key) ?? 0) + 1);
    let drawn = 0;
    let halves = 0;
    for (const { row } of documents) {
      if (row.split === 'held-out') continue;
      const { score } = row.signals;
      const times = counts.get(`${row.corpus}/${row.id}`) ?? 0;
      if (score === undefined || score < 0.5) expect(times).toBe(0);
      else if (score < 1) expect(times).toBe(1);
      else if (score >= 100) expect(times).toBe(3);
      else {
        halves++;
        drawn += times - 2;
        expect([2, 3]).toContain(times);
      }
    }
    expect(drawn / halves).toBeGreaterThan(0.3);
    expect(drawn / halves).toBeLessThan(0.7);
    expect((await build(documents, { upsample })).index.digest).toBe(index.digest);
    // What is held out is not touched.
    const plain = await build(documents);
    expect(index.splits['held-out']).toEqual(plain.index.splits['held-out']);
  });

  it("leaves the corpora's shares as the weights say", async () => {
    const documents = scored(3000);
    const weights = { alpha: 3, beta: 1, gamma: 1 };
    const { index } = await build(documents, { upsample, weights });
    const total = index.splits.train.tokens;
    for (const { name, splits } of index.corpora) {
      const share = weights[name as keyof typeof weights] / 5;
      expect(Math.abs(splits.train.tokens / total - share)).toBeLessThan(0.04);
    }
  });

  it('and a curriculum together; a signal that nobody has is an error', async () => {
    const documents = scored(300);
    const orderBy = { signal: 'score', descending: true };
    const told = await trainDocuments((await build(documents, { upsample, orderBy })).folder);
    const plain = await trainDocuments((await build(documents, { upsample })).folder);
    expect(told.map(({ key }) => key).sort()).toEqual(plain.map(({ key }) => key).sort());
    const scores = told.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    await expect(build(documents, { orderBy: { signal: 'scor', descending: true } })).rejects.toThrow(
      ConfigurationError,
    );
    await expect(build(documents, { upsample: { ...upsample, signal: 'x' } })).rejects.toThrow(
      /upsample\.signal.*gopher\.ratio, length\.characters, score/,
    );
  });
});
