/** The safetensors of a folder that `save_pretrained` wrote, in one file or in several with an index. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, IntegrityError } from '../../core/errors.ts';
import { readJsonIfThere } from '../../core/files.ts';
import { SafetensorsFile } from '../checkpoint/safetensors.ts';
import type { NamedArray } from '../session.ts';

const WHOLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Names of the files of weights. Throws a ConfigurationError where the folder has none in this format. */
export async function weightFiles(folder: string): Promise<readonly string[]> {
  const index = await readJsonIfThere<{ weight_map?: Record<string, string> }>(join(folder, INDEX));
  if (index !== undefined) {
    const files = [...new Set(Object.values(index.weight_map ?? {}))].sort();
    if (files.length > 0 && files.every((file) => /^[^/\\]+\.safetensors$/.test(file))) return files;
    throw new IntegrityError('no index of safetensors files', { file: join(folder, INDEX) });
  }
  const names: string[] = await readdir(folder).catch(() => []);
  if (names.includes(WHOLE)) return [WHOLE];
  const other = names.find((name) => /^pytorch_model.*\.bin(\.index\.json)?$/.test(name));
  throw new ConfigurationError('no weights in safetensors here', {
    file: folder,
    expected: `${WHOLE}, or ${INDEX} and the files that it names`,
    found: other === undefined ? undefined : `${other}: save_pretrained(safe_serialization=True) converts it`,
  });
}

/** Opened for reading; `close` when done. */
export class TensorFiles {
  readonly names: ReadonlySet<string>;
  private readonly folder: string;
  private readonly files: readonly SafetensorsFile[];
  private readonly places: ReadonlyMap<string, SafetensorsFile>;

  private constructor(folder: string, files: readonly SafetensorsFile[]) {
    this.folder = folder;
    this.files = files;
    this.places = new Map(files.flatMap((file) => [...file.tensors.keys()].map((name) => [name, file])));
    this.names = new Set(this.places.keys());
  }

  static async open(folder: string): Promise<TensorFiles> {
    const files: SafetensorsFile[] = [];
    try {
      for (const name of await weightFiles(folder))
        files.push(await SafetensorsFile.open(join(folder, name)));
      return new TensorFiles(folder, files);
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
  }

  /** Halves are widened to float32. Throws an IntegrityError that names the tensor where it is not there. */
  async read(name: string): Promise<NamedArray> {
    const file = this.places.get(name);
    if (file === undefined) throw new IntegrityError(`no tensor ${name}`, { file: this.folder });
    return file.read(name);
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.close();
  }
}
