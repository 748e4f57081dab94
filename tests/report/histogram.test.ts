import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binOf, type Histogram } from '../../src/core/tally.ts';
import { barsOf, logTicks, quantile } from '../../src/report/histogram.ts';

function histogramOf(values: readonly number[]): Histogram {
  const histogram: Histogram = {};
  for (const value of values) histogram[binOf(value)] = (histogram[binOf(value)] ?? 0) + 1;
  return histogram;
}

// Bins are powers of 2^(1/4), computed in floating point: a value within rounding of an edge may lie on either side.
const SLACK = 1 + 1e-9;

describe('barsOf', () => {
  it('puts every value into a bar whose range holds it', () => {
    const value = fc.oneof(
      fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
      fc.double({ min: -1e6, max: -1e-6, noNaN: true }),
      fc.constantFrom(0, 1, 2, 16, 1024),
    );
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 2, max: 50 }),
        (values, most) => {
          const bars = barsOf(histogramOf(values), most);
          expect(bars.positive.length).toBeLessThanOrEqual(most);
          expect(bars.negative.length).toBeLessThanOrEqual(most);
          expect(bars.total).toBe(values.length);
          expect(bars.zero).toBe(values.filter((one) => one === 0).length);
          for (const side of [bars.positive, bars.negative]) {
            for (const [i, bar] of side.entries()) {
              if (i > 0) expect(bar.low).toBe(side[i - 1]!.high);
              const inside = values.filter(
                (one) =>
                  one !== 0 &&
                  one * (one > 0 ? SLACK : 1 / SLACK) >= bar.low &&
                  one < bar.high * (bar.high > 0 ? SLACK : 1 / SLACK),
              );
              expect(inside.length).toBeGreaterThanOrEqual(bar.count);
            }
            const sum = side.reduce((all, { count }) => all + count, 0);
            expect(sum).toBe(values.filter((one) => (side === bars.positive ? one > 0 : one < 0)).length);
          }
        },
      ),
    );
  });

  it('keeps empty bars between others, and joins no more bins than it must', () => {
    const bars = barsOf(histogramOf([1, 4]));
    // Two octaves of four bins, both ends included.
    expect(bars.positive.map(({ count }) => count)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(bars.binsPerBar).toBe(1);
    const halves = barsOf(histogramOf([1, 4]), 8);
    expect(halves.binsPerBar).toBe(2);
    expect(halves.positive.map(({ count }) => count)).toEqual([1, 0, 0, 0, 1]);
    for (const [i, { low, high }] of halves.positive.entries()) {
      expect(low).toBeCloseTo(Math.SQRT2 ** i, 12);
      expect(high).toBeCloseTo(Math.SQRT2 ** (i + 1), 12);
    }
  });

  it('counts what is no number apart', () => {
    const bars = barsOf(histogramOf([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3]));
    expect(bars.other).toBe(3);
    expect(bars.total).toBe(4);
    expect(bars.positive.reduce((sum, { count }) => sum + count, 0)).toBe(1);
    expect(barsOf({})).toMatchObject({ total: 0, positive: [], negative: [] });
  });
});

describe('quantile', () => {
  it('is within a bin of the true one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (values, q) => {
          const sorted = [...values].sort((a, b) => a - b);
          const truth = sorted[Math.ceil(q * values.length) - 1]!;
          const estimate = quantile(histogramOf(values), q)!;
          // A bin is a quarter of an octave wide.
          expect(Math.abs(Math.log2(estimate / truth))).toBeLessThanOrEqual(0.25 + 1e-6);
        },
      ),
    );
  });

  it('knows zero, negative values and nothing', () => {
    expect(quantile(histogramOf([0, 0, 0, 8]), 0.5)).toBe(0);
    expect(quantile(histogramOf([-5, -5, -5]), 0.5)).toBeCloseTo(-5, -0.5);
    expect(quantile(histogramOf([-9, 0, 9]), 0.01)).toBeLessThan(-7);
    expect(quantile({}, 0.5)).toBeUndefined();
    expect(quantile(histogramOf([Number.NaN]), 0.5)).toBeUndefined();
  });
});

describe('logTicks', () => {
  it('gives round values inside the range, few of them', () => {
    expect(logTicks(1, 1000)).toEqual([1, 10, 100, 1000]);
    expect(logTicks(0.9, 9)).toEqual([1, 2, 5]);
    expect(logTicks(3, 40)).toEqual([5, 10, 20]);
    expect(logTicks(1e-9, 1e9).length).toBeLessThanOrEqual(6);
    expect(logTicks(0, 5)).toEqual([]);
    expect(logTicks(5, 5)).toEqual([]);
    fc.assert(
      fc.property(
        fc.double({ min: 1e-8, max: 1e8, noNaN: true }),
        fc.double({ min: 1.01, max: 1e12, noNaN: true }),
        (low, factor) => {
          for (const tick of logTicks(low, low * factor)) {
            expect(tick).toBeGreaterThanOrEqual(low);
            expect(tick).toBeLessThanOrEqual(low * factor);
          }
        },
      ),
    );
  });
});
