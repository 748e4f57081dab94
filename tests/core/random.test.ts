import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';

describe('Random', () => {
  it('gives the same numbers for the same path, and others for another', () => {
    const a = Array.from(
      { length: 8 },
      (
        (r) => () =>
          r.uint32()
      )(new Random(7).split('order', 2)),
    );
    const b = Array.from(
      { length: 8 },
      (
        (r) => () =>
          r.uint32()
      )(new Random(7).split('order', 2)),
    );
    const c = Array.from(
      { length: 8 },
      (
        (r) => () =>
          r.uint32()
      )(new Random(7).split('order', 3)),
    );
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it('gives children that do not depend on what the parent drew', () => {
    const parent = new Random(1);
    const before = parent.split('x').uint32();
    parent.next();
    expect(parent.split('x').uint32()).toBe(before);
  });

  it('goes on from a saved state', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 50 }), (seed, draws) => {
        const random = new Random(seed);
        for (let i = 0; i < draws; i++) random.uint32();
        const state = random.save();
        const expected = [random.uint32(), random.next(), random.normal()];
        const other = new Random(0);
        other.restore(state);
        expect([other.uint32(), other.next(), other.normal()]).toEqual(expected);
      }),
    );
  });

  it('is xoshiro128**: the first outputs of the published algorithm from a known state', () => {
    // Computed from the reference's C code (prng.di.unimi.it, public domain) with s = {1, 2, 3, 4}.
    const random = new Random(0);
    random.restore([1, 2, 3, 4]);
    expect([random.uint32(), random.uint32(), random.uint32(), random.uint32()]).toEqual([
      11520, 0, 5927040, 70819200,
    ]);
  });

  it('is uniform enough: chi-square of 64 cells', () => {
    const random = new Random('uniform');
    const cells = new Array<number>(64).fill(0);
    const n = 64_000;
    for (let i = 0; i < n; i++) cells[random.below(64)]!++;
    const chi2 = cells.reduce((sum, c) => sum + (c - n / 64) ** 2 / (n / 64), 0);
    // 63 degrees of freedom: 99.99 % below 118.
    expect(chi2).toBeLessThan(118);
  });

  it('refuses what is not a range', () => {
    expect(() => new Random(1).below(0)).toThrow(RangeError);
    expect(() => new Random(1).below(2 ** 53)).toThrow(RangeError);
    expect(() => new Random(1).restore([1, 2])).toThrow(RangeError);
  });
});
