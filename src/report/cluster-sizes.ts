import { ClusterReader } from '../dedup/clusters.ts';

/** How many clusters there are of each size. */
export interface ClusterSizes {
  /** Ascending ranges of sizes, both ends included: 2, 3, 4, 5 to 8, 9 to 16, ... */
  readonly ranges: readonly { readonly from: number; readonly to: number; readonly clusters: number }[];
  /** Clusters of more members than were read, where there are too many to read all. */
  readonly partial: boolean;
}

/** Members are read until there are this many: a report does not read for hours. */
const MAX_MEMBERS = 4_000_000;

function rangeOf(size: number): [number, number] {
  if (size <= 4) return [size, size];
  const power = Math.ceil(Math.log2(size));
  return [2 ** (power - 1) + 1, 2 ** power];
}

/** Counts the members of each cluster in a deduplication's artifact. Throws IntegrityError where it is damaged. */
export async function readClusterSizes(artifact: string): Promise<ClusterSizes> {
  const reader = new ClusterReader(artifact);
  try {
    const sizes = new Map<number, number>();
    let read = 0;
    for (const cluster of reader.clusters()) {
      sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
      if (++read === MAX_MEMBERS) break;
    }
    const ranges = new Map<number, { from: number; to: number; clusters: number }>();
    for (const size of sizes.values()) {
      const [from, to] = rangeOf(size);
      const range = ranges.get(from) ?? { from, to, clusters: 0 };
      range.clusters++;
      ranges.set(from, range);
    }
    return {
      ranges: [...ranges.values()].sort((a, b) => a.from - b.from),
      partial: read < reader.members,
    };
  } finally {
    reader.close();
  }
}
