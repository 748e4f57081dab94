import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { buildTinyCorpus, TINY_RUN } from '../train/loop-tiny-corpus.ts';

const SEED = process.env.KILL_SEED ?? 'kill';
const KILLS = 10;
const OPTIONS = {
  ...TINY_RUN,
  steps: 400,
  evaluateEvery: 50,
  checkpoint: { everySteps: 3, everySeconds: 0, keepLast: 2 },
};
const FILES = ['model.safetensors', 'model.json', 'metrics.jsonl', 'tokenizer.json'];

let root: string;
let folders: { shards: string; tokenizer: string };
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-kill-'));
  folders = await buildTinyCorpus(root);
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/**
 * Runs the training; kills it `delay` milliseconds after it reported its first step. Gives the exit code, null if killed,
 * the last step reported, and how many milliseconds after its first report it ended.
 */
function trainProcess(
  folder: string,
  delay?: number,
): Promise<{ code: number | null; step: number; took: number }> {
  const script = join(import.meta.dirname, 'train-process.ts');
  const args = [
    '--import',
    'tsx',
    script,
    folder,
    folders.shards,
    folders.tokenizer,
    JSON.stringify(OPTIONS),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let began: number | undefined;
  let step = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    step = Number(chunk.toString().trim().split('\n').at(-1));
    if (began !== undefined) return;
    began = performance.now();
    if (delay !== undefined) setTimeout(() => child.kill('SIGKILL'), delay);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve({ code, step, took: performance.now() - (began ?? 0) }));
  });
}

async function digests(folder: string): Promise<Record<string, string>> {
  const all = FILES.map(async (name) => {
    const bytes = await readFile(join(folder, name));
    return [name, createHash('sha256').update(bytes).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

it(`training killed at random ${KILLS} times ends with the bytes of an undisturbed run`, {
  timeout: 600_000,
}, async () => {
  const undisturbed = join(root, 'undisturbed');
  const { code, took } = await trainProcess(undisturbed);
  expect(code).toBe(0);
  const killed = join(root, 'killed');
  const random = new Random(SEED);
  const killedAt: number[] = [];
  for (let i = 0; i < KILLS; i++) {
    const { code, step } = await trainProcess(killed, took / 50 + random.below(Math.ceil(took / 8)));
    if (code === null) killedAt.push(step);
  }
  console.log(`seed ${SEED}: killed at steps ${killedAt.join(', ')}`);
  expect(killedAt.length).toBeGreaterThanOrEqual(KILLS / 2);
  // It did go on from where it was: else the test would show nothing but ten starts.
  expect(killedAt.at(-1)).toBeGreaterThan(killedAt[0]! + 10);
  expect((await trainProcess(killed)).code).toBe(0);
  expect(await digests(killed)).toEqual(await digests(undisturbed));
});
