import { join } from 'node:path';
import { BlockReader, BlockWriter, digestOf } from './block-file.ts';
import { encodeLabels, type Label, LabelBlock } from './document-columns.ts';

/** The artifact: every document that is in a cluster of two or more, by number, and its fate. */
export const CLUSTERS_FILE = 'clusters.blocks';
const CLUSTERS_KIND = 'clusters';
const CLUSTERS_DIGEST = digestOf({ record: 'document, fate, cluster, other, similarity' });
const FATE_SECTION = 0;
const CLUSTER_LABEL_SECTION = 1;
/** Documents a block: labels are looked up at random, so that a block is about 16 KB. */
const BLOCK_DOCUMENTS = 512;
const FATE_WORDS = 5;
const CLUSTER_WORD = 2;

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

/** Writes the artifact: fates and labels by ascending document, in blocks of `BLOCK_DOCUMENTS`. */
export class FateWriter {
  private readonly writer: BlockWriter;
  private readonly words = new Uint32Array(BLOCK_DOCUMENTS * FATE_WORDS);
  private readonly floats = new Float32Array(this.words.buffer);
  private readonly labels: Buffer[] = [];

  constructor(folder: string) {
    this.writer = new BlockWriter(join(folder, CLUSTERS_FILE), CLUSTERS_KIND, CLUSTERS_DIGEST);
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

  /** Syncs and closes the file. */
  finish(): void {
    this.flush();
    this.writer.finish();
  }

  abandon(): void {
    this.writer.abandon();
  }

  private flush(): void {
    const n = this.labels.length;
    if (n === 0) return;
    const bytes = new Uint8Array(this.words.buffer, 0, n * FATE_WORDS * 4);
    this.writer.write(FATE_SECTION, bytes, n);
    this.writer.write(CLUSTER_LABEL_SECTION, encodeLabels(this.labels), n);
    this.writer.commit(n);
    this.labels.length = 0;
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

  /** The clusters of all members, by the members' number. */
  *clusters(): Generator<number> {
    for (let block = 0; block < this.fates.length; block++) {
      const words = this.fateBlock(block);
      for (let at = CLUSTER_WORD; at < words.length; at += FATE_WORDS) yield words[at]!;
    }
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
