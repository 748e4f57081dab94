/** What `provender train` leaves beside its model of how the training was begun, and on which shards. */

import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { fileSize, readJsonIfThere, removeIfThere, writeJsonAtomic } from '../core/files.ts';
import { differences, type Fingerprint } from '../core/fingerprint.ts';
import { readShardIndex } from '../shard/shard-set.ts';
import { checkpointFolder } from '../train/checkpoint/store.ts';
import { MODEL_FILE } from '../train/model-folder.ts';
import { artifactFolder, isRun } from './artifacts.ts';

const TRAINING_FILE = 'training.json';

interface Training extends Fingerprint {
  /** Folder of the shards, from the model's own; absent where an earlier version wrote the file. */
  readonly shards?: string;
}

/** A folder that holds a training of other options is not gone on with. Whether it held none. */
export async function beginTraining(folder: string, wanted: Fingerprint, shards: string): Promise<boolean> {
  const path = join(folder, TRAINING_FILE);
  const begun = await readJsonIfThere<Training>(path);
  if (begun && begun.hash !== wanted.hash) {
    throw new ConfigurationError('another training lies here', {
      file: folder,
      expected: 'the same options and seed, or another --out',
      found: differences(begun.fields, wanted.fields).join('; '),
    });
  }
  const training: Training = { ...wanted, shards: relative(resolve(folder), resolve(shards)) };
  await writeJsonAtomic(path, training);
  return begun === undefined;
}

/** Options that only the data or the memory refuse leave nothing behind that other options would run into. */
export async function forgetUnbegun(folder: string): Promise<void> {
  const begun = await stat(checkpointFolder(folder)).catch(() => undefined);
  if (begun === undefined) await removeIfThere(join(folder, TRAINING_FILE));
}

const NAME_THEM = 'the shards to measure it on, by --shards RUN';

/**
 * The shards that the model of a run, or of `provender train`, was trained on. Throws ConfigurationError where nobody
 * tells, or where they are gone, or others by now.
 */
export async function shardsOfModel(model: string): Promise<string> {
  if (await isRun(model)) return artifactFolder(model, 'shards');
  const folder = resolve(model);
  // RUN/units/UNIT/artifact
  const run = dirname(dirname(dirname(folder)));
  if (await isRun(run)) return artifactFolder(run, 'shards');
  const training = await readJsonIfThere<Training>(join(folder, TRAINING_FILE));
  if (training?.shards === undefined)
    throw new ConfigurationError('this model does not tell which shards it was trained on', {
      file: model,
      expected: NAME_THEM,
    });
  const shards = resolve(folder, training.shards);
  if ((await fileSize(join(shards, 'index.json'))) === undefined)
    throw new ConfigurationError('the shards that this model was trained on are gone', {
      file: model,
      expected: `index.json in ${shards}, or ${NAME_THEM}`,
    });
  await requireSameShards(model, shards);
  return shards;
}

/** Other shards may hold out other documents: they are measured on where they are named, and not by accident. */
async function requireSameShards(model: string, shards: string): Promise<void> {
  const file = await readJsonIfThere<{ receipt?: { identity?: { shards?: { digest?: string } } } }>(
    join(model, MODEL_FILE),
  );
  const wanted = file?.receipt?.identity?.shards?.digest;
  const { digest } = await readShardIndex(shards);
  if (wanted === undefined || wanted === digest) return;
  throw new ConfigurationError('the shards that this model was trained on are others by now', {
    file: shards,
    expected: `the digest ${wanted.slice(0, 12)}…, or ${NAME_THEM}`,
    found: `${digest.slice(0, 12)}…`,
  });
}
