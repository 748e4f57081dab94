/**
 * Pairs of symbols with their counts and the list of places where they may be: a span of a shared pool. A pair is
 * dropped for good once it was merged or fell below the least count; dropped pairs and their places are swept out
 * before anything grows.
 */
export class PairTable {
  size = 0;
  left = new Int32Array(1 << 12);
  right = new Int32Array(1 << 12);
  /** 0 once dropped. */
  count = new Float64Array(1 << 12);
  placeStart = new Uint32Array(1 << 12);
  placeLength = new Uint32Array(1 << 12);
  pool = new Uint32Array(1 << 16);
  poolLength = 0;
  /** Called after a sweep with the new number of each pair, or -1. */
  readonly #onSweep: (renumbered: Int32Array) => void;
  /** Pair + 1, or 0 where free. */
  #slots = new Uint32Array(1 << 13);

  constructor(onSweep: (renumbered: Int32Array) => void) {
    this.#onSweep = onSweep;
  }

  find(left: number, right: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashPair(left, right) & mask; ; slot = (slot + 1) & mask) {
      const pair = this.#slots[slot]! - 1;
      if (pair < 0) return -1;
      if (this.left[pair] === left && this.right[pair] === right) return pair;
    }
  }

  /** Makes room for so many more pairs and places; may sweep, so that pairs get other numbers. */
  reserve(pairs: number, places: number): void {
    if (this.size + pairs <= this.left.length && this.poolLength + places <= this.pool.length) return;
    this.#sweep();
    if (this.size + pairs > this.left.length * 0.75) this.#grow(this.size + pairs);
    const needed = this.poolLength + places;
    if (needed > this.pool.length * 0.75)
      this.pool = grown(this.pool, new Uint32Array(Math.ceil(Math.max(needed, this.pool.length) * 1.5)));
  }

  /** Adds a pair that is not there; room for it was reserved. */
  add(left: number, right: number, count: number, places: number): number {
    const pair = this.size++;
    this.left[pair] = left;
    this.right[pair] = right;
    this.count[pair] = count;
    this.placeStart[pair] = this.poolLength;
    this.placeLength[pair] = places;
    this.poolLength += places;
    this.#link(pair);
    return pair;
  }

  #link(pair: number): void {
    const mask = this.#slots.length - 1;
    let slot = hashPair(this.left[pair]!, this.right[pair]!) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = pair + 1;
  }

  #grow(pairs: number): void {
    let capacity = this.left.length * 2;
    while (capacity < pairs) capacity *= 2;
    this.left = grown(this.left, new Int32Array(capacity));
    this.right = grown(this.right, new Int32Array(capacity));
    this.count = grown(this.count, new Float64Array(capacity));
    this.placeStart = grown(this.placeStart, new Uint32Array(capacity));
    this.placeLength = grown(this.placeLength, new Uint32Array(capacity));
    this.#slots = new Uint32Array(capacity * 2);
    for (let i = 0; i < this.size; i++) this.#link(i);
  }

  #sweep(): void {
    const renumbered = new Int32Array(this.size).fill(-1);
    let kept = 0;
    let at = 0;
    for (let i = 0; i < this.size; i++) {
      if (this.count[i] === 0) continue;
      const start = this.placeStart[i]!;
      const length = this.placeLength[i]!;
      this.pool.copyWithin(at, start, start + length);
      renumbered[i] = kept;
      this.left[kept] = this.left[i]!;
      this.right[kept] = this.right[i]!;
      this.count[kept] = this.count[i]!;
      this.placeStart[kept] = at;
      this.placeLength[kept] = length;
      at += length;
      kept++;
    }
    this.size = kept;
    this.poolLength = at;
    this.#slots.fill(0);
    for (let i = 0; i < kept; i++) this.#link(i);
    this.#onSweep(renumbered);
  }
}

function grown<T extends Int32Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function hashPair(left: number, right: number): number {
  const h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return (h ^ (h >>> 15)) >>> 0;
}
