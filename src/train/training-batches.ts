/** Where a training's batches come from: finished shards, read here or ahead by a worker, or shards still being written. */

import type { WindowBatch } from '../shard/batch.ts';
import { FollowingLoader } from '../shard/following-loader.ts';
import { type LoaderOptions, type LoaderTokenizer, ShardLoader } from '../shard/loader.ts';
import { PrefetchingLoader } from '../shard/prefetching-loader.ts';
import type { ShardIndex } from '../shard/shard-set.ts';

export interface TrainingBatches {
  readonly tokenizer: LoaderTokenizer;
  /** What a checkpoint keeps of the shards, and a resume compares. */
  readonly identity: Readonly<Record<string, string>>;
  /** Undefined while shards are still being written. */
  readonly index: ShardIndex | undefined;
  /** Windows an epoch; undefined while shards are still being written. */
  readonly windows: number | undefined;
  batch(step: number): WindowBatch | Promise<WindowBatch>;
  close(): Promise<void>;
}

export interface BatchesSettings {
  /** Batches that a worker reads ahead; 0 for none. */
  readonly prefetch: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Nothing but training documents is trained on: the type says so. Throws what the loaders throw. */
export async function openBatches(
  folder: string,
  options: LoaderOptions & { readonly split: 'train' },
  { prefetch, follow, signal, say }: BatchesSettings,
): Promise<TrainingBatches> {
  if (follow) return followed(await FollowingLoader.open(folder, { ...options, signal, say }));
  if (prefetch === 0) return finished(await ShardLoader.open(folder, options));
  // What the windows are is known from the documents' lengths; the tokens are read, and checked, by the worker.
  const loader = await ShardLoader.open(folder, { ...options, verify: 'touch', memoryBytes: 0 });
  try {
    return finished(loader, await PrefetchingLoader.open(folder, options, prefetch));
  } catch (error) {
    await loader.close();
    throw error;
  }
}

function finished(loader: ShardLoader, ahead?: PrefetchingLoader): TrainingBatches {
  return {
    tokenizer: loader.tokenizer,
    identity: { digest: loader.digest },
    index: loader.index,
    windows: loader.windows,
    batch: (step) => (ahead ?? loader).batch(step),
    async close() {
      await ahead?.close();
      await loader.close();
    },
  };
}

function followed(loader: FollowingLoader): TrainingBatches {
  return {
    tokenizer: loader.tokenizer,
    identity: { firstShard: loader.firstShard },
    get index() {
      return loader.index;
    },
    get windows() {
      return loader.index && loader.windows;
    },
    batch: (step) => loader.batch(step),
    close: () => loader.close(),
  };
}
