import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/core/errors.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { planMixture } from '../../src/shard/mixture.ts';
import { build, makeDocuments } from './make-shards.ts';

const OPTIONS = { weightsBy: 'tokens', temperature: 1, maxEpochs: 4 } as const;
const sizes = new Map([
  ['big', 1000],
  ['small', 100],
]);

describe('planning a mixture', () => {
  it('keeps the total, and takes each corpus so that the shares come out', () => {
    const plan = planMixture({ ...OPTIONS, weights: { big: 3, small: 1 } }, sizes)!;
    expect(plan.parts.map(({ epochs, available }) => epochs * available)).toEqual([825, 275]);
    expect(plan.cappedBy).toBeUndefined();
  });

  it('gets smaller rather than repeat a corpus more than maxEpochs times', () => {
    const plan = planMixture({ ...OPTIONS, weights: { big: 1, small: 1 } }, sizes)!;
    expect(plan.cappedBy).toBe('small');
    expect(plan.parts.map(({ epochs, available }) => epochs * available)).toEqual([400, 400]);
  });

  it('flattens by temperature, and leaves things alone without weights', () => {
    expect(planMixture(OPTIONS, sizes)).toBeUndefined();
    const flat = planMixture({ ...OPTIONS, temperature: 2 }, sizes)!;
    expect(flat.parts[1]!.share).toBeCloseTo(Math.sqrt(100) / (Math.sqrt(100) + Math.sqrt(1000)), 12);
    const half = planMixture({ ...OPTIONS, totalTokens: 550 }, sizes)!;
    expect(half.parts.map(({ epochs }) => epochs)).toEqual([0.5, 0.5]);
  });

  it('refuses weights that name no corpus, leave one out, or are all 0', () => {
    const wrong: Record<string, number>[] = [{ none: 1, big: 0, small: 0 }, { big: 1 }, { big: 0, small: 0 }];
    for (const weights of wrong) {
      expect(() => planMixture({ ...OPTIONS, weights }, sizes)).toThrow(ConfigurationError);
    }
  });

  it('names corpora with a weight that nothing is left of, and mixes the others', () => {
    const plan = planMixture({ ...OPTIONS, weights: { big: 1, gone: 5, small: 1 } }, sizes)!;
    expect(plan.missing).toEqual(['gone']);
    expect(plan.parts.map(({ share }) => share)).toEqual([0.5, 0.5]);
  });
});

describe('a mixed set of shards', () => {
  const documents = makeDocuments(3000, 77);
  const train = documents.filter(({ row }) => row.split === 'train');
  const tokensOf = (corpus: string): number =>
    train.filter(({ row }) => row.corpus === corpus).reduce((sum, { tokens }) => sum + tokens.length + 1, 0);

  it('has the shares by tokens to within a document, each document as often as its neighbours or once more', async () => {
    const weights = { alpha: 5, beta: 2, gamma: 1 };
    const { folder, index, mixture } = await build(documents, { weights, shardTokens: 20_000 });
    const total = index.splits.train.tokens;
    for (const { name, splits } of index.corpora) {
      const share = weights[name as keyof typeof weights] / 8;
      expect(Math.abs(splits.train.tokens - share * total)).toBeLessThan(60);
    }
    expect(Math.abs(total - (tokensOf('alpha') + tokensOf('beta') + tokensOf('gamma')))).toBeLessThan(60);
    const times = new Map<string, number>();
    const loader = await ShardLoader.open(folder, { split: 'train', context: 8, rows: 1, orderSeed: 0 });
    const places: number[] = [];
    let number = 0;
    for await (const { document } of loader.documents()) {
      const key = `${document.corpus}/${document.id}`;
      if (times.has(key)) places.push(number);
      times.set(key, (times.get(key) ?? 0) + 1);
      number++;
    }
    await loader.close();
    for (const { row } of train) {
      const epochs = mixture!.parts.find(({ corpus }) => corpus === row.corpus)!.epochs;
      const n = times.get(`${row.corpus}/${row.id}`) ?? 0;
      expect([Math.floor(epochs), Math.floor(epochs) + 1]).toContain(n);
    }
    // Second copies are spread over the set, not heaped at its end.
    const mean = places.reduce((sum, place) => sum + place, 0) / places.length / number;
    expect(mean).toBeGreaterThan(0.5);
    expect(mean).toBeLessThan(0.75);
  });

  it('leaves the held-out documents alone', async () => {
    const plain = await build(documents);
    const mixed = await build(documents, { weights: { alpha: 1, beta: 0, gamma: 9 } });
    expect(mixed.index.splits['held-out']).toEqual(plain.index.splits['held-out']);
    expect(mixed.index.corpora.find(({ name }) => name === 'beta')!.splits.train.documents).toBe(0);
  });

  it('takes the same documents whatever the parts, and mostly the same ones when documents are added', async () => {
    const weights = { alpha: 1, beta: 1, gamma: 1 };
    const options = { weights, totalTokens: 20_000, shardTokens: 1e9 };
    const one = await build(documents, options);
    const many = await build(documents, { ...options, parts: 5, chunkBytes: 5000 });
    expect(many.index.digest).toBe(one.index.digest);
    const idsOf = async (folder: string): Promise<Set<string>> => {
      const loader = await ShardLoader.open(folder, { split: 'train', context: 8, rows: 1, orderSeed: 0 });
      const ids = new Set<string>();
      for await (const { document } of loader.documents()) ids.add(document.id);
      await loader.close();
      return ids;
    };
    const before = await idsOf(one.folder);
    const fewer = await build(documents.slice(0, 2900), options);
    const after = await idsOf(fewer.folder);
    const common = [...before].filter((id) => after.has(id)).length;
    expect(common / before.size).toBeGreaterThan(0.9);
    expect(Math.abs(one.index.splits.train.tokens - 20_000)).toBeLessThan(60);
  });

  it('counts documents where weightsBy says so', async () => {
    const { index } = await build(documents, {
      weights: { alpha: 1, beta: 1, gamma: 2 },
      weightsBy: 'documents',
      totalTokens: 400,
    });
    const counts = index.corpora.map(({ splits }) => splits.train.documents);
    expect(counts).toEqual([100, 100, 200]);
  });
});
