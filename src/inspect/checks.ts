import { boundOf, breaks, type Rule } from '../core/rules.ts';
import type { DecisionPlan } from './decision.ts';
import type { InspectedStep } from './inspection.ts';
import type { SignalBlock } from './read-signals.ts';

/** One way in which a step drops documents: by a rule, or for a reason of its own. */
export interface Check {
  readonly step: number;
  readonly reason: string;
  /** With `values`, the column of its signal. */
  readonly rule?: Rule;
  readonly values?: number;
  /** Column of the step's own refusals. */
  readonly refusals?: number;
}

/** What must be known of all documents before one is counted. */
export interface Labels {
  readonly corpora: readonly string[];
  readonly languages: readonly string[];
  /** [columns of refusals] the reasons that occur, in alphabetical order. */
  readonly reasons: readonly (readonly string[])[];
  readonly documents: number;
  readonly heldOut: number;
}

/** The checks of all steps in the order in which a run makes them. */
export function checksOf(steps: readonly InspectedStep[], labels: Labels): Check[] {
  const checks: Check[] = [];
  let values = 0;
  let refusals = 0;
  for (const [step, { measured }] of steps.entries()) {
    if (measured.refuses) {
      for (const reason of labels.reasons[refusals]!) checks.push({ step, reason, refusals });
      refusals++;
    }
    for (const rule of measured.rules)
      checks.push({
        step,
        reason: rule.reason,
        rule,
        values: values + measured.signals.indexOf(rule.signal),
      });
    values += measured.signals.length;
  }
  return checks;
}

export function planOf(
  steps: readonly InspectedStep[],
  checks: readonly Check[],
  labels: Labels,
): DecisionPlan {
  const sizeIn: number[] = [];
  const sizeOut: number[] = [];
  let version = 0;
  for (const { measured } of steps) {
    sizeIn.push(version);
    if (measured.rewrites) version++;
    sizeOut.push(version);
  }
  return {
    steps: steps.length,
    checkStep: checks.map(({ step }) => step),
    sizeIn,
    sizeOut,
    labels: [labels.corpora.length, labels.languages.length],
  };
}

/** Whether a document of a block breaks a check under the options of each step. */
export function brokenUnder(
  checks: readonly Check[],
  options: readonly Readonly<Record<string, unknown>>[],
  block: SignalBlock,
): (check: number, i: number) => boolean {
  const tests = checks.map(({ step, rule, values, refusals, reason }) => {
    if (rule === undefined) {
      const column = block.refusals[refusals!]!;
      return (i: number) => column[i] === reason;
    }
    const column = block.values[values!]!;
    const mine = options[step]!;
    const bound = boundOf(rule, mine);
    return bound === null ? () => false : (i: number) => breaks(column[i]!, rule, bound, mine);
  });
  return (check, i) => tests[check]!(i);
}
