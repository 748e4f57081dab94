// Real null trials: a pool of trainings of one recipe that differ in their seeds alone, cut into disjoint trials of two
// arms and three seeds. The difference is 0 by construction; a 95 % interval should hold it in 95 of 100 trials.
// The pool is kept in runs/bench-null, so that a stopped case goes on; take the folder away to train it again.
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { analyse } from '../../dist/ablate/statistics/analyse.js';
import { sha256 } from '../../dist/core/hash.js';

const FOLDER = 'runs/bench-null';
const TRIALS = 400;
const SEEDS = 3;
const POOL = TRIALS * 2 * SEEDS;
/** The same pool cut otherwise: [arms, seeds]. */
const OTHER_CUTS = [
  [2, 6],
  [4, 3],
  [4, 6],
];
const PIPELINE = `name: bench-null
seed: 1
steps:
  - read: { inputs: [{ corpus: spam-assassin }] }
  - hold-out: { fraction: 0.05 }
  - train-tokenizer: { vocabularySize: 512 }
  - encode
  - shard
`;

export async function calibrationNull() {
  const started = performance.now();
  prepare();
  const runs = await pool();
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  const values = runs.map(({ bitsPerByte }) => bitsPerByte);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  const digest = sha256(JSON.stringify(values)).slice(0, 12);
  console.error(
    `pool: ${runs.length} trainings of ${runs[0].parameters.toLocaleString('en-US')} parameters, weight seeds 0 to ${runs.length - 1}, ` +
      `order seeds 1,000,000 to ${(1e6 + runs.length - 1).toLocaleString('en-US')}; ${(seconds / runs.length).toFixed(2)} s each, ` +
      `${(seconds / 60).toFixed(1)} min in all, ${((performance.now() - started) / 60_000).toFixed(1)} min of this call; ` +
      `${runs[0].before.toFixed(3)} bits per byte before, ${mean.toFixed(4)} after, spread ${spread.toFixed(4)}; digest ${digest}`,
  );
  return [[2, SEEDS], ...OTHER_CUTS].map(([arms, seeds]) => coverage(values, arms, seeds));
}

function prepare() {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, 'pipeline.yaml');
  const out = join(FOLDER, 'data');
  writeFileSync(file, PIPELINE);
  execFileSync(process.execPath, ['dist/cli.js', 'run', file, '--out', out, '--quiet'], { stdio: 'ignore' });
}

/** Trainings by seed; those that are missing are made, as many side by side as there are processors. */
async function pool() {
  const file = join(FOLDER, 'pool.jsonl');
  const known = new Map();
  if (existsSync(file))
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const run = JSON.parse(line);
      known.set(run.seed, run);
    }
  const missing = Array.from({ length: POOL }, (_, seed) => seed).filter((seed) => !known.has(seed));
  const workers = Math.min(availableParallelism(), missing.length);
  let done = POOL - missing.length;
  await Promise.all(
    Array.from({ length: workers }, (_, w) =>
      trainSeeds(
        missing.filter((_, i) => i % workers === w),
        (run) => {
          known.set(run.seed, run);
          appendFileSync(file, `${JSON.stringify(run)}\n`);
          if (++done % 100 === 0) console.error(`  ${done} of ${POOL} trainings`);
        },
      ),
    ),
  );
  return Array.from({ length: POOL }, (_, seed) => known.get(seed));
}

async function trainSeeds(seeds, take) {
  const worker = fileURLToPath(new URL('ablate-null-worker.mjs', import.meta.url));
  const child = spawn(process.execPath, [worker, join(FOLDER, 'data')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.stdin.end(`${seeds.join('\n')}\n`);
  for await (const line of createInterface({ input: child.stdout })) take(JSON.parse(line));
  if ((await ended) !== 0) throw new Error('a worker of the null pool failed');
}

/** Cuts the pool into disjoint trials; gives in how many the interval of the first arm against the base holds 0. */
function coverage(values, arms, seeds) {
  const size = arms * seeds;
  const trials = Math.floor(values.length / size);
  let covered = 0;
  let welch = 0;
  for (let t = 0; t < trials; t++) {
    const { settings } = analyse(outcomeOf(values.slice(t * size, (t + 1) * size), arms, seeds));
    const { interval, method } = settings[0].comparisons[0].primary;
    if (interval.low <= 0 && interval.high >= 0) covered++;
    if (method === 'welch') welch++;
  }
  return {
    area: 'ablate',
    case: `calibration-null · ${arms} arms, ${seeds} seeds (${welch} by Welch)`,
    unit: `% of ${trials}`,
    ours: (100 * covered) / trials,
    peers: {},
    ratio: {},
  };
}

function outcomeOf(values, arms, seeds) {
  const names = Array.from({ length: arms }, (_, i) => `arm ${i}`);
  return {
    version: 1,
    declaration: {
      name: 'null',
      question: 'Nothing differs.',
      primary: 'mail',
      comparisons: names.slice(1).map((arm) => ({ arm, against: names[0] })),
      budget: { equal: 'tokens', value: 0 },
      confidence: 0.95,
    },
    domains: [{ name: 'mail', target: 'mail', weight: 1, primary: true, documents: 1, bytes: 1, digest: '' }],
    arms: names.map((name, i) => ({
      ...{ name, role: i === 0 ? 'base' : 'treatment', summary: '', changes: [], funnel: [], mixture: [] },
      ...{ trainTokens: 0, overlapsRemoved: 0, warnings: [], digests: {} },
    })),
    trainings: values.map((value, i) => ({
      ...{ arm: names[Math.floor(i / seeds)], size: 'micro', learningRate: 0.01, block: i % seeds },
      ...{ weightSeed: i, orderSeed: i, status: 'complete', seconds: 0, tokens: 0, curve: [] },
      domains: { mail: { bits: value, bytes: 1 } },
    })),
  };
}
