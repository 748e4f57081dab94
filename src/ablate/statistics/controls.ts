import type { Comparison, ControlResult } from './analysis.ts';
import { decimalsOf, seedsWords, signed } from './sentences.ts';

/**
 * A positive control passes where it is seen to be worse within the corrected family, a null control where it is not
 * seen; a null control that repeats the seeds of the base shows nothing but that a training repeats itself.
 */
export function judgeControl(comparison: Comparison, domain: string): ControlResult | undefined {
  const { arm, against, control: role, result, primary, reason, power } = comparison;
  if (role === undefined) return undefined;
  if (primary === undefined)
    return {
      arm,
      role,
      passed: false,
      sentence: `${arm}, a ${name(role)}, could not be compared with ${against}: ${reason}.`,
    };
  const decimals = decimalsOf(primary.standardError);
  const { low, high } = primary.corrected;
  const figures = `${signed(primary.difference, decimals)} (corrected ${signed(low, decimals)} to ${signed(high, decimals)}) on ${domain}`;
  if (role === 'positive-control') {
    const passed = result === 'worse';
    const needed = power ? `; ${seedsWords(power)} an arm would show such a difference` : '';
    return {
      arm,
      role,
      passed,
      sentence: `${arm}, which must be seen, ${passed ? 'is' : 'is not'}: ${figures}${needed}.`,
    };
  }
  if (primary.sharedSeeds)
    return {
      arm,
      role,
      passed: false,
      sentence: `${arm} shares its seeds with ${against}: it shows only that a training repeats itself.`,
    };
  const passed = result === 'cannot-distinguish';
  const covers = low <= 0 && high >= 0 ? 'covers' : 'does not cover';
  return {
    arm,
    role,
    passed,
    sentence: `${arm}, the same recipe with other seeds, ${passed ? 'is not' : 'is'} told from ${against}; its interval ${covers} zero: ${figures}.`,
  };
}

function name(role: 'positive-control' | 'null-control'): string {
  return role === 'positive-control' ? 'positive control' : 'null control';
}
