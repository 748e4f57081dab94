/** The thread behind a PrefetchingLoader: steps come in, batches go out, their memory moved and not copied. */

import { parentPort, workerData } from 'node:worker_threads';
import { type LoaderOptions, ShardLoader } from './loader.ts';

export interface PrefetchedBatch {
  readonly rows: number;
  readonly width: number;
  /** Tokens, segments, positions and document indexes, int32[rows * width] each. */
  readonly memory: ArrayBuffer;
  /** For each document its shard and its first token in it. */
  readonly places: Float64Array<ArrayBuffer>;
}

export type PrefetchReply =
  | { readonly type: 'open' }
  | { readonly type: 'batch'; readonly step: number; readonly batch: PrefetchedBatch }
  | { readonly type: 'failed'; readonly step: number; readonly name: string; readonly message: string };

const port = parentPort!;
const { folder, options } = workerData as { folder: string; options: LoaderOptions };

function failed(step: number, error: unknown): PrefetchReply {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { type: 'failed', step, name, message };
}

function read(loader: ShardLoader, step: number): void {
  try {
    const { rows, width, tokens, documents } = loader.batch(step);
    const memory = tokens.buffer as ArrayBuffer;
    const places = new Float64Array(2 * documents.length);
    documents.forEach(({ shard, tokenRange }, i) => {
      places[2 * i] = shard;
      places[2 * i + 1] = tokenRange[0];
    });
    const reply: PrefetchReply = { type: 'batch', step, batch: { rows, width, memory, places } };
    port.postMessage(reply, [memory, places.buffer]);
  } catch (error) {
    port.postMessage(failed(step, error));
  }
}

try {
  const loader = await ShardLoader.open(folder, options);
  port.on('message', (step: number) => read(loader, step));
  port.postMessage({ type: 'open' } satisfies PrefetchReply);
} catch (error) {
  port.postMessage(failed(0, error));
}
