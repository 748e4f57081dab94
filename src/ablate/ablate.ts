/** An ablation from its file to its outcome. */

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, ConfigurationError } from '../core/errors.ts';
import { ensureFolder, fileSize, writeJsonAtomic } from '../core/files.ts';
import type { StepTable } from '../core/pipeline-file.ts';
import type { RunObserver } from '../execute/run.ts';
import { lockHolder, lockRunFolder } from '../execute/run-folder.ts';
import { requireDevice } from '../train/engines/registry.ts';
import { planArms } from './arms.ts';
import { type CarriedOut, collectOutcome } from './collect.ts';
import type { AblationFile } from './file.ts';
import type { AblationOutcome } from './outcome.ts';
import { type Prepared, prepare } from './prepare.ts';
import { probe } from './probes/probe.ts';
import { carryOutTrainings, type TrainingObserver } from './training-pool.ts';
import { planSizes, planTrainings, type TrainingUnit } from './trainings.ts';

export const OUTCOME_FILE = 'ablation.json';

/** What an ablation tells while it goes on. */
export interface AblationObserver extends TrainingObserver {
  /** Of the units of a run: `name` is an arm's, `ruler` or `tokenizer`. */
  run?(name: string): RunObserver;
  trainingsPlanned?(units: readonly TrainingUnit[]): void;
}

export interface AblationSettings {
  readonly file: AblationFile;
  readonly table: StepTable;
  /** Directory of the ablation; several processes may work in it. */
  readonly folder: string;
  readonly processes?: number;
  readonly observer?: AblationObserver;
  readonly signal?: AbortSignal;
  /** Called while the trainings are under way, where there are any: what can be made ready beside them. */
  readonly meanwhile?: () => Promise<unknown>;
}

export interface Ablated {
  readonly outcome: AblationOutcome;
  readonly prepared: Prepared;
}

/** Carries out what is not complete yet, and writes `ablation.json`. */
export async function ablate(settings: AblationSettings): Promise<Ablated> {
  const { file, table, folder, observer = {}, signal } = settings;
  const arms = await planArms(file, table);
  // Wrong options of the training are told before the corpus is read.
  const sizes = planSizes(file);
  await ensureFolder(folder);
  // An ablation that has an outcome may be looked at on another machine.
  if ((await fileSize(join(folder, OUTCOME_FILE))) === undefined)
    for (const { options } of sizes) await requireDevice(options.engine);
  const release = await waitForLock(join(folder, 'prepare'), observer, signal);
  let prepared: Prepared;
  try {
    prepared = await prepare({ file, arms, table, folder, signal, observe: observer.run?.bind(observer) });
  } finally {
    await release();
  }
  const units = await planTrainings(file, prepared, folder);
  observer.trainingsPlanned?.(units);
  const processes = settings.processes ?? processesOf(file);
  const [results] = await Promise.all([
    carryOutTrainings(
      units.map(({ task }) => task),
      processes,
      observer,
      signal,
    ),
    settings.meanwhile?.(),
  ]);
  const trainings = units.map((unit, i) => ({ unit, result: results[i]! }));
  const complete = completeUnits(trainings);
  const probes = await probe({ file, prepared, units: complete, folder, threads: processes, signal });
  const outcome = { ...collectOutcome(file, prepared, trainings), ...(probes ? { probes } : {}) };
  await writeJsonAtomic(join(folder, OUTCOME_FILE), outcome);
  return { outcome, prepared };
}

/** Those whose training came to its end, and so has a model. */
function completeUnits(trainings: readonly CarriedOut[]): TrainingUnit[] {
  return trainings.filter(({ result }) => result.status === 'complete').map(({ unit }) => unit);
}

export function processesOf({ options }: AblationFile): number {
  return options.processes === 'auto' ? availableParallelism() : options.processes;
}

const LOCK_WAIT_MS = 500;

/** Another process prepares the arms: wait for what it makes. */
async function waitForLock(
  folder: string,
  observer: AblationObserver,
  signal: AbortSignal | undefined,
): Promise<() => Promise<void>> {
  let told = false;
  for (;;) {
    try {
      return await lockRunFolder(folder);
    } catch (error) {
      if (!(error instanceof ConfigurationError) || !(await lockHolder(folder))) throw error;
    }
    if (!told) observer.say?.('another process prepares the arms; waiting for it');
    told = true;
    await sleep(LOCK_WAIT_MS, undefined, { signal }).catch(() => {
      throw new CancelledError('interrupted; the same command goes on from here');
    });
  }
}
