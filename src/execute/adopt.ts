import { constants, copyFile, link, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { classifySystemError } from '../core/errors.ts';
import { ensureFolder, isTemporaryName, readJsonIfThere, syncFolder } from '../core/files.ts';
import type { Unit } from './plan.ts';
import type { UnitManifest } from './run-folder.ts';

/**
 * Complete units of other run directories that carry a fingerprint: options, code, seed and the digests of what came
 * in are the same, so what came out is.
 */
export async function* completeUnits(
  donors: readonly string[] | undefined,
  type: Unit['type'],
  hash: string,
): AsyncGenerator<{ folder: string; manifest: UnitManifest }> {
  for (const donor of donors ?? []) {
    const units = join(donor, 'units');
    for (const name of (await readdir(units).catch(() => [])).sort()) {
      const folder = join(units, name);
      const manifest = await readJsonIfThere<UnitManifest>(join(folder, 'manifest.json'));
      if (manifest?.type === type && manifest.fingerprint.hash === hash) yield { folder, manifest };
    }
  }
}

/** Puts a unit's files into a folder of this run, its manifest last. Nothing that was there is kept. */
export async function adoptUnit(from: string, to: string): Promise<void> {
  try {
    await rm(to, { recursive: true, force: true });
    await linkTree(from, to, (name) => name !== 'manifest.json');
    await linkOrCopy(join(from, 'manifest.json'), join(to, 'manifest.json'));
    syncFolder(to);
  } catch (error) {
    throw classifySystemError(error, { file: to });
  }
}

async function linkTree(from: string, to: string, take: (name: string) => boolean): Promise<void> {
  await ensureFolder(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!take(entry.name) || isTemporaryName(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target, () => true);
    else await linkOrCopy(source, target);
  }
  syncFolder(to);
}

/** Files of a unit are replaced by renaming, never written into, so that two runs may share one. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_EXCL));
}
