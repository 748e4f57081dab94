import { expect, it } from 'vitest';
import { type Coverage, simulatedCoverage } from './calibration.ts';

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
