/**
 * The Mersenne Twister (Matsumoto and Nishimura, 1998) as numpy's legacy `RandomState` seeds and draws it, because
 * datatrove's permutations are its draws.
 */
export class RandomState {
  private readonly state = new Uint32Array(624);
  private index = 624;

  constructor(seed: number) {
    this.state[0] = seed >>> 0;
    for (let i = 1; i < 624; i++) {
      const previous = this.state[i - 1]!;
      this.state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  uint32(): number {
    if (this.index === 624) this.twist();
    let y = this.state[this.index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** `randint(low, high, dtype=uint64)`: masked rejection, high word first. */
  uint64(low: bigint, high: bigint): bigint {
    const range = high - low - 1n;
    const mask = (1n << BigInt(range.toString(2).length)) - 1n;
    for (;;) {
      const upper = BigInt(this.uint32());
      const draw = ((upper << 32n) | BigInt(this.uint32())) & mask;
      if (draw <= range) return low + draw;
    }
  }

  private twist(): void {
    const { state } = this;
    for (let i = 0; i < 624; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % 624]! & 0x7fffffff);
      state[i] = state[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }
}
