import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CancelledError, ConfigurationError, InputError, IntegrityError } from '../core/errors.ts';
import { fileSize } from '../core/files.ts';
import type { WindowBatch } from './batch.ts';
import { hex } from './block-file.ts';
import { checkOptions, type LoaderOptions, type LoaderTokenizer, noWindow, placesOfStep } from './loader.ts';
import { WindowOrder } from './permutation.ts';
import { ShardFile } from './shard-file.ts';
import { INDEX_NAME, openShard, readShardIndex, type ShardIndex } from './shard-set.ts';
import { shardFileName } from './shard-writer.ts';
import { WindowReader } from './window-reader.ts';

export interface FollowOptions extends LoaderOptions {
  readonly signal: AbortSignal;
  /** Told once for each shard that has to be waited for. */
  readonly say?: (line: string) => void;
  /** Between two looks at the folder. */
  readonly pollMilliseconds?: number;
}

/**
 * Gives batches of shards that are still being written: a shard has its final name once it is whole, and index.json
 * comes last. The first epoch reads the windows in the order of the shards, so that no batch depends on a shard that
 * is not there yet; a ShardLoader with the same options, `epochsInOrder` among them, gives the same batches afterwards.
 */
export class FollowingLoader {
  readonly tokenizer: LoaderTokenizer;
  /** XXH64 of the first shard's header, which covers the shard: what tells one set from another before its index is there. */
  readonly firstShard: string;
  private readonly folder: string;
  private readonly options: FollowOptions;
  private readonly reader: WindowReader;
  private finished: { index: ShardIndex; order: WindowOrder } | undefined;
  private saidFor = -1;

  private constructor(folder: string, options: FollowOptions, first: ShardFile) {
    const { tokenizerDigest, vocabularySize, endOfText } = first.header;
    this.folder = folder;
    this.options = options;
    this.tokenizer = { digest: tokenizerDigest, vocabularySize, endOfText };
    this.firstShard = hex(first.digest);
    const { context, packing = 'concatenate' } = options;
    this.reader = new WindowReader({ context, packing, padding: endOfText ?? 0 }, [first]);
  }

  /** Waits for the first shard. Throws ConfigurationError where no epoch is to be in order. */
  static async open(folder: string, options: FollowOptions): Promise<FollowingLoader> {
    checkOptions(options);
    if (!((options.epochsInOrder ?? 0) >= 1)) {
      throw new ConfigurationError('following shards needs epochsInOrder of at least 1', {
        expected: 'the first epoch in the order in which the shards are written',
      });
    }
    const path = join(folder, shardFileName(options.split, 0));
    for (let said = false; (await fileSize(path)) === undefined; said = true) {
      if (!said) options.say?.(`waiting for ${path}`);
      if ((await fileSize(join(folder, INDEX_NAME))) !== undefined) throw noWindow(options, 0);
      await rest(options);
    }
    return new FollowingLoader(folder, options, new ShardFile(path, options.verify));
  }

  /** The set's index, once it is written. */
  get index(): ShardIndex | undefined {
    return this.finished?.index;
  }

  /** Windows of the shards that are there; of the whole split once `index` is. */
  get windows(): number {
    return this.reader.plan.windows;
  }

  /** The batch of step `step`, as soon as its shards are there. Throws CancelledError when the signal fires meanwhile. */
  async batch(step: number): Promise<WindowBatch> {
    const places = placesOfStep(this.options, step);
    while (!this.finished && places.at(-1)! >= this.windows) await this.look();
    if (this.windows === 0) throw noWindow(this.options, this.reader.sequence.tokens);
    const order = this.finished?.order;
    return this.reader.read(order ? places.map((place) => order.at(place)) : places);
  }

  async close(): Promise<void> {
    this.reader.close();
  }

  /** Opens the next shard or the index; rests where neither is there. */
  private async look(): Promise<void> {
    const { split, verify, say } = this.options;
    const next = this.reader.shards.length;
    const path = join(this.folder, shardFileName(split, next));
    // In this order: once the index is there, so are all shards.
    const index = await readShardIndex(this.folder).catch((error: unknown) => {
      if (error instanceof InputError) return undefined;
      throw error;
    });
    if (index) {
      this.finish(index);
      return;
    }
    if ((await fileSize(path)) === undefined) {
      if (this.saidFor !== next) say?.(`waiting for ${path}`);
      this.saidFor = next;
      await rest(this.options);
      return;
    }
    const shard = new ShardFile(path, verify);
    if (shard.header.tokenizerDigest !== this.tokenizer.digest) {
      shard.close();
      throw this.changed(path, this.tokenizer.digest, shard.header.tokenizerDigest);
    }
    this.reader.add([shard]);
  }

  private finish(index: ShardIndex): void {
    const { split, verify, orderSeed, epochsInOrder } = this.options;
    const entries = index.splits[split].shards;
    this.reader.shards.forEach((shard, i) => {
      const found = hex(shard.digest);
      if (entries[i]?.digest !== found)
        throw this.changed(shard.path, entries[i]?.digest ?? 'no shard', found);
    });
    for (const entry of entries.slice(this.reader.shards.length)) {
      this.reader.add([openShard(this.folder, index, entry, verify)]);
    }
    this.finished = { index, order: new WindowOrder(Math.max(1, this.windows), orderSeed, epochsInOrder) };
  }

  private changed(path: string, expected: string, found: string): IntegrityError {
    return new IntegrityError('the shards are not those that the training began with', {
      ...{ file: path, expected, found },
    });
  }
}

async function rest({ signal, pollMilliseconds = 500 }: FollowOptions): Promise<void> {
  try {
    await setTimeout(pollMilliseconds, undefined, { signal });
  } catch {
    throw new CancelledError('stopped while waiting for shards');
  }
}
