import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as errors from '../core/errors.ts';
import type { Progress } from '../core/stage.ts';
import type { BuildOrder, BuildReply, BuildWorkerData } from './build-worker.ts';
import type { ShardSplit } from './format.ts';
import { mostOrders } from './key-order.ts';
import { RunWriter, type RunWriterInput, type WrittenRun } from './run-writer.ts';
import { type PlannedShard, runsOf, type ShardRun } from './shard-plan.ts';
import type { SideFile } from './side-file.ts';

/** Workers run built code: from src (in tests) the worker is the one in dist. */
const WORKER = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/shard/build-worker.js' : './build-worker.js',
    import.meta.url,
  ),
);

/** A thread starts in the time in which one writes so much. */
const BYTES_A_THREAD = 24 << 20;
/** More than one, so that the threads end at about the same time; few, since each reads a bucket once more. */
const RUNS_A_LANE = 2;

export interface LanesInput extends Omit<RunWriterInput, 'progress'> {
  /** Of the documents that all lanes together hold at a time. */
  readonly memoryBytes: number;
  readonly progress: Progress;
}

export interface LanesOptions {
  readonly threads?: number;
  readonly bytesAThread?: number;
}

/** Something that writes one run after the other. */
interface Lane {
  write(run: ShardRun): Promise<WrittenRun>;
  /** Ends what is under way with CancelledError. */
  cancel(): void;
  close(): Promise<void>;
}

/**
 * Writes planned shards, this thread and as many others as pay taking turns at runs of them; gives the runs in their order.
 * Where one fails the others stop, all have ended when this throws, and what is thrown is the first failure.
 */
export async function writeInLanes(
  input: LanesInput,
  shards: readonly PlannedShard[],
  options: LanesOptions,
): Promise<(WrittenRun & { readonly split: ShardSplit })[]> {
  const wanted = lanesThatPay(input.sides, options, input.memoryBytes);
  const runs = runsOf(shards, wanted === 1 ? 1 : wanted * RUNS_A_LANE);
  const count = Math.max(1, Math.min(wanted, runs.length));
  const share = { ...input, memoryBytes: input.memoryBytes / count, progress: meter(input) };
  const written: (WrittenRun & { split: ShardSplit })[] = [];
  const lanes = Array.from({ length: count }, (_, i) => (i === 0 ? localLane(share) : new ThreadLane(share)));
  const failures: unknown[] = [];
  const fail = (failure: unknown): void => {
    failures.push(failure);
    for (const lane of lanes) lane.cancel();
  };
  const cancelled = (): void => fail(new errors.CancelledError());
  input.signal.addEventListener('abort', cancelled);
  if (input.signal.aborted) cancelled();
  let next = 0;
  const work = async (lane: Lane): Promise<void> => {
    while (failures.length === 0 && next < runs.length) {
      const at = next++;
      written[at] = { ...(await lane.write(runs[at]!)), split: runs[at]![0]!.split };
    }
  };
  try {
    await Promise.all(lanes.map((lane) => work(lane).catch(fail)));
  } finally {
    input.signal.removeEventListener('abort', cancelled);
    await Promise.all(lanes.map((lane) => lane.close()));
  }
  if (failures.length > 0) throw failures[0];
  const total = input.sides.reduce((sum, side) => sum + side.documents, 0);
  input.progress.report(total, total, 'documents shuffled');
  return written;
}

/** As many threads as there is work for, and as hold a bucket each in their share of the memory where one would. */
function lanesThatPay(
  sides: readonly SideFile[],
  { threads = 1, bytesAThread = BYTES_A_THREAD }: LanesOptions,
  memoryBytes: number,
): number {
  const bytes = sides.reduce((sum, { file }) => sum + file.bodyBytes, 0);
  return Math.max(1, Math.min(threads, Math.floor(bytes / bytesAThread), mostOrders(memoryBytes, sides)));
}

/** Adds up what lanes report. A bucket that two runs read counts twice: no more than all is reported. */
function meter({ sides, progress }: LanesInput): (documents: number) => void {
  const total = sides.reduce((sum, side) => sum + side.documents, 0);
  let done = 0;
  progress.report(0, total, 'documents shuffled');
  return (documents) => {
    done += documents;
    progress.report(Math.min(done, total), total, 'documents shuffled');
  };
}

function localLane(input: RunWriterInput): Lane {
  const controller = new AbortController();
  const writer = new RunWriter({ ...input, signal: controller.signal });
  return {
    write: (run) => writer.write(run),
    cancel: () => controller.abort(),
    close: async () => {},
  };
}

class ThreadLane implements Lane {
  private readonly worker: Worker;
  private readonly progress: (documents: number) => void;
  private ended = false;

  constructor({ sides, folder, setting, selection, memoryBytes, progress }: RunWriterInput) {
    const paths = sides.map(({ path }) => path);
    const workerData: BuildWorkerData = {
      ...{ sides: paths, folder, setting, memoryBytes },
      selection: selection.state,
    };
    this.worker = new Worker(WORKER, { workerData });
    // One that ends while nobody listens is noticed when it is asked next.
    this.worker.on('error', () => {});
    this.worker.on('exit', () => {
      this.ended = true;
    });
    this.progress = progress;
  }

  write(run: ShardRun): Promise<WrittenRun> {
    const { worker } = this;
    return new Promise((resolve, reject) => {
      const listen = (reply: BuildReply): void => {
        if (reply.type === 'progress') this.progress(reply.documents);
        else if (reply.type === 'written') settle(() => resolve(reply.written));
        else settle(() => reject(revive(reply)));
      };
      const fail = (error: Error): void => settle(() => reject(error));
      const exit = (): void => fail(new errors.InvariantError('a thread that writes shards ended'));
      const settle = (how: () => void): void => {
        worker.off('message', listen).off('error', fail).off('exit', exit);
        how();
      };
      worker.on('message', listen).on('error', fail).on('exit', exit);
      if (this.ended) exit();
      else this.send({ type: 'write', run });
    });
  }

  cancel(): void {
    this.send({ type: 'cancel' });
  }

  async close(): Promise<void> {
    if (this.ended) return;
    const exited = new Promise((resolve) => this.worker.once('exit', resolve));
    this.send({ type: 'close' });
    await exited;
  }

  private send(order: BuildOrder): void {
    this.worker.postMessage(order);
  }
}

function revive({ name, message }: { name: string; message: string }): Error {
  const classes = errors as unknown as Record<string, new (what: string) => Error>;
  return classes[name] ? new classes[name](message) : new Error(message);
}
