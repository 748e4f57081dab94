import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { foundWithProbability } from '../../src/dedup/minhash-options.ts';
import { scratch } from '../dedup/harness.ts';
import { COPIES, EDITS, jaccardOf, MEMBERS } from './dedup-generated.ts';

/** How many documents; the figure that is asked for is ten million (about half an hour on two cores). */
const DOCUMENTS = Number(process.env.DEDUP_DOCUMENTS ?? 1_000_000);
const PART = Math.min(100_000, DOCUMENTS);
const SCRIPT = fileURLToPath(new URL('dedup-scale-process.ts', import.meta.url));

interface Answer {
  readonly seconds: number;
  readonly rss: number;
  readonly bytes: number;
}

function run<T>(...args: (string | number)[]): T & Answer {
  const options = ['--import', 'tsx', SCRIPT, ...args.map(String)];
  return JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' })) as T & Answer;
}

describe(`minhash-dedup of ${DOCUMENTS} documents`, () => {
  it('stays within 1 GB in every process, with the recall of the S-curve and no false pair', () => {
    const folder = scratch();
    try {
      const parts = DOCUMENTS / PART;
      const taps = Array.from({ length: parts }, (_, part) =>
        run<object>('tap', folder, part, PART, part * PART),
      );
      const reduced = run<{ summary: Record<string, number>; removed: number[] }>(
        'reduce',
        folder,
        parts,
        PART,
      );
      const groups = DOCUMENTS / MEMBERS;
      const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
      console.log(
        `${DOCUMENTS} documents: signatures ${sum(taps.map((t) => t.seconds)).toFixed(0)} s,`,
        `${(sum(taps.map((t) => t.bytes)) / 1e9).toFixed(2)} GB, ${(Math.max(...taps.map((t) => t.rss)) / 1e6).toFixed(0)} MB;`,
        `clusters ${reduced.seconds.toFixed(0)} s, ${(reduced.bytes / 1e6).toFixed(0)} MB,`,
        `${(reduced.rss / 1e6).toFixed(0)} MB; ${JSON.stringify(reduced.summary)}`,
      );
      for (const { rss } of [...taps, reduced]) expect(rss).toBeLessThan(1e9);
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
        // 99 % of a normal distribution; and a permutation is not quite independent of the next.
        expect(Math.abs(removed - groups * p), `member ${member}`).toBeLessThanOrEqual(
          2.58 * deviation + 0.002 * groups,
        );
      });
      expect(sum(COPIES.map((member) => reduced.removed[member]!))).toBe(2 * groups);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 3_600_000);
});
