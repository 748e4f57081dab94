import type { NgramIndex } from './index-file.ts';
import { NgramHasher } from './ngrams.ts';

/** An n-gram of the index in a document, and where it first stands there (the number of the document's n-gram). */
export interface Hit {
  readonly ngram: number;
  readonly position: number;
}

/** How much of one example a document has. */
export interface Overlap {
  readonly example: number;
  /** Different n-grams of the example that the document has. */
  readonly ngrams: number;
  /** Those to all of the example's. */
  readonly share: number;
  /** Where the first of them stands in the document. */
  readonly position: number;
}

const NONE: readonly Hit[] = [];

/** Finds the n-grams of an index in documents. */
export class NgramMatcher {
  readonly index: NgramIndex;
  private readonly hasher: NgramHasher;

  constructor(index: NgramIndex) {
    this.index = index;
    this.hasher = new NgramHasher(index.parts.n, index.parts.tokenization);
  }

  /** The different n-grams that text (UTF-8) and index share, by position. */
  hits(text: Uint8Array): readonly Hit[] {
    const { index } = this;
    let found: Map<number, number> | undefined;
    this.hasher.run(text, (words, count, first) => {
      for (let i = 0; i < count; i++) {
        const ngram = index.find(words[2 * i]!, words[2 * i + 1]!);
        if (ngram < 0) continue;
        found ??= new Map();
        if (!found.has(ngram)) found.set(ngram, first + i);
      }
    });
    return found ? [...found].map(([ngram, position]) => ({ ngram, position })) : NONE;
  }
}

/** What hits mean by example: the most overlap first, then by the example's number. */
export function overlapsOf(index: NgramIndex, hits: readonly Hit[]): Overlap[] {
  const byExample = new Map<number, { ngrams: number; position: number }>();
  for (const { ngram, position } of hits) {
    for (const example of index.examplesOf(ngram)) {
      const so = byExample.get(example);
      if (!so) byExample.set(example, { ngrams: 1, position });
      else {
        so.ngrams++;
        so.position = Math.min(so.position, position);
      }
    }
  }
  return [...byExample]
    .map(([example, { ngrams, position }]) => ({
      example,
      ngrams,
      share: ngrams / index.parts.sizes[example]!,
      position,
    }))
    .sort((a, b) => b.ngrams - a.ngrams || b.share - a.share || a.example - b.example);
}
