import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import createXxhash from 'xxhash-wasm';
import { byteUnits } from '../../src/dedup/split-lines.ts';
import { UnitKernel } from '../../src/dedup/unit-kernel.ts';

type Unit = [start: number, next: number, key: bigint];

const xxhash = await createXxhash();
const kernel = new UnitKernel();

function fromKernel(text: Uint8Array, unit: 'line' | 'paragraph', minBytes: number): Unit[] {
  const units: Unit[] = [];
  let key = 0n;
  kernel.split(text, unit, minBytes, {
    hash: () => expect.fail('hashes are made in the kernel'),
    key: (low, high) => {
      key = BigInt(low) | (BigInt(high) << 32n);
    },
    unit: (start, next, keys) => {
      expect(keys).toBe(1);
      units.push([start, next, key]);
    },
  });
  return units;
}

function plainly(text: Uint8Array, unit: 'line' | 'paragraph', minBytes: number): Unit[] {
  return [...byteUnits(text, unit)]
    .filter(({ start, end }) => end - start >= minBytes)
    .map(({ start, end, next }) => [start, next, xxhash.h64Raw(text.subarray(start, end))]);
}

const piece = fc.oneof(
  fc.constantFrom('\n', '\n\n', '\n\n\n', ' \n', '\n ', '\r\n', '\t', ' ', '\v\f', '\u00a0', '\u2028'),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom('x'.repeat(31), 'y'.repeat(32), 'z'.repeat(100)),
);

describe('units from the kernel', () => {
  it.each(['line', 'paragraph'] as const)('are those of the plain twin: %s', (unit) => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 20 }), (pieces, minBytes) => {
        const text = Buffer.from(pieces.join(''));
        expect(fromKernel(text, unit, minBytes)).toEqual(plainly(text, unit, minBytes));
      }),
      { numRuns: 500 },
    );
  });

  it('are all there where they are more than the kernel gives at once, or exactly as many', () => {
    for (const lines of [4095, 4096, 4097, 12_288, 20_000]) {
      const text = Buffer.from(Array.from({ length: lines }, (_, i) => `line ${i}\n`).join(''));
      const units = fromKernel(text, 'line', 1);
      expect(units.length).toBe(lines);
      expect(units).toEqual(plainly(text, 'line', 1));
    }
  });
});
