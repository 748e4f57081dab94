import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ExportFormat, exportShards } from '../../src/shard/exports/export.ts';
import type { ExportOptions } from '../../src/shard/exports/source.ts';
import { SHARD_SPLITS, type ShardSplit } from '../../src/shard/format.ts';
import { importShards } from '../../src/shard/imports/import.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { renderCard } from '../../src/shard/receipt/card.ts';
import { makeReceipt } from '../../src/shard/receipt/receipt.ts';
import { removeDocuments } from '../../src/shard/remove.ts';
import { readShardIndex } from '../../src/shard/shard-set.ts';
import { ShardTracer } from '../../src/shard/trace.ts';
import { build, makeDocuments, newFolder, type TestDocument, TOKENIZER } from './make-shards.ts';

/** Training, held-out and validation documents; the third corpus holds validation documents alone. */
function threeSides(): TestDocument[] {
  const documents = makeDocuments(200, 17);
  for (const [i, { row }] of documents.entries()) {
    if (row.corpus === 'gamma' || i % 7 === 0) row.split = 'validation';
  }
  return documents;
}

const nameOf = ({ corpus, id }: { corpus: string; id: string }): string => `${corpus}/${id}`;

async function dump(folder: string, split: ShardSplit) {
  const loader = await ShardLoader.open(folder, { split, context: 1, rows: 1, orderSeed: 0 });
  const all: { name: string; tokens: string }[] = [];
  for await (const { document, tokens } of loader.documents())
    all.push({ name: nameOf(document), tokens: tokens.join() });
  await loader.close();
  return all;
}

describe('a set with validation documents', () => {
  const documents = threeSides();
  let folder: string;
  beforeAll(async () => {
    ({ folder } = await build(documents, { parts: 3, shardTokens: 900 }));
  });

  it('keeps the three sides in shards of their own', async () => {
    const index = await readShardIndex(folder);
    for (const split of SHARD_SPLITS) {
      const mine = documents.filter(({ row }) => row.split === split);
      expect(mine.length).toBeGreaterThan(10);
      expect((await dump(folder, split)).map(({ name }) => name).sort()).toEqual(
        mine.map(({ row }) => nameOf(row)).sort(),
      );
      expect(index.splits[split].documents).toBe(mine.length);
      expect(index.splits[split].shards[0]!.file).toBe(`${split}-00000.shard`);
    }
  });

  it('neither mixes, copies nor orders validation documents, however it is built', async () => {
    const plain = await dump(folder, 'validation');
    for (const given of [
      { weights: { alpha: 1, beta: 3 }, parts: 2 },
      { upsample: { signal: 'length.characters', bands: [{ from: 10, times: 3 }], otherwise: 0 } },
      { orderBy: { signal: 'length.characters', descending: true } },
      { memoryBytes: 1 << 20, chunkBytes: 64 },
    ]) {
      const other = await build(documents, given);
      expect(await dump(other.folder, 'validation')).toEqual(plain);
      const split = other.index.corpora.find(({ name }) => name === 'gamma')!.splits;
      expect(split.train.documents).toBe(0);
    }
  });

  it('leaves no trace where there are none: neither in the index nor in the receipt', async () => {
    const without = await build(makeDocuments(60, 3));
    expect(readdirSync(without.folder).some((name) => name.includes('validation'))).toBe(false);
    expect(readFileSync(join(without.folder, 'index.json'), 'utf8')).not.toContain('validation');
    expect(await readShardIndex(without.folder)).toEqual(without.index);
    const { documents: first } = await removeDocuments(without.folder, {
      ids: [{ id: 'dé-1' }],
      reason: 'asked',
    });
    expect(first).toBe(1);
    expect(readFileSync(join(without.folder, 'index.json'), 'utf8')).not.toContain('validation');
    const receipt = await makeReceipt(without.folder);
    expect(JSON.stringify(receipt)).not.toContain('validation');
  });

  it('removes and traces a validation document as any other', async () => {
    const built = await build(documents, { shardTokens: 900 });
    const one = documents.find(({ row }) => row.split === 'validation')!.row;
    const tracer = await ShardTracer.open(built.folder);
    expect(tracer.find({ id: one.id, corpus: one.corpus })[0]).toMatchObject({
      split: 'validation',
      document: { corpus: one.corpus },
    });
    await tracer.close();
    const { index } = await removeDocuments(built.folder, {
      ids: [{ id: one.id, corpus: one.corpus }],
      reason: 'asked',
    });
    expect(index.splits.validation.documents).toBe(built.index.splits.validation.documents - 1);
    expect(index.splits.train).toEqual(built.index.splits.train);
    expect((await dump(built.folder, 'validation')).map(({ name }) => name)).not.toContain(nameOf(one));
  });

  it('counts the three in receipt and card', async () => {
    const receipt = await makeReceipt(folder);
    const { splits } = await readShardIndex(folder);
    expect(receipt.splits.validation).toMatchObject({ documents: splits.validation.documents });
    const gamma = receipt.corpora.find(({ name }) => name === 'gamma')!;
    expect(gamma.validation!.documents).toBeGreaterThan(0);
    const sum = receipt.contents.languages.reduce((total, one) => total + one.validation!.documents, 0);
    expect(sum).toBe(splits.validation.documents);
    expect(receipt.digests.files.map(({ file }) => file)).toContain('validation-00000.shard');
    const card = renderCard(receipt, { parquet: true });
    expect(card).toContain('| corpus | documents | tokens | validation documents | held-out documents |');
    expect(card).toContain(`${splits.validation.documents} validation documents`);
    const { configs } = parse(card.split('---\n')[1]!) as { configs: { data_files: unknown }[] };
    expect(configs[0]!.data_files).toEqual([
      { split: 'train', path: 'data/train-*.parquet' },
      { split: 'validation', path: 'data/validation-*.parquet' },
      { split: 'test', path: 'data/test-*.parquet' },
    ]);
  });

  it.each([
    ['nanogpt', {}, ['test.bin', 'train.bin', 'val.bin']],
    ['llm.c', { name: 'x' }, ['x_test_000001.bin', 'x_train_000002.bin', 'x_val_000000.bin']],
    ['megatron', { name: 'x' }, ['x-held-out.bin', 'x-train.bin', 'x-validation.bin']],
    ['datatrove', { name: 'x' }, undefined],
    ['mds', {}, undefined],
    ['mds', { windowTokens: 1 }, undefined],
    ['dolma', {}, undefined],
    ['parquet', {}, undefined],
  ] satisfies [ExportFormat, Partial<ExportOptions>, string[] | undefined][])(
    'goes out as %s (%o) under the names of others, and comes back',
    async (format, more, files) => {
      const out = newFolder();
      const names = await exportShards(folder, out, format, more);
      if (files) expect(names.filter((name) => name.endsWith('.bin')).sort()).toEqual(files);
      if (format === 'parquet')
        expect(new Set(names.map((name) => name.split('-')[0]))).toEqual(
          new Set(['data/train', 'data/validation', 'data/test']),
        );
      const back = newFolder();
      const special = new Map([['<|endoftext|>', 299]]);
      await importShards(out, back, format, {
        tokenizer: { digest: TOKENIZER, vocabularySize: 300, endOfText: 299, specialTokens: special },
        corpus: 'brought',
        shardTokens: 700,
      });
      const tokens = (all: readonly { tokens: string }[]) => all.map((one) => one.tokens);
      for (const split of SHARD_SPLITS)
        expect(tokens(await dump(back, split))).toEqual(tokens(await dump(folder, split)));
    },
  );
});
