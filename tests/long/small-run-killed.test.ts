import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { Shell } from '../cli/command.ts';
import { jsonl } from '../execute/pipeline-folder.ts';

/**
 * A small run with every kind of unit, ended again and again at random moments (KILLS times by each signal, SEED), and
 * one on a disk that is full again and again: every artifact and every tally must be that of an undisturbed run.
 */
const KILLS = Number(process.env.KILLS ?? 20);
const SEED = process.env.SEED ?? String(Date.now());
const PIPELINE = `name: small
run: { workers: 2, partitionBytes: 40000, partBytes: 10000, batchDocuments: 16, minFreeBytes: 1 }
steps:
  - read: { inputs: [{ files: 'in/*', format: jsonl, corpus: c }] }
  - hold-out: { fraction: 0.1 }
  - length: { minWords: 25 }
  - exact-dedup
  - minhash-dedup
  - paragraph-dedup: { unit: line, minBytes: 5, minBytesLeft: 20 }
  - sentence-dedup: { sentences: 2, method: bloom, minWordsLeft: 5 }
  - ngram-dedup: { n: 5, minBytesLeft: 20 }
  - substring-dedup: { minLength: 30, minBytesLeft: 20 }
  - write: { folder: out }
  - train-tokenizer: { vocabularySize: 300 }
  - encode
  - shard
  - train:
      model: { family: gpt2, layers: 1, width: 16, heads: 2, context: 32 }
      rows: 2
      steps: 40
      evaluateEvery: 0
      checkpoint: { everySteps: 2 }
  - evaluate
  - generate: { prompts: ['the whale'], maxTokens: 10 }
`;

const shell = new Shell();
const at = (...names: string[]) => join(shell.folder, ...names);
let expected: Record<string, string>;
let usual = 0;

/** Broken lines between good ones: whoever counts them twice after a kill is found out. */
function damaged(seed: number): string {
  return jsonl(seed, 300)
    .split('\n')
    .map((line, i) => (i % 40 === 7 ? '{"broken": ' : line))
    .join('\n');
}

/** Digest of every artifact's files, and the tallies. */
function outcome(run: string): Record<string, string> {
  const all: Record<string, string> = {};
  for (const unit of readdirSync(at(run, 'units')).filter((name) => !name.endsWith('.documents'))) {
    const manifest = JSON.parse(readFileSync(at(run, 'units', unit, 'manifest.json'), 'utf8')) as {
      files: { path: string; sha256: string }[];
    };
    for (const { path, sha256 } of manifest.files) all[`${unit}/${path}`] = sha256;
  }
  const { steps } = JSON.parse(readFileSync(at(run, 'summary.json'), 'utf8')) as {
    steps: { tally?: object }[];
  };
  all.tallies = JSON.stringify(steps.map(({ tally }) => tally));
  return all;
}

beforeAll(async () => {
  mkdirSync(at('in'));
  for (let i = 0; i < 3; i++) writeFileSync(at('in', `${i}.jsonl`), damaged(i));
  writeFileSync(at('in', '3.jsonl.gz'), gzipSync(damaged(3)));
  writeFileSync(at('small.yaml'), PIPELINE);
  const began = performance.now();
  const { code, stderr } = await shell.run('run', 'small.yaml', '-o', 'calm', '-q');
  expect([code, stderr]).toEqual([0, '']);
  usual = performance.now() - began;
  expected = outcome('calm');
  expect(Object.keys(expected).some((name) => name.endsWith('.safetensors'))).toBe(true);
}, 120_000);
afterAll(() => shell.remove());

describe.each(['SIGKILL', 'SIGINT'] as const)('a run ended by %s at random moments', (signal) => {
  it(`comes to the same artifacts and tallies (${KILLS} times, SEED=${SEED})`, async () => {
    const random = new Random(`${SEED}/${signal}`);
    const through: (number | string)[] = [];
    for (let ends = 0; ends < KILLS; ) {
      const { child, ended } = shell.start(['run', 'small.yaml', '-o', signal, '-q']);
      const timer = setTimeout(() => child.kill(signal), 200 + random.next() * usual * 0.9);
      const { code, signal: by, stderr } = await ended;
      clearTimeout(timer);
      if (by === signal || code === 130) {
        ends++;
        continue;
      }
      expect([code, stderr]).toEqual([0, '']);
      expect(outcome(signal)).toEqual(expected);
      through.push(ends);
      rmSync(at(signal), { recursive: true });
    }
    expect((await shell.run('run', 'small.yaml', '-o', signal, '-q')).code).toBe(0);
    expect(outcome(signal)).toEqual(expected);
    const names = readdirSync(at(signal), { recursive: true }) as string[];
    expect(names.filter((name) => /\.(tmp|dead)$|^lock$/.test(name))).toEqual([]);
  }, 1_800_000);
});

/** Whether this process may mount a tmpfs. */
function mounted(folder: string, kilobytes: number, again = false): boolean {
  try {
    const options = `${again ? 'remount,' : ''}size=${kilobytes}k`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a disk that is full', () => {
  it('ends the run with that reason; with more room it goes on to the same artifacts', async (context) => {
    const disk = at('disk');
    mkdirSync(disk);
    let kilobytes = 1500;
    if (!mounted(disk, kilobytes)) return context.skip('needs the right to mount a tmpfs');
    try {
      let full = 0;
      for (;;) {
        const { code, stderr } = await shell.run('run', 'small.yaml', '-o', 'disk/run', '-q');
        if (code === 0) break;
        expect([code, stderr]).toEqual([
          1,
          expect.stringMatching(/^error: .*(no space left|not enough free disk)/),
        ]);
        expect(stderr).not.toMatch(/^ +at /m);
        expect(existsSync(at('disk/run/lock'))).toBe(false);
        full++;
        kilobytes += 500;
        expect(mounted(disk, kilobytes, true)).toBe(true);
      }
      expect(full).toBeGreaterThan(3);
      expect(outcome('disk/run')).toEqual(expected);
    } finally {
      execFileSync('umount', [disk]);
    }
  }, 300_000);
});
