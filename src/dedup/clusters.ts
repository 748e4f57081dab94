import { DUPLICATE, DUPLICATE_OF_HELD_OUT, FateWriter, KEPT } from './cluster-file.ts';
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
  /** Of this run. */
  documents: number;
  clusters: number;
  duplicates: number;
  largestCluster: number;
  removed: number;
  removedForHeldOut: number;
  /** Removed as duplicates of a document of the index. */
  removedForIndex: number;
  examples: DuplicatePair[];
}

/** The similarity of two documents, by number. */
export type Similarity = (kept: number, other: number) => number;

/** The documents that clusters are made of: those of this run, then those of an index. */
export interface Members {
  readonly sides: readonly Side[];
  /** How many are of this run: the numbers below belong to them. */
  readonly fresh: number;
  /** [documents of the index] 1 where the document stayed. */
  readonly stayed?: Uint8Array | undefined;
  /** [fresh] is set to 1 where a document is removed. */
  readonly removed?: Uint8Array | undefined;
}

/** What a copy is, before any preference: the highest stays. */
const REMOVED_BEFORE = 0;
const NEW_COPY = 1;
const STAYED_BEFORE = 2;
const HELD_OUT = 3;

/** What is known of each cluster, by a dense number in order of its first document. */
interface ClusterTable {
  count: number;
  /** [fresh] dense number + 1 at a root, else 0. */
  readonly dense: Uint32Array;
  readonly size: Uint32Array;
  readonly weight: Float64Array;
  /** What the best copy is; 0 before there is one. */
  readonly standing: Uint8Array;
  readonly best: Uint32Array;
  readonly bestPreference: Float64Array;
  readonly bestHigh: Uint32Array;
  readonly bestLow: Uint32Array;
}

/**
 * Chooses the copy of each cluster that stays, and writes the fate of every member.
 *
 * A held-out document always stays, and is preferred to every training document, which then is removed as a
 * duplicate of a held-out one. Then a document of the index that stayed is preferred. Otherwise the highest preference
 * stays, then the smallest hash of corpus and id (`earliest`: the smallest number). Clusters of documents of the index
 * alone are left out: nothing became of them.
 */
export async function writeClusters(
  folder: string,
  members: Members,
  forest: UnionFind,
  options: { earliest: boolean; similarity: Similarity; pace: Pace },
): Promise<ClusterSummary> {
  const table = await electKept(members, forest, options.earliest, options.pace);
  const rank = rankClusters(table);
  const writer = new FateWriter(folder);
  try {
    const summary = await writeFates(writer, members, forest, table, rank, options);
    writer.finish();
    return { documents: members.fresh, ...summary };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

function countClusters(members: Members, forest: UnionFind): { dense: Uint32Array; count: number } {
  const { fresh, stayed } = members;
  const dense = new Uint32Array(fresh);
  let count = 0;
  for (let i = 0; i < fresh + (stayed?.length ?? 0); i++) {
    const root = forest.find(i);
    // Roots are the smallest of their set, so a root is met before its other members, and is of this run where any is.
    if (root !== i && root < fresh && dense[root] === 0) dense[root] = ++count;
  }
  return { dense, count };
}

/** The dense number of a document's cluster, -1 where it is in none. */
function clusterOf(table: ClusterTable, forest: UnionFind, document: number): number {
  const root = forest.find(document);
  return root < table.dense.length ? table.dense[root]! - 1 : -1;
}

async function electKept(
  members: Members,
  forest: UnionFind,
  earliest: boolean,
  pace: Pace,
): Promise<ClusterTable> {
  const { dense, count } = countClusters(members, forest);
  const table: ClusterTable = {
    count,
    dense,
    size: new Uint32Array(count),
    weight: new Float64Array(count),
    standing: new Uint8Array(count),
    best: new Uint32Array(count),
    bestPreference: new Float64Array(count),
    bestHigh: new Uint32Array(count),
    bestLow: new Uint32Array(count),
  };
  for (const { side, entry, first } of blocksOf(members.sides, META_SECTION)) {
    const meta = new MetaBlock(side.reader.read(entry));
    for (let i = 0; i < meta.length; i++) {
      const cluster = clusterOf(table, forest, first + i);
      if (cluster < 0) continue;
      const standing = standingOf(members, first + i, meta.heldOut(i));
      considerMember(table, cluster, first + i, meta, i, standing, earliest);
    }
    await pace.step('clusters');
  }
  return table;
}

function standingOf({ fresh, stayed }: Members, document: number, heldOut: boolean): number {
  if (heldOut) return HELD_OUT;
  if (document < fresh) return NEW_COPY;
  return stayed![document - fresh] === 1 ? STAYED_BEFORE : REMOVED_BEFORE;
}

function considerMember(
  table: ClusterTable,
  cluster: number,
  document: number,
  meta: MetaBlock,
  i: number,
  standing: number,
  earliest: boolean,
): void {
  table.size[cluster]!++;
  table.weight[cluster]! += meta.weight(i);
  if (standing === REMOVED_BEFORE || !isBetter(table, cluster, meta, i, standing, earliest)) return;
  table.standing[cluster] = standing;
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
  standing: number,
  earliest: boolean,
): boolean {
  if (standing !== table.standing[cluster]) return standing > table.standing[cluster]!;
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
  members: Members,
  forest: UnionFind,
  table: ClusterTable,
  rank: Uint32Array,
  { similarity, pace }: { similarity: Similarity; pace: Pace },
): Promise<Omit<ClusterSummary, 'documents'>> {
  const { sides, fresh } = members;
  const examples = new Examples();
  const removed = [0, 0, 0];
  let removedForIndex = 0;
  let written = 0;
  let largest = 0;
  for (let c = 0; c < table.count; c++) largest = Math.max(largest, table.size[c]!);
  for (const { side, entry, first } of blocksOf(sides, META_SECTION)) {
    const meta = new MetaBlock(side.reader.read(entry));
    let labels: LabelBlock | undefined;
    for (let i = 0; i < meta.length; i++) {
      const document = first + i;
      const cluster = clusterOf(table, forest, document);
      if (cluster < 0) continue;
      const best = table.best[cluster]!;
      // Of the index only the copies that stay instead of new ones are told of.
      if (document >= fresh && document !== best) continue;
      written++;
      let fate = KEPT;
      if (document !== best && !meta.heldOut(i))
        fate = table.standing[cluster] === HELD_OUT ? DUPLICATE_OF_HELD_OUT : DUPLICATE;
      const alike = document === best ? 1 : similarity(best, document);
      const other = fate === KEPT ? Math.min(0xffffffff, table.weight[cluster]!) : best;
      labels ??= labelsBeside(side, entry.first);
      const label = labels.bytes(i);
      fates.add({ document, fate, cluster: rank[cluster]!, other, similarity: alike }, label);
      removed[fate]!++;
      if (fate === KEPT) continue;
      if (best >= fresh) removedForIndex++;
      if (members.removed) members.removed[document] = 1;
      examples.offer(meta.idHigh(i) * 4096 + (meta.idLow(i) >>> 20), best, parseLabel(label), alike);
    }
    await pace.step('clusters');
  }
  return {
    clusters: table.count,
    duplicates: written - table.count,
    largestCluster: largest,
    removed: removed[DUPLICATE]! + removed[DUPLICATE_OF_HELD_OUT]!,
    removedForHeldOut: removed[DUPLICATE_OF_HELD_OUT]!,
    removedForIndex,
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
