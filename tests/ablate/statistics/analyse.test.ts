import { describe, expect, it } from 'vitest';
import { analyse } from '../../../src/ablate/statistics/analyse.ts';
import { MACRO_AVERAGE } from '../../../src/ablate/statistics/analysis.ts';
import { type SimulatedArm, simulate } from '../simulated.ts';

const QUICKSTART: readonly SimulatedArm[] = [
  { name: 'clean' },
  { name: 'raw', effect: { 'clean mail': 0.113, 'Moby Dick': 0.04, speeches: -0.05 } },
  { name: 'shuffled', role: 'positive-control', effect: 0.15 },
  { name: 'null', role: 'null-control' },
];
const DOMAINS = ['clean mail', 'Moby Dick', 'speeches'];

function quickstart(changes: Partial<Parameters<typeof simulate>[0]> = {}) {
  return analyse(simulate({ seed: 5, arms: QUICKSTART, seeds: 6, domains: DOMAINS, ...changes }));
}

describe('analyse', () => {
  it('sees what raw mail costs, the positive control, and no null', () => {
    const { settings, main, verdict } = quickstart();
    const { comparisons, controls } = settings[main]!;
    expect(comparisons.map(({ arm, result }) => [arm, result])).toEqual([
      ['raw', 'worse'],
      ['shuffled', 'worse'],
      ['null', 'cannot-distinguish'],
    ]);
    expect(controls.map(({ passed }) => passed)).toEqual([true, true]);
    const raw = comparisons[0]!.primary!;
    expect(raw).toMatchObject({ method: 'blocks', sharedSeeds: true, degreesOfFreedom: 10 });
    expect(raw.interval.low).toBeLessThan(0.113);
    expect(raw.interval.high).toBeGreaterThan(0.113);
    expect(raw.corrected.confidence).toBeCloseTo(1 - 0.05 / 3, 12);
    expect(raw.corrected.high).toBeGreaterThan(raw.interval.high);
    expect(raw.probabilityBetter).toBeLessThan(0.001);
    expect(comparisons[2]!.primary).toMatchObject({ method: 'pooled', sharedSeeds: false });
    expect(verdict.kind).toBe('answered');
    expect(verdict.sentence).toMatch(/^On clean mail, raw is worse than clean by \+0\.\d{3} bits/);
  });

  it('lists the domains that got worse first and the macro-average, which weighs them, last', () => {
    const outcome = simulate({ seed: 5, arms: QUICKSTART, seeds: 6, domains: DOMAINS });
    const weights = [0.5, 0.3, 0.2];
    const domains = outcome.domains.map((domain, i) => ({ ...domain, weight: weights[i]! }));
    const { settings } = analyse({ ...outcome, domains });
    const raw = settings[0]!.comparisons[0]!.domains;
    expect(raw.map(({ domain }) => domain)).toEqual([...DOMAINS, MACRO_AVERAGE]);
    const sum = raw.slice(0, 3).reduce((total, { difference }, i) => total + weights[i]! * difference, 0);
    expect(raw[3]!.difference).toBeCloseTo(sum, 12);
  });

  it('says how many seeds it would take where arms cannot be told apart', () => {
    const arms = [QUICKSTART[0]!, { name: 'raw', effect: 0.008 }, ...QUICKSTART.slice(2)];
    const { settings, verdict } = quickstart({ arms, seed: 2 });
    const { result, power, sentence, primary } = settings[0]!.comparisons[0]!;
    expect(result).toBe('cannot-distinguish');
    expect(power!.low!).toBeLessThanOrEqual(power!.seeds!);
    expect(power!.seeds!).toBeGreaterThan(6);
    expect(power!.high ?? 1001).toBeGreaterThanOrEqual(power!.seeds!);
    expect(power!.detectable.value).toBeGreaterThan(Math.abs(primary!.difference));
    expect(sentence).toMatch(/about \d+ seeds \(\d+ to (\d|more)/);
    expect(verdict.kind).toBe('cannot-distinguish');
    expect(verdict.sentence).toContain('cannot distinguish raw from clean: about');
  });

  it('voids the verdict where the positive control is not seen', () => {
    const arms = QUICKSTART.map((arm) => (arm.name === 'shuffled' ? { ...arm, effect: 0.001 } : arm));
    const { verdict, settings } = quickstart({ arms });
    expect(verdict.kind).toBe('void');
    expect(verdict.sentence).toMatch(
      /^This budget cannot answer the question: shuffled, which must be seen, is not/,
    );
    expect(settings[0]!.controls.map(({ passed }) => passed)).toEqual([false, true]);
  });

  it('voids the verdict where the null control is seen, or shares its seeds', () => {
    const moved = QUICKSTART.map((arm) => (arm.name === 'null' ? { ...arm, effect: 0.2 } : arm));
    expect(quickstart({ arms: moved }).verdict).toMatchObject({ kind: 'void' });
    const outcome = simulate({ seed: 5, arms: QUICKSTART, seeds: 6, domains: DOMAINS });
    const trainings = outcome.trainings.map((one) =>
      one.arm === 'null' ? { ...one, weightSeed: one.block, orderSeed: 100 + one.block } : one,
    );
    const { verdict } = analyse({ ...outcome, trainings });
    expect(verdict.kind).toBe('void');
    expect(verdict.sentence).toContain('only that a training repeats itself');
  });

  it('judges controls within the family even where the file does not list them', () => {
    const { settings } = quickstart({ comparisons: [{ arm: 'raw', against: 'clean' }] });
    expect(settings[0]!.comparisons.map(({ arm, declared }) => [arm, declared])).toEqual([
      ['raw', true],
      ['shuffled', false],
      ['null', false],
    ]);
    expect(settings[0]!.comparisons[0]!.primary!.corrected.confidence).toBeCloseTo(1 - 0.05 / 3, 12);
  });

  it('takes Welch, and says so, where one arm is much more spread than another', () => {
    const arms = QUICKSTART.map((arm) => (arm.name === 'raw' ? { ...arm, spread: 0.2 } : arm));
    const { settings, verdict } = quickstart({ arms });
    const [raw] = settings[0]!.comparisons;
    expect(raw!.primary!.method).toBe('welch');
    expect(settings[0]!.spreads['clean mail']!.unequal).toBe(true);
    expect(verdict.notes.join('\n')).toMatch(/spreads differ \d.* more than 3: each comparison is Welch's/);
  });

  it('names diverged trainings and averages none of them in', () => {
    const arms = QUICKSTART.map((arm) => (arm.name === 'raw' ? { ...arm, diverged: [1, 4] } : arm));
    const outcome = simulate({ seed: 5, arms, seeds: 6, domains: DOMAINS });
    const analysis = analyse(outcome);
    const without = analyse({
      ...outcome,
      trainings: outcome.trainings.filter(({ status }) => status === 'complete'),
    });
    const raw = analysis.settings[0]!.arms[1]!;
    expect(raw).toMatchObject({ runs: 4, diverged: 2, failed: 0 });
    expect(analysis.settings[0]!.comparisons).toEqual(without.settings[0]!.comparisons);
    expect(analysis.settings[0]!.comparisons[0]!.primary!.degreesOfFreedom).toBe(8);
    expect(analysis.verdict.notes.join('\n')).toContain('raw: 2 of 6 trainings diverged');
  });

  it('compares no arm that the runner warns of, nor pools its spread', () => {
    const warnings = [{ reason: 'repeats', detail: 'its 120,000 tokens are seen 2.5 times' }];
    const arms = QUICKSTART.map((arm) => (arm.name === 'raw' ? { ...arm, warnings, spread: 5 } : arm));
    const { settings, verdict } = quickstart({ arms });
    expect(settings[0]!.comparisons[0]).toMatchObject({ result: 'not-comparable', domains: [] });
    expect(settings[0]!.comparisons[0]!.sentence).toContain('seen 2.5 times');
    expect(settings[0]!.spreads['clean mail']!.unequal).toBe(false);
    expect(verdict.notes.join('\n')).toContain('raw takes no part: repeats');
    const lost = quickstart({
      arms: QUICKSTART.map((arm) => (arm.name === 'shuffled' ? { ...arm, diverged: [0, 1, 2, 3, 4] } : arm)),
    });
    expect(lost.verdict.kind).toBe('void');
    expect(lost.verdict.sentence).toContain('5 of 6 trainings diverged or failed');
  });

  it('takes the largest size and its best learning rate for the verdict, and reports the order in each', () => {
    const settings = [
      { size: '1M', learningRate: 0.003 },
      { size: '0.25M', learningRate: 0.003 },
      { size: '0.25M', learningRate: 0.01 },
      { size: '1M', learningRate: 0.01 },
    ];
    const { settings: found, main, ranks } = quickstart({ settings });
    expect(found.map(({ size, learningRate }) => [size, learningRate])).toEqual([
      ['0.25M', 0.003],
      ['0.25M', 0.01],
      ['1M', 0.003],
      ['1M', 0.01],
    ]);
    // Each setting of the simulation takes 0.25 bits less than the one before.
    expect(main).toBe(3);
    expect(ranks!.pairs).toHaveLength(6);
    for (const { tau } of ranks!.pairs) expect(tau).toBeGreaterThan(0.6);
    expect(ranks!.orders[0]!.arms.at(-1)!.arm).toBe('shuffled');
    expect(ranks!.signs[0]!.signs).toEqual([1, 1, 1, 1]);
    expect(ranks!.atBestRate.map(({ size }) => size)).toEqual(['0.25M', '1M']);
    for (const { arm, learningRate, mean } of ranks!.atBestRate[1]!.arms) {
      const means = found
        .slice(2)
        .map(({ arms }) => arms.find((one) => one.arm === arm)!.domains['clean mail']!.mean!);
      expect(mean).toBe(Math.min(...means));
      expect(learningRate).toBe(found[2 + means.indexOf(mean)]!.learningRate);
    }
  });

  it('widens the interval for other documents where an effect differs between documents', () => {
    const same = quickstart({ documents: 40 }).settings[0]!.comparisons[0]!.primary!;
    const differing = quickstart({ documents: 40, documentSpread: 0.5 }).settings[0]!.comparisons[0]!
      .primary!;
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    expect(width(same.overDocuments!.interval)).toBeLessThan(1.3 * width(same.interval));
    expect(width(differing.overDocuments!.interval)).toBeGreaterThan(1.5 * width(differing.interval));
    expect(differing.overDocuments!.documentShare).toBeGreaterThan(0.5);
    const far = quickstart({ documents: 40, documentSpread: 3 });
    expect(far.verdict.notes.join('\n')).toContain('for other documents of the same kind the interval');
  });

  it('is plain JSON, and the same for the same outcome', () => {
    const arms = QUICKSTART.map((arm) =>
      arm.name === 'raw' ? { ...arm, diverged: [0, 1, 2, 3, 4, 5] } : arm,
    );
    const analysis = quickstart({ arms });
    expect(JSON.parse(JSON.stringify(analysis))).toEqual(JSON.parse(JSON.stringify(quickstart({ arms }))));
    expect(JSON.stringify(analysis)).not.toContain('NaN');
    const undefinedLeftOut = JSON.parse(JSON.stringify(analysis));
    expect(undefinedLeftOut.settings[0].arms[1].domains['clean mail']).toEqual({
      mean: null,
      spread: null,
      values: [],
    });
  });

  it('refuses comparisons of arms that do not exist', () => {
    expect(() => quickstart({ comparisons: [{ arm: 'nobody', against: 'clean' }] })).toThrow(
      "no arm is called 'nobody'",
    );
  });
});
