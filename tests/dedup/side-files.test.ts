import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CancelledError, IntegrityError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import type { SideFile } from '../../src/core/stage.ts';
import { exactDedup, exactDedupOptions } from '../../src/dedup/exact-dedup.ts';
import { minhashDedup } from '../../src/dedup/minhash-dedup.ts';
import { minhashDedupOptions } from '../../src/dedup/minhash-options.ts';
import { document, jobContext, runBarrier, scratch, stageContext, tapParts } from './harness.ts';

const options = minhashDedupOptions.parse({});
const documents = Array.from({ length: 40 }, (_, i) =>
  document(`d${i}`, `a text of some words that is number ${i % 20} of all the texts here`),
);

async function taps(): Promise<SideFile[]> {
  return tapParts(minhashDedup.barrier, options, [documents.slice(0, 25), documents.slice(25)], scratch());
}

const reduce = (sides: SideFile[], own = options) =>
  minhashDedup.barrier.reduce(own, sides, jobContext(scratch()));

describe('side files', () => {
  it('are refused when a bit of them is flipped, wherever', async () => {
    const sides = await taps();
    const bytes = readFileSync(sides[0]!.path);
    const random = new Random('flip');
    const offsets = [0, 5, 10, 30, 61, bytes.length - 1, bytes.length - 30, bytes.length - 60];
    for (let i = 0; i < 60; i++) offsets.push(random.below(bytes.length));
    for (const offset of offsets) {
      const damaged = Buffer.from(bytes);
      damaged[offset]! ^= 1 << random.below(8);
      writeFileSync(sides[0]!.path, damaged);
      const error = await reduce(sides).then(
        () => undefined,
        (e: unknown) => e,
      );
      // Fillers of header and trailer are under a checksum too.
      expect(error, `byte ${offset}`).toBeInstanceOf(IntegrityError);
      const { problem } = error as IntegrityError;
      expect(problem.file).toBe(sides[0]!.path);
      expect(problem.expected).toBeDefined();
      expect(problem.found).toBeDefined();
      expect(problem.offset).toBeLessThanOrEqual(bytes.length);
    }
  });

  it('are refused when they are truncated, wherever', async () => {
    const sides = await taps();
    const bytes = readFileSync(sides[1]!.path);
    for (let length = 0; length < bytes.length; length += 1 + Math.floor(bytes.length / 40)) {
      writeFileSync(sides[1]!.path, bytes);
      truncateSync(sides[1]!.path, length);
      await expect(reduce(sides)).rejects.toThrow(IntegrityError);
    }
  });

  it('are refused under other parameters, of another step, or of another number of documents', async () => {
    const sides = await taps();
    await expect(reduce(sides, minhashDedupOptions.parse({ seed: 2 }))).rejects.toThrow(/other parameters/);
    const exact = exactDedupOptions.parse({});
    await expect(exactDedup.barrier.reduce(exact, sides, jobContext(scratch()))).rejects.toThrow(/kind/);
    const [first, second] = sides;
    await expect(reduce([{ ...first!, documents: 24 }, second!])).rejects.toThrow(/24 documents/);
  });

  it('leave nothing but themselves behind when the job is cancelled', async () => {
    const sides = await taps();
    const folder = scratch();
    const context = { ...jobContext(folder), signal: AbortSignal.abort() };
    await expect(minhashDedup.barrier.reduce(options, sides, context)).rejects.toThrow(CancelledError);
    expect(readdirSync(folder)).toEqual([]);
    await expect(reduce(sides)).resolves.toMatchObject({ files: ['clusters.blocks'] });
  });

  it('of a tap that was abandoned are no side files', async () => {
    const [side] = await tapParts(minhashDedup.barrier, options, [documents], scratch());
    const sink = await minhashDedup.barrier.tap(options, stageContext(), side!.path);
    await sink.abandon();
    await expect(reduce([side!])).rejects.toThrow(IntegrityError);
  });

  it('may be none, or of no documents', async () => {
    expect((await runBarrier(minhashDedup.barrier, options, [])).summary).toMatchObject({ documents: 0 });
    expect((await runBarrier(minhashDedup.barrier, options, [[], []])).summary).toMatchObject({
      documents: 0,
      clusters: 0,
      examples: [],
    });
  });
});
