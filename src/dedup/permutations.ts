import { Random } from '../core/random.ts';
import type { MinhashParameters } from './minhash-options.ts';
import { RandomState } from './mt19937.ts';

export const MERSENNE_61 = (1n << 61n) - 1n;

/** Coefficients of h -> a h + b: 32-bit (modulo 2^32, a odd) or 64-bit (modulo 2^64, then 2^61 - 1). */
export interface Permutations {
  readonly a: BigUint64Array;
  readonly b: BigUint64Array;
}

/** The coefficients that a signature's parameters mean: [bands * rows]. */
export function permutationsOf({ bands, rows, bits, hash, seed }: MinhashParameters): Permutations {
  const n = bands * rows;
  const a = new BigUint64Array(n);
  const b = new BigUint64Array(n);
  if (hash !== 'mix') {
    // datatrove draws all of a, then all of b, in both widths modulo 2^61 - 1.
    const state = new RandomState(seed);
    for (let j = 0; j < n; j++) a[j] = state.uint64(1n, MERSENNE_61);
    for (let j = 0; j < n; j++) b[j] = state.uint64(0n, MERSENNE_61);
    return { a, b };
  }
  const random = new Random(`minhash/${seed}`);
  const draw = (): bigint => (BigInt(random.uint32()) << 32n) | BigInt(random.uint32());
  for (let j = 0; j < n; j++) {
    // An odd multiplier permutes the residues of a power of two.
    a[j] = bits === 32 ? BigInt((random.uint32() | 1) >>> 0) : (draw() % (MERSENNE_61 - 1n)) + 1n;
    b[j] = bits === 32 ? BigInt(random.uint32()) : draw() % MERSENNE_61;
  }
  return { a, b };
}
