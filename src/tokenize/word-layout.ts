import type { PreTokenCounts } from './counts.ts';

/** Between words. */
export const GAP = -0x80000000;
const BLOCK_BITS = 4;

/**
 * All pre-tokens of two bytes or more as one array of symbols by byte position, a gap around each. `symbols[p]` is the id
 * of the symbol that starts at p; where it has several bytes, its last position holds ~id: so neighbours are found both
 * ways without links, at four bytes a byte of text.
 */
export class WordLayout {
  readonly symbols: Int32Array;
  /** [words] */
  readonly counts: Float64Array;
  /** [words + 1] position where each word starts; a word's gap is the last position before the next start. */
  readonly starts: Uint32Array;
  /** Word that holds position (block << BLOCK_BITS) or ends right before it. */
  readonly #blockWord: Uint32Array;

  constructor(table: PreTokenCounts, idOfByte: Int32Array) {
    let words = 0;
    let positions = 1;
    for (let i = 0, start = 0; i < table.size; start = table.ends[i++]!) {
      const length = table.ends[i]! - start;
      if (length < 2) continue;
      words++;
      positions += length + 1;
    }
    this.symbols = new Int32Array(positions).fill(GAP);
    this.counts = new Float64Array(words);
    this.starts = new Uint32Array(words + 1);
    this.#blockWord = new Uint32Array((positions >> BLOCK_BITS) + 1);
    this.#fill(table, idOfByte);
  }

  #fill(table: PreTokenCounts, idOfByte: Int32Array): void {
    let word = 0;
    let at = 1;
    let block = 0;
    for (let i = 0, start = 0; i < table.size; start = table.ends[i++]!) {
      const end = table.ends[i]!;
      if (end - start < 2) continue;
      this.starts[word] = at;
      this.counts[word] = table.counts[i]!;
      for (let b = start; b < end; b++) this.symbols[at++] = idOfByte[table.arena[b]!]!;
      at++;
      for (; block << BLOCK_BITS < at && block < this.#blockWord.length; block++)
        this.#blockWord[block] = word;
      word++;
    }
    this.starts[word] = at;
  }

  /** Count of the word that holds position `at`. */
  countAt(at: number): number {
    let word = this.#blockWord[at >> BLOCK_BITS]!;
    while (this.starts[word + 1]! <= at) word++;
    return this.counts[word]!;
  }
}
