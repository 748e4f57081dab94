import { blocksOf, type Side } from './document-columns.ts';

const KEPT_BLOCKS = 8;

/**
 * Estimates Jaccard similarities from the lowest bytes of the minima: with b = 8 bits the share of equal bytes is
 * J + (1 - J) / 256 (P. Li and A. C. König, b-bit minwise hashing, WWW 2010).
 */
export class Sketches {
  private readonly blocks;
  private readonly permutations: number;
  private readonly kept = new Map<number, Buffer>();
  private readonly checked = new Set<number>();

  constructor(sides: readonly Side[], section: number, permutations: number) {
    this.blocks = [...blocksOf(sides, section)];
    this.permutations = permutations;
  }

  similarity(a: number, b: number): number {
    const x = this.sketch(a);
    const y = this.sketch(b);
    let equal = 0;
    for (let j = 0; j < this.permutations; j++) if (x[j] === y[j]) equal++;
    return Math.max(0, (equal / this.permutations - 1 / 256) / (1 - 1 / 256));
  }

  private sketch(document: number): Buffer {
    const { blocks, permutations } = this;
    let low = 0;
    let high = blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (blocks[middle]!.first <= document) low = middle + 1;
      else high = middle;
    }
    const block = low - 1;
    const { side, entry, first } = blocks[block]!;
    const at = (document - first) * permutations;
    const kept = this.kept.get(block);
    if (kept) return kept.subarray(at, at + permutations);
    if (this.checked.has(block)) return side.reader.slice(entry, at, permutations);
    // The first use reads and checks the whole block.
    const payload = side.reader.read(entry);
    this.checked.add(block);
    if (this.kept.size < KEPT_BLOCKS) this.kept.set(block, payload);
    return payload.subarray(at, at + permutations);
  }
}
