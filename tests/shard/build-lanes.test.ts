import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CancelledError, IntegrityError } from '../../src/core/errors.ts';
import { xxh64 } from '../../src/core/hash.ts';
import { HEADER_BYTES } from '../../src/shard/block-file.ts';
import { type BuildInput, type BuildOptions, buildShards } from '../../src/shard/build.ts';
import { Selection } from '../../src/shard/selection.ts';
import { planShards, runsOf } from '../../src/shard/shard-plan.ts';
import { bucketsOf, SideFile } from '../../src/shard/side-file.ts';
import { SideWriter } from '../../src/shard/side-writer.ts';
import { BUILD_OPTIONS, buildInput, makeDocuments, newFolder, TOKENIZER } from './make-shards.ts';

function digestsOf(folder: string): Record<string, string> {
  const digest = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, digest(name)]),
  );
}

async function writeSides(parts: number, chunkBytes?: number): Promise<string[]> {
  const documents = makeDocuments(4000, 31, 300, 120);
  const paths = Array.from({ length: parts }, () => join(newFolder(), 'part.side'));
  for (const [part, path] of paths.entries()) {
    const setting = { tokenizerDigest: TOKENIZER, tokenWidth: 2, endOfText: 299 } as const;
    const writer = new SideWriter(path, { ...setting, keySeed: xxh64(Buffer.from('lanes')) }, chunkBytes);
    for (const [i, { row, tokens, textBytes }] of documents.entries())
      if (i % parts === part) writer.add(row, textBytes, tokens, 0, tokens.length);
    await writer.finish();
  }
  return paths;
}

async function build(
  sides: readonly string[],
  options: Partial<BuildOptions>,
  more: Partial<BuildInput> = {},
): Promise<Record<string, string>> {
  const folder = newFolder();
  await buildShards(
    { ...buildInput(sides, folder, 300, 299), bytesAThread: 1, ...more },
    { ...BUILD_OPTIONS, ...options },
  );
  return digestsOf(folder);
}

const BANDS = [{ from: 200, times: 1.5 }];
const VARIANTS: Record<string, Partial<BuildOptions>> = {
  'small shards': { shardTokens: 3000 },
  'several shards a bucket': { shardTokens: 400 },
  'one shard a split': { shardTokens: 1e9 },
  'a mixture': { shardTokens: 9000, weights: { alpha: 3, beta: 1, gamma: 0.2 } },
  'upsampled by quality': {
    shardTokens: 9000,
    weights: { alpha: 3, beta: 1, gamma: 0.2 },
    upsample: { signal: 'length.characters', bands: BANDS, otherwise: 0.4 },
  },
  'in the order of a signal': {
    shardTokens: 9000,
    weights: { alpha: 3, beta: 1, gamma: 0.2 },
    upsample: { signal: 'length.characters', bands: BANDS, otherwise: 0.4 },
    orderBy: { signal: 'gopher.ratio', descending: true },
  },
};

describe('shards that threads write side by side', () => {
  for (const [name, options] of Object.entries(VARIANTS)) {
    it(`are those that one thread writes: ${name}`, async () => {
      const sides = await writeSides(3);
      const alone = await build(sides, options);
      const shards = Object.keys(alone).length - 1;
      expect(shards).toBeGreaterThanOrEqual(2);
      expect(await build(sides, options, { threads: 2 })).toEqual(alone);
      expect(await build(await writeSides(2, 4), { ...options, memoryBytes: 1 }, { threads: 3 })).toEqual(
        alone,
      );
    });
  }

  it('all end where one finds damage, and the failure names the file', async () => {
    const [path] = await writeSides(1);
    const side = new SideFile(path!);
    // In a held-out document: all training documents are one run, which this thread takes.
    const { at } = side.footer.extents.find(({ bucket }) => bucket === bucketsOf('held-out').from + 100)!;
    side.close();
    const bytes = readFileSync(path!);
    bytes[HEADER_BYTES + at + 3]! ^= 1;
    writeFileSync(path!, bytes);
    const failing = build([path!], { shardTokens: 1e9 }, { threads: 2 });
    await expect(failing).rejects.toThrow(/part\.side.*is damaged|is damaged.*part\.side/s);
    await expect(failing).rejects.toBeInstanceOf(IntegrityError);
  });

  it('report progress that ends at all documents, and stop when they are told to', async () => {
    const sides = await writeSides(2);
    const reports: [number, number | undefined][] = [];
    const progress = { report: (done: number, total?: number) => void reports.push([done, total]) };
    await build(sides, { shardTokens: 5000 }, { threads: 3, progress });
    expect(reports.at(-1)).toEqual([4000, 4000]);
    for (const [i, [done]] of reports.entries())
      expect(done).toBeGreaterThanOrEqual(reports[i - 1]?.[0] ?? 0);
    const controller = new AbortController();
    const stopping = { report: () => controller.abort() };
    const stopped = build(
      sides,
      { shardTokens: 50 },
      { threads: 3, progress: stopping, signal: controller.signal },
    );
    await expect(stopped).rejects.toBeInstanceOf(CancelledError);
  });
});

describe('a plan of shards', () => {
  it('is the same whether buckets are taken whole, document by document, or in parts of a bucket', async () => {
    const paths = await writeSides(3);
    const sides = paths.map((path) => new SideFile(path));
    const rest = async (): Promise<void> => {};
    // Takes every document, but does not say so beforehand.
    const everything = new Selection(undefined, undefined);
    const one = await planShards(sides, 20_000, everything, rest);
    Object.defineProperty(everything, 'sampler', { value: { copies: () => 1 } });
    expect(await planShards(sides, 20_000, everything, rest)).toEqual(one);
    expect(await planShards(sides, 20_000, everything, rest, 3)).toEqual(one);
    expect(one.reduce((sum, { documents }) => sum + documents, 0)).toBe(4000);
    for (const { tokens } of one) expect(tokens).toBeLessThanOrEqual(20_000);
    for (const wanted of [1, 2, 4, 100]) {
      const runs = runsOf(one, wanted);
      expect(runs.flat()).toEqual(one);
      for (const run of runs) expect(new Set(run.map(({ split }) => split)).size).toBe(1);
      expect(runs.length).toBeLessThanOrEqual(wanted + 1);
    }
    expect(runsOf(one, 4).length).toBeGreaterThan(3);
    for (const side of sides) side.close();
  });
});
