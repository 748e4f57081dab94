import type { z } from 'zod';
import { InvariantError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import type { Artifact, Barrier, JobContext, JobOutcome } from '../core/stage.ts';
import type { AnyStep, JobStep } from '../core/step.ts';
import { COUNTERS, openCounters } from './counters.ts';
import type { FindStep } from './segment-task.ts';
import type { JobTask, WorkerMessage } from './tasks.ts';

const MESSAGE_INTERVAL_MS = 100;

/** Carries out a barrier's reduction or a job. Called in a worker: a job may hold its event loop. */
export async function runJobTask(
  task: JobTask,
  find: FindStep,
  tell: (message: WorkerMessage) => void,
): Promise<JobOutcome> {
  const step: AnyStep = await find(task.step);
  const { values } = openCounters(task.counters);
  const aborter = new AbortController();
  const checkStop = (): void => {
    if (values[COUNTERS.stop] !== 0 && !aborter.signal.aborted) aborter.abort();
  };
  const timer = setInterval(checkStop, MESSAGE_INTERVAL_MS);
  let told = 0;
  const context: JobContext = {
    random: new Random(`${task.seed}/${task.step.name}`),
    seed: task.seed,
    baseFolder: task.baseFolder,
    folder: task.folder,
    artifact: (name: Artifact) => {
      const folder = task.artifacts[name];
      if (folder === undefined)
        throw new InvariantError(`step ${task.step.name} asked for a ${name} that it did not declare`);
      return folder;
    },
    progress: {
      report(done, total, note, details) {
        // A job that never yields to the event loop still reports: stopping is noticed here too.
        checkStop();
        const now = performance.now();
        if (now - told < MESSAGE_INTERVAL_MS && done !== total) return;
        told = now;
        tell({ type: 'progress', done, total, note, details });
      },
    },
    signal: aborter.signal,
    threads: task.threads,
    deviceWatts: task.deviceWatts,
    say: (line) => tell({ type: 'say', line }),
  };
  try {
    const { options } = task.step.spec;
    if (step.role === 'barrier') {
      const { barrier } = step as unknown as { barrier: Barrier<unknown, never> };
      return await barrier.reduce(options, task.sides ?? [], context);
    }
    return await (step as unknown as JobStep<string, z.ZodType, 'nothing', Artifact, Artifact>).run(
      options,
      context,
    );
  } finally {
    clearInterval(timer);
  }
}
