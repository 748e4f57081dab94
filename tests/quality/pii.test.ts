import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, redactPii } from '../../src/quality/judges/redact-pii.ts';
import { findPii } from '../../src/quality/pii/find.ts';
import { luhn, mod97 } from '../../src/quality/pii/numbers.ts';
import { HOSTILE } from './hostile.ts';

const golden = JSON.parse(readFileSync(new URL('../golden/quality/pii.json', import.meta.url), 'utf8')) as {
  pairs: [string, string][];
};
const published = redactPii.options.parse({});
const everything = redactPii.options.parse({ phones: true, creditCards: true, ibans: true });

function redacted(text: string, options = published): string {
  const result = redact(text, findPii(text, options), options);
  if (!('text' in result)) throw new Error('dropped');
  return result.text;
}
const foundIn = (text: string) =>
  findPii(text, everything).map(({ kind, start, end }) => [kind, text.slice(start, end)]);

describe('redact-pii', () => {
  it('redacts e-mail and IP addresses exactly as datatrove does', () => {
    let changed = 0;
    for (const [text, wanted] of golden.pairs) {
      expect(redacted(text), JSON.stringify(text)).toBe(wanted);
      if (text !== wanted) changed++;
    }
    expect(changed).toBeGreaterThan(100);
  });

  it.each([
    [
      'call +49 (0)30 901820 or +14155552671.',
      [
        ['phone', '+49 (0)30 901820'],
        ['phone', '+14155552671'],
      ],
    ],
    [
      '(415) 555-2671, 415-555-2671, 1-415-555-2671',
      [
        ['phone', '(415) 555-2671'],
        ['phone', '415-555-2671'],
        ['phone', '1-415-555-2671'],
      ],
    ],
    [
      'cards 4111111111111111 5555555555554444 1',
      [
        ['credit-card', '4111111111111111'],
        ['credit-card', '5555555555554444'],
      ],
    ],
    ['card 4111 1111 1111 1111, not 4111 1111 1111 1112', [['credit-card', '4111 1111 1111 1111']]],
    [
      'amex 378282246310005 and mc 5555-5555-5555-4444',
      [
        ['credit-card', '378282246310005'],
        ['credit-card', '5555-5555-5555-4444'],
      ],
    ],
    [
      'IBAN DE89 3704 0044 0532 0130 00 BIC, GB29NWBK60161331926819',
      [
        ['iban', 'DE89 3704 0044 0532 0130 00'],
        ['iban', 'GB29NWBK60161331926819'],
      ],
    ],
    ['DE89 3704 0044 0532 0130 01 has a wrong checksum', []],
    ['2024-05-06 10:20:30, 3.14159265358979, 1,234,567,890, v1.2.3, ISBN 978-3-16-148410-0', []],
  ])('%s', (text, wanted) => {
    expect(foundIn(text)).toEqual(wanted);
  });

  it('checksums', () => {
    // Wikipedia's examples for both.
    expect([luhn('17893729974'), luhn('17893729975')]).toEqual([true, false]);
    expect([mod97('GB82WEST12345698765432'), mod97('GB82WEST12345698765431')]).toEqual([true, false]);
  });

  it('drops instead where asked', () => {
    const options = redactPii.options.parse({ mode: 'drop' });
    const text = 'write to a@b.org';
    expect(redact(text, findPii(text, options), options)).toMatchObject({
      reason: 'personal-data',
      detail: 'email',
    });
    expect(redact('nothing', [], options)).toMatchObject({ text: 'nothing' });
  });

  it('changes nothing but what it found', () => {
    const pieces = fc.constantFrom(
      'a@b.co',
      '8.8.8.8',
      '+49 30 901820',
      '4111111111111111',
      'DE89370400440532013000',
      ' ',
      'x',
      '.',
      '-',
      '日',
      '12',
      '\n',
      '@',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join('');
        const found = findPii(text, everything);
        let rest = redacted(text, everything);
        let at = 0;
        for (const { start, end } of found) {
          expect(start).toBeGreaterThanOrEqual(at);
          expect(rest.startsWith(text.slice(at, start))).toBe(true);
          rest = rest.slice(start - at);
          const replacement = [
            ...everything.emailReplacements,
            ...everything.ipReplacements,
            ...everything.phoneReplacements,
            ...everything.creditCardReplacements,
            ...everything.ibanReplacements,
          ].find((r) => rest.startsWith(r));
          expect(replacement).toBeDefined();
          rest = rest.slice(replacement!.length);
          at = end;
        }
        expect(rest).toBe(text.slice(at));
      }),
      { seed: 4201, numRuns: 500 },
    );
  });

  // Without digits and at signs there is nothing to find: letters of many scripts, marks, lone surrogates, line ends.
  const harmless = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string(),
        fc.constantFrom('\ud800', '\r\n', 'a.b', '+', '('),
      ),
    )
    .map((parts) => parts.join('').replace(/[0-9@]/g, ''));

  it('leaves texts without personal data as they are, also in bytes', () => {
    fc.assert(
      fc.property(harmless, (text) => {
        expect(findPii(text, everything)).toEqual([]);
        expect(redacted(text, everything)).toBe(text);
      }),
      { seed: 4202, numRuns: 500 },
    );
  });

  it('changes no byte before or after what it found, and finds no less for what is around it', () => {
    const pii = fc.constantFrom(
      'me@home.org',
      '8.8.8.8',
      '+49 30 901820',
      '4111111111111111',
      'DE89370400440532013000',
    );
    fc.assert(
      fc.property(harmless, pii, harmless, (before, found, after) => {
        const text = `${before} ${found} ${after}`;
        const spans = findPii(text, everything).map(({ start, end }) => text.slice(start, end));
        expect(spans).toEqual([found]);
        const bytes = Buffer.from(redacted(text, everything));
        const head = Buffer.from(`${before} `);
        const tail = Buffer.from(` ${after}`);
        expect(bytes.subarray(0, head.length).equals(head)).toBe(true);
        expect(bytes.subarray(bytes.length - tail.length).equals(tail)).toBe(true);
      }),
      { seed: 4203, numRuns: 500 },
    );
  });

  it('finds nothing a second time where replacements are no personal data', () => {
    const options = redactPii.options.parse({
      ...everything,
      emailReplacements: ['<e-mail>'],
      ipReplacements: ['<ip>'],
      phoneReplacements: ['<phone>'],
      creditCardReplacements: ['<card>'],
      ibanReplacements: ['<iban>'],
    });
    const part = fc.constantFrom(
      'me@home.org',
      '8.8.8.8',
      '+49 30 901820',
      '4111111111111111',
      'word',
      '日本',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const once = redacted(parts.join(', '), options);
        expect(redacted(once, options)).toBe(once);
      }),
      { seed: 4204, numRuns: 300 },
    );
  });

  it('takes bounded time on hostile text', () => {
    const texts = [
      ...Object.values(HOSTILE).map((make) => make(100_000)),
      'a!'.repeat(50_000),
      'a.'.repeat(50_000),
      `a@${'b-'.repeat(50_000)}`,
      `${'a@b.'.repeat(25_000)}`,
      '1.'.repeat(50_000),
      '41 '.repeat(33_000),
      '+1 '.repeat(33_000),
      'AB12 '.repeat(20_000),
    ];
    for (const text of texts) {
      const started = performance.now();
      findPii(text, everything);
      expect(performance.now() - started, text.slice(0, 20)).toBeLessThan(3000);
    }
  });
});
