import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/hash.ts';
import { exactDedup, exactDedupOptions } from '../../src/dedup/exact-dedup.ts';
import { normalizedDigest, normalizedText, urlKey } from '../../src/dedup/text-keys.ts';
import { document, runBarrier } from './harness.ts';

describe('the digest of a normalized text', () => {
  // What composition, case and white space could do across a cut: marks, a final sigma, Hangul, ligatures.
  const piece = fc.constantFrom(
    'a',
    'Σ',
    'ΟΔΟΣ',
    ' ',
    '\n',
    '. ',
    'e\u0301',
    '\u0301',
    'ﬁ',
    '각',
    'ᄀ',
    'ᅡ',
    'İ',
    '漢',
    "'",
    '  7',
  );

  it('is that of the whole, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 120 }), fc.integer({ min: 1, max: 40 }), (pieces, part) => {
        const text = pieces.join('');
        const bytes = new TextEncoder().encode(text);
        const whole = normalizedText(text);
        // Where a text offers no place to cut within 15 parts it is cut anywhere.
        const runs = text.split(/(?<=[ \n])(?=[\0-\x7f])/).map((run) => Buffer.byteLength(run));
        fc.pre(Math.max(...runs) <= 15 * part || bytes.length <= 16 * part);
        expect(normalizedDigest(bytes, part)?.toString('hex')).toBe(whole === '' ? undefined : sha256(whole));
      }),
      { numRuns: 400 },
    );
  });

  it('bears a text without a blank', () => {
    const text = Buffer.from('é'.repeat(1000));
    expect(normalizedDigest(text, 7)?.toString('hex')).toBe(sha256('é'.repeat(1000)));
  });
});

describe('exact-dedup by URL', () => {
  it.each([
    ['http://Example.org/a/', 'https://www.example.org/a'],
    ['https://example.org:443/a?x=1#top', 'http://example.org/a?x=1'],
    ['https://example.org', 'https://example.org/'],
    ['https://bücher.example/ä', 'https://xn--bcher-kva.example/%C3%A4'],
  ])('%s is %s', (a, b) => {
    expect(urlKey(a)).toBe(urlKey(b));
  });

  it.each([
    ['https://example.org/a?x=1', 'https://example.org/a?x=2'],
    ['https://example.org/a', 'https://example.org/A'],
    ['https://example.org:8080/', 'https://example.org/'],
    ['not a url', 'not a URL'],
  ])('%s is not %s', (a, b) => {
    expect(urlKey(a)).not.toBe(urlKey(b));
  });

  it('takes the field, else a source that is a URL, and compares no document that has neither', async () => {
    const documents = [
      document('a', '1', { metadata: { url: 'https://example.org/x' } }),
      document('b', '2', { source: 'http://www.example.org/x/' }),
      document('c', '3', { metadata: { link: 'https://example.org/x' } }),
      document('d', '4'),
      document('e', '5'),
    ];
    const kept = async (more: object): Promise<number> =>
      (await runBarrier(exactDedup.barrier, exactDedupOptions.parse({ by: 'url', ...more }), [documents]))
        .kept.length;
    expect(await kept({})).toBe(4);
    expect(await kept({ normalizeUrl: false })).toBe(5);
    expect(await kept({ urlField: 'link' })).toBe(4);
  });
});

describe('keep: earliest', () => {
  it('goes by a date where a field is named', async () => {
    const { kept } = await runBarrier(
      exactDedup.barrier,
      exactDedupOptions.parse({ keep: 'earliest', dateField: 'date' }),
      [
        [
          document('none', 'x'),
          document('late', 'x', { metadata: { date: '2024-05-01' } }),
          document('early', 'x', { metadata: { date: '2023-01-31T10:00:00Z' } }),
          document('odd', 'x', { metadata: { date: 'yesterday' } }),
        ],
      ],
    );
    expect(kept.map(({ id }) => id)).toEqual(['early']);
  });
});
