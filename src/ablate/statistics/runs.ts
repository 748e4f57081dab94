/** The trainings of one setting as the statistics see them: which count, and what each measured by domain. */

import type { AblationOutcome, ArmOutcome, Domain, TrainingOutcome } from '../outcome.ts';
import { type ArmSummary, MACRO_AVERAGE } from './analysis.ts';
import { meanOf, varianceOf } from './blocks.ts';

export interface Run {
  readonly arm: string;
  /** Equal where both seeds are. */
  readonly seeds: string;
  readonly training: TrainingOutcome;
  /** Bits per byte, by domain; the macro-average too where every domain was measured. */
  readonly values: ReadonlyMap<string, number>;
}

export interface SettingRuns {
  /** Of the arms that take part. */
  readonly runs: readonly Run[];
  readonly arms: readonly ArmSummary[];
}

/** Fewer runs than this have no spread. */
const MIN_RUNS = 2;

/**
 * The complete trainings among those given of one setting. A training that diverged or failed is counted and left out;
 * an arm that the runner warns of, or that has fewer than two complete trainings, takes no part at all, neither in
 * comparisons nor in the pooled spread.
 */
export function selectRuns(outcome: AblationOutcome, trainings: readonly TrainingOutcome[]): SettingRuns {
  const names = domainNames(outcome.domains);
  const runs: Run[] = [];
  const arms = outcome.arms.map((arm): ArmSummary => {
    const own = trainings.filter((training) => training.arm === arm.name);
    const measured = own.flatMap((training) => {
      const values = valuesOf(training, outcome.domains);
      return training.status === 'complete' && values !== undefined ? [runOf(training, values)] : [];
    });
    const failed = own.filter(({ status }) => status === 'failed').length;
    const diverged = own.length - measured.length - failed;
    const excluded = exclusion(arm, measured.length, diverged + failed);
    if (excluded === undefined) runs.push(...measured);
    return {
      arm: arm.name,
      runs: measured.length,
      diverged,
      failed,
      excluded,
      domains: Object.fromEntries(names.map((name) => [name, summary(measured, name)])),
    };
  });
  return { runs, arms };
}

export function domainNames(domains: readonly Domain[]): string[] {
  const names = domains.map(({ name }) => name);
  return names.length > 1 ? [...names, MACRO_AVERAGE] : names;
}

function runOf(training: TrainingOutcome, values: ReadonlyMap<string, number>): Run {
  const { arm, weightSeed, orderSeed } = training;
  return { arm, seeds: `${weightSeed}/${orderSeed}`, training, values };
}

/** Undefined where a figure is not finite: the training blew up without being noticed. */
function valuesOf(
  training: TrainingOutcome,
  domains: readonly Domain[],
): ReadonlyMap<string, number> | undefined {
  const values = new Map<string, number>();
  let macro = 0;
  for (const { name, weight } of domains) {
    const measured = training.domains[name];
    if (measured === undefined) continue;
    const value = measured.bits / measured.bytes;
    if (!Number.isFinite(value)) return undefined;
    values.set(name, value);
    macro += weight * value;
  }
  if (domains.length > 1 && values.size === domains.length) values.set(MACRO_AVERAGE, macro);
  return values;
}

function exclusion(arm: ArmOutcome, complete: number, lost: number): string | undefined {
  if (arm.warnings.length > 0)
    return arm.warnings.map(({ reason, detail }) => `${reason}: ${detail}`).join('; ');
  if (complete >= MIN_RUNS) return undefined;
  const left = complete === 0 ? 'no training is complete' : 'one complete training has no spread';
  return lost > 0 ? `${lost} of ${complete + lost} trainings diverged or failed: ${left}` : left;
}

function summary(runs: readonly Run[], domain: string): ArmSummary['domains'][string] {
  const values = runs.flatMap((run) => run.values.get(domain) ?? []);
  return {
    mean: values.length > 0 ? meanOf(values) : null,
    spread: values.length > 1 ? Math.sqrt(varianceOf(values)) : null,
    values,
  };
}
