/**
 * Finds documents that share n-grams of words with a fixed set of texts, after the contamination tests of GPT-3
 * (arXiv 2005.14165, appendix C), but by the share of a text that is found again: a single n-gram in common is mostly
 * a mailing list's footer.
 */

const WORD = /[\p{L}\p{N}]+/gu;
const BASE_A = 0x01000193;
const BASE_B = 0x5bd1e995;

export interface OverlapSettings {
  /** Words an n-gram. */
  readonly words: number;
  /** The least share of the n-grams of either text. */
  readonly share: number;
}

export interface Overlap {
  /** Index of the text that is met. */
  readonly text: number;
  /** Share of the n-grams of that text, or of the document where that is more. */
  readonly share: number;
}

function hashWord(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), BASE_A);
  return hash;
}

/** Keys of 53 bits of all n-grams of a text, each once; of a text with fewer words, one key of all of them. */
export function gramsOf(text: string, words: number): Set<number> {
  const hashes: number[] = [];
  for (const [word] of text.toLowerCase().matchAll(WORD)) hashes.push(hashWord(word));
  const size = Math.min(words, hashes.length);
  const keys = new Set<number>();
  if (size === 0) return keys;
  // A polynomial of the words of the window in two bases, rolled on by subtracting the word that leaves.
  const powerA = power(BASE_A, size);
  const powerB = power(BASE_B, size);
  let a = 0;
  let b = 0;
  for (let i = 0; i < hashes.length; i++) {
    a = (Math.imul(a, BASE_A) + hashes[i]!) | 0;
    b = (Math.imul(b, BASE_B) + hashes[i]!) | 0;
    if (i >= size) {
      a = (a - Math.imul(powerA, hashes[i - size]!)) | 0;
      b = (b - Math.imul(powerB, hashes[i - size]!)) | 0;
    }
    // A short text must not be found inside a longer one: its key holds its length.
    if (i >= size - 1) keys.add((a >>> 0) * 2097152 + ((b ^ Math.imul(size, 0x9e3779b1)) >>> 11));
  }
  return keys;
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base);
  return result;
}

export class OverlapIndex {
  private readonly settings: OverlapSettings;
  /** By key of an n-gram: the texts that have it. */
  private readonly texts = new Map<number, number[]>();
  private readonly sizes: number[] = [];

  constructor(texts: Iterable<string>, settings: OverlapSettings) {
    this.settings = settings;
    for (const text of texts) {
      const index = this.sizes.length;
      const grams = gramsOf(text, settings.words);
      this.sizes.push(grams.size);
      for (const key of grams) {
        const list = this.texts.get(key);
        if (list === undefined) this.texts.set(key, [index]);
        else list.push(index);
      }
    }
  }

  /** The text of the set that shares the most with `text`; undefined where none shares enough. */
  overlapOf(text: string): Overlap | undefined {
    const grams = gramsOf(text, this.settings.words);
    const shared = new Map<number, number>();
    let own = 0;
    for (const key of grams) {
      const list = this.texts.get(key);
      if (list === undefined) continue;
      own++;
      for (const index of list) shared.set(index, (shared.get(index) ?? 0) + 1);
    }
    if (own === 0) return undefined;
    let best: Overlap | undefined;
    for (const [index, count] of shared) {
      const share = Math.max(count / this.sizes[index]!, own / grams.size);
      if (share >= this.settings.share && (best === undefined || share > best.share))
        best = { text: index, share };
    }
    return best;
  }
}
