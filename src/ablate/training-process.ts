/** Entry point of a training process: takes one task after another from the process that started it. */

import { join } from 'node:path';
import { CancelledError, isSystemError, ProvenderError, stepError } from '../core/errors.ts';
import { ensureFolder, readJsonIfThere, writeJsonAtomic } from '../core/files.ts';
import { lockHolder, lockRunFolder } from '../execute/run-folder.ts';
import { carryOutTraining, type TrainingResult, type TrainingTask } from './training.ts';
import { discardOther, RESULT_FILE } from './training-folder.ts';

/** What a training process is told. */
export type Order = { readonly type: 'train'; readonly task: TrainingTask } | { readonly type: 'stop' };

/** What it tells. `taken`: another process has the training. */
export type Report =
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'say'; readonly line: string }
  | { readonly type: 'done'; readonly result: TrainingResult }
  | { readonly type: 'taken' }
  | { readonly type: 'cancelled' }
  | { readonly type: 'error'; readonly message: string; readonly retryable: boolean };

const aborter = new AbortController();
const tell = (report: Report): void => {
  if (process.connected) process.send!(report);
};

async function carryOut(task: TrainingTask): Promise<Report> {
  await ensureFolder(task.folder);
  if (await lockHolder(task.folder)) return { type: 'taken' };
  let release: () => Promise<void>;
  try {
    release = await lockRunFolder(task.folder);
  } catch (error) {
    if (await lockHolder(task.folder)) return { type: 'taken' };
    throw error;
  }
  try {
    // Another process may have finished it between two looks.
    const path = join(task.folder, RESULT_FILE);
    const found = await readJsonIfThere<TrainingResult>(path);
    if (found?.fingerprint === task.fingerprint) return { type: 'done', result: found };
    await discardOther(task);
    let last = 0;
    const result = await carryOutTraining(task, {
      signal: aborter.signal,
      report(done, total) {
        if (performance.now() - last < 250 && done < total) return;
        last = performance.now();
        tell({ type: 'progress', done, total });
      },
      say: (line) => tell({ type: 'say', line }),
    });
    await writeJsonAtomic(path, result);
    return { type: 'done', result };
  } finally {
    await release();
  }
}

function failure(thrown: unknown): Report {
  if (thrown instanceof CancelledError) return { type: 'cancelled' };
  if (thrown instanceof ProvenderError)
    return { type: 'error', message: thrown.message, retryable: thrown.retryable };
  const { message } = isSystemError(thrown) ? thrown : stepError(thrown);
  return { type: 'error', message, retryable: false };
}

process.on('message', (order: Order) => {
  if (order.type === 'stop') {
    aborter.abort();
    return;
  }
  carryOut(order.task).then(tell, (thrown: unknown) => tell(failure(thrown)));
});
// Whoever started this process is gone: what it would train would be trained by another one, too.
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group of processes: the one that started this one decides.
process.on('SIGINT', () => {});
