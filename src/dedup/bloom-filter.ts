/**
 * A Bloom filter (Bloom 1970) sized for a number of keys and a rate of false positives: m = -n ln p / (ln 2)^2 bits
 * and k = m/n ln 2 of them a key, by double hashing (Kirsch and Mitzenmacher 2006) over the whole of the bits.
 */
export class BloomFilter {
  readonly bits: number;
  readonly hashes: number;
  private readonly words: Uint32Array;

  constructor(keys: number, falsePositiveRate: number) {
    const n = Math.max(1, keys);
    const bits = Math.ceil((-n * Math.log(falsePositiveRate)) / Math.LN2 ** 2);
    this.words = new Uint32Array(Math.ceil(bits / 32) + 1);
    this.bits = this.words.length * 32;
    this.hashes = Math.max(1, Math.round((this.bits / n) * Math.LN2));
  }

  get bytes(): number {
    return this.words.length * 4;
  }

  /** The rate of false positives at the bits that are set now. */
  get rate(): number {
    let set = 0;
    for (const word of this.words) set += ones(word);
    return (set / this.bits) ** this.hashes;
  }

  has(low: number, high: number): boolean {
    let at = this.place(low, high);
    const step = this.step(low, high);
    for (let i = 0; i < this.hashes; i++) {
      if ((this.words[Math.floor(at / 32)]! & (1 << (at % 32))) === 0) return false;
      at += step;
      if (at >= this.bits) at -= this.bits;
    }
    return true;
  }

  add(low: number, high: number): void {
    let at = this.place(low, high);
    const step = this.step(low, high);
    for (let i = 0; i < this.hashes; i++) {
      this.words[Math.floor(at / 32)]! |= 1 << (at % 32);
      at += step;
      if (at >= this.bits) at -= this.bits;
    }
  }

  private place(low: number, high: number): number {
    return Math.floor((mix(low, high) / 2 ** 32 + mix(high, 0x9e3779b9)) * (this.bits / 2 ** 32)) % this.bits;
  }

  private step(low: number, high: number): number {
    return 1 + (Math.floor((mix(high, low ^ 0x85ebca6b) * (this.bits - 1)) / 2 ** 32) % (this.bits - 1));
  }
}

/** 32 bits of both, after the finalizer of MurmurHash3 (Appleby, public domain). */
function mix(a: number, b: number): number {
  let h = Math.imul(a, 0xcc9e2d51) ^ b;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h = Math.imul((h ^ (h >>> 16)) + a, 0x85ebca6b);
  return (h ^ (h >>> 15)) >>> 0;
}

function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
