/** From what an ablation measured to what may be said of it. */

import { InvariantError } from '../../core/errors.ts';
import type { AblationOutcome, TrainingOutcome } from '../outcome.ts';
import type { Analysis, SettingAnalysis } from './analysis.ts';
import { groupBy } from './blocks.ts';
import { rankStability } from './ranks.ts';
import { analyseSetting } from './setting.ts';
import { verdictOf } from './verdict.ts';

/**
 * The unit of replication is the training. Every size and learning rate is analysed by itself: arms and seeds as
 * randomized blocks with one residual spread, or Welch where the arms' spreads differ more than three times; Holm over
 * the declared comparisons and the controls. The verdict is that of the largest size, at the learning rate that serves
 * the base best there.
 *
 * Pure: the same outcome gives the same analysis. Throws InvariantError where the declaration names an arm or a domain
 * that the outcome does not have.
 */
export function analyse(outcome: AblationOutcome): Analysis {
  check(outcome);
  const { primary, confidence } = outcome.declaration;
  const groups = groupBy(outcome.trainings, ({ size, learningRate }) => JSON.stringify([size, learningRate]));
  const settings = [...groups.values()]
    .map((trainings) => {
      const { size, learningRate } = trainings[0]!;
      return analyseSetting(outcome, { size, learningRate }, trainings);
    })
    .sort((a, b) => sizeOf(a.size) - sizeOf(b.size) || a.learningRate - b.learningRate);
  const main = mainSetting(outcome, settings);
  const ranks = rankStability(settings, primary);
  return {
    version: 1,
    confidence,
    primary,
    main,
    settings,
    ranks,
    verdict: verdictOf(outcome, settings[main]!, ranks),
  };
}

function check({ declaration, arms, domains, trainings }: AblationOutcome): void {
  const { primary, comparisons } = declaration;
  if (!domains.some(({ name }) => name === primary))
    throw new InvariantError(`the primary domain '${primary}' is not among the domains`);
  const names = new Set(arms.map(({ name }) => name));
  for (const name of [
    ...comparisons.flatMap(({ arm, against }) => [arm, against]),
    ...trainings.map(({ arm }: TrainingOutcome) => arm),
  ])
    if (!names.has(name)) throw new InvariantError(`no arm is called '${name}'`);
  if (trainings.length === 0) throw new InvariantError('an ablation without trainings');
}

/** "0.25M" as a number; names without one count as equal, and stay in the order in which they come. */
function sizeOf(size: string): number {
  const match = /^([\d.]+)\s*([kMGB]?)/.exec(size);
  const unit = { '': 1, k: 1e3, M: 1e6, G: 1e9, B: 1e9 }[match?.[2] ?? ''] ?? 1;
  return match ? Number(match[1]) * unit : 0;
}

/** The largest size; of its learning rates the one with the most complete trainings, then that of the base's lowest mean. */
function mainSetting(outcome: AblationOutcome, settings: readonly SettingAnalysis[]): number {
  const base = outcome.arms.find(({ role }) => role === 'base')?.name;
  const largest = settings.at(-1)!.size;
  const complete = ({ arms }: SettingAnalysis) => arms.reduce((sum, { runs }) => sum + runs, 0);
  const ofBase = ({ arms }: SettingAnalysis) =>
    arms.find(({ arm }) => arm === base)?.domains[outcome.declaration.primary]?.mean ??
    Number.POSITIVE_INFINITY;
  const candidates = settings.flatMap((setting, i) => (setting.size === largest ? [i] : []));
  return candidates.sort((a, b) => {
    const [x, y] = [settings[a]!, settings[b]!];
    return complete(y) - complete(x) || ofBase(x) - ofBase(y) || a - b;
  })[0]!;
}
