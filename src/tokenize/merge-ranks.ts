import type { PairRanks } from './bpe-vocabulary.ts';
import type { TokenBuffer } from './token-buffer.ts';

const NONE = 0x7fffffff;
/** Up to here a linear search for the least rank beats a heap. */
const SHORT = 48;
/** Heap keys are rank * 2^32 + place: exact below 2^53 for ranks below 2^21. */
const PLACES = 0x100000000;

/**
 * Merges the symbols of one pre-token by rank, leftmost first among equals: what replaying all merges in order gives.
 * O(n^2) up to 48 symbols, O(n log n) beyond.
 */
export class Merger {
  readonly #pairs: PairRanks;
  #symbols = new Int32Array(64);
  #ranks = new Int32Array(64);
  /** Id that the pair starting here makes. */
  #made = new Int32Array(64);
  #next = new Int32Array(64);
  #previous = new Int32Array(64);
  #heap = new Float64Array(64);
  #heapSize = 0;

  constructor(pairs: PairRanks) {
    this.#pairs = pairs;
  }

  /** Room for `n` symbols, to be written before `run`. */
  symbols(n: number): Int32Array {
    if (n > this.#symbols.length) {
      const capacity = n * 2;
      this.#symbols = new Int32Array(capacity);
      this.#ranks = new Int32Array(capacity);
      this.#made = new Int32Array(capacity);
      this.#next = new Int32Array(capacity);
      this.#previous = new Int32Array(capacity);
      // Each symbol enters once and each merge puts in at most two more.
      this.#heap = new Float64Array(capacity * 3);
    }
    return this.#symbols;
  }

  /** Merges the first `n` symbols and appends what is left to `out`. */
  run(n: number, out: TokenBuffer): void {
    out.reserve(n);
    if (n <= SHORT) this.#runShort(n, out);
    else this.#runLong(n, out);
  }

  #rank(i: number, left: number, right: number): number {
    const at = this.#pairs.find(left, right);
    if (at < 0) {
      this.#ranks[i] = NONE;
      return NONE;
    }
    this.#made[i] = this.#pairs.slots[at + 1]!;
    const rank = this.#pairs.slots[at]!;
    this.#ranks[i] = rank;
    return rank;
  }

  #runShort(n: number, out: TokenBuffer): void {
    const symbols = this.#symbols;
    const ranks = this.#ranks;
    const made = this.#made;
    for (let i = 0; i + 1 < n; i++) this.#rank(i, symbols[i]!, symbols[i + 1]!);
    for (;;) {
      let best = -1;
      let least = NONE;
      for (let i = 0; i + 1 < n; i++)
        if (ranks[i]! < least) {
          least = ranks[i]!;
          best = i;
        }
      if (best < 0) break;
      symbols[best] = made[best]!;
      n--;
      for (let i = best + 1; i < n; i++) {
        symbols[i] = symbols[i + 1]!;
        ranks[i] = ranks[i + 1]!;
        made[i] = made[i + 1]!;
      }
      if (best + 1 < n) this.#rank(best, symbols[best]!, symbols[best + 1]!);
      if (best > 0) this.#rank(best - 1, symbols[best - 1]!, symbols[best]!);
    }
    for (let i = 0; i < n; i++) out.data[out.length++] = symbols[i]!;
  }

  #runLong(n: number, out: TokenBuffer): void {
    const symbols = this.#symbols;
    const next = this.#next;
    const previous = this.#previous;
    this.#heapSize = 0;
    for (let i = 0; i < n; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
      if (i + 1 < n) this.#offer(i, symbols[i]!, symbols[i + 1]!);
    }
    this.#ranks[n - 1] = NONE;
    while (this.#heapSize > 0) {
      const key = this.#popLeast();
      const rank = Math.floor(key / PLACES);
      const i = key - rank * PLACES;
      if (this.#ranks[i] !== rank) continue;
      const j = next[i]!;
      const after = next[j]!;
      symbols[i] = this.#made[i]!;
      this.#ranks[j] = NONE;
      next[i] = after;
      if (after < n) {
        previous[after] = i;
        this.#offer(i, symbols[i]!, symbols[after]!);
      } else this.#ranks[i] = NONE;
      if (i > 0) {
        const before = previous[i]!;
        this.#offer(before, symbols[before]!, symbols[i]!);
      }
    }
    for (let i = 0; i < n; i = next[i]!) out.data[out.length++] = symbols[i]!;
  }

  #offer(i: number, left: number, right: number): void {
    const rank = this.#rank(i, left, right);
    if (rank === NONE) return;
    const heap = this.#heap;
    const key = rank * PLACES + i;
    let at = this.#heapSize++;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (heap[up]! <= key) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = key;
  }

  #popLeast(): number {
    const heap = this.#heap;
    const least = heap[0]!;
    const size = --this.#heapSize;
    const key = heap[size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
      if (key <= heap[child]!) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = key;
    return least;
  }
}
