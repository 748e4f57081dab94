import type { JobOutcome } from '../core/stage.ts';
import { CLUSTERS_FILE, DUPLICATE, DUPLICATE_OF_HELD_OUT, FateWriter, KEPT } from './cluster-file.ts';
import {
  blocksOf,
  LABEL_SECTION,
  type Label,
  LabelBlock,
  META_SECTION,
  MetaBlock,
  parseLabel,
  type Side,
} from './document-columns.ts';
import type { Pace } from './side-files.ts';
import type { UnionFind } from './union-find.ts';

export { ClusterReader } from './cluster-file.ts';

/** A pair that was found, for the report. */
export interface DuplicatePair {
  readonly kept: Label;
  readonly removed: Label;
  readonly jaccard: number;
}

export interface ClusterSummary {
  documents: number;
  clusters: number;
  duplicates: number;
  largestCluster: number;
  removed: number;
  removedForHeldOut: number;
  examples: DuplicatePair[];
}

/** The similarity of two documents, by number. */
export type Similarity = (kept: number, other: number) => number;

/** What is known of each cluster, by a dense number in order of its first document. */
interface ClusterTable {
  count: number;
  /** [documents] dense number + 1 at a root, else 0. */
  readonly dense: Uint32Array;
  readonly size: Uint32Array;
  readonly weight: Float64Array;
  readonly heldOut: Uint8Array;
  readonly best: Uint32Array;
  readonly bestPreference: Float64Array;
  readonly bestHigh: Uint32Array;
  readonly bestLow: Uint32Array;
}

/**
 * Chooses the copy of each cluster that stays, and writes the fate of every member.
 *
 * A held-out document always stays, and is preferred to every training document, which then is removed as a
 * duplicate of a held-out one. Otherwise the highest preference stays, then the smallest hash of corpus and id
 * (`earliest`: the smallest number).
 */
export async function writeClusters(
  folder: string,
  sides: readonly Side[],
  documents: number,
  forest: UnionFind,
  options: { earliest: boolean; similarity: Similarity; pace: Pace },
): Promise<ClusterSummary> {
  const table = await electKept(sides, documents, forest, options.earliest, options.pace);
  const rank = rankClusters(table);
  const writer = new FateWriter(folder);
  try {
    const summary = await writeFates(writer, sides, forest, table, rank, options);
    writer.finish();
    return { documents, ...summary };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

function countClusters(documents: number, forest: UnionFind): { dense: Uint32Array; count: number } {
  const dense = new Uint32Array(documents);
  let count = 0;
  for (let i = 0; i < documents; i++) {
    const root = forest.find(i);
    // Roots are the smallest of their set, so a root is met before its other members.
    if (root !== i && dense[root] === 0) dense[root] = ++count;
  }
  return { dense, count };
}

async function electKept(
  sides: readonly Side[],
  documents: number,
  forest: UnionFind,
  earliest: boolean,
  pace: Pace,
): Promise<ClusterTable> {
  const { dense, count } = countClusters(documents, forest);
  const table: ClusterTable = {
    count,
    dense,
    size: new Uint32Array(count),
    weight: new Float64Array(count),
    heldOut: new Uint8Array(count),
    best: new Uint32Array(count),
    bestPreference: new Float64Array(count),
    bestHigh: new Uint32Array(count),
    bestLow: new Uint32Array(count),
  };
  for (const { side, entry, first } of blocksOf(sides, META_SECTION)) {
    const meta = new MetaBlock(side.reader.read(entry));
    for (let i = 0; i < meta.length; i++) {
      const cluster = dense[forest.find(first + i)]! - 1;
      if (cluster >= 0) considerMember(table, cluster, first + i, meta, i, earliest);
    }
    await pace.step('clusters');
  }
  return table;
}

function considerMember(
  table: ClusterTable,
  cluster: number,
  document: number,
  meta: MetaBlock,
  i: number,
  earliest: boolean,
): void {
  const heldOut = meta.heldOut(i) ? 1 : 0;
  const better = table.size[cluster] === 0 || isBetter(table, cluster, meta, i, heldOut, earliest);
  table.size[cluster]!++;
  table.weight[cluster]! += meta.weight(i);
  if (!better) return;
  table.heldOut[cluster] = heldOut;
  table.best[cluster] = document;
  table.bestPreference[cluster] = meta.preference(i);
  table.bestHigh[cluster] = meta.idHigh(i);
  table.bestLow[cluster] = meta.idLow(i);
}

function isBetter(
  table: ClusterTable,
  cluster: number,
  meta: MetaBlock,
  i: number,
  heldOut: number,
  earliest: boolean,
): boolean {
  if (heldOut !== table.heldOut[cluster]) return heldOut > table.heldOut[cluster]!;
  const preference = meta.preference(i);
  if (preference !== table.bestPreference[cluster]) return preference > table.bestPreference[cluster]!;
  // Members come in ascending order.
  if (earliest) return false;
  if (meta.idHigh(i) !== table.bestHigh[cluster]) return meta.idHigh(i) < table.bestHigh[cluster]!;
  return meta.idLow(i) < table.bestLow[cluster]!;
}

/** [count] the public number of each cluster: its place by the hash of the kept copy's id. */
function rankClusters(table: ClusterTable): Uint32Array {
  const order = new Uint32Array(table.count);
  for (let i = 0; i < order.length; i++) order[i] = i;
  const { bestHigh, bestLow } = table;
  order.sort((a, b) => bestHigh[a]! - bestHigh[b]! || bestLow[a]! - bestLow[b]! || a - b);
  const rank = new Uint32Array(table.count);
  for (let i = 0; i < order.length; i++) rank[order[i]!] = i;
  return rank;
}

async function writeFates(
  fates: FateWriter,
  sides: readonly Side[],
  forest: UnionFind,
  table: ClusterTable,
  rank: Uint32Array,
  { similarity, pace }: { similarity: Similarity; pace: Pace },
): Promise<Omit<ClusterSummary, 'documents'>> {
  const examples = new Examples();
  const removed = [0, 0, 0];
  let members = 0;
  let largest = 0;
  for (let c = 0; c < table.count; c++) largest = Math.max(largest, table.size[c]!);
  for (const { side, entry, first } of blocksOf(sides, META_SECTION)) {
    const meta = new MetaBlock(side.reader.read(entry));
    const labels = labelsBeside(side, entry.first);
    for (let i = 0; i < meta.length; i++) {
      const document = first + i;
      const cluster = table.dense[forest.find(document)]! - 1;
      if (cluster < 0) continue;
      members++;
      const best = table.best[cluster]!;
      let fate = KEPT;
      if (document !== best && !meta.heldOut(i))
        fate = table.heldOut[cluster] ? DUPLICATE_OF_HELD_OUT : DUPLICATE;
      const alike = document === best ? 1 : similarity(best, document);
      const other = fate === KEPT ? Math.min(0xffffffff, table.weight[cluster]!) : best;
      const label = labels.bytes(i);
      fates.add({ document, fate, cluster: rank[cluster]!, other, similarity: alike }, label);
      removed[fate]!++;
      if (fate !== KEPT)
        examples.offer(meta.idHigh(i) * 4096 + (meta.idLow(i) >>> 20), best, parseLabel(label), alike);
    }
    await pace.step('clusters');
  }
  return {
    clusters: table.count,
    duplicates: members - table.count,
    largestCluster: largest,
    removed: removed[DUPLICATE]! + removed[DUPLICATE_OF_HELD_OUT]!,
    removedForHeldOut: removed[DUPLICATE_OF_HELD_OUT]!,
    examples: examples.take((document) => labelOf(sides, document)),
  };
}

function labelsBeside(side: Side, first: number): LabelBlock {
  const entry = side.reader.section(LABEL_SECTION).find((block) => block.first === first)!;
  return new LabelBlock(side.reader.read(entry), entry.count, side.reader.path);
}

/** The label of one document, read for itself. */
function labelOf(sides: readonly Side[], document: number): Label {
  for (const { side, entry, first } of blocksOf(sides, LABEL_SECTION)) {
    if (document >= first && document < first + entry.count)
      return new LabelBlock(side.reader.read(entry), entry.count, side.reader.path).label(document - first);
  }
  throw new RangeError(`no document ${document}`);
}

/** The ten removed documents with the smallest hashes: a sample that does not depend on the order of the input. */
class Examples {
  private readonly found: { key: number; kept: number; removed: Label; jaccard: number }[] = [];

  offer(key: number, kept: number, removed: Label, jaccard: number): void {
    const { found } = this;
    if (found.length === 10 && key >= found[9]!.key) return;
    found.push({ key, kept, removed, jaccard });
    found.sort((a, b) => a.key - b.key);
    if (found.length > 10) found.pop();
  }

  take(label: (document: number) => Label): DuplicatePair[] {
    return this.found.map(({ kept, removed, jaccard }) => ({
      kept: label(kept),
      removed,
      jaccard: Math.round(jaccard * 1000) / 1000,
    }));
  }
}

/** The outcome that both steps of deduplication give. */
export function clusterOutcome(summary: Readonly<Record<string, unknown>>): JobOutcome {
  return { files: [CLUSTERS_FILE], summary };
}
