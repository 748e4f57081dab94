import type { PairTable } from './pair-table.ts';

/**
 * The most frequent pair first; among equals the smaller (left, right). Counts only fall, so an entry keeps the count it
 * was pushed with, and is put back in order when it comes to the top with a lower one.
 */
export class PairHeap {
  #pairs = new Int32Array(1 << 12);
  #keys = new Float64Array(1 << 12);
  #size = 0;
  readonly #table: PairTable;

  constructor(table: PairTable) {
    this.#table = table;
  }

  push(pair: number): void {
    if (this.#size === this.#pairs.length) {
      const pairs = new Int32Array(this.#size * 2);
      pairs.set(this.#pairs);
      this.#pairs = pairs;
      const keys = new Float64Array(this.#size * 2);
      keys.set(this.#keys);
      this.#keys = keys;
    }
    this.#siftUp(this.#size++, pair, this.#table.count[pair]!);
  }

  /** Takes out the best pair, or -1. Pairs whose count fell below `least` are dropped on the way. */
  pop(least: number): number {
    const count = this.#table.count;
    while (this.#size > 0) {
      const pair = this.#pairs[0]!;
      const key = this.#keys[0]!;
      const now = count[pair]!;
      if (now === key) {
        this.#removeFirst();
        return pair;
      }
      if (now < least) {
        count[pair] = 0;
        this.#removeFirst();
      } else this.#siftDown(0, pair, now);
    }
    return -1;
  }

  /** Follows a renumbering of the pairs; those that became -1 leave. */
  renumber(renumbered: Int32Array): void {
    const pairs = this.#pairs;
    const keys = this.#keys;
    const size = this.#size;
    let kept = 0;
    for (let i = 0; i < size; i++) {
      const pair = renumbered[pairs[i]!]!;
      if (pair < 0) continue;
      pairs[kept] = pair;
      keys[kept++] = keys[i]!;
    }
    this.#size = kept;
    for (let i = (kept >> 1) - 1; i >= 0; i--) this.#siftDown(i, pairs[i]!, keys[i]!);
  }

  #removeFirst(): void {
    const last = --this.#size;
    if (last > 0) this.#siftDown(0, this.#pairs[last]!, this.#keys[last]!);
  }

  #before(pair: number, key: number, other: number, otherKey: number): boolean {
    if (key !== otherKey) return key > otherKey;
    const { left, right } = this.#table;
    if (left[pair] !== left[other]) return left[pair]! < left[other]!;
    return right[pair]! < right[other]!;
  }

  #siftUp(i: number, pair: number, key: number): void {
    const pairs = this.#pairs;
    const keys = this.#keys;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!this.#before(pair, key, pairs[up]!, keys[up]!)) break;
      pairs[i] = pairs[up]!;
      keys[i] = keys[up]!;
      i = up;
    }
    pairs[i] = pair;
    keys[i] = key;
  }

  #siftDown(i: number, pair: number, key: number): void {
    const pairs = this.#pairs;
    const keys = this.#keys;
    const size = this.#size;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(pairs[child + 1]!, keys[child + 1]!, pairs[child]!, keys[child]!))
        child++;
      if (!this.#before(pairs[child]!, keys[child]!, pair, key)) break;
      pairs[i] = pairs[child]!;
      keys[i] = keys[child]!;
      i = child;
    }
    pairs[i] = pair;
    keys[i] = key;
  }
}
