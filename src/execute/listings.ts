/** What the inputs of runs are, cut into partitions: runs that are given the same listings list each source once. */

import { relative } from 'node:path';
import { canonicalJson } from '../core/hash.ts';
import type { InputFile, InputSlice } from '../core/stage.ts';
import { cutPartitions, type PartitionBytes, partitionBytesFor } from './partition.ts';
import type { StepReference } from './plan.ts';

export interface PartitionInput {
  readonly slices: readonly InputSlice[];
  /** Canonical JSON of what a recipe says of them: paths from the pipeline's folder, no times. */
  readonly content: string;
}

export interface ListingSettings {
  readonly source: StepReference;
  readonly baseFolder: string;
  readonly partitionBytes: PartitionBytes;
}

/**
 * An ablation of the quickstart has five runs over the same 6,500 files: to list, cut and write them down took each
 * run 0.2 s, which is most of what it needs to see that it is complete.
 */
export class Listings {
  private readonly known = new Map<string, readonly PartitionInput[]>();

  async of(
    settings: ListingSettings,
    list: () => Promise<readonly InputFile[]>,
  ): Promise<readonly PartitionInput[]> {
    const { source, baseFolder, partitionBytes } = settings;
    const { kind, use, options } = source.spec;
    const key = canonicalJson([kind, use, options, baseFolder, partitionBytes]);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const partitions = partitionInputs(await list(), settings);
    this.known.set(key, partitions);
    return partitions;
  }
}

export function partitionInputs(
  files: readonly InputFile[],
  { baseFolder, partitionBytes }: ListingSettings,
): PartitionInput[] {
  return cutPartitions(files, partitionBytesFor(files, partitionBytes)).map((slices) => ({
    slices,
    content: canonicalJson(
      slices.map(({ path, start, end, spec }) => ({ path: relative(baseFolder, path), start, end, spec })),
    ),
  }));
}
