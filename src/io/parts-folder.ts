import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { ensureFolder, readJsonIfThere, removeIfThere, syncFolder, writeJsonAtomic } from '../core/files.ts';
import { placeFile } from './place-file.ts';

/** What a folder of parts says of itself; written last, so that a folder without it is not complete. */
export interface PartsManifest {
  readonly kind: 'provender-parts';
  readonly version: 1;
  readonly format: string;
  readonly layout?: string;
  readonly compression: string;
  readonly documents: number;
  readonly files: readonly { readonly name: string; readonly documents: number; readonly bytes: number }[];
}

export const PARTS_MANIFEST = 'parts.json';

/** Puts the parts into a folder outside the run, in place of those that an earlier run put there; nothing else is touched. */
export async function publishParts(folder: string, from: string, manifest: PartsManifest): Promise<void> {
  await ensureFolder(folder);
  const path = join(folder, PARTS_MANIFEST);
  const earlier = await readJsonIfThere<PartsManifest>(path);
  if (earlier && earlier.kind !== 'provender-parts')
    throw new ConfigurationError('this file is not ours to replace', {
      file: path,
      expected: 'a list of parts',
    });
  const ours = new Set(earlier?.files.map((file) => file.name));
  for (const { name } of manifest.files)
    if (!ours.has(name) && (await stat(join(folder, name)).catch(() => undefined)) && !earlier)
      throw new ConfigurationError('a file that provender did not write is in the way', {
        file: join(folder, name),
        expected: 'an empty folder, or one that an earlier run wrote',
      });
  const kept = new Set(manifest.files.map((file) => file.name));
  const names = new Set([...ours, ...kept]);
  // From here until the new list is there, the folder says that it is not complete, and which names are ours.
  const files = [...names].map((name) => ({ name, documents: 0, bytes: 0 }));
  await writeJsonAtomic(path, { ...manifest, incomplete: true, files });
  for (const name of ours) if (!kept.has(name)) await removeIfThere(join(folder, name));
  for (const { name } of manifest.files) await placeFile(join(from, name), join(folder, name));
  syncFolder(folder);
  await writeJsonAtomic(path, manifest);
}
