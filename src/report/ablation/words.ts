/** Words and figures that the page and the Markdown file share. */

import type {
  ComparisonResult,
  DomainDifference,
  SeedCorrelation,
} from '../../ablate/statistics/analysis.ts';
import { signed } from '../../ablate/statistics/sentences.ts';
import { counted } from '../../core/format.ts';

export const RESULT_WORDS: Readonly<Record<ComparisonResult, string>> = {
  better: 'better',
  worse: 'worse',
  'cannot-distinguish': 'cannot distinguish',
  'not-comparable': 'not comparable',
};

export function resultClass(result: ComparisonResult): 'worse' | 'better' | 'none' {
  return result === 'worse' || result === 'better' ? result : 'none';
}

export function pWords(p: number): string {
  if (p < 0.0001) return '< 0.0001';
  return p < 0.001 ? p.toFixed(4) : p.toFixed(3);
}

/** A probability in per cent that never claims to be certain. */
export function chance(p: number): string {
  if (p < 0.001) return '< 0.1 %';
  if (p > 0.999) return '> 99.9 %';
  return `${(100 * p).toFixed(p < 0.01 || p > 0.99 ? 1 : 0)} %`;
}

export function methodWords({ method, degreesOfFreedom, sharedSeeds }: DomainDifference): string {
  const degrees = `${Number(degreesOfFreedom.toFixed(1))} df`;
  switch (method) {
    case 'blocks':
      return `seeds as blocks, ${degrees}`;
    case 'pooled':
      return `${sharedSeeds ? 'within' : 'seeds not shared: within'} arms, ${degrees}`;
    case 'welch':
      return `Welch, ${degrees}`;
    default:
      return method satisfies never;
  }
}

export function correlationWords({ value, low, high, blocks, arms }: SeedCorrelation): string {
  const figures = `${signed(value, 2)} (${signed(low, 2)} to ${signed(high, 2)}, ${counted(blocks, 'seed')} in ${counted(arms, 'arm')})`;
  if (low > 0) return `${figures}: arms that share a seed move together, and pairing narrows the intervals`;
  return `${figures}: not seen to differ from 0, so pairing by seed may gain nothing`;
}

/** 1 arm, 2 arms. */
export function plural(n: number, one: string, several = `${one}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? one : several}`;
}
