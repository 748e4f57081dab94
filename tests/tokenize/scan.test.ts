import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRE_TOKENIZER_NAMES, scannerOf } from '../../src/tokenize/pre-tokenizers.ts';
import { classAt, classOfCodePoint } from '../../src/tokenize/unicode-classes.ts';
import { awkwardText, cutByRegex, encoder, hasData, readDocuments, readText } from './helpers.ts';

const NAMES = PRE_TOKENIZER_NAMES.filter((name) => name !== 'none');

function cut(utf8: Uint8Array, name: (typeof PRE_TOKENIZER_NAMES)[number]): number[] {
  const scan = scannerOf(name);
  const ends: number[] = [];
  for (let p = 0; p < utf8.length; ) {
    const q = scan(utf8, p, utf8.length);
    if (q <= p || q > utf8.length) throw new Error(`no progress at ${p}: ${q}`);
    ends.push(q);
    p = q;
  }
  return ends;
}

describe.each(NAMES)('the %s scanner', (name) => {
  it('cuts where the published expression does', () => {
    fc.assert(
      fc.property(awkwardText, (text) => {
        const utf8 = encoder.encode(text);
        expect(cut(utf8, name)).toEqual(cutByRegex(utf8, name));
      }),
      { numRuns: 400 },
    );
  });

  it('takes a byte that is no UTF-8 as it takes U+FFFD', () => {
    const piece = fc.oneof(
      awkwardText.map((t) => encoder.encode(t)),
      fc.uint8Array({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const bytes = Buffer.concat(pieces);
        expect(cut(bytes, name)).toEqual(cutByRegex(bytes, name));
      }),
      { numRuns: 150 },
    );
  });

  it.skipIf(!hasData)('cuts real text where the published expression does', () => {
    const texts = [
      readText('wikitext-2-valid.txt').subarray(0, 60_000),
      readText('tinyshakespeare.txt').subarray(0, 30_000),
    ];
    for (const text of [...texts, ...readDocuments('cc_en_head-0091.jsonl.gz').map((d) => encoder.encode(d))])
      expect(cut(text, name)).toEqual(cutByRegex(text, name));
  });
});

describe('the classes of code points', () => {
  const encode = (c: number) => encoder.encode(String.fromCodePoint(c));

  it('are found in UTF-8 for every scalar', () => {
    for (let c = 0; c < 0x110000; c++) {
      if (c >= 0xd800 && c < 0xe000) continue;
      const utf8 = encode(c);
      if (classAt(utf8, 0, utf8.length) !== ((utf8.length << 3) | classOfCodePoint(c)))
        expect.fail(`U+${c.toString(16)}`);
    }
  });

  it("are Unicode 16.0's, as this Node knows them", () => {
    const properties = [
      /[\p{Lu}\p{Lt}]/u,
      /\p{Ll}/u,
      /[\p{Lm}\p{Lo}]/u,
      /\p{M}/u,
      /\p{N}/u,
      /(?![\r\n])\p{White_Space}/u,
      /[\r\n]/,
    ];
    const differ = new Set<number>();
    const unassigned = /\p{Cn}/u;
    let inClasses = 0;
    for (let c = 0; c < 0x110000; c++) {
      if (c >= 0xd800 && c < 0xe000) continue;
      const text = String.fromCodePoint(c);
      const cls = classOfCodePoint(c);
      if (cls > 0) inClasses++;
      const here = properties.findIndex((p) => p.test(text)) + 1;
      // An older Unicode has not assigned some, a newer one has assigned more.
      if (here !== cls && !unassigned.test(text) && cls !== 0) differ.add(c);
    }
    expect(inClasses).toBe(145_465);
    // U+0295 went from Ll to Lo in Unicode 17.
    const known = Number(process.versions.unicode) >= 17 ? [0x295] : [];
    expect([...differ]).toEqual(known);
  });

  it.each([
    ['a continuation byte alone', [0x80]],
    ['an overlong form', [0xc0, 0x80]],
    ['an overlong form of three', [0xe0, 0x80, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut-off sequence', [0xe4, 0xb8]],
    ['0xff', [0xff, 0x41]],
  ])('%s is one unknown byte', (_, bytes) => {
    expect(classAt(Uint8Array.from(bytes), 0, bytes.length)).toBe(8);
  });
});

it('none cuts nowhere', () => {
  expect(cut(encoder.encode("it's 12\n\n"), 'none')).toEqual([9]);
});
