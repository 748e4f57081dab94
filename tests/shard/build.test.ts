import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ShardDocument } from '../../src/shard/batch.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { build, makeDocuments, type TestDocument } from './make-shards.ts';

function digestsOf(folder: string): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const name of readdirSync(folder).sort()) {
    digests[name] = createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  }
  return digests;
}

async function readAll(folder: string, split: 'train' | 'held-out') {
  const loader = await ShardLoader.open(folder, { split, context: 8, rows: 1, orderSeed: 0 });
  const all: { document: ShardDocument; tokens: number[] }[] = [];
  for await (const { document, tokens } of loader.documents()) all.push({ document, tokens: [...tokens] });
  await loader.close();
  return all;
}

function expected(documents: readonly TestDocument[], split: string, endOfText?: number) {
  return new Map(
    documents
      .filter(({ row }) => row.split === split)
      .map(({ row, tokens, textBytes }) => [
        `${row.corpus}/${row.id}`,
        {
          tokens: endOfText === undefined ? [...tokens] : [...tokens, endOfText],
          source: row.source,
          sourceRange: [row.start, row.end],
          bytes: textBytes,
          signals: row.signals,
        },
      ]),
  );
}

describe('building shards', () => {
  for (const vocabulary of [300, 65536, 65537, 2 ** 31]) {
    it(`keeps every document, its tokens and its provenance (vocabulary ${vocabulary})`, async () => {
      const documents = makeDocuments(400, 7, vocabulary);
      const { folder, index } = await build(documents, { vocabulary, parts: 3, shardTokens: 3000 });
      for (const split of ['train', 'held-out'] as const) {
        const wanted = expected(documents, split, (vocabulary - 1) | 0);
        const found = await readAll(folder, split);
        expect(found.length).toBe(wanted.size);
        for (const { document, tokens } of found) {
          const { id, corpus, source, sourceRange, bytes, signals } = document;
          expect({ tokens, source, sourceRange, bytes, signals }).toEqual(wanted.get(`${corpus}/${id}`));
        }
        const counts = index.splits[split];
        expect(counts.documents).toBe(wanted.size);
        expect(counts.tokens).toBe(found.reduce((sum, { tokens }) => sum + tokens.length, 0));
        expect(counts.bytes).toBe(found.reduce((sum, { document }) => sum + document.bytes, 0));
        expect(counts.shards.reduce((sum, shard) => sum + shard.tokens, 0)).toBe(counts.tokens);
      }
      const byCorpus = index.corpora.map(({ name }) => name);
      expect(byCorpus).toEqual(['alpha', 'beta', 'gamma']);
    });
  }

  it('appends nothing where no end-of-text token is asked for', async () => {
    const documents = makeDocuments(50, 2);
    const { folder, index } = await build(documents, { endOfText: undefined });
    expect(index.tokenizer.endOfText).toBeNull();
    const wanted = expected(documents, 'train');
    for (const { document, tokens } of await readAll(folder, 'train')) {
      expect(tokens).toEqual(wanted.get(`${document.corpus}/${document.id}`)!.tokens);
    }
  });

  it('gives the same bytes whatever the parts, the runs, the memory and the order of arrival', async () => {
    const documents = makeDocuments(600, 3);
    const reference = digestsOf((await build(documents, { shardTokens: 2000 })).folder);
    expect(Object.keys(reference).length).toBeGreaterThan(5);
    const backwards = [...documents].reverse();
    for (const variant of [
      build(documents, { shardTokens: 2000, parts: 7 }),
      build(backwards, { shardTokens: 2000, parts: 2, chunkBytes: 2000 }),
      build(documents, { shardTokens: 2000, parts: 1, chunkBytes: 4, memoryBytes: 1 }),
    ]) {
      expect(digestsOf((await variant).folder)).toEqual(reference);
    }
    expect(digestsOf((await build(documents, { shardTokens: 2000, seed: 2 })).folder)).not.toEqual(reference);
  });

  it('keeps shards within their size, and a longer document whole', async () => {
    const documents = makeDocuments(200, 5);
    const long = makeDocuments(1, 9, 300, 2)[0]!;
    long.tokens = new Uint32Array(500).fill(17);
    long.row.id = 'long';
    long.row.split = 'train';
    const { index } = await build([...documents, long], { shardTokens: 100 });
    const sizes = index.splits.train.shards.map((shard) => shard.tokens);
    expect(sizes.filter((size) => size > 100)).toEqual([501]);
    expect(Math.max(...index.splits['held-out'].shards.map((shard) => shard.tokens))).toBeLessThanOrEqual(
      100,
    );
  });

  it('shuffles: neighbours in the input are not neighbours in the shards', async () => {
    const documents = makeDocuments(2000, 11);
    const { folder } = await build(documents, { shardTokens: 1e6 });
    const order = (await readAll(folder, 'train')).map(({ document }) => Number(document.id.slice(3)));
    let next = 0;
    let above = 0;
    for (let i = 1; i < order.length; i++) {
      if (Math.abs(order[i]! - order[i - 1]!) <= 2) next++;
      if (order[i]! > order[i - 1]!) above++;
    }
    // In a uniform order 0.2 % of the neighbours are within 2 in the input, and half of the steps go up.
    expect(next / order.length).toBeLessThan(0.01);
    expect(Math.abs(above / order.length - 0.5)).toBeLessThan(0.05);
  });

  it('keeps only the signals that are asked for', async () => {
    const documents = makeDocuments(60, 4);
    expect((await build(documents, { signals: 'none' })).index.signals).toEqual([]);
    const { folder, index } = await build(documents, { signals: ['gopher.ratio', 'not.there'] });
    expect(index.signals).toEqual(['gopher.ratio']);
    const wanted = expected(documents, 'train');
    for (const { document } of await readAll(folder, 'train')) {
      const ratio = wanted.get(`${document.corpus}/${document.id}`)!.signals['gopher.ratio'];
      expect(document.signals).toEqual(ratio === undefined ? {} : { 'gopher.ratio': ratio });
    }
  });

  it('makes an empty set of nothing', async () => {
    const { index, files } = await build([]);
    expect(index.splits.train).toEqual({ documents: 0, tokens: 0, bytes: 0, shards: [] });
    expect(files).toEqual(['index.json']);
  });
});
