import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as errors from '../core/errors.ts';
import type { ShardDocument, WindowBatch } from './batch.ts';
import type { LoaderOptions } from './loader.ts';
import type { PrefetchedBatch, PrefetchReply } from './prefetch-worker.ts';
import type { ShardFile } from './shard-file.ts';
import { openShard, readShardIndex } from './shard-set.ts';

/** Workers run built code: from src (in tests) the worker is the one in dist. */
const WORKER = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/shard/prefetch-worker.js' : './prefetch-worker.js',
    import.meta.url,
  ),
);

interface Waiting {
  resolve(batch: PrefetchedBatch): void;
  reject(error: Error): void;
}

/** The batches of a ShardLoader, which a worker reads `ahead` steps before they are asked for. */
export class PrefetchingLoader {
  private readonly worker: Worker;
  private readonly ahead: number;
  private readonly shards: readonly ShardFile[];
  private readonly asked = new Map<number, Promise<PrefetchedBatch>>();
  private readonly waiting = new Map<number, Waiting>();
  private failure: Error | undefined;

  private constructor(worker: Worker, ahead: number, shards: readonly ShardFile[]) {
    this.worker = worker;
    this.ahead = ahead;
    this.shards = shards;
  }

  /** Throws what ShardLoader.open throws. */
  static async open(folder: string, options: LoaderOptions, ahead: number): Promise<PrefetchingLoader> {
    const worker = new Worker(WORKER, { workerData: { folder, options } });
    const shards: ShardFile[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        worker.once('error', reject);
        worker.once('message', (reply: PrefetchReply) =>
          reply.type === 'failed' ? reject(revive(reply)) : resolve(),
        );
      });
      const index = await readShardIndex(folder);
      // The worker has checked every byte that it was asked to; here only documents' names are read.
      for (const entry of index.splits[options.split].shards)
        shards.push(openShard(folder, index, entry, 'touch'));
    } catch (error) {
      for (const shard of shards) shard.close();
      await worker.terminate();
      throw error;
    }
    const loader = new PrefetchingLoader(worker, ahead, shards);
    worker.removeAllListeners('error');
    worker.on('message', (reply: PrefetchReply) => loader.receive(reply));
    worker.on('error', (error: Error) => loader.fail(error));
    worker.on('exit', () => loader.fail(new errors.InvariantError('the loading worker ended')));
    return loader;
  }

  /** The batch of step `step`; the worker goes on with those after it. */
  async batch(step: number): Promise<WindowBatch> {
    for (const known of this.asked.keys()) {
      if (known < step || known > step + this.ahead) this.asked.delete(known);
    }
    for (let next = step; next <= step + this.ahead; next++) if (!this.asked.has(next)) this.ask(next);
    const { rows, width, memory, places } = await this.asked.get(step)!;
    this.asked.delete(step);
    const size = rows * width;
    const documents: ShardDocument[] = [];
    for (let i = 0; i < places.length; i += 2) {
      const shard = this.shards[places[i]!]!;
      documents.push(shard.document(shard.documentAt(places[i + 1]!)));
    }
    return {
      rows,
      width,
      tokens: new Int32Array(memory, 0, size),
      segments: new Int32Array(memory, 4 * size, size),
      positions: new Int32Array(memory, 8 * size, size),
      documentIndex: new Int32Array(memory, 12 * size, size),
      documents,
    };
  }

  async close(): Promise<void> {
    this.worker.removeAllListeners();
    await this.worker.terminate();
    for (const shard of this.shards) shard.close();
  }

  private ask(step: number): void {
    const answer = new Promise<PrefetchedBatch>((resolve, reject) => {
      if (this.failure) reject(this.failure);
      else this.waiting.set(step, { resolve, reject });
    });
    // One that nobody comes to wait for must not end the process.
    answer.catch(() => {});
    this.asked.set(step, answer);
    this.worker.postMessage(step);
  }

  private receive(reply: PrefetchReply): void {
    if (reply.type === 'open') return;
    const waiting = this.waiting.get(reply.step);
    this.waiting.delete(reply.step);
    if (reply.type === 'batch') waiting?.resolve(reply.batch);
    else waiting?.reject(revive(reply));
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

function revive({ name, message }: { name: string; message: string }): Error {
  const classes = errors as unknown as Record<string, new (what: string) => Error>;
  return classes[name] ? new classes[name](message) : new Error(message);
}
