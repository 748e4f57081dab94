import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson, digestOf, digestOfTexts, sha256, sha256File } from '../../src/core/hash.ts';
import { Random } from '../../src/core/random.ts';

/** The obvious twin: a replacer that sorts the keys of every object. */
function slowly(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (member === null || typeof member !== 'object' || Array.isArray(member)) return member;
    const sorted = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(member).sort()) sorted[key] = (member as Record<string, unknown>)[key];
    return sorted;
  });
}

const KEYS = ['b', 'a', '10', '9', '__proto__', 'é', 'A', 'constructor', '', 'toJson'];
const LEAVES: readonly unknown[] = [
  ...[null, undefined, true, 0, -0, 1.5, Number.NaN, 2 ** 53, '', 'a"\n\u2028', '\ud800'],
  ...[new Date(0), new URL('http://a.b/?c'), () => 1, Symbol('s'), new Map([[1, 2]]), new Uint8Array([1, 2])],
];

function anything(random: Random, depth: number): unknown {
  const kind = random.next();
  if (depth === 0 || kind < 0.4) return LEAVES[Math.floor(random.next() * LEAVES.length)];
  const size = Math.floor(random.next() * 5);
  if (kind < 0.6) return Array.from({ length: size }, () => anything(random, depth - 1));
  const object = Object.create(kind < 0.7 ? null : Object.prototype) as object;
  for (let i = 0; i < size; i++) {
    const key = KEYS[Math.floor(random.next() * KEYS.length)]!;
    const value = anything(random, depth - 1);
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

describe('canonical JSON', () => {
  it('sorts keys at every depth', () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined, a: 2 }], a: { z: 0, y: null } })).toBe(
      '{"a":{"y":null,"z":0},"b":[{"a":2,"d":1}]}',
    );
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"d":1,"c":2}}'))).toBe(
      '{"__proto__":{"c":2,"d":1},"b":1}',
    );
  });

  it('is what a replacer makes, on random values', () => {
    const random = new Random('canonical JSON');
    for (let i = 0; i < 3000; i++) {
      const value = anything(random, 4);
      expect(canonicalJson(value)).toBe(slowly(value));
    }
  });

  it('has the same digest put together from the texts of its members', () => {
    const members = [{ b: 1, a: [2] }, 'text', 0, null, [], true];
    expect(digestOfTexts(members.map(canonicalJson))).toBe(digestOf(members));
    expect(digestOfTexts([])).toBe(digestOf([]));
  });
});

describe('the digest of a file', () => {
  it('is that of its bytes, whole or of a range, of many files at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hash-'));
    const random = new Random('digest of a file');
    try {
      const block = 1 << 19;
      const sizes = [0, 1, block - 1, block, block + 1, 2 * block, 3 * block + 17];
      const files = sizes.map((size) => {
        const bytes = Buffer.alloc(size);
        for (let i = 0; i + 4 <= size; i += 4) bytes.writeInt32LE(random.next() * 2 ** 31, i);
        const path = join(folder, `${size}`);
        writeFileSync(path, bytes);
        return { path, bytes };
      });
      const ranges = [
        [0],
        [1],
        [0, 0],
        [5, 3],
        [0, 1],
        [7, block],
        [7, block + 7],
        [block, 2 * block + 9],
        [0, 1e12],
      ];
      const all = files.flatMap(({ path, bytes }) =>
        ranges.map(async ([start, end]) => {
          const expected = sha256(bytes.subarray(start, end === undefined ? end : Math.max(start!, end)));
          expect(await sha256File(path, start, end)).toBe(expected);
        }),
      );
      await Promise.all(all);
      await expect(sha256File(join(folder, 'none'))).rejects.toThrow(/ENOENT/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
