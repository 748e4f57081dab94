import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import type { Artifact } from '../core/stage.ts';
import type { StepSpec } from '../core/step.ts';
import { readPlan, unitFolder } from '../execute/run-folder.ts';
import { findStep } from '../step-table.ts';

/** The file that tells an artifact's folder. */
const MARK: Readonly<Record<Artifact, string>> = {
  'evaluation-index': 'evaluation.ngrams',
  classifier: 'classifier.json',
  'language-model': 'language-model.json',
  tokenizer: 'tokenizer.json',
  shards: 'index.json',
  model: 'model.json',
  evaluation: 'evaluation.json',
  samples: 'samples.json',
};

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Whether a folder is a run directory. */
export function isRun(folder: string): Promise<boolean> {
  return isThere(join(folder, 'plan.json'));
}

/** The folder of an artifact: of a run directory the last unit that gave it, otherwise the folder itself. */
export async function artifactFolder(path: string, artifact: Artifact): Promise<string> {
  if (await isThere(join(path, MARK[artifact]))) return path;
  if (await isRun(path)) {
    const plan = await readPlan(path);
    for (const unit of [...plan.units].reverse()) {
      if (unit.type !== 'job' || !(await findStep(unit.step)).gives.includes(artifact)) continue;
      const folder = join(unitFolder(path, unit), 'artifact');
      if (await isThere(join(folder, MARK[artifact]))) return folder;
    }
    throw new ConfigurationError(`this run has made no ${artifact} (yet)`, { file: path });
  }
  throw new ConfigurationError(`no ${artifact} here`, {
    file: path,
    expected: `a run directory, or a folder with ${MARK[artifact]}`,
  });
}

/** The step of a kind in a run's pipeline, for its options. */
export async function stepOfRun(path: string, kind: string): Promise<StepSpec | undefined> {
  if (!(await isRun(path))) return undefined;
  const plan = await readPlan(path);
  return plan.steps.find((step) => step.spec.kind === kind)?.spec;
}

/** The folder that a run's shards are or will be written to; otherwise the folder itself. */
export async function shardFolder(path: string): Promise<string> {
  if (!(await isRun(path))) return path;
  const plan = await readPlan(path);
  for (const unit of [...plan.units].reverse()) {
    if (unit.type === 'job' && (await findStep(unit.step)).gives.includes('shards'))
      return join(unitFolder(path, unit), 'artifact');
  }
  throw new ConfigurationError('this run writes no shards', { file: path });
}

/**
 * What a command writes for itself does not go into a run's directory, nor among its units: the run would take it for
 * its own. Throws ConfigurationError.
 */
export async function refuseRunFolder(out: string): Promise<void> {
  const folder = resolve(out);
  for (let at = folder; ; at = dirname(at)) {
    const inside = relative(at, folder).split(sep)[0]!;
    if ((inside === '' || inside === 'units') && (await isRun(at)))
      throw new ConfigurationError(at === folder ? 'this folder holds a run' : `in the run ${at}`, {
        file: out,
        expected: 'a folder of its own for --out',
      });
    if (at === dirname(at)) return;
  }
}
