import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { z } from 'zod';
import * as errors from '../core/errors.ts';
import { ensureFolder } from '../core/files.ts';
import type { TrainTokenizerOptions } from '../tokenize/steps/train-tokenizer.ts';
import type { CorpusPiece } from './tokenizer-corpus.ts';
import type { Order, Reply, TrainedFiles, WorkerData } from './tokenizer-worker.ts';

/** Workers run built code: from src (in tests) the worker is the one in dist. */
const WORKER = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/cli/tokenizer-worker.js' : './tokenizer-worker.js',
    import.meta.url,
  ),
);

/** Of the error where no document of any piece holds text. */
export const NO_TEXT = 'there is no text to train on';

export interface TrainingRequest {
  readonly options: z.output<typeof TrainTokenizerOptions>;
  readonly pieces: readonly CorpusPiece[];
  readonly threads: number;
  /** A folder for counts, made and removed here. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  counting(bytes: number): void;
  merging(done: number, total: number): void;
  rejected(reason: string): void;
}

type FailedReply = Extract<Reply, { type: 'failed' }>;

function revive({ name, message }: FailedReply): Error {
  const classes = errors as unknown as Record<string, new (what: string) => Error>;
  return classes[name] ? new classes[name](message) : new Error(message);
}

/** A thread that answers orders one after another. */
class Thread {
  readonly #worker: Worker;
  readonly #request: TrainingRequest;

  constructor(request: TrainingRequest, name: string) {
    this.#request = request;
    const workerData: WorkerData = { options: request.options, folder: request.scratch, name };
    this.#worker = new Worker(WORKER, { workerData });
  }

  /** Sends an order; resolves with its last reply. */
  ask(order: Order): Promise<Reply> {
    const { signal } = this.#request;
    return new Promise((resolve, reject) => {
      const cancel = (): void => end(() => reject(new errors.CancelledError()));
      const listen = (reply: Reply): void => {
        if (reply.type === 'consumed') this.#request.counting(reply.bytes);
        else if (reply.type === 'rejected') this.#request.rejected(reply.reason);
        else if (reply.type === 'merged') this.#request.merging(reply.done, reply.total);
        else end(() => (reply.type === 'failed' ? reject(revive(reply)) : resolve(reply)));
      };
      const fail = (error: unknown): void => end(() => reject(error));
      const end = (settle: () => void): void => {
        this.#worker.off('message', listen).off('error', fail);
        signal.removeEventListener('abort', cancel);
        settle();
      };
      this.#worker.on('message', listen).on('error', fail);
      signal.addEventListener('abort', cancel);
      if (signal.aborted) cancel();
      else this.#worker.postMessage(order);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Counts the pieces in several threads, then merges in one. The outcome does not depend on the number of threads. */
export async function trainOnPieces(request: TrainingRequest): Promise<TrainedFiles> {
  await ensureFolder(request.scratch);
  const queue = [...request.pieces];
  const wanted = Math.max(1, Math.min(request.threads, queue.length));
  const threads = Array.from({ length: wanted }, (_, i) => new Thread(request, `${i}`));
  try {
    const counted = await Promise.all(
      threads.map(async (thread) => {
        for (let piece = queue.shift(); piece; piece = queue.shift())
          await thread.ask({ type: 'count', piece });
        const reply = await thread.ask({ type: 'finish' });
        return reply.type === 'finished' ? reply.countFiles : [];
      }),
    );
    // A thread of its own, so that the memory of the counting is given back before the merging.
    await Promise.all(threads.splice(0).map((thread) => thread.close()));
    const merger = new Thread(request, 'merging');
    threads.push(merger);
    const reply = await merger.ask({ type: 'train', countFiles: counted.flat() });
    if (reply.type !== 'trained')
      throw new errors.InvariantError(`the merging thread answered ${reply.type}`);
    return reply.trained;
  } finally {
    await Promise.all(threads.map((thread) => thread.close()));
    await rm(request.scratch, { recursive: true, force: true });
  }
}

/** A folder beside the output for counts, hidden and of this process alone. */
export function scratchFolder(out: string): string {
  return join(out, `.counts-${process.pid}`);
}
