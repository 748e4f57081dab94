import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError, InputError } from '../../src/core/errors.ts';
import type { WindowBatch } from '../../src/shard/batch.ts';
import { type LoaderOptions, ShardLoader } from '../../src/shard/loader.ts';
import { build, makeDocuments, newFolder, type TestDocument } from './make-shards.ts';

/** The split as plain arrays, from the documents alone: the slow twin of the loader. */
interface Flat {
  token: number[];
  key: string[];
  position: number[];
}

async function flatten(folder: string, documents: readonly TestDocument[]): Promise<Flat> {
  const byKey = new Map(documents.map(({ row, tokens }) => [`${row.corpus}/${row.id}`, tokens]));
  const loader = await ShardLoader.open(folder, { split: 'train', context: 1, rows: 1, orderSeed: 0 });
  const flat: Flat = { token: [], key: [], position: [] };
  for await (const { document } of loader.documents()) {
    const key = `${document.corpus}/${document.id}`;
    [...byKey.get(key)!, 299].forEach((token, position) => {
      flat.token.push(token);
      flat.key.push(key);
      flat.position.push(position);
    });
  }
  await loader.close();
  return flat;
}

function checkRow(batch: WindowBatch, row: number, flat: Flat, start: number): void {
  const at = row * batch.width;
  const slice = <T>(list: ArrayLike<T>, from: number): T[] =>
    Array.prototype.slice.call(list, from, from + batch.width);
  expect(slice(batch.tokens, at)).toEqual(slice(flat.token, start));
  expect(slice(batch.positions, at)).toEqual(slice(flat.position, start));
  const keys = slice(batch.documentIndex, at).map((i) => {
    const { corpus, id } = batch.documents[i]!;
    return `${corpus}/${id}`;
  });
  expect(keys).toEqual(slice(flat.key, start));
  let segment = -1;
  const segments = keys.map((key, i) => {
    if (i === 0 || key !== keys[i - 1]) segment++;
    return segment;
  });
  expect(slice(batch.segments, at)).toEqual(segments);
}

/** The starts of a batch's rows, found by searching the flat tokens through the documents' names and positions. */
function startsOf(batch: WindowBatch, flat: Flat): number[] {
  const where = new Map(flat.key.map((key, i) => [`${key}@${flat.position[i]}`, i]));
  return Array.from({ length: batch.rows }, (_, row) => {
    const at = row * batch.width;
    const { corpus, id } = batch.documents[batch.documentIndex[at]!]!;
    return where.get(`${corpus}/${id}@${batch.positions[at]}`)!;
  });
}

describe('the loader', () => {
  const documents = makeDocuments(300, 21);
  let folder: string;
  let flat: Flat;
  beforeAll(async () => {
    ({ folder } = await build(documents, { shardTokens: 700, parts: 2 }));
    flat = await flatten(folder, documents);
  });
  const open = (options: Partial<LoaderOptions> = {}) =>
    ShardLoader.open(folder, { split: 'train', context: 16, rows: 4, orderSeed: 1, ...options });

  it('gives every window once an epoch, each as its documents say', async () => {
    for (const memoryBytes of [1 << 30, 0]) {
      const loader = await open({ memoryBytes });
      expect(loader.tokens).toBe(flat.token.length);
      expect(loader.windows).toBe(Math.floor((flat.token.length - 1) / 16));
      expect(loader.stepsPerEpoch).toBe(Math.ceil(loader.windows / 4));
      const starts: number[] = [];
      for (let step = 0; step < loader.stepsPerEpoch; step++) {
        const batch = loader.batch(step);
        startsOf(batch, flat).forEach((start, row) => {
          checkRow(batch, row, flat, start);
          expect(loader.windowStart(step, row)).toBe(start);
          starts.push(start);
        });
        expect(new Set(batch.documents.map(({ corpus, id }) => `${corpus}/${id}`)).size).toBe(
          batch.documents.length,
        );
      }
      const epoch = starts.slice(0, loader.windows).sort((a, b) => a - b);
      expect(epoch).toEqual(Array.from({ length: loader.windows }, (_, i) => i * 16));
      await loader.close();
    }
  });

  it('reads the same in memory, from the disk, and with every way of checking', async () => {
    const reference = await open();
    for (const options of [
      { memoryBytes: 0 },
      { memoryBytes: 0, verify: 'touch' },
      { memoryBytes: 0, verify: 'none' },
      { verify: 'none' },
    ] as const) {
      const loader = await open(options);
      for (const step of [0, 5, 1000]) {
        const { documents: mine, ...arrays } = loader.batch(step);
        const { documents: theirs, ...wanted } = reference.batch(step);
        expect(arrays).toEqual(wanted);
        expect(JSON.stringify(mine)).toBe(JSON.stringify(theirs));
      }
      await loader.close();
    }
    await reference.close();
  });

  it('fills the arrays of a spent batch anew, as it would new ones, however documents are packed', async () => {
    for (const packing of ['concatenate', 'best-fit', 'pad'] as const) {
      const loader = await open({ packing });
      let spent = loader.batch(0);
      for (const step of [1, 2, 1000, 3]) {
        const { tokens, documents: before } = spent;
        spent = loader.batch(step, spent);
        expect(spent.tokens).toBe(tokens);
        expect(spent.documents).not.toBe(before);
        const { documents: mine, ...found } = spent;
        const { documents: theirs, ...wanted } = loader.batch(step);
        expect(found).toEqual(wanted);
        expect(JSON.stringify(mine)).toBe(JSON.stringify(theirs));
      }
      const other = await open({ packing, rows: 3 });
      expect(other.batch(0, spent).tokens).not.toBe(spent.tokens);
      for (const one of [loader, other]) await one.close();
    }
  });

  it('splits the global batch between ranks: together they read what one rank with more rows reads', async () => {
    const one = await open({ rows: 6 });
    const ranks = await Promise.all([0, 1, 2].map((rank) => open({ rows: 2, rank, ranks: 3 })));
    for (const step of [0, 3, 77]) {
      const whole = one.batch(step).tokens;
      const parts = ranks.flatMap((loader) => [...loader.batch(step).tokens]);
      expect(parts).toEqual([...whole]);
    }
    expect(ranks[0]!.stepsPerEpoch).toBe(one.stepsPerEpoch);
    for (const loader of [one, ...ranks]) await loader.close();
  });

  it('orders by seed, and gives the same windows whatever the size of the shards', async () => {
    const a = await open();
    const b = await open({ orderSeed: 2 });
    expect([...a.batch(0).tokens]).not.toEqual([...b.batch(0).tokens]);
    const other = await build(documents, { shardTokens: 1e6 });
    const c = await ShardLoader.open(other.folder, { split: 'train', context: 16, rows: 4, orderSeed: 1 });
    expect(other.index.splits.train.shards.length).toBe(1);
    for (const step of [0, 9]) expect([...c.batch(step).tokens]).toEqual([...a.batch(step).tokens]);
    for (const loader of [a, b, c]) await loader.close();
  });

  it('holds for any context and batch size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 1e6 }),
        async (context, rows, step) => {
          const loader = await open({ context, rows, memoryBytes: context % 2 ? 0 : 1 << 30 });
          const batch = loader.batch(step);
          for (let row = 0; row < rows; row++) checkRow(batch, row, flat, loader.windowStart(step, row));
          await loader.close();
        },
      ),
      { numRuns: 30 },
    );
  });

  it('says what is wrong with its options and its folder', async () => {
    await expect(open({ context: 0 })).rejects.toThrow(ConfigurationError);
    await expect(open({ rows: 1.5 })).rejects.toThrow(ConfigurationError);
    await expect(open({ rank: 2, ranks: 2 })).rejects.toThrow(ConfigurationError);
    await expect(
      ShardLoader.open(newFolder(), { split: 'train', context: 1, rows: 1, orderSeed: 0 }),
    ).rejects.toThrow(InputError);
    const short = await open({ context: 1e6 });
    expect(short.windows).toBe(0);
    expect(() => short.batch(0)).toThrow(ConfigurationError);
    await short.close();
    const whole = await open();
    expect(() => whole.batch(-1)).toThrow(RangeError);
    await whole.close();
  });
});
