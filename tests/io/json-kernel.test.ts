import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ESCAPED_AT_ONCE, jsonKernel } from '../../src/io/json-kernel.ts';

const kernel = jsonKernel();

/** What stands between the quotes where JSON.stringify writes the bytes, each as one character. */
function stringified(text: Uint8Array): string {
  return JSON.stringify(Buffer.from(text).toString('latin1')).slice(1, -1);
}

const escaped = (text: Uint8Array) => Buffer.from(kernel.escape(text)).toString('latin1');

describe('the inside of JSON strings from the kernel', () => {
  it('is that of JSON.stringify: every byte at every place of the sixteen that are looked at together', () => {
    for (let byte = 0; byte < 256; byte++)
      for (let length = 1; length <= 34; length++)
        for (const at of new Set([0, length >> 1, length - 1])) {
          const text = new Uint8Array(length).fill(0x61);
          text[at] = byte;
          expect(escaped(text)).toBe(stringified(text));
        }
  });

  it('is that of JSON.stringify for any text', () => {
    const byte = fc.oneof(
      fc.constantFrom(0x22, 0x5c, 10, 13, 9, 0, 0x1f, 0x20, 0x7f, 0x80, 0xff),
      fc.integer({ min: 0, max: 255 }),
    );
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(byte, { maxLength: 100 }).map((bytes) => Uint8Array.from(bytes)),
      fc.string({ unit: 'grapheme', maxLength: 100 }).map((text) => new Uint8Array(Buffer.from(text))),
    );
    fc.assert(
      fc.property(some, (text) => {
        expect(escaped(text)).toBe(stringified(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('has room for as much as is escaped at once, were it all controls', () => {
    const text = new Uint8Array(ESCAPED_AT_ONCE).fill(1);
    expect(escaped(text)).toBe('\\u0001'.repeat(ESCAPED_AT_ONCE));
    expect(escaped(text.fill(0x22))).toBe('\\"'.repeat(ESCAPED_AT_ONCE));
    expect(escaped(text.fill(0x61))).toBe('a'.repeat(ESCAPED_AT_ONCE));
    expect(escaped(text.subarray(0, 0))).toBe('');
  });
});
