import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { bytes } from '../core/format.ts';
import { lockHolder, readPlan, unitFolder } from '../execute/run-folder.ts';

async function sizeOf(path: string): Promise<number> {
  const entry = await stat(path);
  if (!entry.isDirectory()) return entry.size;
  let sum = 0;
  for (const name of await readdir(path)) sum += await sizeOf(join(path, name));
  return sum;
}

/**
 * `provender clean`: removes the documents between steps and units of earlier forms of the pipeline. Artifacts
 * (tokenizer, shards, model), manifests, summary and report stay; a later run makes the documents again if it needs them.
 */
export async function cleanCommand(
  run: string,
  options: { all?: boolean; dryRun?: boolean },
): Promise<number> {
  const plan = await readPlan(run);
  const holder = await lockHolder(run);
  if (holder) throw new ConfigurationError(`process ${holder.pid} is running here`, { file: run });
  const doomed: string[] = [];
  if (options.all) doomed.push(run);
  else {
    const live = new Set(plan.units.map((unit) => unitFolder(run, unit)));
    for (const name of await readdir(join(run, 'units'))) {
      const folder = join(run, 'units', name);
      if (!live.has(folder)) doomed.push(folder);
    }
    for (const unit of plan.units) {
      if (unit.type !== 'segment') continue;
      const tasks = join(unitFolder(run, unit), 'tasks');
      if (await stat(tasks).catch(() => undefined)) doomed.push(tasks);
    }
  }
  let sum = 0;
  for (const path of doomed) {
    const size = await sizeOf(path);
    sum += size;
    process.stdout.write(
      `${options.dryRun ? 'would remove' : 'removed'}  ${bytes(size).padStart(8)}  ${path}\n`,
    );
    if (!options.dryRun) await rm(path, { recursive: true, force: true });
  }
  process.stdout.write(`${bytes(sum)} ${options.dryRun ? 'would be freed' : 'freed'}\n`);
  return 0;
}
