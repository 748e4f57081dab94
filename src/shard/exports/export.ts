import { ensureFolder } from '../../core/files.ts';
import { readShardIndex } from '../shard-set.ts';
import { exportDatatrove } from './datatrove.ts';
import { exportDolma } from './dolma.ts';
import { exportLlmC } from './llmc.ts';
import { exportMds } from './mds.ts';
import { exportMegatron } from './megatron.ts';
import { exportNanoGpt } from './nanogpt.ts';
import { exportParquet } from './parquet.ts';
import { ExportFolder, type ExportOptions, ExportSource } from './source.ts';

/** Formats of others that a set of shards can be written in. */
export const EXPORTERS = {
  megatron: exportMegatron,
  'llm.c': exportLlmC,
  nanogpt: exportNanoGpt,
  datatrove: exportDatatrove,
  mds: exportMds,
  dolma: exportDolma,
  parquet: exportParquet,
  // Loaded when asked for: the library takes longer to load than all else here.
  arrow: async (...all) => (await import('./arrow.ts')).exportArrow(...all),
} as const satisfies Record<
  string,
  (source: ExportSource, out: ExportFolder, options: ExportOptions) => Promise<void>
>;

export type ExportFormat = keyof typeof EXPORTERS;

/**
 * Writes the shards of `folder` to `to` in another format; returns the files' names. They appear only when all are
 * whole. Throws ConfigurationError where the format cannot hold the set, IntegrityError for damaged shards.
 */
export async function exportShards(
  folder: string,
  to: string,
  format: ExportFormat,
  options: Partial<ExportOptions> = {},
): Promise<readonly string[]> {
  const { name = 'provender', fileTokens = 100_000_000, windowTokens, signal } = options;
  const source = new ExportSource(folder, await readShardIndex(folder), signal);
  const out = new ExportFolder(await ensureFolder(to));
  try {
    await EXPORTERS[format](source, out, { name, fileTokens, windowTokens, signal });
    return await out.commit();
  } catch (error) {
    await out.discard();
    throw error;
  }
}
