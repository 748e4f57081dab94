import { expect, it } from 'vitest';
import { analyse } from '../../src/ablate/statistics/analyse.ts';
import { type Coverage, simulatedCoverage } from './calibration.ts';
import { simulate } from './simulated.ts';

const SEED = 1;

it(`intervals of 2,000 simulated ablations cover what they claim (seed ${SEED})`, {
  timeout: 120_000,
}, () => {
  const cells = simulatedCoverage(2000, SEED);
  const share = (of: 'covered' | 'nullCovered' | 'familyCovered', among: readonly Coverage[] = cells) =>
    among.reduce((sum, cell) => sum + cell[of], 0) / among.reduce((sum, { trials }) => sum + trials, 0);
  expect(cells.reduce((sum, { trials }) => sum + trials, 0)).toBe(2000);
  for (const of of ['covered', 'nullCovered', 'familyCovered'] as const) {
    expect(share(of), of).toBeGreaterThan(0.93);
    expect(share(of), of).toBeLessThan(0.97);
  }
  // About 285 trials a kind: their share wanders by 1.3 points.
  for (const kind of new Set(cells.map((cell) => cell.kind))) {
    const among = cells.filter((cell) => cell.kind === kind);
    expect(share('covered', among), kind).toBeGreaterThan(0.9);
  }
});

it('intervals for other documents hold where those of the runs alone do not', { timeout: 60_000 }, () => {
  const truth = 0.03;
  const arms = [{ name: 'base' }, { name: 'other', effect: truth }];
  const trials = 150;
  let [runs, crossed] = [0, 0];
  for (let trial = 0; trial < trials; trial++) {
    // An effect that differs between documents by ten times its mean.
    const seed = `${SEED}/documents/${trial}`;
    const outcome = simulate({ seed, arms, seeds: 3, documents: 30, documentSpread: 0.3 });
    const { interval, overDocuments } = analyse(outcome).settings[0]!.comparisons[0]!.primary!;
    if (interval.low <= truth && truth <= interval.high) runs++;
    if (overDocuments!.interval.low <= truth && truth <= overDocuments!.interval.high) crossed++;
  }
  expect(runs / trials).toBeLessThan(0.7);
  expect(crossed / trials).toBeGreaterThan(0.89);
});
