import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ShardFile } from '../../src/shard/shard-file.ts';
import { build, makeDocuments } from './make-shards.ts';

const OLD = fileURLToPath(new URL('../golden/shard/version-1.shard', import.meta.url));

it('a shard of version 1 tells of its documents what one of today does', async () => {
  const { folder } = await build(makeDocuments(200, 4), { parts: 1 });
  const [old, today] = [new ShardFile(OLD), new ShardFile(`${folder}/train-00000.shard`)];
  const documents = (shard: ShardFile) =>
    Array.from({ length: shard.header.documents }, (_, i) => JSON.stringify(shard.document(i)));
  expect(documents(old)).toEqual(documents(today));
  expect(new Set(documents(old)).size).toBe(old.header.documents);
  expect(old.header.documents).toBeGreaterThan(100);
  for (const source of ['books/one.txt', 'https://example.org/7', 'https://example.org/']) {
    expect(old.sourcesOf(source)).toEqual(today.sourcesOf(source));
  }
  expect(old.sourcesOf('books/one.txt').size).toBe(1);
  old.close();
  today.close();
});
