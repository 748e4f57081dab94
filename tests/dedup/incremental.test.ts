import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NewDocument } from '../../src/core/document.ts';
import { ConfigurationError, IntegrityError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { exactDedup, exactDedupOptions } from '../../src/dedup/exact-dedup.ts';
import { DedupIndex } from '../../src/dedup/index-file.ts';
import { minhashDedup } from '../../src/dedup/minhash-dedup.ts';
import { minhashDedupOptions } from '../../src/dedup/minhash-options.ts';
import { document, type Outcome, runBarrier } from './harness.ts';

const minhash = (
  documents: readonly NewDocument[],
  more: Record<string, unknown> = {},
  parts = 3,
): Promise<Outcome> =>
  runBarrier(minhashDedup.barrier, minhashDedupOptions.parse(more), cut(documents, parts));

const exact = (documents: readonly NewDocument[], more: Record<string, unknown> = {}): Promise<Outcome> =>
  runBarrier(exactDedup.barrier, exactDedupOptions.parse(more), cut(documents, 2));

function cut<T>(items: readonly T[], parts: number): T[][] {
  const size = Math.ceil(items.length / parts);
  return Array.from({ length: parts }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** A word without digits, which datatrove's preset takes for one another. */
function letters(random: Random): string {
  return String.fromCharCode(...Array.from({ length: 7 }, () => 97 + random.below(26)));
}

/** Families of texts that differ in a word or two, their members spread over the corpus. */
function corpus(seed: string, families: number, copies: number): NewDocument[] {
  const random = new Random(seed);
  const bases = Array.from({ length: families }, () => Array.from({ length: 120 }, () => letters(random)));
  return Array.from({ length: families * copies }, (_, i) => {
    const words = [...bases[i % families]!];
    words[random.below(words.length)] = letters(random);
    return document(`${seed}-${i}`, words.join(' '));
  });
}

/** The smallest document of each one's cluster. */
function rootsOf(folder: string): number[] {
  const { kind, parameters } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    kind: string;
    parameters: string;
  };
  const opened = new DedupIndex(folder, kind, Buffer.from(parameters, 'hex'));
  opened.close();
  const smallest = new Map<number, number>();
  return Array.from(opened.roots, (root, i) => {
    if (!smallest.has(root)) smallest.set(root, i);
    return smallest.get(root)!;
  });
}

const ids = ({ kept }: Outcome): string[] => kept.map(({ id }) => id).sort();
const index = ({ folder }: Outcome): string => join(folder, 'index');

describe.each([
  [
    'minhash-dedup',
    (d: NewDocument[], o: Record<string, unknown>) => minhash(d, { ...o }),
    corpus('a', 40, 6),
  ],
  [
    'minhash-dedup, preset datatrove',
    (d: NewDocument[], o: Record<string, unknown>) => minhash(d, { preset: 'datatrove', ...o }),
    corpus('b', 30, 6),
  ],
  [
    'exact-dedup',
    (d: NewDocument[], o: Record<string, unknown>) => exact(d, o),
    Array.from({ length: 300 }, (_, i) => document(`x${i}`, `text ${(i * 7) % 90}`)),
  ],
] as const)('%s against an index', (_name, dedup, documents) => {
  it('comes crawl after crawl to the clusters of a run over all of them', async () => {
    const whole = await dedup([...documents], { keep: 'earliest', keepIndex: true });
    const kept: string[] = [];
    let former: string | undefined;
    let before = 0;
    for (const crawl of cut(documents, 4)) {
      const outcome = await dedup(crawl, { keep: 'earliest', keepIndex: true, index: former });
      kept.push(...ids(outcome));
      expect(outcome.summary.indexDocuments).toBe(former && before);
      before += crawl.length;
      former = index(outcome);
    }
    expect(rootsOf(former!)).toEqual(rootsOf(index(whole)));
    // What joins two clusters of earlier crawls comes too late for one of the copies that stayed.
    expect(kept).toEqual(expect.arrayContaining(ids(whole)));
    expect(kept.length - ids(whole).length).toBeLessThan(documents.length / 50);
    expect(kept.length).toBeLessThan(documents.length / 2);
  });
});

describe('an index', () => {
  const first = corpus('c', 20, 2);
  const again = (i: number): NewDocument => ({ ...first[i]!, id: `again-${i}` });

  it('gives the reason and the document that was there before', async () => {
    const one = await minhash(first, { keepIndex: true });
    const two = await minhash([again(0), document('new', 'nothing like it was ever seen')], {
      index: index(one),
    });
    expect(ids(two)).toEqual(['new']);
    expect(two.summary).toMatchObject({ documents: 2, clusters: 1, removed: 1, removedForIndex: 1 });
    const [{ drop }] = two.refused as [Outcome['refused'][0]];
    expect(drop.reason).toBe('near-duplicate');
    expect(ids(one).map((id) => `test/${id}`)).toContain(drop.detail);
  });

  it('keeps apart what is held out, then and now', async () => {
    const held = first.map((d, i) => (i === 3 ? { ...d, split: 'held-out' as const } : d));
    const one = await minhash(held, { keepIndex: true });
    const { kept, refused } = await minhash(
      [again(3), { ...again(5), split: 'held-out' as const }, { ...again(5), id: 'training copy' }],
      { index: index(one) },
    );
    expect(kept.map(({ id }) => id)).toEqual(['again-5']);
    expect(refused.map(({ id, drop }) => [id, drop.reason])).toEqual([
      ['again-3', 'near-duplicate-of-held-out'],
      ['training copy', 'near-duplicate-of-held-out'],
    ]);
  });

  it('knows what resembled a document that it removed', async () => {
    const words = Array.from({ length: 100 }, (_, i) => `word${i}`);
    const changed = (from: number, to: number): string =>
      words.map((word, i) => (i >= from && i < to ? `other${i}` : word)).join(' ');
    const options = { minJaccard: 0.7, bands: 100, rows: 2 };
    const one = await minhash([document('a', changed(0, 0)), document('b', changed(0, 10))], {
      ...options,
      keepIndex: true,
    });
    expect(one.kept).toHaveLength(1);
    // Alike to b, which was removed or not, too little to a: chains hold across crawls as within one.
    const { refused } = await minhash([document('c', changed(0, 20))], { ...options, index: index(one) });
    expect(refused.map(({ id }) => id)).toEqual(['c']);
  });

  it('is the same whatever the parts, and does not need the run that it came from', async () => {
    const one = await minhash(first, { keepIndex: true }, 1);
    const two = await minhash(first, { keepIndex: true }, 5);
    const next = corpus('c', 20, 3).slice(30);
    const a = await minhash(next, { index: index(one), keepIndex: true });
    const b = await minhash([...next].reverse(), { index: index(two), keepIndex: true }, 2);
    rmSync(one.folder, { recursive: true });
    expect(ids(a)).toEqual(ids(b));
    expect(fates(a)).toEqual(fates(b));
    const third = corpus('c', 20, 1);
    const c = await minhash(third, { index: index(a) });
    expect(c.kept).toEqual([]);
    expect(c.summary).toMatchObject({ indexDocuments: first.length + next.length, removedForIndex: 20 });
  });

  it('is refused where a bit of any of its files is flipped, or one is missing', async () => {
    const one = await minhash(first, { keepIndex: true });
    const folder = index(one);
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(4);
    const random = new Random('index');
    for (const name of names) {
      const path = join(folder, name);
      const bytes = readFileSync(path);
      const attempt = (): Promise<Outcome> => minhash([again(0), again(7)], { index: folder });
      for (let k = 0; k < 12; k++) {
        const damaged = Buffer.from(bytes);
        damaged[random.below(bytes.length)]! ^= 1 << random.below(8);
        replace(path, damaged);
        // Blocks of shingles that nobody asks for are not read, so that damage there does no harm.
        const found = await attempt().catch((error: unknown) => error);
        if (!isSame(found, ['again-0', 'again-7']))
          expect(found, `${name} ${k}`).toSatisfy(
            (error) => error instanceof IntegrityError || error instanceof ConfigurationError,
          );
      }
      replace(path, bytes.subarray(0, bytes.length - 5));
      await expect(attempt(), name).rejects.toThrow(IntegrityError);
      rmSync(path);
      await expect(attempt(), name).rejects.toThrow();
      writeFileSync(path, bytes);
      expect((await attempt()).kept).toEqual([]);
    }
  });

  it('of other options, of another step or of another version is refused', async () => {
    const one = await minhash(first, { keepIndex: true });
    const folder = index(one);
    await expect(minhash(first, { index: folder, seed: 2 })).rejects.toThrow(/other options/);
    await expect(exact(first, { index: folder })).rejects.toThrow(/other options/);
    await expect(minhash(first, { index: one.folder })).rejects.toThrow(/keepIndex/);
    // Neither who stays nor how alike is alike enough is a matter of the index.
    await minhash(first, { index: folder, keep: 'smallest-hash', minJaccard: 0.8 });
    const json = readFileSync(join(folder, 'index.json'), 'utf8');
    writeFileSync(join(folder, 'index.json'), json.replace('"version": 1', '"version": 2'));
    await expect(minhash(first, { index: folder })).rejects.toThrow(/version/);
  });
});

/** What became of each document that was removed. */
function fates({ refused }: Outcome): unknown {
  return Object.fromEntries(refused.map(({ id, drop }) => [id, drop]));
}

/** Puts other bytes under a name without touching the file that has other names. */
function replace(path: string, bytes: Uint8Array): void {
  rmSync(path, { force: true });
  writeFileSync(path, bytes);
}

function isSame(found: unknown, removed: readonly string[]): boolean {
  if (found instanceof Error) return false;
  const { refused } = found as Outcome;
  expect(refused.map(({ id }) => id).sort()).toEqual(removed);
  return true;
}
