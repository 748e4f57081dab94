import { drop, KEEP, type Verdict } from './verdict.ts';

/**
 * One comparison of a judge, as data: what decides in a run also says which thresholds a judge has, draws them, and
 * tries others (`provender inspect`).
 */
export interface Rule {
  /** One of the judge's signals. */
  readonly signal: string;
  /** `min` drops what is below the bound, `max` what is above it; a value that equals the bound stays. */
  readonly comparison: 'min' | 'max';
  /** Name of the option that holds the bound, or the bound itself. An option of null switches the rule off. */
  readonly bound: string | number;
  readonly reason: string;
  /** A boolean option: where it is true, a value of exactly 0 stays. */
  readonly spareZero?: string;
}

export function atLeast(signal: string, bound: string | number, reason: string): Rule {
  return { signal, comparison: 'min', bound, reason };
}

export function atMost(signal: string, bound: string | number, reason: string): Rule {
  return { signal, comparison: 'max', bound, reason };
}

/** The bound that a rule holds values against under these options; null where it is off. */
export function boundOf(rule: Rule, options: Readonly<Record<string, unknown>>): number | null {
  return typeof rule.bound === 'number' ? rule.bound : ((options[rule.bound] ?? null) as number | null);
}

/** Python's comparisons: NaN breaks no rule. */
export function breaks(
  value: number,
  rule: Rule,
  bound: number,
  options: Readonly<Record<string, unknown>>,
): boolean {
  if (rule.comparison === 'min' ? !(value < bound) : !(value > bound)) return false;
  return !(value === 0 && rule.spareZero !== undefined && options[rule.spareZero] === true);
}

/** The rules in their order: the first that is broken gives the reason. Values are those of `signals`, in that order. */
export function decideByRules<Options>(
  rules: readonly Rule[],
  signals: readonly string[],
): (values: ArrayLike<number>, options: Options) => Verdict {
  const places = rules.map(({ signal }) => signals.indexOf(signal));
  return (values, given) => {
    const options = given as Readonly<Record<string, unknown>>;
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!;
      const bound = boundOf(rule, options);
      if (bound === null) continue;
      const value = values[places[i]!]!;
      if (breaks(value, rule, bound, options)) return drop(rule.reason, value, bound);
    }
    return KEEP;
  };
}
