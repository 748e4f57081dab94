import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scratch } from '../dedup/harness.ts';
import { documentsFor, repeatedBytes } from './substrings-generated.ts';

/** Bytes of text, and documents that are copies of one. */
const BYTES = Number(process.env.SUBSTRING_BYTES ?? 1e9);
const COPIES = Number(process.env.SUBSTRING_COPIES ?? 1_000_000);
const ONE_BYTES = Number(process.env.SUBSTRING_ONE ?? 500_000_000);
const SCRIPT = fileURLToPath(new URL('substrings-process.ts', import.meta.url));

interface Answer {
  readonly seconds: number;
  readonly cpu: number;
  readonly rss: number;
  readonly bytes: number;
  readonly summary: Record<string, number>;
}

function run(...args: (string | number)[]): Answer {
  const options = ['--import', 'tsx', SCRIPT, ...args.map(String)];
  return JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' })) as Answer;
}

function measure(kind: string, parts: number, documents: number, each: number): Answer {
  const folder = scratch();
  try {
    const taps = Array.from({ length: parts }, (_, part) =>
      run('tap', folder, part, each, part * each, kind),
    );
    const reduced = run('reduce', folder, parts, documents);
    const rss = Math.max(...taps.map((tap) => tap.rss), reduced.rss);
    const side = taps.reduce((sum, tap) => sum + tap.bytes, 0);
    console.log(
      `${kind}: side files ${(side / 1e9).toFixed(2)} GB, reduction ${reduced.seconds.toFixed(0)} s`,
      `(${reduced.cpu.toFixed(0)} s of CPU), ${(reduced.rss / 1e6).toFixed(0)} MB; ${JSON.stringify(reduced.summary)}`,
    );
    return { ...reduced, rss };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('substring-dedup at scale', () => {
  it(`finds the repeats in ${BYTES / 1e6} MB of text within 4 GB in every process`, () => {
    const parts = 5;
    const documents = documentsFor(BYTES) / parts;
    const { rss, summary } = measure('generated', parts, documents, documents);
    expect(rss).toBeLessThan(4e9);
    const least = repeatedBytes(documents * parts);
    expect(summary.covered).toBeGreaterThanOrEqual(least);
    expect(summary.covered).toBeLessThan(least * 1.01 + 1000);
    expect(summary.documents).toBe(documents * parts);
  }, 3_600_000);

  it(`keeps one of ${COPIES} identical documents`, () => {
    const { rss, summary } = measure('copies', 1, COPIES, COPIES);
    expect(rss).toBeLessThan(4e9);
    expect(summary).toMatchObject({ documents: COPIES, documentsWithSpans: COPIES - 1 });
    expect(summary.bytes! - summary.covered!).toBe(summary.bytes! / COPIES);
  }, 3_600_000);

  it(`goes through one document of ${ONE_BYTES / 1e6} MB of repeated lines`, () => {
    const { rss, summary } = measure('repeated', 1, 1, ONE_BYTES);
    expect(rss).toBeLessThan(4e9);
    expect(summary).toMatchObject({ documents: 1, spans: 1, bytes: ONE_BYTES });
    expect(summary.bytes! - summary.covered!).toBeLessThan(100);
  }, 3_600_000);
});
