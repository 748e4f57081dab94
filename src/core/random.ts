import { createHash } from 'node:crypto';

/**
 * A seeded, splittable generator: xoshiro128** (Blackman and Vigna, 2018) seeded from SHA-256 of the path of names
 * that led to it. A child depends on its path alone, never on what its parent has drawn.
 */
export class Random {
  readonly path: string;
  private readonly s: Uint32Array;

  constructor(seed: number | string) {
    this.path = String(seed);
    const digest = createHash('sha256').update(this.path).digest();
    this.s = new Uint32Array(4);
    for (let i = 0; i < 4; i++) this.s[i] = digest.readUInt32LE(4 * i);
    if (this.s.every((word) => word === 0)) this.s[0] = 1;
  }

  /** An independent generator for the part of the work that `names` names: `random.split('order', epoch)`. */
  split(...names: (string | number)[]): Random {
    return new Random(`${this.path}/${names.join('/')}`);
  }

  /** Uniform over 0 .. 2^32 - 1. */
  uint32(): number {
    const s = this.s;
    const s1 = s[1]!;
    let result = Math.imul(s1, 5);
    result = Math.imul((result << 7) | (result >>> 25), 9) >>> 0;
    const t = s1 << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s1;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /** Uniform over [0, 1) with 53 bits. */
  next(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** Uniform over 0 .. n - 1, n at most 2^53, without modulo bias. */
  below(n: number): number {
    if (!(n >= 1 && n <= Number.MAX_SAFE_INTEGER))
      throw new RangeError(`below(${n}): n must be 1 to 2^53 - 1`);
    if (n <= 0x100000000) {
      const limit = 0x100000000 - (0x100000000 % n);
      for (;;) {
        const draw = this.uint32();
        if (draw < limit) return draw % n;
      }
    }
    return Math.floor(this.next() * n);
  }

  /** Standard normal (Box and Muller, 1958). */
  normal(): number {
    const u = 1 - this.next();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.next());
  }

  /** The state, to go on exactly from a checkpoint. */
  save(): number[] {
    return [...this.s];
  }

  restore(state: readonly number[]): void {
    if (state.length !== 4) throw new RangeError(`a generator's state has 4 words, not ${state.length}`);
    this.s.set(state);
  }
}
