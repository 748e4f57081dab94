import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xxh64 } from '../../src/core/hash.ts';
import { NameHasher, takeBuffers } from '../../src/shard/kernel.ts';
import { getBig } from '../../src/shard/u64.ts';

describe('the digests of the kernel', () => {
  it('of blocks are those of copies of them', () => {
    const own = takeBuffers();
    const buffer = own.buffers[1]!;
    for (let i = 0; i < buffer.length; i++) buffer[i] = Math.imul(i, 2654435761) >>> 24;
    for (const blockBytes of [1 << 16, 1 << 20])
      for (const bytes of [0, 1, 31, 32, 33, 65_535, 65_536, 65_537, 1_500_001, buffer.length]) {
        const expected: bigint[] = [];
        for (let at = 0; at < bytes; at += blockBytes)
          expected.push(xxh64(buffer.slice(at, Math.min(bytes, at + blockBytes))));
        expect([...own.digest(buffer, 0, bytes, blockBytes)]).toEqual(expected);
      }
    own.release?.();
  });

  it('of names are those of copies of them, however long', () => {
    const hasher = new NameHasher();
    const check = (name: Uint8Array, seed: bigint): void => {
      const into = hasher.name(name.length);
      into.set(name);
      hasher.hash(into, name.length, seed);
      expect(getBig(hasher.hashes, 0)).toBe(xxh64(name, seed));
      expect(getBig(hasher.hashes, 2)).toBe(xxh64(name));
    };
    const seeds = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), seeds, check), { seed: 20261127 });
    check(new Uint8Array(70_000).fill(7), 5n);
    check(new Uint8Array(65_504).fill(9), 1n << 63n);
  });
});
