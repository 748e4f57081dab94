import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { Permutation, WindowOrder } from '../../src/shard/permutation.ts';

describe('the seeded bijection over windows', () => {
  it('hits every element once, and its inverse undoes it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer(), (n, seed) => {
        const permutation = new Permutation(n, new Random(seed));
        const seen = new Uint8Array(n);
        for (let i = 0; i < n; i++) {
          const x = permutation.at(i);
          seen[x]!++;
          if (permutation.inverse(x) !== i) return false;
        }
        return seen.every((times) => times === 1);
      }),
      { numRuns: 200 },
    );
  });

  it('is inverted and stays inside at sizes around 2^32 and up to 2^53', () => {
    for (const n of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 12345, 2 ** 53 - 1]) {
      const permutation = new Permutation(n, new Random(n));
      const random = new Random(`draw ${n}`);
      const images = new Set<number>();
      for (let k = 0; k < 2000; k++) {
        const i = k === 0 ? n - 1 : k === 1 ? 0 : random.below(n);
        const x = permutation.at(i);
        expect(x).toBeLessThan(n);
        expect(Number.isSafeInteger(x)).toBe(true);
        expect(permutation.inverse(x)).toBe(i);
        images.add(x);
      }
      expect(images.size).toBeGreaterThan(1990);
    }
  });

  it('spreads images evenly (chi-squared over seeds, and over the first elements of one large permutation)', () => {
    const n = 10;
    const counts = Array.from({ length: n }, () => new Float64Array(n));
    const trials = 4000;
    for (let seed = 0; seed < trials; seed++) {
      const permutation = new Permutation(n, new Random(seed));
      for (let i = 0; i < n; i++) counts[i]![permutation.at(i)]!++;
    }
    for (const row of counts) {
      const expected = trials / n;
      const chi = row.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // 9 degrees of freedom: 33.7 is the 1e-4 quantile.
      expect(chi).toBeLessThan(33.7);
    }
    const big = new Permutation(1_000_003, new Random('big'));
    const bins = new Float64Array(64);
    for (let i = 0; i < 64_000; i++) bins[Math.floor((big.at(i) * 64) / 1_000_003)]!++;
    const chi = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chi).toBeLessThan(115);
  });

  it('gives each epoch an order of its own, and finds a window in it again', () => {
    const order = new WindowOrder(100, 5);
    const epochs = [0, 1, 2].map((epoch) => Array.from({ length: 100 }, (_, i) => order.at(epoch * 100 + i)));
    for (const epoch of epochs) expect([...epoch].sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[1]).not.toEqual(epochs[2]);
    for (let window = 0; window < 100; window++) expect(order.at(order.placeOf(window, 2))).toBe(window);
    expect(
      new WindowOrder(100, 6).at(0) === order.at(0) && new WindowOrder(100, 6).at(1) === order.at(1),
    ).toBe(false);
  });

  it('refuses sizes that are none', () => {
    for (const n of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      expect(() => new Permutation(n, new Random(1))).toThrow(RangeError);
    }
  });
});
