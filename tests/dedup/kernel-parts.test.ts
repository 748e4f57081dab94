import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinhashKernel } from '../../src/dedup/kernel.ts';
import { MERSENNE_61 } from '../../src/dedup/permutations.ts';

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);

/**
 * Numbers about which the shortcuts of the kernel could err: near multiples of 2^61 - 1, 2^61, 2^32 and 2^64, and so
 * near that the upper half of a product does not tell them apart.
 */
const off = fc.oneof(fc.bigInt(-20n, 20n), fc.bigInt(-(1n << 47n), 1n << 47n));
const edge = fc
  .tuple(fc.bigInt(0n, 8n), fc.constantFrom(MERSENNE_61, 1n << 61n, 1n << 32n), off)
  .map(([times, of, by]) => u64(times * of + by));
const number = fc.oneof(edge, fc.bigInt(0n, (1n << 64n) - 1n), fc.bigInt(0n, 30n));

/** A call whose lowest value is in its second block, and then one whose value looks as large as none at all. */
const LARGE_AFTER_SMALL = [[...new Array<bigint>(40).fill(1n << 30n), 5n], [0x7_ffff_fff7n]].map(
  (hashes) => ({
    a: new Array<bigint>(16).fill(1n),
    b: new Array<bigint>(16).fill(0n),
    calls: [hashes],
  }),
);

describe('minima of permutations modulo 2^61 - 1', () => {
  const kernel = new MinhashKernel();
  const [a, b, minima, shingles] = [
    kernel.take(128),
    kernel.take(128),
    kernel.take(128),
    kernel.take(1 << 16),
  ];
  const words = (at: number, length: number): BigUint64Array => new BigUint64Array(kernel.buffer, at, length);

  it.each([
    ['permuteMersenne', (x: bigint) => x],
    ['permuteLow32', (x: bigint) => x & 0xffffffffn],
  ] as const)('%s gives them exactly, also of values next to the modulus', (name, take) => {
    const sampleOf = (lengths: { minLength: number; maxLength: number }) =>
      fc.record({
        // With a multiplier of one a value is what the numbers below say.
        a: fc.array(fc.oneof(fc.constant(1n), number), { minLength: 16, maxLength: 16 }),
        b: fc.array(fc.oneof(fc.constant(0n), number), { minLength: 16, maxLength: 16 }),
        calls: fc.array(fc.array(number, { ...lengths, size: 'max' }), { minLength: 1, maxLength: 3 }),
      });
    // Several blocks of 32, and several parts of 1,024.
    const one = fc.oneof(
      { weight: 19, arbitrary: sampleOf({ minLength: 0, maxLength: 80 }) },
      { weight: 1, arbitrary: sampleOf({ minLength: 1000, maxLength: 2600 }) },
    );
    fc.assert(
      fc.property(one, (sample) => {
        words(a, 16).set(sample.a);
        words(b, 16).set(sample.b);
        words(minima, 16).fill((1n << 64n) - 1n);
        const expected = [...words(minima, 16)];
        for (const hashes of sample.calls) {
          words(shingles, hashes.length).set(hashes);
          kernel.exports[name](shingles, hashes.length, a, b, minima, 16);
          for (let j = 0; j < 16; j++) {
            for (const h of hashes) {
              const value = take(u64(h * sample.a[j]! + sample.b[j]!) % MERSENNE_61);
              if (value < expected[j]!) expected[j] = value;
            }
          }
          expect([...words(minima, 16)]).toEqual(expected);
        }
      }),
      { numRuns: 400, examples: LARGE_AFTER_SMALL.map((sample): [typeof sample] => [sample]) },
    );
  });
});

describe('SHA-1 of n-grams', () => {
  const kernel = new MinhashKernel();
  const [text, starts, to] = [kernel.take(1 << 16), kernel.take(1 << 12), kernel.take(1 << 12)];
  kernel.exports.setShaScratch(kernel.take(1280));

  it('is that of node:crypto for lengths about every border of a block, four at a time or one', () => {
    const length = fc.oneof(fc.constantFrom(0, 1, 54, 55, 56, 63, 64, 65, 118, 119, 120, 200), fc.nat(140));
    fc.assert(
      fc.property(fc.array(length, { maxLength: 12 }), fc.constantFrom(1, 2, 5), (lengths, n) => {
        const words = lengths.map((size, i) => Buffer.alloc(size, 97 + i));
        const bytes = Buffer.concat(words.flatMap((word) => [word, Buffer.from(' ')]));
        // What lies behind a message must not matter.
        new Uint8Array(kernel.buffer, text, 4096).fill(0xee);
        new Uint8Array(kernel.buffer, text).set(bytes);
        let at = 0;
        const offsets = [0, ...words.map((word) => (at += word.length + 1))];
        new Uint32Array(kernel.buffer, starts).set(offsets);
        const grams = Math.max(0, words.length - n + 1);
        expect(kernel.exports.hashNgrams(text, starts, words.length, n, 2, to)).toBe(grams);
        const expected = Array.from({ length: grams }, (_, i) =>
          createHash('sha1')
            .update(bytes.subarray(offsets[i], offsets[i + n]! - 1))
            .digest()
            .readBigUInt64LE(0),
        );
        expect([...new BigUint64Array(kernel.buffer, to, grams)]).toEqual(expected);
        kernel.exports.hashNgrams(text, starts, words.length, n, 3, to);
        expect([...new BigUint64Array(kernel.buffer, to, grams)]).toEqual(
          expected.map((h) => h & 0xffffffffn),
        );
      }),
      { numRuns: 400 },
    );
  });
});
