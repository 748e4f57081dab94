import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, ConfigurationError, IntegrityError } from '../../src/core/errors.ts';
import type { WindowBatch } from '../../src/shard/batch.ts';
import { FollowingLoader, type FollowOptions } from '../../src/shard/following-loader.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { PrefetchingLoader } from '../../src/shard/prefetching-loader.ts';
import type { ShardIndex } from '../../src/shard/shard-set.ts';
import { build, makeDocuments, newFolder } from './make-shards.ts';

/** Everything that a batch says, documents included. */
function told(batch: WindowBatch): unknown {
  const { rows, width, documents } = batch;
  const columns = [batch.tokens, batch.segments, batch.positions, batch.documentIndex].map((list) =>
    list.join(),
  );
  return { rows, width, columns, documents: JSON.stringify(documents) };
}

describe('loaders beside the plain one', () => {
  let folder: string;
  let index: ShardIndex;
  beforeAll(async () => {
    ({ folder, index } = await build(makeDocuments(300, 71), { shardTokens: 600 }));
    expect(index.splits.train.shards.length).toBeGreaterThan(5);
  });
  const options = { split: 'train', context: 16, rows: 4, orderSeed: 5, epochsInOrder: 1 } as const;
  const follow = (to: string, more: Partial<FollowOptions> = {}) =>
    FollowingLoader.open(to, {
      ...options,
      ...{ signal: new AbortController().signal, pollMilliseconds: 2, ...more },
    });
  const add = (to: string, name: string): void => copyFileSync(join(folder, name), join(to, name));

  it.each(['concatenate', 'best-fit'] as const)(
    'follow shards that are still being written, in their order, and are replayed bit for bit (%s)',
    async (packing) => {
      const to = newFolder();
      const names = index.splits.train.shards.map(({ file }) => file);
      const replay = await ShardLoader.open(folder, { ...options, packing });
      const opening = follow(to, { packing });
      await setTimeout(10);
      add(to, names[0]!);
      const loader = await opening;
      let given = 0;
      let there = 1;
      // Past the first epoch too: the index is there by then.
      const steps = 2 * replay.stepsPerEpoch + 3;
      const taking = (async () => {
        for (; given < steps; given++) {
          expect(told(await loader.batch(given))).toEqual(told(replay.batch(given)));
        }
      })();
      for (const name of names.slice(1)) {
        await setTimeout(8);
        // What was given is in the shards that are there.
        expect(given).toBeLessThan(replay.stepsPerEpoch * (there / names.length) + 8);
        expect(loader.index).toBeUndefined();
        add(to, name);
        there++;
      }
      await setTimeout(20);
      expect(given).toBeLessThanOrEqual(replay.stepsPerEpoch);
      for (const { file } of index.splits['held-out'].shards) add(to, file);
      add(to, 'index.json');
      await taking;
      expect(loader.index?.digest).toBe(index.digest);
      await loader.close();
      await replay.close();
    },
  );

  it('notice shards that are not those they began with, and stop when asked to', async () => {
    const other = await build(makeDocuments(300, 72), { shardTokens: 600 });
    const to = newFolder();
    add(to, 'train-00000.shard');
    const loader = await follow(to);
    await loader.batch(0);
    copyFileSync(join(other.folder, 'index.json'), join(to, 'index.json'));
    await expect(loader.batch(1000)).rejects.toThrow(IntegrityError);
    await loader.close();
    const aborter = new AbortController();
    const waiting = follow(newFolder(), { signal: aborter.signal });
    aborter.abort();
    await expect(waiting).rejects.toThrow(CancelledError);
    await expect(follow(to, { epochsInOrder: 0 })).rejects.toThrow(ConfigurationError);
  });

  it('read ahead in a worker: the same batches, wherever one begins and jumps', async () => {
    for (const packing of ['concatenate', 'best-fit'] as const) {
      const plain = await ShardLoader.open(folder, {
        ...options,
        packing,
        epochsInOrder: 0,
        rank: 1,
        ranks: 3,
      });
      const ahead = await PrefetchingLoader.open(
        folder,
        { ...options, packing, epochsInOrder: 0, rank: 1, ranks: 3 },
        3,
      );
      for (const step of [0, 1, 2, 7, 8, 3, 1000, 1001]) {
        expect(told(await ahead.batch(step))).toEqual(told(plain.batch(step)));
      }
      await plain.close();
      await ahead.close();
    }
  });

  it('read ahead in a worker: errors come with their class', async () => {
    await expect(PrefetchingLoader.open(newFolder(), options, 2)).rejects.toThrow('no shards here');
    const to = newFolder();
    for (const { file } of [...index.splits.train.shards, ...index.splits['held-out'].shards]) add(to, file);
    add(to, 'index.json');
    const path = join(to, 'train-00002.shard');
    const bytes = readFileSync(path);
    bytes[400]! ^= 4;
    writeFileSync(path, bytes);
    await expect(PrefetchingLoader.open(to, options, 2)).rejects.toThrow(IntegrityError);
    expect(existsSync(path)).toBe(true);
    const loader = await PrefetchingLoader.open(folder, { ...options, context: 1e8 }, 2);
    await expect(loader.batch(0)).rejects.toThrow(ConfigurationError);
    await loader.close();
  });

  it('a batch of any number of workers follows from its step alone: ranks read disjoint rows of the same order', async () => {
    const one = await ShardLoader.open(folder, { ...options, rows: 12 });
    const parts = await Promise.all(
      [0, 1, 2].map((rank) => ShardLoader.open(folder, { ...options, rank, ranks: 3 })),
    );
    for (const step of [0, 5, 400]) {
      const global = [...one.batch(step).tokens];
      expect(parts.flatMap((part) => [...part.batch(step).tokens])).toEqual(global);
    }
    for (const loader of [one, ...parts]) await loader.close();
  });
});
