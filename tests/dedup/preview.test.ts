import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { foundWithProbability, minhashDedupOptions } from '../../src/dedup/minhash-options.ts';
import { previewMinhash } from '../../src/dedup/preview.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A word without digits, which datatrove's preset takes for one another. */
function letters(random: Random): string {
  return String.fromCharCode(...Array.from({ length: 6 }, () => 97 + random.below(26)));
}

/** A text of 104 words has 100 shingles; each changed word, ten apart, takes five of them away. */
function pair(i: number, changed: number): Uint8Array[] {
  const words = Array.from({ length: 104 }, (_, w) => `w${i}x${w}`);
  const other = words.map((word, w) => (w % 10 === 9 && w < changed * 10 ? `other${i}x${w}` : word));
  return [utf8(words.join(' ')), utf8(other.join(' '))];
}

describe('the preview of minhash-dedup', () => {
  it('counts pairs by their true similarity, and finds as many as the curve says', () => {
    const random = new Random('preview');
    const changes = Array.from({ length: 400 }, () => 1 + random.below(5));
    const texts = changes.flatMap((changed, i) => pair(i, changed));
    const preview = previewMinhash(texts, minhashDedupOptions.parse({ minJaccard: 0.7 }), {
      documents: 80_000,
    });
    let found = 0;
    let alike = 0;
    for (const changed of [1, 2, 3, 4, 5]) {
      const similarity = (100 - 5 * changed) / (100 + 5 * changed);
      const bin = preview.bins.find(({ from, to }) => similarity >= from && similarity < to)!;
      const pairs = changes.filter((c) => c === changed).length;
      expect(bin.pairs).toBe(pairs);
      const p = foundWithProbability(similarity, 16, 8);
      expect(bin.predicted).toBeCloseTo(p, 9);
      expect(Math.abs(bin.found - pairs * p)).toBeLessThanOrEqual(3.3 * Math.sqrt(pairs * p * (1 - p)) + 1);
      expect(bin.examples.length).toBe(Math.min(3, pairs));
      for (const [a, b] of bin.examples) expect([b, changes[a >> 1]]).toEqual([a + 1, changed]);
      found += bin.found;
      if (similarity >= 0.7) alike += bin.found;
    }
    expect(preview.candidates).toBe(found);
    expect(preview.precision).toBeCloseTo(alike / found, 12);
    const likely = preview.bins.filter(({ from }) => from >= 0.7).reduce((sum, { pairs }) => sum + pairs, 0);
    expect(preview.alike).toBe(likely);
    expect(preview.recall).toBeCloseTo(alike / likely, 12);
    // 100 shingles of 4 bytes, 16 keys of 8, and the rest.
    expect(preview.forecast.diskBytes).toBeGreaterThan(80_000 * (400 + 128));
    expect(preview.forecast.diskBytes).toBeLessThan(80_000 * (400 + 128 + 100));
  });

  it('measures the curve on edited copies, over all similarities', () => {
    const random = new Random('probes');
    const texts = Array.from({ length: 100 }, () =>
      utf8(Array.from({ length: 150 }, () => letters(random)).join(' ')),
    );
    for (const more of [
      {},
      { shingle: 'characters', bands: 20, rows: 13 },
      { preset: 'datatrove', bits: 32 },
    ]) {
      const { bins, probes } = previewMinhash(texts, minhashDedupOptions.parse(more));
      expect(bins.every(({ pairs }) => pairs === 0)).toBe(true);
      for (const { from, pairs, found, predicted } of probes) {
        expect(pairs, `${from}`).toBeGreaterThan(5);
        const deviation = Math.sqrt(pairs * predicted * (1 - predicted));
        expect(Math.abs(found - pairs * predicted), `${from}`).toBeLessThanOrEqual(3.3 * deviation + 1);
      }
    }
  });

  it('bears an empty sample and empty texts', () => {
    const options = minhashDedupOptions.parse({});
    expect(previewMinhash([], options)).toMatchObject({ candidates: 0, precision: 1 });
    expect(previewMinhash([utf8(''), utf8('')], options)).toMatchObject({ candidates: 0 });
  });
});
