import { mapBounded } from '../core/bounded.ts';
import { sha256File } from '../core/hash.ts';
import type { InputFile, InputSlice } from '../core/stage.ts';
import type { TaskRecord } from './tasks.ts';

/** Input files that are digested at once. */
export const FILES_AT_ONCE = 16;

/** A size, or one that the inputs decide. */
export type PartitionBytes = number | 'auto';

const LEAST_BYTES = 4 * 2 ** 20;
const MOST_BYTES = 64 * 2 ** 20;
/** Of a corpus that is not vast, as many at least: every core of a usual machine gets work. */
const LEAST_PARTITIONS = 16;

/**
 * The size that `auto` stands for: a power of two, so that a corpus that grows is seldom cut anew, and nothing of the
 * machine, so that a run goes on elsewhere.
 */
export function partitionBytesFor(files: readonly InputFile[], wanted: PartitionBytes): number {
  if (wanted !== 'auto') return wanted;
  const share = files.reduce((sum, { size }) => sum + size, 0) / LEAST_PARTITIONS;
  let bytes = MOST_BYTES;
  while (bytes > LEAST_BYTES && bytes > share) bytes /= 2;
  return bytes;
}

/**
 * Cuts inputs into partitions of about `partitionBytes`, in their order: small files together, large splittable
 * ones apart. Depends on nothing but the inputs and the size, so that it is the same for any number of workers.
 */
export function cutPartitions(files: readonly InputFile[], partitionBytes: number): InputSlice[][] {
  const partitions: InputSlice[][] = [];
  let open: InputSlice[] = [];
  let bytes = 0;
  const close = (): void => {
    if (open.length) partitions.push(open);
    open = [];
    bytes = 0;
  };
  for (const file of files) {
    if (file.splittable && file.size > partitionBytes) {
      close();
      const pieces = Math.ceil(file.size / partitionBytes);
      for (let i = 0; i < pieces; i++) {
        const start = Math.floor((file.size * i) / pieces);
        partitions.push([{ ...file, start, end: Math.floor((file.size * (i + 1)) / pieces) }]);
      }
      continue;
    }
    if (bytes > 0 && bytes + file.size > partitionBytes) close();
    open.push({ ...file, start: 0, end: file.size });
    bytes += file.size;
  }
  close();
  return partitions;
}

/**
 * Whether the inputs are what they were when `record` was made: size and modification time are enough, unless
 * `verify`; a file that was touched is digested again, and its content decides. Gives the first that differs.
 */
export async function changedInput(
  record: TaskRecord,
  slices: readonly InputSlice[],
  verify: boolean,
): Promise<string | undefined> {
  if (record.inputs.length !== slices.length) return 'the list of inputs';
  let certain: string | undefined;
  // A promise a file costs more than the comparison: only those that must be digested get one.
  const touched: { now: InputSlice; digest: string }[] = [];
  for (let i = 0; i < slices.length && certain === undefined; i++) {
    const now = slices[i]!;
    const before = record.inputs[i]!;
    certain = visibleChange(before, now);
    if (certain !== undefined || (before.mtimeMs === now.mtimeMs && !verify)) continue;
    // A limited run leaves no digest.
    if (before.sha256 === '') certain = now.path;
    else touched.push({ now, digest: before.sha256 });
  }
  const changes = await mapBounded(touched, FILES_AT_ONCE, async ({ now, digest }) => {
    const same = (await sha256File(now.path, now.start, now.end)) === digest;
    return same ? undefined : `${now.path} (its content)`;
  });
  return changes.find((change) => change !== undefined) ?? certain;
}

function visibleChange(before: TaskRecord['inputs'][number], now: InputSlice): string | undefined {
  // The recipe names the files, relative to the pipeline file: a project that moved is the same project.
  if (before.start !== now.start || before.end !== now.end) return now.path;
  return before.size === now.size ? undefined : `${now.path} (${before.size} -> ${now.size} bytes)`;
}
