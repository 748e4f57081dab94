/** Files that a step's options name: what it does depends on their content. */

import { resolve } from 'node:path';
import { sha256File } from '../core/hash.ts';
import type { AnyStep } from '../core/step.ts';

type Options = Readonly<Record<string, unknown>>;

export function filesOf({ files }: AnyStep, options: Options, baseFolder: string): readonly string[] {
  return (
    (files as ((options: unknown, baseFolder: string) => readonly string[]) | undefined)?.(
      options,
      baseFolder,
    ) ?? []
  );
}

/** Digest of each, by its name; a file that is not there is the step's to complain about. */
export async function fileDigests(
  step: AnyStep,
  options: Options,
  baseFolder: string,
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const file of filesOf(step, options, baseFolder))
    digests[file] = await sha256File(resolve(baseFolder, file)).catch(() => 'absent');
  return digests;
}
