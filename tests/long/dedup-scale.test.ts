import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { foundWithProbability } from '../../src/dedup/minhash-options.ts';
import { scratch } from '../dedup/harness.ts';
import { COPIES, EDITS, jaccardOf, MEMBERS } from './dedup-generated.ts';

/**
 * How many documents; the figure that is asked for is ten million: then a tenth is run first and the growth is held to
 * linear times a logarithm. That needs 11 GB of disk (TMPDIR) and about half an hour of two cores.
 */
const DOCUMENTS = Number(process.env.DEDUP_DOCUMENTS ?? 1_000_000);
/** Documents a process: more of them where many processes would take longer to start than to work. */
const PART = Math.min(DOCUMENTS >= 10_000_000 ? 500_000 : 100_000, DOCUMENTS);
/** Processes at a time. */
const WORKERS = Number(process.env.DEDUP_WORKERS ?? 2);
const MOST_RESIDENT = 1e9;
const SCRIPT = fileURLToPath(new URL('dedup-scale-process.ts', import.meta.url));

interface Answer {
  readonly seconds: number;
  readonly cpu: number;
  readonly rss: number;
  readonly bytes: number;
}
interface Reduced extends Answer {
  readonly summary: Record<string, number>;
  /** By member of a group: how often it was removed, or its partner for it. */
  readonly removed: number[];
  readonly temporaryBytes: number;
}

async function run<T extends Answer>(...args: (string | number)[]): Promise<T> {
  const options = ['--import', 'tsx', SCRIPT, ...args.map(String)];
  return JSON.parse((await promisify(execFile)(process.execPath, options)).stdout) as T;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** The four jobs over `documents`; gives what the reduction found, and the CPU seconds of all processes. */
async function deduplicate(documents: number): Promise<{ reduced: Reduced; cpu: number; kept: number }> {
  const folder = scratch();
  try {
    const parts = Array.from({ length: documents / PART }, (_, part) => part);
    const limit = pLimit(WORKERS);
    const began = performance.now();
    const taps = await Promise.all(
      parts.map((part) => limit(() => run<Answer>('tap', folder, part, PART, part * PART))),
    );
    const signed = performance.now();
    const reduced = await run<Reduced>('reduce', folder, parts.length, PART);
    const applied = await Promise.all(
      parts.map((part) =>
        limit(() => run<Answer & { kept: number; dropped: number }>('apply', folder, PART, part * PART)),
      ),
    );
    const ended = performance.now();
    const all = [...taps, reduced, ...applied];
    const kept = sum(applied.map((a) => a.kept));
    expect(kept + sum(applied.map((a) => a.dropped))).toBe(documents);
    expect(kept).toBe(documents - reduced.summary.removed!);
    const cpu = sum(all.map((a) => a.cpu));
    console.log(
      `${documents} documents: signatures ${((signed - began) / 1000).toFixed(0)} s, ${megabytes(sum(taps.map((t) => t.bytes)))} on the disk,`,
      `clusters ${reduced.seconds.toFixed(0)} s, ${megabytes(reduced.bytes)} and ${megabytes(reduced.temporaryBytes)} for a while,`,
      `all ${((ended - began) / 1000).toFixed(0)} s; of CPU ${sum(taps.map((t) => t.cpu)).toFixed(0)} s, ${reduced.cpu.toFixed(0)} s and ${sum(applied.map((a) => a.cpu)).toFixed(0)} s for removal;`,
      `at most resident: signatures ${megabytes(Math.max(...taps.map((t) => t.rss)))}, clusters ${megabytes(reduced.rss)},`,
      `removal ${megabytes(Math.max(...applied.map((a) => a.rss)))}; ${JSON.stringify(reduced.summary)}`,
    );
    for (const { rss } of all) expect(rss).toBeLessThan(MOST_RESIDENT);
    return { reduced, cpu, kept };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe(`minhash-dedup of ${DOCUMENTS} documents`, () => {
  it('stays within 1 GB in every process, with the recall of the S-curve and no false pair', async () => {
    const tenth = DOCUMENTS >= 10_000_000 ? await deduplicate(DOCUMENTS / 10) : undefined;
    const { reduced, cpu } = await deduplicate(DOCUMENTS);
    const growth = tenth ? cpu / tenth.cpu : undefined;
    const allowed = (10 * Math.log(DOCUMENTS)) / Math.log(DOCUMENTS / 10);
    if (growth !== undefined)
      console.log(`growth of the CPU time: ${growth.toFixed(2)}, allowed ${allowed.toFixed(2)}`);
    const groups = DOCUMENTS / MEMBERS;
    reduced.removed.forEach((removed, member) => {
      const edits = EDITS[member];
      if (COPIES.includes(member)) return;
      const jaccard = edits === undefined ? 0 : jaccardOf(edits);
      if (jaccard < 0.7) {
        expect(removed, `member ${member}`).toBe(0);
        return;
      }
      const p = foundWithProbability(jaccard, 16, 8);
      const deviation = Math.sqrt(groups * p * (1 - p));
      console.log(
        `Jaccard ${jaccard.toFixed(3)}: ${removed} of ${groups} found, ${(groups * p).toFixed(0)} ± ${(2.58 * deviation).toFixed(0)} predicted`,
      );
      // 99 % of a normal distribution, and one for what is so rare that it has none.
      expect(Math.abs(removed - groups * p), `member ${member}`).toBeLessThanOrEqual(2.58 * deviation + 1);
    });
    expect(sum(COPIES.map((member) => reduced.removed[member]!))).toBe(2 * groups);
    if (growth !== undefined) expect(growth).toBeLessThanOrEqual(allowed);
  }, 14_400_000);
});
