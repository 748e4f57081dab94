import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJsonAtomic } from '../core/files.ts';
import { bytes } from '../core/format.ts';
import type { Plan, Unit } from '../execute/plan.ts';
import {
  CLEANED,
  lockRunFolder,
  readManifest,
  readPlan,
  readTaskRecords,
  unitFolder,
} from '../execute/run-folder.ts';

async function sizeOf(path: string): Promise<number> {
  const entry = await lstat(path);
  if (!entry.isDirectory()) return entry.size;
  let sum = 0;
  for (const name of await readdir(path)) sum += await sizeOf(join(path, name));
  return sum;
}

/** What a later run needs to know that a complete segment still holds without its documents. */
async function leaveRecords(run: string, unit: Unit): Promise<void> {
  const manifest = await readManifest(run, unit);
  if (manifest?.partitions === undefined) return;
  const records = await readTaskRecords(run, unit, manifest.partitions);
  if (records.length === manifest.partitions)
    await writeJsonAtomic(join(unitFolder(run, unit), CLEANED), records);
}

/**
 * `provender clean`: removes the documents between steps and units of earlier forms of the pipeline. Artifacts
 * (tokenizer, shards, model), manifests, records, summary and report stay; a later run makes the documents again only
 * if a step that must run needs them.
 */
export async function cleanCommand(
  run: string,
  options: { all?: boolean; dryRun?: boolean },
): Promise<number> {
  const plan = await readPlan(run);
  const release = await lockRunFolder(run);
  try {
    return await clean(run, plan, options);
  } finally {
    await release();
  }
}

async function clean(run: string, plan: Plan, options: { all?: boolean; dryRun?: boolean }): Promise<number> {
  const doomed: string[] = [];
  if (options.all) doomed.push(run);
  else {
    const live = new Set(plan.units.map((unit) => unitFolder(run, unit)));
    for (const name of await readdir(join(run, 'units')).catch(() => [])) {
      const folder = join(run, 'units', name);
      if (!live.has(folder)) doomed.push(folder);
    }
    for (const unit of plan.units) {
      if (unit.type !== 'segment') continue;
      const tasks = join(unitFolder(run, unit), 'tasks');
      if (!(await stat(tasks).catch(() => undefined))) continue;
      if (!options.dryRun) await leaveRecords(run, unit);
      doomed.push(tasks);
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
