import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractions } from '../../src/dedup/english.ts';
import {
  type MinhashParameters,
  minhashDedupOptions,
  resolveMinhash,
} from '../../src/dedup/minhash-options.ts';
import { Signer } from '../../src/dedup/signer.ts';
import { signPlainly } from '../../src/dedup/twin.ts';

const encoder = new TextEncoder();
const parameters = (options: Record<string, unknown>): MinhashParameters =>
  resolveMinhash(minhashDedupOptions.parse(options));

/** Text that meets every path: ASCII, accents, scripts without spaces, other planes, numbers, contractions, units. */
const word = fc.oneof(
  fc.stringMatching(/^[a-zA-Z]{1,12}$/),
  fc.constantFrom(
    ...contractions().keys(),
    "don't",
    '3.14',
    '1,000,000',
    '12km',
    '5m',
    '7.5mg',
    'a1b22',
    'X0in',
  ),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...'漢字かなカナไทยÄÖÜßİΣσςﬁǅ№€🙂𝒳'), maxLength: 6 }),
  fc.constantFrom('x'.repeat(1023), 'y'.repeat(1024), 'Z'.repeat(1025), 'é'.repeat(1500)),
);
const gap = fc.constantFrom(
  ' ',
  '  ',
  '\n',
  '\t',
  ', ',
  '. ',
  '-',
  '\u00a0',
  '…',
  '\u0000',
  '\ufeff',
  '\u2028',
);
const text = fc
  .array(fc.tuple(word, gap), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.flat().join('')).toString());

function agree(signer: Signer, sample: string): void {
  const plain = signPlainly(sample, signer.parameters);
  const signed = signer.sign(encoder.encode(sample), true);
  expect(signed).toBe(plain !== undefined);
  if (!plain) return;
  expect([...signer.minima].map(BigInt)).toEqual(plain.minima);
  expect([...signer.shingleSet()]).toEqual(plain.shingles);
  const keys = plain.keys.flatMap((key) => [Number(key & 0xffffffffn), Number(key >> 32n)]);
  expect([...signer.keys]).toEqual(keys);
  expect([...signer.sketch]).toEqual(plain.minima.map((value) => Number(value & 255n)));
}

describe('the kernel and its plain twin agree', () => {
  it.each([
    ['words', { shingleSize: 3, bands: 3, rows: 5 }],
    ['words in 64 bits', { shingleSize: 2, bands: 2, rows: 3, bits: 64 }],
    ['characters', { shingle: 'characters', shingleSize: 4, bands: 2, rows: 2 }],
    ['datatrove', { preset: 'datatrove', shingleSize: 3, bands: 2, rows: 3 }],
    ['datatrove in 32 bits', { preset: 'datatrove', bits: 32, bands: 1, rows: 3 }],
    ['fineweb', { preset: 'fineweb', shingleSize: 2, bands: 1, rows: 2 }],
    ['text-dedup', { preset: 'text-dedup', bands: 2, rows: 2 }],
    ['fineweb in 32 bits', { preset: 'fineweb', bits: 32, bands: 1, rows: 2 }],
  ])('%s', (_name, options) => {
    const signer = new Signer(parameters(options));
    fc.assert(
      fc.property(text, (sample) => agree(signer, sample)),
      { numRuns: 150 },
    );
  });

  it('where a document is longer than the chunks that the kernel takes', () => {
    const vocabulary = ['The', 'ship', 'Ä漢', 'dont', '3.5kg', 'straße', 'x'.repeat(1300), '🙂', 'sea,'];
    for (const options of [
      { bands: 1, rows: 2 },
      { shingle: 'characters', bands: 1, rows: 2 },
    ]) {
      const signer = new Signer(parameters(options));
      fc.assert(
        fc.property(fc.array(fc.constantFrom(...vocabulary), { minLength: 900, maxLength: 1200 }), (words) =>
          agree(signer, words.join(' ')),
        ),
        { numRuns: 2 },
      );
    }
  });

  it.each(['datatrove', 'text-dedup'])('where a document is longer than a part: %s', (preset) => {
    const signer = new Signer(parameters({ preset, bands: 1, rows: 2 }));
    const sentence = (i: number): string =>
      `number ${i} they cant weigh ${i}kg, wouldnt you ${i % 7 ? 'x'.repeat(150) : 'né'} say?\n`;
    const long = Array.from({ length: 6000 }, (_, i) => sentence(i)).join('');
    expect(long.length).toBeGreaterThan(1 << 20);
    agree(signer, long);
  });
});
