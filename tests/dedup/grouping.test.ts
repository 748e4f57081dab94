import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linkAll, linkVerified } from '../../src/dedup/candidates.ts';
import { KeySorter } from '../../src/dedup/key-sorter.ts';
import { jaccard, MOST_SHINGLES, similar, sortedSet } from '../../src/dedup/shingles.ts';
import { UnionFind } from '../../src/dedup/union-find.ts';
import { scratch } from './harness.ts';

const counts = () => ({ candidatePairs: 0, verifiedPairs: 0, rejectedPairs: 0 });

function grouped(keys: readonly (readonly number[])[], budget: number, folder: string): number[][] {
  const sorter = new KeySorter(keys[0]?.length ?? 1, folder, keys.length, budget);
  keys.forEach((key, document) => {
    sorter.add(Uint32Array.from(key), 0, document);
  });
  const groups: number[][] = [];
  sorter.groups((group) => groups.push([...group]));
  return groups.sort((a, b) => a[0]! - b[0]!);
}

function expectedGroups(keys: readonly (readonly number[])[]): number[][] {
  const byKey = new Map<string, number[]>();
  keys.forEach((key, document) => {
    byKey.set(key.join(), [...(byKey.get(key.join()) ?? []), document]);
  });
  return [...byKey.values()].filter((group) => group.length > 1).sort((a, b) => a[0]! - b[0]!);
}

describe('grouping by key', () => {
  const word = fc.constantFrom(0, 1, 2, 2047, 2048, 0x7fffffff, 0x80000000, 0xffffffff);

  it.each([1, 2, 4])('agrees with a map, in memory and in runs on the disk: %i words', (words) => {
    const folder = scratch();
    const key = fc.array(word, { minLength: words, maxLength: words });
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 1, maxLength: 300 }),
        fc.constantFrom(1, 7, 64, 1e6),
        (keys, budget) => {
          expect(grouped(keys, budget, folder)).toEqual(expectedGroups(keys));
        },
      ),
      { numRuns: 60 },
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('merges runs longer than what is read at once', () => {
    const n = 400_000;
    const sorter = new KeySorter(2, scratch(), n, 150_000);
    const words = new Uint32Array(2);
    for (let i = 0; i < n; i++) {
      words[0] = Math.imul(i % 100_000, 0x9e3779b1);
      words[1] = i % 100_000;
      sorter.add(words, 0, i);
    }
    let groups = 0;
    sorter.groups((group) => {
      groups++;
      expect([...group]).toEqual([0, 1, 2, 3].map((k) => (group[0]! % 100_000) + k * 100_000));
    });
    expect(groups).toBe(100_000);
  });
});

describe('a sorted run on the disk', () => {
  const spilled = (): { sorter: KeySorter; path: string } => {
    const folder = scratch();
    const sorter = new KeySorter(1, folder, 1000, 500);
    for (let i = 0; i < 1500; i++) sorter.add(Uint32Array.of(i % 700), 0, i);
    return { sorter, path: join(folder, 'run-0.tmp') };
  };

  it('is found out where a bit of it was flipped or its end is missing', () => {
    for (const offset of [0, 1999, 3999]) {
      const { sorter, path } = spilled();
      const bytes = readFileSync(path);
      bytes[offset]! ^= 4;
      writeFileSync(path, bytes);
      expect(() => sorter.groups(() => {})).toThrow(/run-0.tmp.*damaged run/);
    }
    const { sorter, path } = spilled();
    truncateSync(path, 3000);
    expect(() => sorter.groups(() => {})).toThrow(/truncated run/);
    expect(readdirSync(dirname(path))).toEqual([]);
  });
});

describe('disjoint sets', () => {
  it('are the components of a graph, and the smallest member is the root', () => {
    const n = 40;
    const node = fc.nat(n - 1);
    fc.assert(
      fc.property(fc.array(fc.tuple(node, node), { maxLength: 60 }), (edges) => {
        const forest = new UnionFind(n);
        let label = Array.from({ length: n }, (_, i) => i);
        for (const [a, b] of edges) {
          expect(forest.union(a, b)).toBe(label[a] !== label[b]);
          const low = Math.min(label[a]!, label[b]!);
          const high = Math.max(label[a]!, label[b]!);
          label = label.map((l) => (l === high ? low : l));
        }
        for (let i = 0; i < n; i++) expect(forest.find(i)).toBe(label[i]);
      }),
    );
  });
});

describe('candidates of a band', () => {
  it('are compared pair by pair in a small group, whatever was linked before', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 2, maxLength: 32 }), (kinds) => {
        const forest = new UnionFind(kinds.length);
        const found = counts();
        const group = Uint32Array.from(kinds.keys());
        linkVerified(group, forest, found, (a, b) => kinds[a] === kinds[b], new Uint32Array(kinds.length));
        for (const a of kinds.keys())
          for (const b of kinds.keys()) expect(forest.find(a) === forest.find(b)).toBe(kinds[a] === kinds[b]);
        expect(found.candidatePairs).toBe(kinds.length - 1);
      }),
    );
  });

  it('cost one comparison each where a million are copies', () => {
    const n = 1_000_000;
    const forest = new UnionFind(n);
    const group = Uint32Array.from({ length: n }, (_, i) => i);
    const hash = Uint32Array.from(group, (i) => Math.imul(i, 0x9e3779b1) >>> 0);
    const found = counts();
    for (let band = 0; band < 3; band++) linkVerified(group, forest, found, () => true, hash);
    expect(found).toEqual({ candidatePairs: 3 * (n - 1), verifiedPairs: n - 1, rejectedPairs: 0 });
    const plain = new UnionFind(n);
    linkAll(group, plain, counts());
    expect(group.every((i) => plain.find(i) === 0)).toBe(true);
  });

  it('cost at most 32 comparisons each where none is alike', () => {
    const n = 5000;
    const found = counts();
    const group = Uint32Array.from({ length: n }, (_, i) => i);
    linkVerified(group, new UnionFind(n), found, () => false, new Uint32Array(n));
    expect(found.verifiedPairs).toBeLessThanOrEqual(32 * n);
    expect(found.rejectedPairs).toBe(found.verifiedPairs);
  });
});

describe('Jaccard similarity', () => {
  it('sorts large sets as small ones', () => {
    const large = Uint32Array.from({ length: 20_000 }, (_, i) => Math.imul(i % 15_000, 0x9e3779b1) >>> 0);
    const expected = [...new Set(large)].sort((p, q) => p - q);
    expect([...sortedSet(large)]).toEqual(expected);
  });

  it('agrees with sets', () => {
    const list = fc.array(fc.nat(30), { maxLength: 40 });
    fc.assert(
      fc.property(list, list, fc.double({ min: 0.01, max: 1, noNaN: true }), (x, y, least) => {
        const a = new Set(x);
        const b = new Set(y);
        const union = new Set([...x, ...y]).size;
        const expected = union === 0 ? 0 : [...a].filter((item) => b.has(item)).length / union;
        const left = sortedSet(Uint32Array.from(x));
        const right = sortedSet(Uint32Array.from(y));
        expect([...left]).toEqual([...a].sort((p, q) => p - q));
        expect(jaccard(left, right)).toBe(expected);
        expect(similar(left, right, least)).toBe(expected >= least);
      }),
    );
  });
});

describe('sets of more shingles than are kept', () => {
  let x = 1;
  const draw = (n: number): Uint32Array =>
    Uint32Array.from({ length: n }, () => {
      x = Math.imul(x, 1664525) + 1013904223;
      return (x ^ (x >>> 15)) >>> 0;
    });
  const union = (a: Uint32Array, b: Uint32Array): Uint32Array => {
    const both = new Uint32Array(a.length + b.length);
    both.set(a);
    both.set(b, a.length);
    return sortedSet(both).slice();
  };
  /** The smallest, as a signer keeps them. */
  const kept = (set: Uint32Array): Uint32Array => set.subarray(0, MOST_SHINGLES);

  it('resemble each other as the whole sets do, within the deviation of the sample', () => {
    const common = draw(1_600_000);
    const a = union(common, draw(300_000));
    const b = union(common, draw(100_000));
    const all = union(a, b).length;
    const truth = (a.length + b.length - all) / all;
    expect(Math.abs(jaccard(kept(a), kept(b)) - truth)).toBeLessThan(0.002);
    expect(similar(kept(a), kept(b), truth - 0.01)).toBe(true);
    expect(similar(kept(a), kept(b), truth + 0.01)).toBe(false);
    expect(jaccard(kept(a), kept(a))).toBe(1);
    expect(jaccard(kept(a), kept(sortedSet(common.slice(0, 1000))))).toBeLessThan(0.001);
  });
});
