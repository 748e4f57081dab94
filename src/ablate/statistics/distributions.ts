/** The distributions that intervals and tests are read from; the algorithms are @stdlib's. */

import chiSquareQuantileOf from '@stdlib/stats-base-dists-chisquare-quantile';
import fQuantileOf from '@stdlib/stats-base-dists-f-quantile';
import normalCdfOf from '@stdlib/stats-base-dists-normal-cdf';
import normalQuantileOf from '@stdlib/stats-base-dists-normal-quantile';
import tCdfOf from '@stdlib/stats-base-dists-t-cdf';
import tQuantileOf from '@stdlib/stats-base-dists-t-quantile';

/** Student's t: the value that a share `p` lies below. `degrees` may be a fraction. */
export function tQuantile(p: number, degrees: number): number {
  return tQuantileOf(p, degrees);
}

export function tCdf(x: number, degrees: number): number {
  if (x === Number.POSITIVE_INFINITY) return 1;
  if (x === Number.NEGATIVE_INFINITY) return 0;
  return tCdfOf(x, degrees);
}

/** Both tails beyond |x|. */
export function tTwoSided(x: number, degrees: number): number {
  return Math.min(1, 2 * tCdf(-Math.abs(x), degrees));
}

export function normalCdf(x: number): number {
  return normalCdfOf(x, 0, 1);
}

export function normalQuantile(p: number): number {
  return normalQuantileOf(p, 0, 1);
}

export function chiSquareQuantile(p: number, degrees: number): number {
  return chiSquareQuantileOf(p, degrees);
}

export function fQuantile(p: number, numerator: number, denominator: number): number {
  return fQuantileOf(p, numerator, denominator);
}
