/** What lies in the folder of one training. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, readJsonIfThere, writeJsonAtomic } from '../core/files.ts';
import type { TrainingResult, TrainingTask } from './training.ts';

/** Written last: the training is complete when it is there and its fingerprint holds. */
export const RESULT_FILE = 'result.json';
const TASK_FILE = 'task.json';

/** Contents of a training that this process must not go on with. The lock is held. */
const CONTENTS = ['checkpoints', 'metrics.jsonl', 'timings.jsonl', 'model', RESULT_FILE, TASK_FILE];

/** The result of a training, where it is complete. */
export async function resultOf(task: TrainingTask): Promise<TrainingResult | undefined> {
  const result = await readJsonIfThere<TrainingResult>(join(task.folder, RESULT_FILE));
  return result?.fingerprint === task.fingerprint ? result : undefined;
}

/** Removes what another task left in the folder; work begun by the same one is gone on with. */
export async function discardOther(task: TrainingTask): Promise<void> {
  const path = join(task.folder, TASK_FILE);
  const begun = await readJsonIfThere<TrainingTask>(path);
  if (begun?.fingerprint === task.fingerprint) return;
  for (const name of CONTENTS) await rm(join(task.folder, name), { recursive: true, force: true });
  await ensureFolder(task.folder);
  await writeJsonAtomic(path, task);
}
