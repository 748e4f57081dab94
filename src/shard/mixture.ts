import { ConfigurationError } from '../core/errors.ts';
import { xxh64 } from '../core/hash.ts';
import { corpusOf, isTraining, SIDE, SIDE_WORDS, type SideFile } from './side-file.ts';
import { asBytes } from './u64.ts';

export interface MixtureOptions {
  readonly weights?: Readonly<Record<string, number>> | undefined;
  readonly weightsBy: 'tokens' | 'documents';
  readonly temperature: number;
  readonly maxEpochs: number;
  readonly totalTokens?: number | undefined;
}

/** What the training documents of one corpus come to, and how often each is taken. */
export interface MixturePart {
  readonly corpus: string;
  /** Tokens (or documents, as `weightsBy` says) that there are. */
  readonly available: number;
  /** Share of the mixture, 0 to 1. */
  readonly share: number;
  /** How many times the corpus is taken: 1 is as it came. */
  readonly epochs: number;
}

export interface MixturePlan {
  readonly parts: readonly MixturePart[];
  /** The corpus whose epochs reached the cap and so held the mixture's size down. */
  readonly cappedBy: string | undefined;
  /** Corpora with a weight of which no training document is left: a limited run, or a filter that took them all. */
  readonly missing: readonly string[];
}

/**
 * How often each corpus is taken so that the shares are w_c = weight_c^(1/temperature) / sum, of a mixture of
 * N = totalTokens (by default as many as all corpora with a weight have), or less where a corpus would be taken more
 * than maxEpochs times: epochs_c = N w_c / available_c. Without weights a corpus weighs what it has, so that
 * temperature 1 leaves everything as it came. Returns undefined where nothing is to be changed.
 */
export function planMixture(
  options: MixtureOptions,
  available: ReadonlyMap<string, number>,
): MixturePlan | undefined {
  const { weights, temperature, maxEpochs, totalTokens } = options;
  if (!weights && temperature === 1 && totalTokens === undefined) return undefined;
  const missing = weights ? checkWeights(weights, available) : [];
  const weighted = [...available].map(([corpus, amount]) => {
    const weight = weights ? weights[corpus]! : amount;
    return { corpus, amount, weight: weight > 0 ? weight ** (1 / temperature) : 0 };
  });
  const sum = weighted.reduce((total, { weight }) => total + weight, 0);
  const used = weighted.filter(({ weight }) => weight > 0);
  let total = totalTokens ?? used.reduce((all, { amount }) => all + amount, 0);
  let cappedBy: string | undefined;
  for (const { corpus, amount, weight } of used) {
    const most = (maxEpochs * amount * sum) / weight;
    if (most < total) {
      total = most;
      cappedBy = corpus;
    }
  }
  const parts = weighted.map(({ corpus, amount, weight }) => {
    const share = weight / sum;
    return { corpus, available: amount, share, epochs: weight > 0 ? (total * share) / amount : 0 };
  });
  return { parts, cappedBy, missing };
}

/** Throws where a corpus has no weight; gives those that have a weight and nothing to weigh. */
function checkWeights(
  weights: Readonly<Record<string, number>>,
  available: ReadonlyMap<string, number>,
): string[] {
  const names = [...available.keys()].join(', ');
  const missing = Object.keys(weights).filter(
    (corpus) => weights[corpus]! > 0 && !((available.get(corpus) ?? 0) > 0),
  );
  for (const corpus of available.keys()) {
    if (weights[corpus] === undefined) {
      throw new ConfigurationError(`weights: corpus ${corpus} has no weight (0 leaves it out)`, {
        expected: names,
        found: Object.keys(weights).join(', '),
      });
    }
  }
  if (!Object.values(weights).some((weight) => weight > 0))
    throw new ConfigurationError('weights: all are 0');
  if (![...available].some(([corpus, amount]) => amount > 0 && weights[corpus]! > 0)) {
    throw new ConfigurationError('weights: no corpus with a weight has training documents', {
      expected: `one of ${missing.join(', ')}`,
      found: names || 'no documents',
    });
  }
  return missing;
}

/** Takes a document `whole` times, and once more where its draw is below `cut`. */
interface Take {
  readonly whole: number;
  readonly cut: number;
}

/** What a sampler knows; it may go to other threads. */
export interface SamplerState {
  readonly takes: ReadonlyMap<string, Take>;
  /** By corpus how often a document of quality 1 is taken; undefined where quality does not count. */
  readonly rates?: ReadonlyMap<string, number> | undefined;
}

/** How many copies of each training document go into the mixture. */
export class Sampler {
  readonly state: SamplerState;

  constructor(state: SamplerState) {
    this.state = state;
  }

  /** Finds the cuts that make the fractional parts of the epochs come out to within one document. */
  static of(plan: MixturePlan, by: 'tokens' | 'documents', sides: readonly SideFile[]): Sampler {
    const takes = new Map<string, Take>();
    for (const { corpus, epochs, available } of plan.parts) {
      // Rounding noise of the planning must not cost or add a document.
      const whole = Math.floor(epochs + 1e-9);
      const rest = Math.max(0, epochs - whole);
      const cut = rest * available < 0.5 ? 0 : findCut(sides, corpus, by, rest * available);
      takes.set(corpus, { whole, cut });
    }
    return new Sampler({ takes });
  }

  /**
   * Where single documents are taken more or less often by their quality: by corpus, epochs over the mean of the
   * documents' times, so that the corpus keeps its share of the mixture; 1 without a mixture. Fractions are drawn document by document.
   */
  static byQuality(plan: MixturePlan | undefined, meanTimes: ReadonlyMap<string, number>): Sampler {
    const rates = new Map<string, number>();
    for (const { corpus, epochs } of plan?.parts ?? [])
      rates.set(corpus, epochs / (meanTimes.get(corpus) || 1));
    return new Sampler({ takes: new Map(), rates });
  }

  /** `times` is what the document's quality is worth. */
  copies(corpus: string, words: Uint32Array, at: number, times = 1): number {
    const { rates, takes } = this.state;
    if (rates) {
      const wanted = (rates.get(corpus) ?? 1) * times;
      const whole = Math.floor(wanted + 1e-9);
      return whole + (drawOf(words, at) < (wanted - whole) * TWO_53 ? 1 : 0);
    }
    const take = takes.get(corpus);
    if (!take) return 1;
    return take.whole + (take.cut > 0 && drawOf(words, at) < take.cut ? 1 : 0);
  }
}

const scratch = new Uint32Array(3);
const scratchBytes = asBytes(scratch);
const TWO_53 = 2 ** 53;

/** A number in 0 .. 2^53 - 1 that depends on the document and the shuffle's seed, but not on the shuffle's order. */
function drawOf(words: Uint32Array, at: number): number {
  scratch[0] = words[at + SIDE.key]!;
  scratch[1] = words[at + SIDE.key + 1]!;
  scratch[2] = 0x6d697874;
  return Number(xxh64(scratchBytes) >> 11n);
}

/** Calls `see` for the record of every training document of `corpus`. */
function eachTrainRecord(
  sides: readonly SideFile[],
  corpus: string,
  see: (words: Uint32Array, at: number) => void,
): void {
  for (const side of sides) {
    const index = side.footer.corpora.indexOf(corpus);
    if (index < 0) continue;
    for (const extent of side.footer.extents) {
      const words = side.records(extent);
      for (let at = 0; at < words.length; at += SIDE_WORDS) {
        if (corpusOf(words[at + SIDE.corpus]!) !== index) continue;
        if (isTraining(words[at + SIDE.corpus]!)) see(words, at);
      }
    }
  }
}

const BINS = 65536;
const BIN_WIDTH = TWO_53 / BINS;

/** The draw below which documents come to `target`, to within half of the document at the cut. Two passes, O(1) memory. */
function findCut(
  sides: readonly SideFile[],
  corpus: string,
  by: 'tokens' | 'documents',
  target: number,
): number {
  const amountOf = (words: Uint32Array, at: number): number =>
    by === 'tokens' ? words[at + SIDE.tokens]! : 1;
  const bins = new Float64Array(BINS);
  eachTrainRecord(sides, corpus, (words, at) => {
    bins[Math.floor(drawOf(words, at) / BIN_WIDTH)]! += amountOf(words, at);
  });
  let below = 0;
  let bin = 0;
  while (bin < BINS - 1 && below + bins[bin]! <= target) below += bins[bin++]!;
  const inside: { draw: number; amount: number }[] = [];
  eachTrainRecord(sides, corpus, (words, at) => {
    const draw = drawOf(words, at);
    if (Math.floor(draw / BIN_WIDTH) === bin) inside.push({ draw, amount: amountOf(words, at) });
  });
  inside.sort((a, b) => a.draw - b.draw);
  for (const { draw, amount } of inside) {
    if (below + amount / 2 > target) return draw;
    below += amount;
  }
  return (bin + 1) * BIN_WIDTH;
}
