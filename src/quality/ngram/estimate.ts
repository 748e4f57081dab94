import { join } from 'node:path';
import { RecordReader, RecordSorter, RecordWriter } from './records.ts';
import { SENTENCE_END, SENTENCE_START } from './text.ts';

/*
 * Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998, TR-10-98, section 3; Heafield et al. 2013 for
 * the passes over disk). An n-gram is a record of its words from the last to the first, so that sorting the columns
 * in their order ("suffix order") puts together what ends alike, and an n-gram right after the one it extends.
 * p(w | h) = (a(hw) - D(a(hw))) / sum_v a(hv) + gamma(h) p(w | h'), where h' is h without its first word, a is the
 * count for the highest order and for what begins with <s>, and for the rest the number of different words before.
 */

/** No word: an n-gram that begins with <s> has none before it. */
const NONE = 0xffffffff;

export interface Discounts {
  /** D1, D2, D3+: taken from counts of 1, of 2, of more. */
  readonly values: readonly [number, number, number];
  /** Whether the corpus was too small to say: then 0.5, 1 and 1.5. */
  readonly isFallback: boolean;
}

/** From the numbers of n-grams that have an adjusted count of 1, 2, 3 and 4. */
export function discountsOf([n1, n2, n3, n4]: readonly number[]): Discounts {
  const y = n1! / (n1! + 2 * n2!);
  const values = [1 - 2 * y * (n2! / n1!), 2 - 3 * y * (n3! / n2!), 3 - 4 * y * (n4! / n3!)] as const;
  const isSound = values.every((value, i) => value >= 0 && value <= i + 1);
  return isSound && n4! > 0
    ? { values: [...values], isFallback: false }
    : { values: [0.5, 1, 1.5], isFallback: true };
}

export interface EstimateOptions {
  readonly order: number;
  /** Words, the special ones included. */
  readonly words: number;
  readonly folder: string;
  /** Records that a sorter may hold in memory. */
  readonly capacity: number;
}

/** What estimation leaves on disk, order by order, in suffix order. */
export interface Estimates {
  readonly order: number;
  readonly discounts: readonly Discounts[];
  /** [order] n-grams of each. */
  readonly counts: readonly number[];
  /** [order] records of k words (the last first) and p as a double: 1-grams leave out <s>. */
  readonly probabilities: readonly string[];
  /** [order - 1] records of k words and gamma as a double, for n-grams that are a context. */
  readonly backoffs: readonly string[];
}

const doubles = new Float64Array(1);
const halves = new Uint32Array(doubles.buffer);

function putDouble(record: Uint32Array, at: number, value: number): void {
  doubles[0] = value;
  record[at] = halves[0]!;
  record[at + 1] = halves[1]!;
}

export function doubleAt(record: Uint32Array, at: number): number {
  halves[0] = record[at]!;
  halves[1] = record[at + 1]!;
  return doubles[0]!;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Counts n-grams of sentences, then estimates. Memory: `capacity` records a sorter, and the words of one context. */
export class KneserNey {
  private readonly options: EstimateOptions;
  private readonly ngrams: RecordSorter;
  private readonly record: Uint32Array;
  private readonly sorters: RecordSorter[] = [];

  constructor(options: EstimateOptions) {
    const { order } = options;
    this.options = options;
    this.record = new Uint32Array(order + 1);
    this.ngrams = this.sorter('ngrams', order + 1, range(order), order);
  }

  /** Word ids of a sentence, without <s> and </s>. */
  add(words: readonly number[]): void {
    const { order } = this.options;
    const { record } = this;
    const length = words.length + 2;
    const wordAt = (i: number): number =>
      i < 0 ? NONE : i === 0 ? SENTENCE_START : i === length - 1 ? SENTENCE_END : words[i - 1]!;
    for (let i = 1; i < length; i++) {
      for (let k = 0; k < order; k++) record[k] = wordAt(i - k);
      record[order] = 1;
      this.ngrams.add(record);
    }
  }

  estimate(): Estimates {
    const { order } = this.options;
    const contexts = range(order).map((k) =>
      // By the context's words from its last to its first, then by the word: contexts come in suffix order.
      this.sorter(`context-${k + 1}`, k + 2, [...range(k).map((i) => i + 1), 0]),
    );
    const adjusted = this.adjustCounts(contexts);
    const discounts = adjusted.map(discountsOf);
    const counts: number[] = [];
    const probabilities: string[] = [];
    const backoffs: string[] = [];
    for (let k = 1; k <= order; k++) {
      const suffixes = this.sorter(`suffix-${k}`, k + 4, range(k));
      const backoff = join(this.options.folder, `backoff-${k - 1}`);
      const ownWeight = this.normalize(k, contexts[k - 1]!, discounts[k - 1]!, suffixes, backoff);
      if (k > 1) backoffs.push(backoff);
      const path = join(this.options.folder, `probability-${k}`);
      counts.push(this.interpolate(k, suffixes, probabilities[k - 2], path, ownWeight));
      probabilities.push(path);
    }
    return { order, discounts, counts, probabilities, backoffs };
  }

  dispose(): void {
    for (const sorter of this.sorters) sorter.dispose();
  }

  private sorter(name: string, width: number, keys: readonly number[], sum?: number): RecordSorter {
    const { folder, capacity } = this.options;
    const sorter = new RecordSorter({ folder, name, width, keys, sum, capacity });
    this.sorters.push(sorter);
    return sorter;
  }

  /**
   * One pass over the sorted n-grams gives the adjusted counts of all orders: an n-gram of order k ends where one of
   * its k columns changes, and has one word more before it whenever column k changes.
   * @returns [order][4] numbers of n-grams with adjusted counts 1 to 4
   */
  private adjustCounts(contexts: readonly RecordSorter[]): number[][] {
    const { order } = this.options;
    const counted = range(order).map(() => [0, 0, 0, 0]);
    const current = new Uint32Array(order).fill(NONE);
    const tally = new Float64Array(order + 1);
    const out = range(order).map((k) => new Uint32Array(k + 2));
    let isOpen = false;
    // Ends the n-grams of order `from` and higher.
    const flush = (from: number): void => {
      for (let k = from; k <= order && current[k - 1] !== NONE; k++) {
        const count = tally[k]!;
        if (count <= 4) counted[k - 1]![count - 1]!++;
        const record = out[k - 1]!;
        for (let i = 0; i < k; i++) record[i] = current[i]!;
        record[k] = Math.min(count, 0xffffffff);
        contexts[k - 1]!.add(record);
      }
    };
    for (const record of this.ngrams.sorted()) {
      let differs = 0;
      while (isOpen && differs < order && record[differs] === current[differs]) differs++;
      if (isOpen) flush(differs + 1);
      isOpen = true;
      if (differs > 0) tally[differs]!++;
      for (let k = differs + 1; k <= order; k++) tally[k] = 1;
      for (let k = 0; k < order; k++) current[k] = record[k]!;
      // What begins with <s>, and the highest order, keep their counts.
      let last = 0;
      while (last + 1 < order && record[last + 1] !== NONE) last++;
      tally[last + 1] = record[order]!;
    }
    if (isOpen) flush(1);
    return counted;
  }

  /** Discounted shares and gammas of one order, context by context. Returns the gamma of the last context. */
  private normalize(
    k: number,
    context: RecordSorter,
    { values }: Discounts,
    suffixes: RecordSorter,
    backoff: string,
  ): number {
    const writer = new RecordWriter(backoff);
    const record = new Uint32Array(k + 4);
    const gammaRecord = new Uint32Array(k + 1);
    let words: number[] = [];
    let counts: number[] = [];
    let gamma = 0;
    const head = new Uint32Array(k);
    const finish = (): void => {
      let total = 0;
      let taken = 0;
      for (const count of counts) {
        total += count;
        taken += values[Math.min(count, 3) - 1]!;
      }
      gamma = taken / total;
      for (let i = 1; i < k; i++) {
        record[i] = head[i]!;
        gammaRecord[i - 1] = head[i]!;
      }
      for (let i = 0; i < words.length; i++) {
        record[0] = words[i]!;
        putDouble(record, k, (counts[i]! - values[Math.min(counts[i]!, 3) - 1]!) / total);
        putDouble(record, k + 2, gamma);
        suffixes.add(record);
      }
      putDouble(gammaRecord, k - 1, gamma);
      if (k > 1) writer.add(gammaRecord);
      words = [];
      counts = [];
    };
    try {
      for (const found of context.sorted()) {
        let isSame = words.length > 0;
        for (let i = 1; isSame && i < k; i++) isSame = found[i] === head[i];
        if (words.length > 0 && !isSame) finish();
        head.set(found.subarray(0, k));
        words.push(found[0]!);
        counts.push(found[k]!);
      }
      if (words.length > 0) finish();
      writer.finish();
    } finally {
      writer.abandon();
    }
    return gamma;
  }

  /** Adds to each share what the shorter n-gram gives. Both come in suffix order: a merge. Returns their number. */
  private interpolate(
    k: number,
    suffixes: RecordSorter,
    shorter: string | undefined,
    path: string,
    ownWeight: number,
  ): number {
    const writer = new RecordWriter(path);
    const record = new Uint32Array(k + 2);
    let count = 0;
    const put = (p: number): void => {
      putDouble(record, k, p);
      writer.add(record);
      count++;
    };
    const below = shorter === undefined ? undefined : new RecordReader(shorter, k + 1);
    // Every word but <s> can come: the lowest order is interpolated with the uniform distribution over them.
    const uniform = ownWeight / (this.options.words - 1);
    let word = 0;
    const unseen = (to: number): void => {
      for (; word < to; word++) {
        if (word === SENTENCE_START) continue;
        record[0] = word;
        put(uniform);
      }
    };
    try {
      for (const found of suffixes.sorted()) {
        if (!below) {
          unseen(found[0]!);
          word = found[0]! + 1;
          record[0] = found[0]!;
          put(doubleAt(found, k) + uniform);
          continue;
        }
        while (!startsWith(found, below.record!, k - 1)) below.next();
        for (let i = 0; i < k; i++) record[i] = found[i]!;
        put(doubleAt(found, k) + doubleAt(found, k + 2) * doubleAt(below.record!, k - 1));
      }
      if (!below) unseen(this.options.words);
      writer.finish();
    } finally {
      writer.abandon();
      below?.close();
    }
    return count;
  }
}

function startsWith(record: Uint32Array, head: Uint32Array, words: number): boolean {
  for (let i = 0; i < words; i++) if (record[i] !== head[i]) return false;
  return true;
}
