import { randomBytes } from 'node:crypto';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InflateKernel } from '../../src/io/inflate.ts';

const kernel = new InflateKernel(4 << 20, 32 << 20);
const MAX = 32 << 20;
const strategies = [
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FILTERED,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
  constants.Z_FIXED,
];

function expectSame(bytes: Buffer, options: object): void {
  const packed = deflateRawSync(bytes, options);
  // What follows a stream in a file is not its own.
  const found = kernel.inflate(Buffer.concat([packed, Buffer.alloc(40, 0xff)]), MAX);
  expect(typeof found).toBe('object');
  if (typeof found === 'string') return;
  expect(found.length).toBe(packed.length);
  expect(found.bytes.equals(bytes)).toBe(true);
}

describe('the inflate kernel', () => {
  test('gives what zlib gives, at every level and strategy', () => {
    const words = 'the of and to in <p> </p> href class="x" ä 漢 0123456789 \n'.split(' ');
    const text = fc
      .array(fc.constantFrom(...words), { maxLength: 3000 })
      .map((chosen) => Buffer.from(chosen.join(' ')));
    const noise = fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes));
    const runs = fc
      .array(fc.tuple(fc.nat(255), fc.nat(700)), { maxLength: 30 })
      .map((pairs) => Buffer.concat(pairs.map(([byte, length]) => Buffer.alloc(length, byte))));
    fc.assert(
      fc.property(
        fc.oneof(text, noise, runs),
        fc.nat(9),
        fc.constantFrom(...strategies),
        fc.integer({ min: 9, max: 15 }),
        (bytes, level, strategy, windowBits) => expectSame(bytes, { level, strategy, windowBits }),
      ),
      { numRuns: 400 },
    );
  });

  test('takes long streams of several blocks, stored ones too', () => {
    expectSame(randomBytes(3 << 20), { level: 6 });
    expectSame(Buffer.alloc(20 << 20, 'x'), { level: 9 });
    const mixed = Buffer.concat(
      Array.from({ length: 40 }, (_, i) =>
        i % 2 ? randomBytes(30_000) : Buffer.alloc(50_000, `part ${i} `),
      ),
    );
    for (const level of [0, 1, 6, 9]) expectSame(mixed, { level });
  });

  test('finds what zlib finds in damaged streams, and never goes out of bounds', () => {
    const sound = deflateRawSync(Buffer.from('The committee met on Tuesday. '.repeat(200)), { level: 9 });
    for (let cut = 0; cut < sound.length; cut++)
      expect(typeof kernel.inflate(sound.subarray(0, cut), MAX)).toBe('string');
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(sound);
        damaged[at]! ^= flip;
        let expected: Buffer | undefined;
        try {
          expected = inflateRawSync(damaged, { maxOutputLength: MAX });
        } catch {
          // Damaged: nothing to compare.
        }
        const found = kernel.inflate(damaged, MAX);
        if (expected) expect(typeof found === 'object' && found.bytes.equals(expected)).toBe(true);
        else expect(typeof found).toBe('string');
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        let expected: Buffer | undefined;
        try {
          expected = inflateRawSync(bytes, { maxOutputLength: MAX });
        } catch {
          // Hardly any noise is a stream.
        }
        const found = kernel.inflate(bytes, MAX);
        expect(typeof found === 'object').toBe(expected !== undefined);
      }),
      { numRuns: 2000 },
    );
  });

  test('ends where it is told to', () => {
    const bomb = deflateRawSync(Buffer.alloc(10 << 20));
    expect(kernel.inflate(bomb, 1 << 20)).toBe('too-long');
    expect(new InflateKernel(1000, 1000).inflate(Buffer.alloc(2000), MAX)).toBe('too-long');
  });
});
