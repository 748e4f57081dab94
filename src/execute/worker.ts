import type { MessagePort } from 'node:worker_threads';
import { ProvenderError } from '../core/errors.ts';
import type { JobOutcome } from '../core/stage.ts';
import { findStep } from '../steps.ts';
import { runJobTask } from './job-task.ts';
import { runSegmentTask } from './segment-task.ts';
import type { JobTask, SegmentTask, TaskRecord } from './tasks.ts';

/** An error as it crosses threads: class names survive, so that the parent knows whether a retry helps. */
export interface CarriedError {
  readonly carried: true;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly retryable: boolean;
}

export type WorkerReply = { readonly result: TaskRecord | JobOutcome } | { readonly error: CarriedError };

/** Entry point of a worker thread: rebuilds the steps from their specs and carries out one task. */
export default async function work({
  task,
  port,
}: {
  task: SegmentTask | JobTask;
  port?: MessagePort;
}): Promise<WorkerReply> {
  try {
    if (task.type === 'segment') return { result: await runSegmentTask(task, findStep) };
    return { result: await runJobTask(task, findStep, (message) => port?.postMessage(message)) };
  } catch (error) {
    const { name, message, stack } = error as Error;
    const retryable = error instanceof ProvenderError && error.retryable;
    return { error: { carried: true, name, message, stack, retryable } };
  } finally {
    port?.close();
  }
}
