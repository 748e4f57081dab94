import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../../core/hash.ts';

/** No writer pauses for so long: its transfer would have timed out. */
const ABANDONED_MS = 10 * 60_000;

/** What of a download is on the disk, and of which version of it. */
export interface Part {
  readonly path: string;
  /** Of the version's validators and length: see `versionTag`. */
  readonly tag: string;
  readonly size: number;
}

const host = () => sha256(hostname()).slice(0, 8);
/** Those that this process writes to at present. */
const own = new Set<string>();

/** A name for the part of a version of `name` that no other process, and no other download of this one, has. */
export function newPart(folder: string, name: string, tag: string): string {
  const id = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const path = join(folder, `${name}.${tag}.${id}@${host()}.part`);
  own.add(path);
  return path;
}

/** Says that nothing writes there any more: a later download may claim it. */
export function leavePart(path: string): void {
  own.delete(path);
}

export async function dropPart(path: string): Promise<void> {
  own.delete(path);
  await rm(path, { force: true });
}

/**
 * Takes over the longest part of `name` that nobody writes to, and removes the others of those. Claimed by renaming,
 * so that of two processes one has it.
 */
export async function claimPart(folder: string, name: string): Promise<Part | undefined> {
  const found: Part[] = [];
  for (const file of await readdir(folder)) {
    if (!file.startsWith(`${name}.`)) continue;
    const match = /^\.([0-9a-f]{16})\.(\d+)-[0-9a-f]{8}@([0-9a-f]{8})\.part$/.exec(file.slice(name.length));
    if (!match) continue;
    const path = join(folder, file);
    const state = await stat(path).catch(() => undefined);
    if (!state || own.has(path)) continue;
    const [, tag, pid, at] = match;
    const isIdle = Date.now() - state.mtimeMs > ABANDONED_MS;
    if (isIdle || (at === host() && !isAlive(Number(pid)))) found.push({ path, tag: tag!, size: state.size });
  }
  found.sort((a, b) => b.size - a.size);
  let claimed: Part | undefined;
  for (const part of found) {
    const path = newPart(folder, name, part.tag);
    const isMine = await rename(part.path, path).then(
      () => true,
      () => false,
    );
    if (!isMine) own.delete(path);
    else if (claimed) await dropPart(path);
    else claimed = { ...part, path };
  }
  return claimed;
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
