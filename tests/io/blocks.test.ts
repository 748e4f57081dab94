import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordBlocks } from '../../src/io/blocks.ts';
import type { Piece } from '../../src/io/file-bytes.ts';

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Piece> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + sizes[i % sizes.length]!);
    yield { bytes: bytes.subarray(at, end), disk: end };
    at = end;
  }
}

describe('blocks of whole records', () => {
  it('follow one another without a gap, however the file is read, and leave out only what is too long', async () => {
    const sample = fc.record({
      letters: fc.array(fc.constantFrom('a', 'b', ';', ';', '|'), { maxLength: 120, size: 'max' }),
      sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
      separator: fc.constantFrom(';', ';|'),
      most: fc.integer({ min: 1, max: 30 }),
    });
    let crossed = 0;
    let long = 0;
    await fc.assert(
      fc.asyncProperty(sample, async ({ letters, sizes, separator, most }) => {
        const whole = letters.join('');
        const width = separator.length;
        let at = 0;
        for await (const block of recordBlocks(
          cut(Buffer.from(whole), sizes),
          0,
          Buffer.from(separator),
          most,
        )) {
          expect(block.offset).toBe(at);
          if (block.tooLong !== undefined) {
            long++;
            expect(block.tooLong).toBeGreaterThan(most);
            expect(whole.slice(at, at + block.tooLong)).not.toContain(separator);
            at += block.tooLong;
            if (at < whole.length) expect(whole.startsWith(separator, at)).toBe(true);
            at = Math.min(whole.length, at + width);
            continue;
          }
          expect(block.bytes.toString()).toBe(whole.slice(at, at + block.bytes.length));
          at += block.bytes.length;
          if (at < whole.length) expect(block.bytes.toString().endsWith(separator)).toBe(true);
          if (block.bytes.length > Math.max(...sizes)) crossed++;
        }
        expect(at).toBe(whole.length);
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(crossed, long)).toBeGreaterThan(50);
  });
});
