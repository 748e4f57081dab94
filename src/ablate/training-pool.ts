/** Carries out trainings side by side, each in a process of one thread. */

import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CancelledError } from '../core/errors.ts';
import type { TrainingResult, TrainingTask } from './training.ts';
import { resultOf } from './training-folder.ts';
import type { Order, Report } from './training-process.ts';

/** Processes run built code: from src (in tests) that of dist. */
const PROCESS = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/ablate/training-process.js' : './training-process.js',
    import.meta.url,
  ),
);
/** How long to leave a training alone that another ablation process has taken. */
const TAKEN_WAIT_MS = 1000;
/** A process that dies under its training may have been short of memory for a moment. */
const ATTEMPTS = 2;

export interface TrainingProgress {
  readonly done: number;
  readonly total: number;
  /** Sum of the shares done of those at work. */
  readonly running: number;
  /** Seconds that the trainings done by this process took, each. */
  readonly seconds: readonly number[];
}

export interface TrainingObserver {
  progress?(progress: TrainingProgress): void;
  finished?(task: TrainingTask, result: TrainingResult): void;
  say?(line: string): void;
}

/**
 * Gives the results in the order of the tasks. Tasks with one fingerprint are one training. Several calls, in
 * several processes, may share the folders: each training is done by one of them. After an abort, those at work save
 * where they are and a CancelledError is thrown.
 */
export async function carryOutTrainings(
  tasks: readonly TrainingTask[],
  processes: number,
  observer: TrainingObserver,
  signal?: AbortSignal,
): Promise<TrainingResult[]> {
  const results = new Map<string, TrainingResult>();
  const waiting: TrainingTask[] = [];
  const known = new Set<string>();
  for (const task of tasks) {
    if (known.has(task.fingerprint)) continue;
    known.add(task.fingerprint);
    const found = await resultOf(task);
    if (found !== undefined) results.set(task.fingerprint, found);
    else waiting.push(task);
  }
  const pool = new Pool(waiting, results, known.size, observer, signal);
  await pool.run(Math.min(processes, waiting.length));
  return tasks.map(({ fingerprint }) => results.get(fingerprint)!);
}

class Pool {
  private readonly waiting: TrainingTask[];
  private readonly results: Map<string, TrainingResult>;
  private readonly total: number;
  private readonly observer: TrainingObserver;
  private readonly signal: AbortSignal | undefined;
  private readonly shares = new Map<Lane, number>();
  private readonly seconds: number[] = [];

  constructor(
    waiting: TrainingTask[],
    results: Map<string, TrainingResult>,
    total: number,
    observer: TrainingObserver,
    signal: AbortSignal | undefined,
  ) {
    this.waiting = waiting;
    this.results = results;
    this.total = total;
    this.observer = observer;
    this.signal = signal;
  }

  async run(processes: number): Promise<void> {
    const lanes = Array.from({ length: processes }, () => new Lane(this.signal));
    try {
      await Promise.all(lanes.map((lane) => this.work(lane)));
    } finally {
      for (const lane of lanes) lane.close();
    }
    if (this.signal?.aborted) throw new CancelledError('interrupted; the same command goes on from here');
  }

  private async work(lane: Lane): Promise<void> {
    for (let task = this.waiting.shift(); task !== undefined; task = this.waiting.shift()) {
      if (this.signal?.aborted) return;
      const found = (await resultOf(task)) ?? (await this.attempt(lane, task));
      this.shares.delete(lane);
      if (found === 'taken') {
        this.waiting.push(task);
        await sleep(TAKEN_WAIT_MS, undefined, { signal: this.signal }).catch(() => {});
      } else if (found !== 'cancelled') {
        this.results.set(task.fingerprint, found);
        this.observer.finished?.(task, found);
      }
      this.tell();
    }
  }

  private async attempt(lane: Lane, task: TrainingTask): Promise<TrainingResult | 'taken' | 'cancelled'> {
    for (let attempt = 1; ; attempt++) {
      const report = await lane.train(task, {
        progress: (share) => {
          this.shares.set(lane, share);
          this.tell();
        },
        say: (line) => this.observer.say?.(line),
      });
      if (report.type === 'taken' || report.type === 'cancelled') return report.type;
      if (report.type === 'done') {
        this.seconds.push(report.result.seconds);
        return report.result;
      }
      if (!report.retryable || attempt >= ATTEMPTS) return failed(task, report.message);
      this.observer.say?.(`${report.message}; trying again`);
    }
  }

  private tell(): void {
    const running = [...this.shares.values()].reduce((sum, share) => sum + share, 0);
    this.observer.progress?.({ done: this.results.size, total: this.total, running, seconds: this.seconds });
  }
}

/** Not kept: the next call tries again. */
function failed({ fingerprint }: TrainingTask, reason: string): TrainingResult {
  return {
    fingerprint,
    status: 'failed',
    reason,
    seconds: 0,
    parameters: 0,
    steps: 0,
    tokens: 0,
    tokensByCorpus: {},
    curve: [],
    documentBits: [],
    digest: '',
  };
}

type Ending = Extract<Report, { type: 'done' | 'taken' | 'cancelled' | 'error' }>;

/** One training process, started when it is first needed, and anew after it died. */
class Lane {
  private readonly signal: AbortSignal | undefined;
  private child: ChildProcess | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal;
  }

  async train(
    task: TrainingTask,
    listener: { progress(share: number): void; say(line: string): void },
  ): Promise<Ending> {
    this.child ??= fork(PROCESS, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const child = this.child;
    const stop = (): void => void child.send({ type: 'stop' } satisfies Order);
    this.signal?.addEventListener('abort', stop);
    try {
      return await new Promise<Ending>((resolve) => {
        const hear = (report: Report): void => {
          if (report.type === 'progress') listener.progress(report.done / Math.max(1, report.total));
          else if (report.type === 'say') listener.say(report.line);
          else finish(report);
        };
        const died = (code: number | null, signal: NodeJS.Signals | null): void => {
          this.child = undefined;
          const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
          finish({ type: 'error', message: `a training process ended (${how})`, retryable: true });
        };
        const finish = (ending: Ending): void => {
          child.off('message', hear);
          child.off('exit', died);
          resolve(ending);
        };
        child.on('message', hear);
        child.on('exit', died);
        child.send({ type: 'train', task } satisfies Order);
      });
    } finally {
      this.signal?.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.child?.disconnect();
    this.child = undefined;
  }
}
