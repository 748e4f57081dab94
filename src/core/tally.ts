import { InvariantError } from './errors.ts';

/** Documents and the UTF-8 bytes of their text (for rejected records: the bytes of the record). */
export interface Amount {
  documents: number;
  bytes: number;
}

/** Log-spaced counts of one signal, mergeable: key = bin of `binOf`, value = documents. */
export type Histogram = Record<string, number>;

/** What one step did; sums over partitions. `in = out + drops` always holds. */
export interface StepTally {
  in: Amount;
  out: Amount;
  drops: Record<string, Amount>;
  byCorpus: Record<string, { in: Amount; out: Amount }>;
  counters: Record<string, number>;
  histograms: Record<string, Histogram>;
}

/** A dictionary whose keys may be anything, `constructor` and `__proto__` included. */
export function dictionary<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

export function emptyTally(): StepTally {
  return {
    in: zero(),
    out: zero(),
    drops: dictionary(),
    byCorpus: dictionary(),
    counters: dictionary(),
    histograms: dictionary(),
  };
}

function addAmount(to: Amount, from: Amount): void {
  to.documents += from.documents;
  to.bytes += from.bytes;
}

const zero = (): Amount => ({ documents: 0, bytes: 0 });

export function addTally(to: StepTally, from: StepTally): void {
  addAmount(to.in, from.in);
  addAmount(to.out, from.out);
  for (const [reason, amount] of Object.entries(from.drops)) addAmount((to.drops[reason] ??= zero()), amount);
  for (const [corpus, { in: came, out: went }] of Object.entries(from.byCorpus)) {
    const mine = (to.byCorpus[corpus] ??= { in: zero(), out: zero() });
    addAmount(mine.in, came);
    addAmount(mine.out, went);
  }
  for (const [name, n] of Object.entries(from.counters)) to.counters[name] = (to.counters[name] ?? 0) + n;
  for (const [name, histogram] of Object.entries(from.histograms)) {
    const mine = (to.histograms[name] ??= dictionary());
    for (const [bin, n] of Object.entries(histogram)) mine[bin] = (mine[bin] ?? 0) + n;
  }
}

/** Throws where a document was neither kept nor dropped, or both. */
export function checkTally(step: string, tally: StepTally): void {
  let dropped = 0;
  for (const amount of Object.values(tally.drops)) dropped += amount.documents;
  if (tally.in.documents !== tally.out.documents + dropped) {
    throw new InvariantError(`step ${step} lost count of its documents`, {
      expected: `${tally.in.documents} in = out + dropped`,
      found: `${tally.out.documents} out + ${dropped} dropped`,
    });
  }
}

const BINS_AN_OCTAVE = 4;

/** Bin of a value: '0', or sign and the floor of 4 log2 of its magnitude. */
export function binOf(value: number): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return String(value);
  const bin = Math.floor(Math.log2(Math.abs(value)) * BINS_AN_OCTAVE);
  return value > 0 ? `+${bin}` : `-${bin}`;
}

/** Half-open [low, high) of a bin's values (of their magnitude, for a negative bin), or undefined for NaN and infinities. */
export function binRange(bin: string): [number, number] | undefined {
  if (bin === '0') return [0, 0];
  const exponent = Number(bin.slice(1));
  if (!Number.isInteger(exponent)) return undefined;
  const low = 2 ** (exponent / BINS_AN_OCTAVE);
  const high = 2 ** ((exponent + 1) / BINS_AN_OCTAVE);
  return bin[0] === '-' ? [-high, -low] : [low, high];
}
