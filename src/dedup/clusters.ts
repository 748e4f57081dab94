import { join } from 'node:path';
import type { JobOutcome } from '../core/stage.ts';
import { BlockReader, BlockWriter, digestOf } from './block-file.ts';
import {
  blocksOf,
  encodeLabels,
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

/** The artifact: every document that is in a cluster of two or more, by number, and its fate. */
export const CLUSTERS_FILE = 'clusters.blocks';
const CLUSTERS_KIND = 'clusters';
const CLUSTERS_DIGEST = digestOf({ record: 'document, fate, cluster, other, similarity' });
const FATE_SECTION = 0;
const CLUSTER_LABEL_SECTION = 1;
/** Documents a block: labels are looked up at random, so that a block is about 16 KB. */
const BLOCK_DOCUMENTS = 512;
const FATE_WORDS = 5;

export const KEPT = 0;
export const DUPLICATE = 1;
export const DUPLICATE_OF_HELD_OUT = 2;

/** What became of a document in a cluster. */
export interface Fate {
  readonly document: number;
  readonly fate: number;
  /** 0, 1, ... by the hash of the kept copy's id: the same whatever the order of the input. */
  readonly cluster: number;
  /** Of a kept document: how many copies the cluster stands for. Of a removed one: the kept copy's number. */
  readonly other: number;
  /** Jaccard similarity with the kept copy, estimated or true; 1 for the kept copy itself. */
  readonly similarity: number;
}

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
  const writer = new BlockWriter(join(folder, CLUSTERS_FILE), CLUSTERS_KIND, CLUSTERS_DIGEST);
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

/** Collects fates and labels into blocks of `BLOCK_DOCUMENTS`. */
class FateWriter {
  private readonly writer: BlockWriter;
  private readonly words = new Uint32Array(BLOCK_DOCUMENTS * FATE_WORDS);
  private readonly floats = new Float32Array(this.words.buffer);
  private readonly labels: Buffer[] = [];

  constructor(writer: BlockWriter) {
    this.writer = writer;
  }

  add(fate: Fate, label: Buffer): void {
    const at = this.labels.length * FATE_WORDS;
    this.words[at] = fate.document;
    this.words[at + 1] = fate.fate;
    this.words[at + 2] = fate.cluster;
    this.words[at + 3] = fate.other;
    this.floats[at + 4] = fate.similarity;
    this.labels.push(label);
    if (this.labels.length === BLOCK_DOCUMENTS) this.flush();
  }

  flush(): void {
    const n = this.labels.length;
    if (n === 0) return;
    const bytes = new Uint8Array(this.words.buffer, 0, n * FATE_WORDS * 4);
    this.writer.write(FATE_SECTION, bytes, n);
    this.writer.write(CLUSTER_LABEL_SECTION, encodeLabels(this.labels), n);
    this.writer.commit(n);
    this.labels.length = 0;
  }
}

async function writeFates(
  writer: BlockWriter,
  sides: readonly Side[],
  forest: UnionFind,
  table: ClusterTable,
  rank: Uint32Array,
  { similarity, pace }: { similarity: Similarity; pace: Pace },
): Promise<Omit<ClusterSummary, 'documents'>> {
  const fates = new FateWriter(writer);
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
  fates.flush();
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

/** Fates by document number, from the artifact. Reads what it needs; keeps a few blocks. */
export class ClusterReader {
  readonly members: number;
  private readonly reader: BlockReader;
  private readonly fates: ReturnType<BlockReader['section']>;
  private readonly labels: ReturnType<BlockReader['section']>;
  /** First document number of each block. */
  private readonly firsts: Uint32Array;
  private readonly fateCache = new Map<number, Uint32Array>();
  private readonly labelCache = new Map<number, LabelBlock>();

  /** @throws IntegrityError if the artifact is damaged */
  constructor(folder: string) {
    this.reader = new BlockReader(join(folder, CLUSTERS_FILE), CLUSTERS_KIND, CLUSTERS_DIGEST);
    this.fates = this.reader.section(FATE_SECTION);
    this.labels = this.reader.section(CLUSTER_LABEL_SECTION);
    this.members = this.reader.documents;
    this.firsts = new Uint32Array(this.fates.length);
    for (let b = 0; b < this.fates.length; b++)
      this.firsts[b] = this.reader.slice(this.fates[b]!, 0, 4).readUInt32LE(0);
  }

  /** The fate of a document, undefined where it is in no cluster. */
  fateOf(document: number): Fate | undefined {
    const found = this.locate(document);
    return found && this.fateAt(found.block, found.i);
  }

  /** Corpus and id of a document that is in a cluster. */
  labelOf(document: number): Label | undefined {
    const found = this.locate(document);
    return found && this.labelBlock(found.block).label(found.i);
  }

  /** All members, by number. */
  *[Symbol.iterator](): Generator<Fate & { label: Label }> {
    for (let block = 0; block < this.fates.length; block++) {
      const count = this.fates[block]!.count;
      for (let i = 0; i < count; i++)
        yield { ...this.fateAt(block, i), label: this.labelBlock(block).label(i) };
    }
  }

  close(): void {
    this.reader.close();
  }

  private locate(document: number): { block: number; i: number } | undefined {
    const { firsts } = this;
    let low = 0;
    let high = firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (firsts[middle]! <= document) low = middle + 1;
      else high = middle;
    }
    const block = low - 1;
    if (block < 0) return undefined;
    const words = this.fateBlock(block);
    let from = 0;
    let to = words.length / FATE_WORDS;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (words[middle * FATE_WORDS]! < document) from = middle + 1;
      else to = middle;
    }
    return words[from * FATE_WORDS] === document ? { block, i: from } : undefined;
  }

  private fateAt(block: number, i: number): Fate {
    const words = this.fateBlock(block);
    const at = i * FATE_WORDS;
    return {
      document: words[at]!,
      fate: words[at + 1]!,
      cluster: words[at + 2]!,
      other: words[at + 3]!,
      similarity: new Float32Array(words.buffer)[at + 4]!,
    };
  }

  private fateBlock(block: number): Uint32Array {
    return cached(this.fateCache, block, () => {
      const payload = this.reader.read(this.fates[block]!);
      return new Uint32Array(payload.buffer, 0, payload.length / 4);
    });
  }

  private labelBlock(block: number): LabelBlock {
    return cached(this.labelCache, block, () => {
      const entry = this.labels[block]!;
      return new LabelBlock(this.reader.read(entry), entry.count, this.reader.path);
    });
  }
}

/** At most 256 blocks are kept; the oldest goes. */
function cached<T>(cache: Map<number, T>, key: number, read: () => T): T {
  let value = cache.get(key);
  if (value === undefined) {
    value = read();
    if (cache.size >= 256) cache.delete(cache.keys().next().value as number);
    cache.set(key, value);
  }
  return value;
}

/** The outcome that both steps of deduplication give. */
export function clusterOutcome(summary: Readonly<Record<string, unknown>>): JobOutcome {
  return { files: [CLUSTERS_FILE], summary };
}
