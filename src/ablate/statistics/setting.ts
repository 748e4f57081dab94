/** All comparisons at one model size and one learning rate. */

import type { AblationOutcome, TrainingOutcome } from '../outcome.ts';
import {
  type Comparison,
  type DomainDifference,
  MACRO_AVERAGE,
  type SettingAnalysis,
  type Spread,
} from './analysis.ts';
import { judgeControl } from './controls.ts';
import { normalCdf, tCdf, tTwoSided } from './distributions.ts';
import { intervalAround, overDocuments } from './documents.ts';
import { DomainModel, type Estimate } from './domain-model.ts';
import { holm } from './holm.ts';
import { powerOf } from './power.ts';
import { domainNames, type Run, selectRuns } from './runs.ts';
import { comparisonSentence } from './sentences.ts';

/** Two arms to be compared, as one member of the corrected family. */
interface Pair {
  readonly arm: string;
  readonly against: string;
  readonly declared: boolean;
  readonly control?: 'positive-control' | 'null-control';
}

interface Context {
  readonly outcome: AblationOutcome;
  readonly runs: readonly Run[];
  readonly models: ReadonlyMap<string, DomainModel>;
  /** Members of the family. */
  readonly family: number;
  readonly confidence: number;
}

export function analyseSetting(
  outcome: AblationOutcome,
  setting: { readonly size: string; readonly learningRate: number },
  trainings: readonly TrainingOutcome[],
): SettingAnalysis {
  const { runs, arms } = selectRuns(outcome, trainings);
  const models = new Map<string, DomainModel>();
  for (const domain of domainNames(outcome.domains)) {
    const model = modelOf(runs, domain);
    if (model) models.set(domain, model);
  }
  const pairs = familyOf(outcome);
  const { confidence, primary } = outcome.declaration;
  const context = { outcome, runs, models, family: pairs.length, confidence };
  const reasons = new Map(arms.flatMap(({ arm, excluded }) => (excluded ? [[arm, excluded] as const] : [])));
  const compared = pairs.map((pair) => {
    const excluded = [pair.arm, pair.against].flatMap((arm) => (reasons.has(arm) ? [arm] : []));
    if (excluded.length > 0)
      return { pair, reason: excluded.map((arm) => `${arm}: ${reasons.get(arm)}`).join('; ') };
    const domains = differences(context, pair);
    const found = domains.find(({ domain }) => domain === primary);
    return found ? { pair, domains } : { pair, reason: `no runs measured ${primary}` };
  });
  const comparable = compared.filter((one) => one.domains !== undefined);
  const adjusted = holm(
    comparable.map(({ domains }) => domains.find(({ domain }) => domain === primary)!.p),
    pairs.length,
  );
  const comparisons = compared.map(({ pair, domains, reason }): Comparison => {
    if (domains === undefined)
      return told(outcome, { ...pair, result: 'not-comparable', reason, domains: [] });
    const adjustedP = adjusted[comparable.findIndex((one) => one.pair === pair)]!;
    return told(outcome, concluded(context, pair, domains, adjustedP));
  });
  const model = models.get(primary);
  const spreads: Record<string, Spread> = {};
  for (const [domain, { spread }] of models) spreads[domain] = spread;
  return {
    ...setting,
    arms,
    spreads,
    correlation: model?.correlation,
    comparisons,
    controls: comparisons.flatMap((comparison) => judgeControl(comparison, primary) ?? []),
  };
}

/** The declared comparisons, and every control against the base that is not among them. */
function familyOf({ declaration, arms }: AblationOutcome): Pair[] {
  const base = arms.find(({ role }) => role === 'base')?.name;
  const roleOf = (name: string) => {
    const role = arms.find((arm) => arm.name === name)?.role;
    return role === 'positive-control' || role === 'null-control' ? role : undefined;
  };
  const pairs: Pair[] = declaration.comparisons.map(({ arm, against }) => ({
    arm,
    against,
    declared: true,
    control: against === base ? roleOf(arm) : undefined,
  }));
  for (const { name } of arms) {
    const control = roleOf(name);
    if (control === undefined || base === undefined) continue;
    if (pairs.some(({ arm, against }) => arm === name && against === base)) continue;
    pairs.push({ arm: name, against: base, declared: false, control });
  }
  return pairs;
}

/** Arms with fewer than two runs in the domain have no spread: they are left out of it. */
function modelOf(runs: readonly Run[], domain: string): DomainModel | undefined {
  const measured = runs.flatMap(({ arm, seeds, values }) => {
    const value = values.get(domain);
    return value === undefined ? [] : [{ arm, block: seeds, value }];
  });
  const counts = new Map<string, number>();
  for (const { arm } of measured) counts.set(arm, (counts.get(arm) ?? 0) + 1);
  const enough = measured.filter(({ arm }) => counts.get(arm)! >= 2);
  return enough.length > 0 ? new DomainModel(enough) : undefined;
}

/** Those that got worse first; the macro-average last. */
function differences(context: Context, { arm, against }: Pair): DomainDifference[] {
  const found: DomainDifference[] = [];
  for (const [domain, model] of context.models) {
    if (!model.has(arm) || !model.has(against)) continue;
    const estimate = model.compare(arm, against);
    found.push(differenceOf(context, domain, estimate, { arm, against }));
  }
  const last = (domain: string) => (domain === MACRO_AVERAGE ? 1 : 0);
  return found.sort((a, b) => last(a.domain) - last(b.domain) || b.difference - a.difference);
}

function differenceOf(
  { outcome, runs, family, confidence }: Context,
  domain: string,
  estimate: Estimate,
  { arm, against }: { readonly arm: string; readonly against: string },
): DomainDifference {
  const { difference, standardError, degreesOfFreedom, method, sharedSeeds, spreads } = estimate;
  const interval = (share: number) => intervalAround(difference, standardError, degreesOfFreedom, share);
  const t = difference === 0 ? 0 : difference / standardError;
  const oneRun = Math.hypot(...spreads);
  const declared = outcome.domains.find(({ name }) => name === domain);
  const runsOf = (name: string) => runs.filter((run) => run.arm === name && run.values.has(domain));
  return {
    domain,
    difference,
    standardError,
    degreesOfFreedom,
    method,
    sharedSeeds,
    interval: interval(confidence),
    corrected: interval(1 - (1 - confidence) / family),
    p: tTwoSided(t, degreesOfFreedom),
    probabilityBetter: tCdf(-t, degreesOfFreedom),
    probabilityBetterInOneRun: difference === 0 ? 0.5 : normalCdf(-difference / oneRun),
    overDocuments: declared && overDocuments(estimate, runsOf(arm), runsOf(against), declared, confidence),
  };
}

function concluded(
  { outcome, models, family, confidence }: Context,
  pair: Pair,
  domains: readonly DomainDifference[],
  adjustedP: number,
): Omit<Comparison, 'sentence'> {
  const name = outcome.declaration.primary;
  const primary = domains.find(({ domain }) => domain === name)!;
  const alpha = 1 - confidence;
  if (adjustedP <= alpha)
    return { ...pair, result: primary.difference > 0 ? 'worse' : 'better', adjustedP, primary, domains };
  const estimate = models.get(name)!.compare(pair.arm, pair.against);
  // A null control is not to be told apart: how long that would take is no question.
  const isAsked = pair.control !== 'null-control' && primary.standardError > 0;
  const power = isAsked ? powerOf(estimate, alpha / family) : undefined;
  return { ...pair, result: 'cannot-distinguish', adjustedP, primary, domains, power };
}

function told(outcome: AblationOutcome, comparison: Omit<Comparison, 'sentence'>): Comparison {
  return { ...comparison, sentence: comparisonSentence(comparison, outcome.declaration.primary) };
}
