import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { scratch } from '../dedup/harness.ts';

const SCRIPT = fileURLToPath(new URL('dedup-hard-process.ts', import.meta.url));

interface Step {
  readonly count: number;
  readonly kept: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly summary: Record<string, number>;
}

async function run(name: string): Promise<{ minhash: Step; exact: Step; rss: number }> {
  const folder = scratch();
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', SCRIPT, folder, name]);
    const result = JSON.parse(stdout) as { minhash: Step; exact: Step; rss: number };
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
    console.log(
      `${name}: at most ${megabytes(result.rss)} resident; minhash ${result.minhash.seconds.toFixed(1)} s, ${megabytes(result.minhash.bytes)}; exact ${result.exact.seconds.toFixed(1)} s`,
    );
    for (const step of [result.minhash, result.exact]) {
      expect(step.kept + step.dropped).toBe(step.count);
      expect(step.summary.removed).toBe(step.dropped);
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('deduplication of hard inputs', () => {
  it('a million identical documents: one stays, each was compared once', async () => {
    const { minhash, exact, rss } = await run('identical');
    expect([minhash.kept, exact.kept]).toEqual([1, 1]);
    expect(minhash.summary).toMatchObject({ clusters: 1, largestCluster: 1_000_000, verifiedPairs: 999_999 });
    expect(rss).toBeLessThan(1e9);
  }, 1_800_000);

  it('half a million empty and one-word documents: empty ones stay, counted', async () => {
    const { minhash, rss } = await run('empty');
    expect(minhash.summary).toMatchObject({ withoutSignature: 250_000, clusters: 500 });
    expect(minhash.kept).toBe(250_000 + 500);
    expect(rss).toBeLessThan(1e9);
  }, 1_800_000);

  it('one shingle repeated, in texts of up to two megabytes', async () => {
    const { minhash, rss } = await run('repeated');
    // All texts of `spam` have the same single shingle; those of one long word are all of their own.
    expect(minhash.summary).toMatchObject({ clusters: 1, largestCluster: 400 });
    expect(minhash.kept).toBe(401);
    expect(minhash.bytes).toBeLessThan(1e6);
    expect(rss).toBeLessThan(1e9);
  }, 1_800_000);

  it('twenty thousand documents that quote the same text', async () => {
    const { minhash, rss } = await run('colliding');
    expect(minhash.summary).toMatchObject({ clusters: 1000, largestCluster: 20 });
    expect(minhash.kept).toBe(1000);
    // Groups of all of them in some bands: compared with leaders, not each with each.
    expect(minhash.summary.verifiedPairs).toBeLessThan(20_000 * 16 * 33);
    expect(rss).toBeLessThan(1e9);
  }, 1_800_000);

  it('documents of half a gigabyte', async () => {
    const { minhash, exact, rss } = await run('huge');
    // The one with a tenth of its parts changed is about 0.82 alike, the other the same.
    expect(minhash.summary).toMatchObject({ clusters: 1, largestCluster: 3 });
    expect(minhash.kept).toBe(101);
    expect(exact.kept).toBe(102);
    // The document itself, twice in the batch that holds it, and the bounded rest.
    expect(rss).toBeLessThan(2.5e9);
    expect(minhash.bytes).toBeLessThan(3 * 4 * 2 ** 20 + 1e6);
  }, 1_800_000);
});
