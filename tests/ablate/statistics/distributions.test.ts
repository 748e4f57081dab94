import { describe, expect, it } from 'vitest';
import * as distributions from '../../../src/ablate/statistics/distributions.ts';
import { golden } from './golden.ts';

const functions = new Map(Object.entries(distributions));

describe('distributions', () => {
  for (const [name, rows] of Object.entries(golden.distributions)) {
    it(`${name} gives what scipy gives`, () => {
      const compute = functions.get(name) as (...of: number[]) => number;
      for (const row of rows) {
        const expected = row.at(-1)!;
        const found = compute(...row.slice(0, -1));
        expect(Math.abs(found - expected), `${name}(${row.slice(0, -1)}): ${found}`).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs(expected)),
        );
      }
    });
  }

  it('gives no chance beyond an infinite t, and all of it at 0', () => {
    expect(distributions.tTwoSided(Number.POSITIVE_INFINITY, 3)).toBe(0);
    expect(distributions.tTwoSided(0, 3)).toBe(1);
  });
});
