import type { BlockEntry } from './block-file.ts';
import { blocksOf, type Side } from './document-columns.ts';
import { jaccard, similar } from './shingles.ts';
import type { Pace } from './side-files.ts';

/** Words of sets that are kept for the pairs to come: 32 MiB. */
const CACHED_WORDS = 1 << 23;

interface SetBlock {
  readonly side: Side;
  readonly entry: BlockEntry;
  readonly first: number;
}

/**
 * The sorted shingle sets of documents by number, read on demand. A block is [count] lengths and the sets, all of
 * 32 bits; each block is read whole and checked once, before anything in it is used.
 */
export class ShingleSets {
  private readonly blocks: SetBlock[];
  /** [documents] where a set begins in its block, in words. */
  private readonly starts: Uint32Array;
  /** [blocks] 1 where `starts` is known and the block was checked. */
  private readonly located: Uint8Array;
  private readonly cache = new Map<number, Uint32Array>();
  private cachedWords = 0;

  private constructor(blocks: SetBlock[], documents: number) {
    this.blocks = blocks;
    this.located = new Uint8Array(blocks.length);
    this.starts = new Uint32Array(documents);
  }

  /**
   * Reads and checks the blocks of the first `fresh` documents at once, in large reads; those of an index, of which few
   * are asked for, when one of their documents is.
   */
  static async open(
    sides: readonly Side[],
    section: number,
    documents: number,
    fresh: number,
    pace: Pace,
  ): Promise<ShingleSets> {
    const blocks = [...blocksOf(sides, section)];
    const sets = new ShingleSets(blocks, documents);
    for (let block = 0; block < blocks.length; block++) {
      if (blocks[block]!.first < fresh) sets.locate(block);
      await pace.step('shingles');
    }
    return sets;
  }

  /** Reads a block whole and notes where its sets begin. */
  private locate(block: number): void {
    const { side, entry, first } = this.blocks[block]!;
    const words = new Uint32Array(side.reader.read(entry).buffer);
    let at = entry.count;
    for (let i = 0; i < entry.count; i++) {
      this.starts[first + i] = at;
      at += words[i]!;
    }
    this.located[block] = 1;
  }

  /** The Jaccard similarity of two documents. */
  similarity(a: number, b: number): number {
    return jaccard(this.set(a), this.set(b));
  }

  atLeast(a: number, b: number, least: number): boolean {
    return similar(this.set(a), this.set(b), least);
  }

  private set(document: number): Uint32Array {
    let set = this.cache.get(document);
    if (set !== undefined) return set;
    set = this.readSet(document);
    this.cache.set(document, set);
    this.cachedWords += set.length + 32;
    // Pairs of one band come by key, not by document: the oldest half goes at once.
    if (this.cachedWords > CACHED_WORDS) {
      let drop = this.cache.size >> 1;
      for (const [key, old] of this.cache) {
        if (drop-- === 0) break;
        this.cache.delete(key);
        this.cachedWords -= old.length + 32;
      }
    }
    return set;
  }

  private readSet(document: number): Uint32Array {
    const { blocks } = this;
    let low = 0;
    let high = blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (blocks[middle]!.first <= document) low = middle + 1;
      else high = middle;
    }
    if (this.located[low - 1] === 0) this.locate(low - 1);
    const { side, entry, first } = blocks[low - 1]!;
    const start = this.starts[document]! * 4;
    const isLast = document - first + 1 === entry.count;
    const end = isLast ? entry.length : this.starts[document + 1]! * 4;
    const bytes = side.reader.slice(entry, start, end - start);
    return new Uint32Array(bytes.buffer);
  }
}
