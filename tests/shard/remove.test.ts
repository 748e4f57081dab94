import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/core/errors.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { removeDocuments } from '../../src/shard/remove.ts';
import { readShardIndex } from '../../src/shard/shard-set.ts';
import { ShardTracer } from '../../src/shard/trace.ts';
import { build, makeDocuments } from './make-shards.ts';

async function dump(folder: string): Promise<{ key: string; json: string; tokens: string }[]> {
  const all: { key: string; json: string; tokens: string }[] = [];
  for (const split of ['train', 'held-out'] as const) {
    const loader = await ShardLoader.open(folder, { split, context: 8, rows: 1, orderSeed: 0 });
    for await (const { document, tokens } of loader.documents()) {
      const { id, corpus, source, bytes, signals, sourceRange } = document;
      const json = JSON.stringify({ split, id, corpus, source, bytes, signals, sourceRange });
      all.push({ key: `${corpus}/${id}`, json, tokens: tokens.join() });
    }
    await loader.close();
  }
  return all;
}

describe('removing documents', () => {
  const documents = makeDocuments(300, 13);

  it('takes out what is named, every copy of it, and leaves the rest as it was', async () => {
    const { folder, index: before } = await build(documents, {
      shardTokens: 600,
      weights: { alpha: 2, beta: 1, gamma: 1 },
    });
    const old = await dump(folder);
    const first = documents[10]!.row;
    const second = documents[20]!.row;
    const url = documents[31]!.row.source;
    const request = {
      ids: [{ id: first.id, corpus: first.corpus }, { id: second.id }],
      sources: [url, 'https://nowhere.example'],
      reason: 'asked for by the author',
    };
    const outcome = await removeDocuments(folder, request);
    const gone = new Set([first, second, documents[31]!.row].map(({ corpus, id }) => `${corpus}/${id}`));
    const kept = old.filter(({ key }) => !gone.has(key));
    expect(outcome.documents).toBe(old.length - kept.length);
    expect(outcome.documents).toBeGreaterThanOrEqual(3);
    expect(await dump(folder)).toEqual(kept);

    const index = await readShardIndex(folder);
    expect(index).toEqual(outcome.index);
    expect(index.digest).not.toBe(before.digest);
    const files = [...index.splits.train.shards, ...index.splits['held-out'].shards].map(({ file }) => file);
    expect(readdirSync(folder).sort()).toEqual([...files, 'index.json', 'removal-00001.json'].sort());
    const untouched = before.splits.train.shards.filter(({ file }) => files.includes(file));
    expect(untouched.length).toBeGreaterThan(0);
    expect(untouched.length + outcome.shards.filter((name) => name.startsWith('train')).length).toBe(
      before.splits.train.shards.length,
    );
    let total = 0;
    for (const { splits } of index.corpora) total += splits.train.tokens + splits['held-out'].tokens;
    expect(total).toBe(index.splits.train.tokens + index.splits['held-out'].tokens);
    expect(total).toBe(before.splits.train.tokens + before.splits['held-out'].tokens - outcome.tokens);

    const [removal] = index.removals!;
    const record = readFileSync(join(folder, removal!.file));
    expect(removal).toEqual({
      file: 'removal-00001.json',
      digest: createHash('sha256').update(record).digest('hex'),
      documents: outcome.documents,
      tokens: outcome.tokens,
      reason: request.reason,
    });
    const written = JSON.parse(record.toString());
    expect(written.documents).toHaveLength(outcome.documents);
    const tracer = await ShardTracer.open(folder);
    for (const { corpus, id } of written.documents) expect(tracer.find({ corpus, id })).toEqual([]);
    await tracer.close();
  });

  it('can be done again, down to an empty shard, and refuses to remove nothing', async () => {
    const { folder } = await build(documents.slice(0, 40), { shardTokens: 300 });
    await expect(removeDocuments(folder, { ids: [{ id: 'nobody' }], reason: '' })).rejects.toThrow(
      ConfigurationError,
    );
    const tracer = await ShardTracer.open(folder);
    const emptied = documents
      .slice(0, 40)
      .map(({ row }) => ({ id: row.id, corpus: row.corpus }))
      .filter((wanted) => tracer.find(wanted).some(({ file }) => file === 'train-00000.shard'));
    await tracer.close();
    const before = await dump(folder);
    await removeDocuments(folder, { ids: emptied.slice(0, 1), reason: 'one' });
    const { index } = await removeDocuments(folder, { ids: emptied.slice(1), reason: 'the others' });
    expect(index.removals!.map(({ reason }) => reason)).toEqual(['one', 'the others']);
    expect(index.splits.train.shards[0]).toMatchObject({ documents: 0, tokens: 0 });
    const keys = new Set(emptied.map(({ corpus, id }) => `${corpus}/${id}`));
    expect(await dump(folder)).toEqual(before.filter(({ key }) => !keys.has(key)));
    const loader = await ShardLoader.open(folder, { split: 'train', context: 8, rows: 2, orderSeed: 1 });
    expect(loader.batch(0).documents.length).toBeGreaterThan(0);
    await loader.close();
    await expect(removeDocuments(folder, { ids: emptied, reason: 'again' })).rejects.toThrow(
      ConfigurationError,
    );
  });
});
