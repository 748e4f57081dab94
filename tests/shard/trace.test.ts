import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/core/errors.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { ShardTracer } from '../../src/shard/trace.ts';
import { build, makeDocuments } from './make-shards.ts';

/** Documents read their fields when asked: compare what they say. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('tracing', () => {
  const documents = makeDocuments(250, 31);
  const order = { split: 'train', context: 12, rows: 3, ranks: 2, orderSeed: 9 } as const;
  let folder: string;
  beforeAll(async () => {
    ({ folder } = await build(documents, {
      shardTokens: 500,
      weights: { alpha: 1, beta: 2, gamma: 1 },
    }));
  });

  it('finds the document of every token of a batch, as the loader gave it', async () => {
    const tracer = await ShardTracer.open(folder);
    for (const rank of [0, 1]) {
      const loader = await ShardLoader.open(folder, { ...order, rank });
      for (const step of [0, 4, 50]) {
        const batch = loader.batch(step);
        for (let at = 0; at < batch.tokens.length; at += 7) {
          const row = Math.floor(at / batch.width);
          const column = at % batch.width;
          const found = tracer.atStep(order, { step, row: rank * 3 + row, column });
          expect(found.tokenId).toBe(batch.tokens[at]);
          expect(found.position).toBe(batch.positions[at]);
          const document = batch.documents[batch.documentIndex[at]!]!;
          expect(JSON.stringify(found.document)).toBe(JSON.stringify(document));
          const again = tracer.atToken('train', found.shard, found.token);
          expect(plain(again)).toEqual(plain(found));
          const epoch = Math.floor((step * 6 + rank * 3 + row) / loader.windows);
          expect(tracer.visits(order, found.shard, found.token, epoch)).toContainEqual({
            step,
            row: rank * 3 + row,
            column,
          });
        }
      }
      await loader.close();
    }
    await tracer.close();
  });

  it('finds every copy of a document by id, and all documents of a source', async () => {
    const tracer = await ShardTracer.open(folder);
    let copies = 0;
    for (const { row, tokens } of documents.slice(0, 60)) {
      const places = tracer.find({ id: row.id, corpus: row.corpus });
      copies += places.length;
      expect(places.map(({ copy }) => copy).sort()).toEqual(places.map((_, i) => i));
      for (const { document, split } of places) {
        expect(split).toBe(row.split);
        expect([document.id, document.corpus, document.source]).toEqual([row.id, row.corpus, row.source]);
        const [from, to] = document.tokenRange;
        expect(to - from).toBe(tokens.length + 1);
      }
      expect(plain(tracer.find({ id: row.id }))).toEqual(plain(places));
    }
    expect(copies).toBeGreaterThan(60);
    const held = documents.filter(({ row }) => row.source === 'books/one.txt' && row.split === 'held-out');
    const found = tracer.find({ source: 'books/one.txt' });
    expect(found.filter(({ split }) => split === 'held-out').length).toBe(held.length);
    expect(found.every(({ document }) => document.source === 'books/one.txt')).toBe(true);
    expect(tracer.find({ source: 'books/on' })).toEqual([]);
    expect(tracer.find({ id: 'nobody' })).toEqual([]);
    await tracer.close();
  });

  it('says what is out of range', async () => {
    const tracer = await ShardTracer.open(folder);
    expect(() => tracer.atToken('train', 99, 0)).toThrow(ConfigurationError);
    expect(() => tracer.atToken('train', 0, 1e9)).toThrow(ConfigurationError);
    expect(() => tracer.atToken('train', 0, -1)).toThrow(ConfigurationError);
    expect(() => tracer.atStep(order, { step: 0, row: 6, column: 0 })).toThrow(ConfigurationError);
    expect(() => tracer.atStep(order, { step: 0, row: 0, column: 13 })).toThrow(ConfigurationError);
    expect(() => tracer.atStep({ ...order, context: 1e9 }, { step: 0, row: 0, column: 0 })).toThrow(
      ConfigurationError,
    );
    await tracer.close();
  });
});
