import { MOST_THRESHOLDS } from './codes.ts';

const AIM = 160;

/** 1, 2 or 5 times a power of ten, not below `step`. */
function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return ([1, 2, 5, 10].find((factor) => factor * power >= step * (1 - 1e-9)) ?? 10) * power;
}

/** Multiples of `step`; where the range is too narrow for doubles to count them, its ends. */
function evenly(low: number, high: number, step: number): number[] {
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) return [low, high];
  const digits = Math.min(100, Math.max(0, Math.ceil(-Math.log10(step)) + 1));
  const grid = new Set<number>();
  for (let k = first; k <= last; k++) grid.add(Number((k * step).toFixed(digits)));
  return [...grid];
}

/** Whole numbers of two figures, each about a fortieth part larger than the last. */
function logarithmic(low: number, high: number): number[] {
  const grid = new Set<number>(low < 1 ? [0] : []);
  const factor = Math.max(1.025, (high / Math.max(1, low)) ** (1 / AIM));
  for (let value = Math.max(1, low); value <= high * factor; value *= factor)
    grid.add(Number(Math.round(value).toPrecision(value < 100 ? 2 : 3)));
  return [...grid];
}

/**
 * Round thresholds over the range of a signal's values (ascending, no NaN), those of `wanted` among them: in even steps,
 * or ever larger ones where the range of whole numbers is wide. Ascending, at most MOST_THRESHOLDS.
 */
export function gridOf(sorted: Float64Array, wanted: readonly number[]): number[] {
  const n = sorted.length;
  const at = (q: number): number => sorted[Math.min(n - 1, Math.floor(q * n))]!;
  const low = Math.min(n ? at(0.001) : 0, ...wanted);
  const high = Math.max(n ? at(0.999) : 1, ...wanted, low + 1e-6);
  const whole = sorted.every((value) => Number.isInteger(value)) && wanted.every(Number.isInteger);
  const grid =
    whole && high - low <= AIM
      ? evenly(low, high + 1, 1)
      : whole && low >= 0
        ? logarithmic(low, high)
        : evenly(low, high, niceStep((high - low) / AIM));
  const all = [...new Set([...thin(grid, MOST_THRESHOLDS - wanted.length), ...wanted])];
  return all.filter(Number.isFinite).sort((a, b) => a - b);
}

function thin(grid: readonly number[], most: number): number[] {
  const every = Math.ceil(grid.length / most);
  return grid.filter((_, i) => i % every === 0);
}
