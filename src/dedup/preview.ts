import { foundWithProbability, type MinhashDedupOptions, resolveMinhash } from './minhash-options.ts';
import { Signer } from './signer.ts';

/** Width of a bin of similarity; pairs below the first bin are not looked at. */
const BIN = 0.05;
const FIRST_BIN = 0.3;
/** What a document costs in a side file apart from keys and shingles: meta, label, index. */
const OTHER_BYTES = 80;
/** Arrays of 32 bits a document that reduction holds, and what it takes whatever the number (measured). */
const WORDS_PER_DOCUMENT = 4;
const FIXED_BYTES = 400e6;

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
  readonly bins: readonly PreviewBin[];
  /** Pairs that share a band, and the share of them that is at least `minJaccard` (or the curve's middle) alike. */
  readonly candidates: number;
  readonly precision: number;
  /** For the whole corpus, had it `documents` like these. */
  readonly forecast: {
    readonly diskBytes: number;
    readonly memoryBytes: number;
    readonly signatureSeconds: number;
  };
}

/**
 * Tries options on a sample: every pair of it is compared truly, so take hundreds to a few thousand documents.
 * @param texts UTF-8 texts
 * @param documents size of the corpus that the forecast is for
 */
export function previewMinhash(
  texts: readonly Uint8Array[],
  options: MinhashDedupOptions,
  documents: number = texts.length,
): MinhashPreview {
  const parameters = resolveMinhash(options);
  const { bands, rows, minJaccard } = parameters;
  const signer = new Signer(parameters);
  const keys: (string[] | undefined)[] = [];
  const sets: Uint32Array[] = [];
  const started = performance.now();
  for (const text of texts) {
    const signed = signer.sign(text, true);
    keys.push(signed ? keyNames(signer.keys) : undefined);
    sets.push(signed ? signer.shingleSet().slice() : new Uint32Array(0));
  }
  const seconds = (performance.now() - started) / 1000;
  const shared = pairsByBand(keys);
  const least = minJaccard ?? (1 / bands) ** (1 / rows);
  const bins = new Bins(bands, rows);
  let alike = 0;
  const common = commonShingles(sets);
  for (const [pair, count] of common) {
    const [a, b] = unpair(pair, texts.length);
    const similarity = count / (sets[a]!.length + sets[b]!.length - count);
    const found = shared.has(pair);
    if (found && similarity >= least) alike++;
    bins.add(similarity, found, [a, b]);
  }
  const perDocument = texts.length === 0 ? 0 : documents / texts.length;
  const stored = sets.reduce(
    (sum, set) => sum + (minJaccard === undefined ? bands * rows : 4 * set.length),
    0,
  );
  return {
    bands,
    rows,
    minJaccard,
    bins: bins.list(),
    candidates: shared.size,
    precision: shared.size === 0 ? 1 : alike / shared.size,
    forecast: {
      diskBytes: Math.round((stored + texts.length * (8 * bands + OTHER_BYTES)) * perDocument),
      memoryBytes: FIXED_BYTES + 4 * WORDS_PER_DOCUMENT * documents,
      signatureSeconds: seconds * perDocument,
    },
  };
}

function keyNames(keys: Uint32Array): string[] {
  return Array.from(
    { length: keys.length / 2 },
    (_, band) => `${band}:${keys[2 * band]}:${keys[2 * band + 1]}`,
  );
}

/** A pair a < b as one number. */
function pairOf(a: number, b: number, n: number): number {
  return a * n + b;
}

function unpair(pair: number, n: number): [number, number] {
  return [Math.floor(pair / n), pair % n];
}

function pairsByBand(keys: readonly (readonly string[] | undefined)[]): Set<number> {
  const members = new Map<string, number[]>();
  keys.forEach((own, document) => {
    for (const key of own ?? []) members.set(key, [...(members.get(key) ?? []), document]);
  });
  const pairs = new Set<number>();
  for (const list of members.values())
    for (let j = 1; j < list.length; j++)
      for (let i = 0; i < j; i++) pairs.add(pairOf(list[i]!, list[j]!, keys.length));
  return pairs;
}

/** For each pair that has a shingle in common: how many. */
function commonShingles(sets: readonly Uint32Array[]): Map<number, number> {
  const holders = new Map<number, number[]>();
  const common = new Map<number, number>();
  sets.forEach((set, b) => {
    for (const shingle of set) {
      const list = holders.get(shingle);
      if (list === undefined) {
        holders.set(shingle, [b]);
        continue;
      }
      for (const a of list) {
        const pair = pairOf(a, b, sets.length);
        common.set(pair, (common.get(pair) ?? 0) + 1);
      }
      list.push(b);
    }
  });
  return common;
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

  add(similarity: number, found: boolean, pair: [number, number]): void {
    const bin = this.bins[Math.min(this.bins.length - 1, Math.floor((similarity - FIRST_BIN) / BIN + 1e-9))];
    if (bin === undefined) return;
    bin.pairs++;
    if (found) bin.found++;
    bin.predicted += foundWithProbability(similarity, this.bands, this.rows);
    if (bin.examples.length < 3) bin.examples.push(pair);
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
