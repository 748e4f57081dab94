import type { MessagePort } from 'node:worker_threads';
import { classifySystemError, isSystemError, ProvenderError, stepError } from '../core/errors.ts';
import type { JobOutcome } from '../core/stage.ts';
import { runJobTask } from './job-task.ts';
import { loadStep } from './load-step.ts';
import type { StepReference } from './plan.ts';
import { runSegmentTask } from './segment-task.ts';
import type { TaskRecord, WorkerOrder } from './tasks.ts';

/** An error as it crosses threads: class names survive, so that the parent knows whether a retry helps. */
export interface CarriedError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

export type WorkerReply = { readonly result: TaskRecord | JobOutcome } | { readonly error: CarriedError };

function carried(thrown: unknown): CarriedError {
  const { name, message, stack } = isSystemError(thrown)
    ? classifySystemError(thrown, { file: thrown.path })
    : thrown instanceof ProvenderError
      ? thrown
      : stepError(thrown);
  return { name, message, stack };
}

/** Entry point of a worker thread: rebuilds the steps from their specs and carries out one task. */
export default async function work({
  task,
  modules,
  port,
}: WorkerOrder & { port?: MessagePort }): Promise<WorkerReply> {
  const find = (reference: StepReference) => loadStep(modules[reference.name]!, reference.spec);
  try {
    if (task.type === 'segment') return { result: await runSegmentTask(task, find) };
    return { result: await runJobTask(task, find, (message) => port?.postMessage(message)) };
  } catch (thrown) {
    return { error: carried(thrown) };
  } finally {
    port?.close();
  }
}
