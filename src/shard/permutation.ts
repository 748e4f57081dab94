import { Random } from '../core/random.ts';

/**
 * A seeded bijection of 0 .. n - 1 without a table: a Feistel network of alternating halves over the next power of
 * two (Luby and Rackoff, 1988), walked until it lands inside (cycle walking: Black and Rogaway, 2002; fewer than two
 * rounds of it on average, as the power of two is less than 2n).
 */
const ROUNDS = 8;
const TWO_32 = 0x100000000;

/** One output word from a word and a key (the finalizer of MurmurHash3, Appleby 2011, on their sum). */
function mix(word: number, key: number): number {
  let h = (word + key) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export class Permutation {
  readonly n: number;
  private readonly keys: Uint32Array;
  private readonly lowBits: number;
  private readonly lowSize: number;
  private readonly lowMask: number;
  private readonly highMask: number;

  /** n from 1 to 2^53 - 1. */
  constructor(n: number, random: Random) {
    if (!(Number.isSafeInteger(n) && n >= 1)) throw new RangeError(`a permutation of ${n} elements`);
    this.n = n;
    this.keys = Uint32Array.from({ length: ROUNDS }, () => random.uint32());
    const bits = Math.max(2, bitsOf(n - 1));
    this.lowBits = bits >>> 1;
    this.lowSize = 2 ** this.lowBits;
    this.lowMask = this.lowSize - 1;
    this.highMask = 2 ** (bits - this.lowBits) - 1;
  }

  /** Where element i goes. */
  at(i: number): number {
    let x = i;
    do x = this.forward(x);
    while (x >= this.n);
    return x;
  }

  /** The element that goes to x: at(inverse(x)) = x. */
  inverse(x: number): number {
    let i = x;
    do i = this.backward(i);
    while (i >= this.n);
    return i;
  }

  private forward(x: number): number {
    const { keys, lowMask, highMask, lowSize } = this;
    let low = x < TWO_32 ? (x & lowMask) >>> 0 : x % lowSize;
    let high = x < TWO_32 ? x >>> this.lowBits : Math.floor(x / lowSize);
    for (let r = 0; r < ROUNDS; r += 2) {
      low = (low ^ (mix(high, keys[r]!) & lowMask)) >>> 0;
      high = (high ^ (mix(low, keys[r + 1]!) & highMask)) >>> 0;
    }
    return high * lowSize + low;
  }

  private backward(x: number): number {
    const { keys, lowMask, highMask, lowSize } = this;
    let low = x % lowSize;
    let high = Math.floor(x / lowSize);
    for (let r = ROUNDS - 2; r >= 0; r -= 2) {
      high = (high ^ (mix(low, keys[r + 1]!) & highMask)) >>> 0;
      low = (low ^ (mix(high, keys[r]!) & lowMask)) >>> 0;
    }
    return high * lowSize + low;
  }
}

/** Bits that hold 0 .. n. */
function bitsOf(n: number): number {
  let bits = 0;
  for (let power = 1; power <= n; power *= 2) bits++;
  return bits;
}

/**
 * The order of windows over all epochs: place g is window at(g). The first `epochsInOrder` epochs go through the windows
 * in their own order, that of the shards; each later one has a permutation of its own.
 */
export class WindowOrder {
  readonly windows: number;
  private readonly random: Random;
  private readonly epochsInOrder: number;
  private readonly kept = new Map<number, Permutation>();

  constructor(windows: number, orderSeed: number, epochsInOrder = 0) {
    this.windows = windows;
    this.epochsInOrder = epochsInOrder;
    this.random = new Random(orderSeed).split('order');
  }

  at(place: number): number {
    const epoch = Math.floor(place / this.windows);
    const within = place - epoch * this.windows;
    return epoch < this.epochsInOrder ? within : this.epoch(epoch).at(within);
  }

  /** The place in epoch `epoch` at which a window is read. */
  placeOf(window: number, epoch: number): number {
    const within = epoch < this.epochsInOrder ? window : this.epoch(epoch).inverse(window);
    return epoch * this.windows + within;
  }

  private epoch(epoch: number): Permutation {
    let permutation = this.kept.get(epoch);
    if (!permutation) {
      // Two: a batch may end one epoch and begin the next.
      if (this.kept.size >= 2) this.kept.delete(this.kept.keys().next().value!);
      permutation = new Permutation(this.windows, this.random.split(epoch));
      this.kept.set(epoch, permutation);
    }
    return permutation;
  }
}
