// @ts-expect-error: the package has no types
import { Minhash } from 'minhash';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { minhashDedupOptions, resolveMinhash } from '../../src/dedup/minhash-options.ts';
import { Signer } from '../../src/dedup/signer.ts';

/** Pairs of texts at various similarities, and their shingles of one word, which is what `minhash` is given. */
function pairs(): { a: string[]; b: string[]; jaccard: number }[] {
  const random = new Random('peer');
  return Array.from({ length: 24 }, (_, i) => {
    const a = new Set(Array.from({ length: 150 }, () => `w${random.below(1e6)}`));
    const b = new Set([...a].map((word) => (random.next() < i / 24 ? `v${random.below(1e6)}` : word)));
    const common = [...a].filter((word) => b.has(word)).length;
    return { a: [...a], b: [...b], jaccard: common / (a.size + b.size - common) };
  });
}

/** Share of equal values: the estimate of a signature. */
function equal(a: ArrayLike<unknown>, b: ArrayLike<unknown>): number {
  let same = 0;
  for (let j = 0; j < a.length; j++) if (a[j] === b[j]) same++;
  return same / a.length;
}

describe('the minhash package as a twin', () => {
  it('estimates the same similarities, within the deviation of 512 permutations', () => {
    const signer = new Signer(
      resolveMinhash(minhashDedupOptions.parse({ shingleSize: 1, bands: 64, rows: 8 })),
    );
    const sign = (words: string[]): number[] => {
      signer.sign(new TextEncoder().encode(words.join(' ')));
      return Array.from(signer.minima as Uint32Array);
    };
    const peer = (words: string[]): { jaccard(other: unknown): number } => {
      const minhash = new Minhash({ numPerm: 512 });
      for (const word of words) minhash.update(word);
      return minhash;
    };
    let ourBias = 0;
    for (const { a, b, jaccard } of pairs()) {
      const ours = equal(sign(a), sign(b));
      const theirs = peer(a).jaccard(peer(b));
      // Four deviations of a binomial share; the peer is biased by up to 0.02 (reference/dependencies.md).
      const deviation = Math.sqrt((jaccard * (1 - jaccard)) / 512);
      expect(Math.abs(ours - jaccard)).toBeLessThanOrEqual(4 * deviation + 1e-9);
      expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(4 * Math.SQRT2 * deviation + 0.03);
      ourBias += (ours - jaccard) / 24;
    }
    expect(Math.abs(ourBias)).toBeLessThan(0.01);
  });
});
