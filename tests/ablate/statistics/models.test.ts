import { describe, expect, it } from 'vitest';
import { fitBlocks, type Observation } from '../../../src/ablate/statistics/blocks.ts';
import { tTwoSided } from '../../../src/ablate/statistics/distributions.ts';
import { intervalAround } from '../../../src/ablate/statistics/documents.ts';
import { DomainModel } from '../../../src/ablate/statistics/domain-model.ts';
import { holm } from '../../../src/ablate/statistics/holm.ts';
import { seedsNeeded } from '../../../src/ablate/statistics/power.ts';
import { kendallTau } from '../../../src/ablate/statistics/ranks.ts';
import { golden } from './golden.ts';

function observations(rows: (typeof golden.blocks)[number]['rows']): Observation[] {
  return rows.map(([arm, block, value]) => ({ arm, block: String(block), value }));
}

describe('arms and blocks', () => {
  for (const [i, { rows, degrees, spread, comparisons }] of golden.blocks.entries()) {
    it(`gives what statsmodels' least squares give, table ${i}`, () => {
      const fit = fitBlocks(observations(rows));
      expect(fit.degreesOfFreedom).toBe(degrees);
      expect(Math.sqrt(fit.variance)).toBeCloseTo(spread, 10);
      for (const [arm, expected] of Object.entries(comparisons)) {
        const { difference, factor } = fit.contrast(arm, 'base')!;
        const error = Math.sqrt(fit.variance * factor);
        const { low, high } = intervalAround(difference, error, fit.degreesOfFreedom, 0.95);
        expect(difference).toBeCloseTo(expected.difference, 10);
        expect(error).toBeCloseTo(expected.standardError, 10);
        expect(low).toBeCloseTo(expected.low, 9);
        expect(high).toBeCloseTo(expected.high, 9);
        expect(tTwoSided(difference / error, degrees)).toBeCloseTo(expected.p, 9);
      }
    });
  }

  it('compares no arms that no chain of blocks links', () => {
    const rows = ['a', 'b'].flatMap((arm) => [0, 1].map((i) => ({ arm, block: `${arm}${i}`, value: i })));
    const fit = fitBlocks(rows);
    expect(fit.contrast('a', 'b')).toBeUndefined();
    expect(fit.contrast('a', 'a')).toEqual({ difference: 0, factor: 0 });
  });
});

describe('a domain', () => {
  for (const [i, expected] of golden.welch.entries()) {
    it(`takes Welch's test where spreads differ more than three times, as scipy has it, pair ${i}`, () => {
      const rows = (['a', 'b'] as const).flatMap((arm) =>
        expected[arm].map((value, block) => ({ arm, block: `${arm}${block}`, value })),
      );
      const found = new DomainModel(rows).compare('a', 'b');
      expect(found.method).toBe('welch');
      expect(found.difference).toBeCloseTo(expected.difference, 12);
      expect(found.degreesOfFreedom).toBeCloseTo(expected.degrees, 9);
      const interval = intervalAround(found.difference, found.standardError, found.degreesOfFreedom, 0.95);
      expect(interval.low).toBeCloseTo(expected.low, 9);
      expect(interval.high).toBeCloseTo(expected.high, 9);
    });
  }

  it('pools the spread of arms that share seeds over blocks, and says how far seeds go together', () => {
    const { rows, degrees } = golden.blocks[0]!;
    const model = new DomainModel(observations(rows));
    expect(model.compare('raw', 'base')).toMatchObject({ method: 'blocks', sharedSeeds: true });
    expect(model.compare('raw', 'base').degreesOfFreedom).toBe(degrees);
    const { value, low, high } = model.correlation!;
    expect(low).toBeLessThan(value);
    expect(value).toBeLessThan(high);
  });

  it('compares an arm with seeds of its own within the arms', () => {
    const shared = ['a', 'b'].flatMap((arm) =>
      [1, 2, 4].map((value, block) => ({
        arm,
        block: String(block),
        value: value + (arm === 'b' ? block % 2 : 0),
      })),
    );
    const other = [1, 3, 5].map((value, block) => ({ arm: 'null', block: `null${block}`, value }));
    const found = new DomainModel([...shared, ...other]).compare('null', 'a');
    expect(found).toMatchObject({ method: 'pooled', sharedSeeds: false });
    expect(found.difference).toBeCloseTo(3 - 7 / 3, 12);
    // Six degrees of freedom within three arms, fewer as two of the arms move together.
    expect(found.degreesOfFreedom).toBeLessThan(6);
    expect(found.degreesOfFreedom).toBeGreaterThan(3);
  });
});

describe('families, power and ranks', () => {
  it("adjusts as statsmodels' Holm does", () => {
    for (const { p, adjusted } of golden.holm)
      for (const [i, value] of holm(p).entries()) expect(value).toBeCloseTo(adjusted[i]!, 12);
  });

  it('counts tests that could not be carried out as members of the family', () => {
    expect(holm([0.01, 0.02], 4)).toEqual([0.04, 0.06]);
  });

  it("asks for as many seeds as statsmodels' noncentral t, or one beside", () => {
    for (const { effect, alpha, seeds } of golden.power) {
      const found = seedsNeeded(effect, alpha, (n) => 2 * (n - 1))!;
      expect(Math.abs(found - Math.ceil(seeds)), `effect ${effect}, alpha ${alpha}`).toBeLessThanOrEqual(1);
    }
    expect(seedsNeeded(0.01, 0.05, (n) => 2 * (n - 1))).toBeUndefined();
  });

  it("gives scipy's tau-b", () => {
    for (const { a, b, tau } of golden.kendall) expect(kendallTau(a, b)).toBeCloseTo(tau, 12);
  });
});
