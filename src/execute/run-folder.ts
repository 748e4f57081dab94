import { existsSync, readFileSync } from 'node:fs';
import { constants, copyFile, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, classifySystemError } from '../core/errors.ts';
import { ensureFolder, readJsonIfThere, temporaryName } from '../core/files.ts';
import type { FingerprintFields } from '../core/fingerprint.ts';
import type { StepTally } from '../core/tally.ts';
import type { Plan, Unit } from './plan.ts';
import type { TaskRecord } from './tasks.ts';

/** Written last for each unit: the unit is complete when it is there and its fingerprint holds. */
export interface UnitManifest {
  readonly version: 1;
  readonly unit: string;
  readonly type: Unit['type'];
  readonly steps: readonly {
    readonly name: string;
    readonly kind: string;
    readonly options: Readonly<Record<string, unknown>>;
  }[];
  readonly fingerprint: { readonly hash: string; readonly fields: FingerprintFields };
  /** What later units depend on. */
  readonly outputDigest: string;
  readonly seconds: number;
  readonly finished: string;
  /** Segments only. */
  readonly partitions?: number;
  readonly documents?: number;
  readonly textBytes?: number;
  readonly tallies?: Readonly<Record<string, StepTally>>;
  /** Jobs only. */
  readonly files?: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  readonly summary?: Readonly<Record<string, unknown>>;
}

/** In a segment's folder, after `provender clean`: the records (TaskRecord[]) of the tasks whose files are gone. */
export const CLEANED = 'cleaned.json';

export function unitFolder(runFolder: string, unit: Pick<Unit, 'index' | 'name' | 'type'>): string {
  return join(
    runFolder,
    'units',
    `${String(unit.index).padStart(2, '0')}-${unit.name}${unit.type === 'segment' ? '.documents' : ''}`,
  );
}

/** Folder of a partition's task among those of its unit. */
export function partitionName(partition: number): string {
  return String(partition).padStart(5, '0');
}

export function taskFolder(runFolder: string, unit: Unit, partition: number): string {
  return join(unitFolder(runFolder, unit), 'tasks', partitionName(partition));
}

export async function readManifest(runFolder: string, unit: Unit): Promise<UnitManifest | undefined> {
  return readJsonIfThere<UnitManifest>(join(unitFolder(runFolder, unit), 'manifest.json'));
}

export async function readTaskRecords(
  runFolder: string,
  unit: Unit,
  partitions: number,
): Promise<TaskRecord[]> {
  const records: TaskRecord[] = [];
  for (let p = 0; p < partitions; p++) {
    const record = await readJsonIfThere<TaskRecord>(join(taskFolder(runFolder, unit, p), 'task.json'));
    if (record) records.push(record);
  }
  return records;
}

/** The plan that a run directory was last run with. */
export async function readPlan(runFolder: string): Promise<Plan> {
  const plan = await readJsonIfThere<Plan>(join(runFolder, 'plan.json'));
  if (!plan)
    throw new ConfigurationError('no run here', {
      file: runFolder,
      expected: 'a folder that `provender run` made',
    });
  return plan;
}

interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Start time of the process in clock ticks since boot, where the system tells: a reused pid is not the holder. */
  readonly ticks?: string;
  readonly since: string;
}

function startTicks(pid: number): string | undefined {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

function isAlive(holder: LockHolder): boolean {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return holder.ticks === undefined || holder.ticks === startTicks(holder.pid);
}

/** Takes the run directory for this process; refuses while another one that lives has it. Gives back the release. */
export async function lockRunFolder(runFolder: string): Promise<() => Promise<void>> {
  await ensureFolder(runFolder);
  const path = join(runFolder, 'lock');
  const mine: LockHolder = {
    pid: process.pid,
    host: hostname(),
    ticks: startTicks(process.pid),
    since: new Date().toISOString(),
  };
  // Written beside and linked, so that no one ever sees a lock without its holder.
  const written = temporaryName(path);
  try {
    await writeFile(written, JSON.stringify(mine));
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        await linkOrCopy(written, path);
        return () => rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const holder = await lockHolder(runFolder);
        if (holder) throw taken(runFolder, holder);
        // Of two that find a dead holder's lock, the one that moves it away goes on; the other finds the new one.
        await rename(path, `${written}.dead`).catch(() => {});
        const moved = await readHolder(`${written}.dead`);
        const lives = moved !== undefined && isAlive(moved);
        if (lives) await linkOrCopy(`${written}.dead`, path).catch(() => {});
        await rm(`${written}.dead`, { force: true });
        if (lives) throw taken(runFolder, moved);
      }
    }
  } catch (error) {
    throw classifySystemError(error, { file: runFolder });
  } finally {
    await rm(written, { force: true });
  }
  throw new ConfigurationError('could not take the lock', { file: path });
}

/** A second name for a file, or EEXIST. Some file systems have no links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(error.code ?? '')) throw error;
    return copyFile(from, to, constants.COPYFILE_EXCL);
  });
}

function taken(runFolder: string, { pid, host, since }: LockHolder): ConfigurationError {
  const far = host === hostname() ? '' : `; if ${host} is no more, remove ${join(runFolder, 'lock')}`;
  return new ConfigurationError(`process ${pid} on ${host} is running here since ${since}`, {
    file: runFolder,
    expected: `no other run; \`provender status ${runFolder}\` watches it${far}`,
  });
}

/** Who holds the run directory, if anybody that lives does. */
export async function lockHolder(runFolder: string): Promise<LockHolder | undefined> {
  const holder = await readHolder(join(runFolder, 'lock'));
  return holder && isAlive(holder) ? holder : undefined;
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (!text) return undefined;
  try {
    return JSON.parse(text) as LockHolder;
  } catch {
    // Cut short by a power failure: its holder is gone.
    return undefined;
  }
}
