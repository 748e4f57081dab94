import { type Forecast, forecastOf } from './forecast.ts';
import { foundWithProbability, type MinhashDedupOptions, resolveMinhash } from './minhash-options.ts';
import { makeProbes } from './probes.ts';
import { jaccard } from './shingles.ts';
import { Signer } from './signer.ts';

/** Width of a bin of similarity; pairs below the first bin are not looked at. */
const BIN = 0.05;
export const FIRST_BIN = 0.3;
/** Edited copies whose similarity is known: 50 a bin. */
const PROBES = 700;
const EXAMPLES_A_BIN = 3;

/** Pairs of one bin of true Jaccard similarity. */
export interface PreviewBin {
  /** Half-open but for the last, which ends at 1 and has it. */
  readonly from: number;
  readonly to: number;
  readonly pairs: number;
  /** How many of them share a band. */
  readonly found: number;
  /** The mean over its pairs of 1 - (1 - s^rows)^bands; of the middle where there is no pair. */
  readonly predicted: number;
  /** Up to three pairs, by index into the sample. */
  readonly examples: readonly (readonly [number, number])[];
}

export interface MinhashPreview {
  readonly bands: number;
  readonly rows: number;
  readonly minJaccard: number | undefined;
  /** The similarity from which pairs count as alike: `minJaccard`, or where the curve bends, (1 / bands)^(1 / rows). */
  readonly threshold: number;
  /** Documents of the sample, and those of them without a signature. */
  readonly documents: number;
  readonly withoutSignature: number;
  /** The pairs that the sample has. */
  readonly bins: readonly PreviewBin[];
  /** Pairs of a document and an edited copy of it: where the sample has few pairs, these measure the curve. */
  readonly probes: readonly PreviewBin[];
  /** Pairs that share a band, and the share of them that are alike. */
  readonly candidates: number;
  readonly alike: number;
  readonly precision: number;
  /** Of the alike pairs the share that shares a band. */
  readonly recall: number;
  /** For the whole corpus, had it documents like these. */
  readonly forecast: Forecast;
}

export interface PreviewOptions {
  /** Size of the corpus that the forecast is for; default: that of the sample. */
  readonly documents?: number;
  readonly workers?: number;
  readonly seed?: number;
}

interface Signed {
  readonly keys: Uint32Array | undefined;
  readonly set: Uint32Array;
}

/**
 * Tries options on a sample: every pair of it is compared truly, so take hundreds to a few thousand documents.
 * @param texts UTF-8 texts
 */
export function previewMinhash(
  texts: readonly Uint8Array[],
  options: MinhashDedupOptions,
  { documents = texts.length, workers = 1, seed = 1 }: PreviewOptions = {},
): MinhashPreview {
  const parameters = resolveMinhash(options);
  const { bands, rows, minJaccard, shingleSize, splitter } = parameters;
  const signer = new Signer(parameters);
  const sign = (text: Uint8Array): Signed => {
    const signed = signer.sign(text, true);
    return {
      keys: signed ? signer.keys.slice() : undefined,
      set: signed ? signer.shingleSet().slice() : new Uint32Array(0),
    };
  };
  const started = performance.now();
  const signed = texts.map(sign);
  const signSeconds = (performance.now() - started) / 1000;
  const threshold = minJaccard ?? (1 / bands) ** (1 / rows);
  const own = new Bins(bands, rows);
  const counts = { candidates: 0, alike: 0, found: 0 };
  forEachPair(signed, (a, b, similarity, found) => {
    if (found) counts.candidates++;
    if (similarity >= threshold) counts.alike++;
    if (found && similarity >= threshold) counts.found++;
    own.add(similarity, found, [a, b]);
  });
  const probes = new Bins(bands, rows);
  const span = splitter === 'characters' ? 1 + Math.ceil(shingleSize / 6) : shingleSize;
  for (const { original, copy } of makeProbes(texts, FIRST_BIN, PROBES, span, seed)) {
    const there = signed[original]!;
    const here = sign(copy);
    if (there.keys && here.keys) probes.add(jaccard(there.set, here.set), sharesBand(there.keys, here.keys));
  }
  const storedWords = signed.reduce((sum, { set }) => sum + set.length, 0);
  return {
    bands,
    rows,
    minJaccard,
    threshold,
    documents: texts.length,
    withoutSignature: signed.filter(({ keys }) => keys === undefined).length,
    bins: own.list(),
    probes: probes.list(),
    candidates: counts.candidates,
    alike: counts.alike,
    precision: counts.candidates === 0 ? 1 : counts.found / counts.candidates,
    recall: counts.alike === 0 ? 1 : counts.found / counts.alike,
    forecast: forecastOf(parameters, { documents, workers, sampled: texts.length, storedWords, signSeconds }),
  };
}

function sharesBand(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i += 2) if (a[i] === b[i] && a[i + 1] === b[i + 1]) return true;
  return false;
}

/** The documents that have a value, `document` now among them: a document counts with itself too, which nobody reads. */
function meet<K>(holders: Map<K, number[]>, value: K, document: number): readonly number[] {
  const list = holders.get(value);
  if (list === undefined) {
    holders.set(value, [document]);
    return [];
  }
  list.push(document);
  return list;
}

/** Visits every pair that has a shingle or a band in common. */
function forEachPair(
  signed: readonly Signed[],
  visit: (a: number, b: number, similarity: number, found: boolean) => void,
): void {
  const byShingle = new Map<number, number[]>();
  const byKey = new Map<string, number[]>();
  const common = new Uint32Array(signed.length);
  const shares = new Uint8Array(signed.length);
  signed.forEach(({ keys, set }, b) => {
    common.fill(0, 0, b + 1);
    shares.fill(0, 0, b + 1);
    for (const shingle of set) for (const a of meet(byShingle, shingle, b)) common[a]!++;
    for (let i = 0; keys && i < keys.length; i += 2)
      for (const a of meet(byKey, `${i}:${keys[i]}:${keys[i + 1]}`, b)) shares[a] = 1;
    for (let a = 0; a < b; a++) {
      if (common[a] === 0 && shares[a] === 0) continue;
      const union = signed[a]!.set.length + set.length - common[a]!;
      visit(a, b, union === 0 ? 0 : common[a]! / union, shares[a] === 1);
    }
  });
}

class Bins {
  private readonly bands: number;
  private readonly rows: number;
  private readonly bins = Array.from({ length: Math.round((1 - FIRST_BIN) / BIN) }, () => ({
    pairs: 0,
    found: 0,
    predicted: 0,
    examples: [] as [number, number][],
  }));

  constructor(bands: number, rows: number) {
    this.bands = bands;
    this.rows = rows;
  }

  add(similarity: number, found: boolean, pair?: [number, number]): void {
    const bin = this.bins[Math.min(this.bins.length - 1, Math.floor((similarity - FIRST_BIN) / BIN + 1e-9))];
    if (bin === undefined) return;
    bin.pairs++;
    if (found) bin.found++;
    bin.predicted += foundWithProbability(similarity, this.bands, this.rows);
    if (pair && bin.examples.length < EXAMPLES_A_BIN) bin.examples.push(pair);
  }

  list(): PreviewBin[] {
    return this.bins.map(({ pairs, found, predicted, examples }, i) => {
      const from = Math.round((FIRST_BIN + i * BIN) * 100) / 100;
      const middle = foundWithProbability(from + BIN / 2, this.bands, this.rows);
      const to = Math.round((from + BIN) * 100) / 100;
      return { from, to, pairs, found, predicted: pairs ? predicted / pairs : middle, examples };
    });
  }
}
