import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import * as errors from '../core/errors.ts';
import type { JobOutcome } from '../core/stage.ts';
import { findStep } from '../step-table.ts';
import { COUNTERS, createCounters, IDLE } from './counters.ts';
import { builtModule } from './load-step.ts';
import type { StepReference } from './plan.ts';
import type { JobTask, SegmentTask, TaskRecord, WorkerMessage, WorkerOrder } from './tasks.ts';
import type { WorkerReply } from './worker.ts';

/** Workers run built code: from src (in tests) the worker is the one in dist. */
const WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/execute/worker.js' : './worker.js', import.meta.url),
);
const WATCH_INTERVAL_MS = 250;

/** A document kept its worker longer than the cap: the worker is gone, the document is to be set aside. */
export class TimeCapError extends errors.ProvenderError {
  readonly ordinal: number;
  constructor(ordinal: number, seconds: number) {
    super(`document ${ordinal} of its task took longer than ${seconds} s`);
    this.ordinal = ordinal;
  }
}

const CLASSES = new Map<string, new (what: string) => errors.ProvenderError>(
  [
    errors.ConfigurationError,
    errors.InputError,
    errors.IntegrityError,
    errors.TransientError,
    errors.ResourceError,
    errors.InvariantError,
    errors.DivergenceError,
    errors.StepError,
  ].map((type) => [type.name, type]),
);

function revive(reply: WorkerReply): TaskRecord | JobOutcome {
  if ('result' in reply) return reply.result;
  const { name, message, stack } = reply.error;
  if (name === 'CancelledError') throw new errors.CancelledError(message);
  const error = new (CLASSES.get(name) ?? errors.StepError)(message);
  error.stack = stack ?? '';
  throw error;
}

/** A worker that died under its task, in words. */
function crash(error: unknown, what: string): unknown {
  if (error instanceof errors.ProvenderError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new errors.ResourceError(`a worker ran out of memory in ${what}`, {
      expected: 'fewer run.workers, smaller run.batchBytes, or NODE_OPTIONS=--max-old-space-size=MEGABYTES',
      cause: error,
    });
  const exit = /exited with code:? (-?\d+)/i.exec(message)?.[1];
  if (exit === undefined) return errors.stepError(error, `a worker died in ${what}`);
  const ended = new errors.StepError(`code of ${what} ended its worker`, {
    expected: 'no process.exit in a step',
    found: `exit code ${exit}`,
  });
  ended.stack = '';
  return ended;
}

function referencesOf(task: Omit<SegmentTask, 'counters'> | Omit<JobTask, 'counters'>): StepReference[] {
  if (task.type === 'job') return [task.step];
  return [task.source, task.apply?.step, ...task.stages, task.tap].filter((step) => step !== undefined);
}

async function orderOf(task: SegmentTask | JobTask): Promise<WorkerOrder> {
  const modules: Record<string, string> = {};
  for (const step of referencesOf(task)) modules[step.name] = builtModule((await findStep(step)).module);
  return { task, modules };
}

function namesOf(task: Omit<SegmentTask, 'counters'> | Omit<JobTask, 'counters'>): string {
  return referencesOf(task)
    .map(({ name }) => name)
    .join(', ');
}

export interface RunningTask<T> {
  readonly counters: Float64Array;
  readonly done: Promise<T>;
}

/** Worker threads that carry out tasks. A thread is only terminated for a document that hangs it. */
export class WorkerPool {
  private readonly pool: Piscina;
  readonly threads: number;

  constructor(threads: number) {
    this.threads = threads;
    this.pool = new Piscina({
      filename: WORKER,
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: 30_000,
      concurrentTasksPerWorker: 1,
    });
  }

  /** Starts a partition; `timeCapSeconds` bounds every single document. */
  segment(task: Omit<SegmentTask, 'counters'>, timeCapSeconds: number): RunningTask<TaskRecord> {
    const { shared, values } = createCounters();
    const aborter = new AbortController();
    let ordinal = IDLE;
    let since = 0;
    let hung = IDLE;
    const timer = setInterval(() => {
      const now = values[COUNTERS.ordinal]!;
      if (now === IDLE || now !== ordinal) {
        ordinal = now;
        since = performance.now();
      } else if (performance.now() - since > timeCapSeconds * 1000) {
        hung = now;
        aborter.abort();
      }
    }, WATCH_INTERVAL_MS);
    const done = orderOf({ ...task, counters: shared })
      .then((order) => this.pool.run(order, { signal: aborter.signal }) as Promise<WorkerReply>)
      .then((reply) => revive(reply) as TaskRecord)
      .catch((error: unknown) => {
        if (hung !== IDLE) throw new TimeCapError(hung, timeCapSeconds);
        throw crash(error, namesOf(task));
      })
      .finally(() => clearInterval(timer));
    return { counters: values, done };
  }

  job(task: Omit<JobTask, 'counters'>, listen: (message: WorkerMessage) => void): RunningTask<JobOutcome> {
    const { shared, values } = createCounters();
    const { port1, port2 } = new MessageChannel();
    port1.on('message', listen);
    const done = orderOf({ ...task, counters: shared })
      .then(
        (order) =>
          this.pool.run({ ...order, port: port2 }, { transferList: [port2] }) as Promise<WorkerReply>,
      )
      .then((reply) => revive(reply) as JobOutcome)
      .catch((error: unknown) => {
        throw crash(error, namesOf(task));
      })
      .finally(() => port1.close());
    return { counters: values, done };
  }

  /** Only when no task runs: a thread that dies inside ONNX Runtime takes the process with it. */
  async close(): Promise<void> {
    await this.pool.destroy();
  }
}
