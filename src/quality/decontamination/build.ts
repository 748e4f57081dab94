import { type Example, NgramIndex } from './index-file.ts';
import { NgramHasher, type Tokenization } from './ngrams.ts';

/** Collects the n-grams of examples; the index does not depend on how they were given in parts. */
export class NgramIndexBuilder {
  private readonly n: number;
  private readonly tokenization: Tokenization;
  private readonly hasher: NgramHasher;
  private readonly examples: Example[] = [];
  /** Hash and example of every n-gram, as they came. */
  private words = new Uint32Array(3 << 12);
  private used = 0;
  /** Examples too short to have an n-gram: nothing can be found of them. */
  shortExamples = 0;

  constructor(n: number, tokenization: Tokenization) {
    this.n = n;
    this.tokenization = tokenization;
    this.hasher = new NgramHasher(n, tokenization);
  }

  get length(): number {
    return this.examples.length;
  }

  add(example: Example, text: Uint8Array): void {
    const before = this.used;
    this.hasher.run(text, (words) => this.addHashes(words));
    if (this.used === before) this.shortExamples++;
    this.examples.push(example);
  }

  /** An example whose hashes are known; the low word of each first. */
  addHashed(example: Example, words: Uint32Array): void {
    this.addHashes(words);
    if (words.length === 0) this.shortExamples++;
    this.examples.push(example);
  }

  private addHashes(words: Uint32Array): void {
    const need = this.used + (words.length / 2) * 3;
    if (need > this.words.length) {
      const grown = new Uint32Array(Math.max(need, this.words.length * 2));
      grown.set(this.words.subarray(0, this.used));
      this.words = grown;
    }
    for (let i = 0; i < words.length; i += 2) {
      this.words[this.used++] = words[i]!;
      this.words[this.used++] = words[i + 1]!;
      this.words[this.used++] = this.examples.length;
    }
  }

  finish(): NgramIndex {
    const { words, used, examples } = this;
    const sorted = new BigUint64Array(used / 3);
    const pairs = new Uint32Array(sorted.buffer);
    for (let i = 0, k = 0; i < used; i += 3) {
      pairs[k++] = words[i]!;
      pairs[k++] = words[i + 1]!;
    }
    sorted.sort();
    let ngrams = 0;
    for (let i = 0; i < sorted.length; i++)
      if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[ngrams++] = sorted[i]!;
    const hashes = new Uint32Array(sorted.buffer.slice(0, ngrams * 8));
    const sizes = new Uint32Array(examples.length);
    const { starts, postings } = this.post(hashes, sizes);
    const { n, tokenization } = this;
    return new NgramIndex({ n, tokenization, hashes, starts, postings, sizes, examples });
  }

  /** The examples of each n-gram: counted, then filled in, in the order of the examples. */
  private post(hashes: Uint32Array, sizes: Uint32Array): { starts: Uint32Array; postings: Uint32Array } {
    const { n, tokenization, words, used } = this;
    const ngrams = hashes.length / 2;
    const empty = new Uint32Array(0);
    const lookup = new NgramIndex({
      n,
      tokenization,
      hashes,
      starts: empty,
      postings: empty,
      sizes,
      examples: [],
    });
    const starts = new Uint32Array(ngrams + 1);
    const last = new Int32Array(ngrams);
    // An n-gram that an example repeats is one of its own; examples come in ascending order.
    const visit = (each: (ngram: number, example: number) => void): void => {
      last.fill(-1);
      for (let i = 0; i < used; i += 3) {
        const ngram = lookup.find(words[i]!, words[i + 1]!);
        const example = words[i + 2]!;
        if (last[ngram] === example) continue;
        last[ngram] = example;
        each(ngram, example);
      }
    };
    visit((ngram, example) => {
      starts[ngram + 1]!++;
      sizes[example]!++;
    });
    for (let i = 0; i < ngrams; i++) starts[i + 1]! += starts[i]!;
    const postings = new Uint32Array(starts[ngrams]!);
    const next = starts.slice();
    visit((ngram, example) => {
      postings[next[ngram]!++] = example;
    });
    return { starts, postings };
  }
}
