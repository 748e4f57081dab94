import { binRange, type Histogram } from '../core/tally.ts';

/** One bar: documents whose value lies in [low, high), or is `label` where that is no range. */
export interface Bar {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

export interface Bars {
  /** Neighbours on a logarithmic axis, all of the same width on it: negative values, ascending. */
  readonly negative: readonly Bar[];
  readonly zero: number;
  /** Positive values, ascending. */
  readonly positive: readonly Bar[];
  /** Values that are not finite. */
  readonly other: number;
  readonly total: number;
  /** Quarter octaves a bar: a power of two. */
  readonly binsPerBar: number;
}

/** Bins as `tally.ts` counts them: 4 an octave. */
const BINS_AN_OCTAVE = 4;

function edge(exponent: number): number {
  return 2 ** (exponent / BINS_AN_OCTAVE);
}

/** Joins bins side by side into at most `maxBars` (2 or more: no bar lies across 1) bars a side; empty bars between others stay, with count 0. */
export function barsOf(histogram: Histogram, maxBars = 40): Bars {
  const positive = new Map<number, number>();
  const negative = new Map<number, number>();
  let zero = 0;
  let other = 0;
  let total = 0;
  for (const [bin, count] of Object.entries(histogram)) {
    if (!(count > 0)) continue;
    total += count;
    if (bin === '0') zero += count;
    else if (binRange(bin) === undefined) other += count;
    else (bin[0] === '-' ? negative : positive).set(Number(bin.slice(1)), count);
  }
  let binsPerBar = 1;
  const span = (side: ReadonlyMap<number, number>): number =>
    side.size === 0
      ? 0
      : Math.floor(Math.max(...side.keys()) / binsPerBar) -
        Math.floor(Math.min(...side.keys()) / binsPerBar) +
        1;
  const most = Math.max(2, maxBars);
  while (span(positive) > most || span(negative) > most) binsPerBar *= 2;
  return {
    negative: sideBars(negative, binsPerBar)
      .map(({ low, high, count }) => ({ low: -high, high: -low, count }))
      .reverse(),
    zero,
    positive: sideBars(positive, binsPerBar),
    other,
    total,
    binsPerBar,
  };
}

function sideBars(side: ReadonlyMap<number, number>, binsPerBar: number): Bar[] {
  if (side.size === 0) return [];
  const first = Math.floor(Math.min(...side.keys()) / binsPerBar);
  const last = Math.floor(Math.max(...side.keys()) / binsPerBar);
  const bars = Array.from({ length: last - first + 1 }, (_, i) => ({
    low: edge((first + i) * binsPerBar),
    high: edge((first + i + 1) * binsPerBar),
    count: 0,
  }));
  for (const [exponent, count] of side) bars[Math.floor(exponent / binsPerBar) - first]!.count += count;
  return bars;
}

/**
 * The value below which a share `q` of the finite values lies, as near as the bins tell: within a bin values are
 * taken as spread evenly over the logarithm. Undefined where nothing was counted.
 */
export function quantile(histogram: Histogram, q: number): number | undefined {
  const bins = Object.entries(histogram)
    .flatMap(([bin, count]) => {
      const range = binRange(bin);
      return range && count > 0 ? [{ low: range[0], high: range[1], count }] : [];
    })
    .sort((a, b) => a.low - b.low || a.high - b.high);
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return undefined;
  let before = 0;
  for (const { low, high, count } of bins) {
    if (before + count >= q * total) {
      const share = (q * total - before) / count;
      if (low === 0 && high === 0) return 0;
      return low > 0 ? low * (high / low) ** share : -(-low * (high / low) ** share);
    }
    before += count;
  }
  return bins.at(-1)!.high;
}

/** Round values (1, 2 or 5 times a power of ten, or powers alone) inside [low, high], at most about `most` of them. */
export function logTicks(low: number, high: number, most = 6): number[] {
  if (!(low > 0) || !(high > low)) return [];
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const step of steps) {
        const tick = Number(`${step}e${power}`);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    if (ticks.length <= most) return ticks;
    if (steps.length === 1) return ticks.filter((_, i) => i % Math.ceil(ticks.length / most) === 0);
  }
  return [];
}
