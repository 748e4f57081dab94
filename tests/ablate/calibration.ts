/** How often the intervals of simulated ablations hold what they should. */

import { analyse } from '../../src/ablate/statistics/analyse.ts';
import { Random } from '../../src/core/random.ts';
import { type SimulatedArm, simulate } from './simulated.ts';

/** What may go against the intervals' assumptions, each a kind of trial. */
const KINDS = {
  'equal spreads': {},
  'spreads 1, 1.5, 2, 3': { spreads: [1, 1.5, 2, 3] },
  'one arm spread 4 times as far': { spreads: [1, 1, 1, 4] },
  'an outlying run': { outlier: 6 },
  'an outlying run, spreads 1, 1.5, 2, 3': { outlier: 6, spreads: [1, 1.5, 2, 3] },
  'seeds that correlate by 0.3': { correlation: 0.3 },
  'a training missing': { missing: true },
} satisfies Record<string, Kind>;

interface Kind {
  readonly spreads?: readonly number[];
  /** Its distance, in the spreads of its arm. */
  readonly outlier?: number;
  readonly correlation?: number;
  readonly missing?: boolean;
}

export interface Coverage {
  readonly kind: string;
  readonly seeds: number;
  trials: number;
  /** Trials whose first declared interval holds the true difference. */
  covered: number;
  /** Of the null control's interval, which holds 0. */
  nullCovered: number;
  /** Trials all of whose corrected intervals hold. */
  familyCovered: number;
}

const SPREAD = 0.02;
const EFFECTS = [0, 0.03, 0.1, 0];
const SEEDS = [3, 4, 5, 6];

/**
 * Trials of four arms: a base, two treatments, and a null with seeds of its own; 3 to 6 seeds. Which arm has which spread,
 * and which run lies outside, changes from trial to trial.
 */
export function simulatedCoverage(trials: number, seed: number): Coverage[] {
  const kinds: readonly (readonly [string, Kind])[] = Object.entries(KINDS);
  const cells = kinds.flatMap(([kind]) =>
    SEEDS.map((seeds) => ({ kind, seeds, trials: 0, covered: 0, nullCovered: 0, familyCovered: 0 })),
  );
  for (let trial = 0; trial < trials; trial++) {
    const cell = cells[trial % cells.length]!;
    const kind: Kind = (KINDS as Record<string, Kind>)[cell.kind]!;
    const random = new Random(`${seed}/calibration/${trial}`);
    const arms = armsOf(kind, cell.seeds, random);
    const { correlation } = kind;
    const outcome = simulate({ seed: `${seed}/${trial}`, arms, seeds: cell.seeds, correlation });
    const { comparisons } = analyse(outcome).settings[0]!;
    const holds = comparisons.map(({ primary }, i) => {
      const truth = EFFECTS[i + 1]!;
      const within = ({ low, high }: { low: number; high: number }) => low <= truth && truth <= high;
      return { alone: within(primary!.interval), together: within(primary!.corrected) };
    });
    cell.trials++;
    if (holds[0]!.alone) cell.covered++;
    if (holds[2]!.alone) cell.nullCovered++;
    if (holds.every(({ together }) => together)) cell.familyCovered++;
  }
  return cells;
}

function armsOf(kind: Kind, seeds: number, random: Random): SimulatedArm[] {
  const spreads = shuffled(kind.spreads ?? [1, 1, 1, 1], random);
  const outlying = { arm: random.below(4), block: random.below(seeds), sign: random.below(2) ? 1 : -1 };
  const missing = { arm: random.below(4), block: random.below(seeds) };
  return ['base', 'first', 'second', 'null'].map((name, i) => ({
    name,
    role: name === 'null' ? 'null-control' : 'treatment',
    effect: EFFECTS[i]!,
    spread: SPREAD * spreads[i]!,
    ...(kind.outlier && outlying.arm === i
      ? {
          outlier: {
            block: outlying.block,
            shift: outlying.sign * kind.outlier * SPREAD * spreads[i]!,
          },
        }
      : {}),
    ...(kind.missing && missing.arm === i ? { diverged: [missing.block] } : {}),
  }));
}

function shuffled(values: readonly number[], random: Random): number[] {
  const rest = [...values];
  return values.map(() => rest.splice(random.below(rest.length), 1)[0]!);
}
