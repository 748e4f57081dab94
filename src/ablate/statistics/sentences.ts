/** The words for differences. */

import type { Comparison, DomainDifference, Interval, Power } from './analysis.ts';
import { MAX_SEEDS } from './power.ts';

/** Decimals that show a difference to a tenth of its standard error, from three to five. */
export function decimalsOf(standardError: number): number {
  if (!(standardError > 0)) return 3;
  return Math.min(5, Math.max(3, Math.ceil(1 - Math.log10(standardError))));
}

/** With its sign: +0.113, −0.020. */
export function signed(value: number, decimals = 3): string {
  const text = Math.abs(value).toFixed(decimals);
  if (Number(text) === 0) return text;
  return `${value < 0 ? '\u2212' : '+'}${text}`;
}

export function intervalWords({ low, high }: Interval, decimals = 3): string {
  return `${signed(low, decimals)} to ${signed(high, decimals)}`;
}

export function seedsWords({ seeds, low, high }: Power): string {
  const number = (n: number) => n.toLocaleString('en-US');
  const most = MAX_SEEDS.toLocaleString('en-US');
  if (seeds === undefined)
    return `more than ${most} seeds${low === undefined ? '' : ` (${number(low)} or more)`}`;
  return `about ${number(seeds)} seeds (${number(low!)} to ${high === undefined ? `more than ${most}` : number(high)})`;
}

/** "raw is worse than base on clean mail: +0.113 bits per byte (+0.091 to +0.135, corrected +0.085 to +0.141)". */
export function comparisonSentence(comparison: Omit<Comparison, 'sentence'>, domain: string): string {
  const { arm, against, result, primary, power, reason } = comparison;
  if (primary === undefined) return `${arm} cannot be compared with ${against}: ${reason}.`;
  const figures = differenceWords(primary);
  if (result !== 'cannot-distinguish') return `${arm} is ${result} than ${against} on ${domain}: ${figures}.`;
  const needed = power ? `; ${seedsWords(power)} an arm would tell such a difference` : '';
  return `${arm} and ${against} cannot be told apart on ${domain}: ${figures}${needed}.`;
}

export function differenceWords({
  difference,
  interval,
  corrected,
  standardError,
}: DomainDifference): string {
  const decimals = decimalsOf(standardError);
  const alone = intervalWords(interval, decimals);
  const raw = interval.confidence === corrected.confidence ? alone : `${alone}, `;
  const both = raw === alone ? alone : `${raw}corrected ${intervalWords(corrected, decimals)}`;
  return `${signed(difference, decimals)} bits per byte (${both})`;
}
