// Area `train`: steps and generation against PyTorch and TensorFlow.js. Run after `npm run build`:
//   npm run bench -- train [--json] [--case NAME ...]   (cases: see CASES)
// Every candidate is a process of its own that gets the same weights and batches; the first losses agree before
// anything is timed, and rounds are interleaved. One thread unless the case says two.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lineProcess } from './line-processes.mjs';
import { median, peerPython } from './peers.mjs';
import { LENGTH, ROWS, stepFlops, stepTokens, writeCase } from './train-cases.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const PEER = ['torch==2.13.0', 'transformers==5.24.0', 'numpy'];
const ROUNDS = 7;
const STEPS = 2;
/** Losses that must agree, and how far. */
const CHECKED_STEPS = 5;
const TOLERANCE = 1e-4;
const TOKENS = ROWS * LENGTH;

function threadVariables(threads) {
  const count = `${threads}`;
  return { OMP_NUM_THREADS: count, MKL_NUM_THREADS: count, OMP_WAIT_POLICY: 'passive' };
}

const ours = () => lineProcess(process.execPath, [here('train-process.mjs')]);
const tfjs = () => lineProcess(process.execPath, [here('train-tfjs.mjs')]);
const pytorch = (threads) => lineProcess(python(), [here('train_peer.py')], threadVariables(threads));

function python() {
  const path = peerPython('train', PEER);
  if (!path) throw new Error('the Python peers cannot be installed');
  return path;
}

function row(name, unit, own, peers, better = 'more') {
  const ratios = Object.entries(peers).map(([peer, value]) => [
    peer,
    better === 'more' ? own / value : value / own,
  ]);
  return { area: 'train', case: name, unit, ours: own, peers, ratio: Object.fromEntries(ratios) };
}

/** The first losses of each, which must be those of the first. */
async function checkLosses(candidates) {
  const all = {};
  for (const [name, { process }] of Object.entries(candidates)) {
    all[name] = (await process.ask({ do: 'steps', count: CHECKED_STEPS })).losses;
    const furthest = Math.max(...all[name].map((loss, i) => Math.abs(loss - all.ours[i])));
    if (!(furthest < TOLERANCE))
      throw new Error(`${name} has other losses: ${all[name]} where ours are ${all.ours}`);
  }
}

/** Medians of each over interleaved rounds: `seconds` a step, and `cpu`, the processor's seconds a step. */
async function timeSteps(candidates) {
  const names = Object.keys(candidates);
  const seconds = Object.fromEntries(names.map((name) => [name, []]));
  const cpu = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const { process, rounds = ROUNDS, steps = STEPS } = candidates[name];
      if (round >= rounds) continue;
      const answer = await process.ask({ do: 'steps', count: steps });
      seconds[name].push(...answer.seconds);
      cpu[name].push(answer.cpu);
    }
  }
  return { seconds: mapped(seconds, median), cpu: mapped(cpu, median) };
}

function mapped(values, change) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}

/** What one model costs to train: its time, the processor's time (which other work on the machine changes less), memory. */
async function training(name, family, threads, folder, peers) {
  await writeCase(folder, family);
  const candidates = { ours: { process: ours() } };
  for (const [peer, start] of Object.entries(peers)) candidates[peer] = start();
  try {
    const load = { do: 'load', folder, family, threads };
    for (const { process, settings } of Object.values(candidates))
      await process.ask({ ...load, ...settings });
    await checkLosses(candidates);
    const { seconds, cpu } = await timeSteps(candidates);
    const memory = {};
    for (const [peer, { process }] of Object.entries(candidates))
      memory[peer] = (await process.ask({ do: 'memory' })).mebibytes;
    const peaks = {
      'sgemm here': (await candidates.ours.process.ask({ do: 'sgemm', threads })).gflops,
      'sgemm of pytorch': (await candidates.pytorch.process.ask({ do: 'sgemm' })).gflops,
    };
    const flops = stepFlops(family);
    return [
      rowOf(name, 'tokens/s', seconds, (each) => TOKENS / each),
      rowOf(`${name}-cpu`, 'tokens/CPU second', cpu, (each) => TOKENS / each),
      rowOf(`${name}-flops`, 'GFLOP/s', seconds, (each) => flops / each / 1e9, peaks),
      rowOf(`${name}-memory`, 'MiB', memory, (each) => each, {}, 'less'),
    ];
  } finally {
    for (const { process } of Object.values(candidates)) process.close();
  }
}

function rowOf(name, unit, values, change, more = {}, better = 'more') {
  const { ours: own, ...peers } = mapped(values, change);
  return row(name, unit, own, { ...peers, ...more }, better);
}

/** The share of kernel time that matrix products take, against the 85 % that are wanted. */
async function products(folder) {
  const rows = [];
  for (const family of ['gpt2', 'llama', 'bert']) {
    await writeCase(folder, family);
    const process = ours();
    const { seconds } = await process.ask({ do: 'profile', folder, family, threads: 1, count: 6 });
    process.close();
    const total = Object.values(seconds).reduce((sum, value) => sum + value, 0);
    const share = (matches) =>
      (100 * Object.entries(seconds).reduce((sum, [kind, value]) => (matches(kind) ? sum + value : sum), 0)) /
      total;
    const kinds = Object.keys(seconds).sort((a, b) => seconds[b] - seconds[a]);
    rows.push({
      ...row(
        `products-${family}`,
        '% of kernel time',
        share((kind) => /Gemm|MatMul/.test(kind)),
        { wanted: 85 },
      ),
      kinds: Object.fromEntries(kinds.map((kind) => [kind, share((other) => other === kind)])),
    });
  }
  return rows;
}

/** Greedy tokens a second after a short prompt, caches and all. */
async function generation(folder) {
  await writeCase(folder, 'gpt2');
  const load = { folder, family: 'gpt2', threads: 1 };
  const candidates = { ours: ours(), pytorch: pytorch(1), transformers: pytorch(1) };
  const question = { do: 'generate', prompt: [17, 4, 311, 90, 5, 77, 2048, 9], count: LENGTH - 16 };
  const speeds = mapped(candidates, () => []);
  const cpuSpeeds = mapped(candidates, () => []);
  try {
    let expected;
    for (const [name, process] of Object.entries(candidates)) {
      await process.ask({ do: name === 'transformers' ? 'load-transformers' : 'load', ...load });
      const { tokens } = await process.ask(question);
      expected ??= tokens.join();
      if (tokens.join() !== expected)
        throw new Error(`${name} writes other tokens: ${tokens}, not ${expected}`);
    }
    for (let round = 0; round < ROUNDS; round++)
      for (const [name, process] of Object.entries(candidates)) {
        const { tokens, seconds, cpu } = await process.ask(question);
        speeds[name].push(tokens.length / seconds);
        cpuSpeeds[name].push(tokens.length / cpu);
      }
  } finally {
    for (const process of Object.values(candidates)) process.close();
  }
  return [
    rowOf('generation', 'tokens/s', speeds, median),
    rowOf('generation-cpu', 'tokens/CPU second', cpuSpeeds, median),
  ];
}

/** Two runs of one thread side by side against one run of two threads: tokens a second of all together. */
async function lanes(name, family, folder, steps) {
  await writeCase(folder, family);
  const tokens = steps * stepTokens(family);
  const load = async (threads) => {
    const process = ours();
    await process.ask({ do: 'load', folder, family, threads });
    await process.ask({ do: 'steps', count: 3 });
    return process;
  };
  const [one, other, wide] = [await load(1), await load(1), await load(2)];
  const speeds = { ours: [], 'one run, two threads': [] };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const begun = performance.now();
      await Promise.all([one, other].map((process) => process.ask({ do: 'steps', count: steps })));
      speeds.ours.push((2 * tokens * 1000) / (performance.now() - begun));
      const { seconds } = await wide.ask({ do: 'steps', count: steps });
      speeds['one run, two threads'].push(tokens / seconds.reduce((a, b) => a + b));
    }
  } finally {
    for (const process of [one, other, wide]) process.close();
  }
  const { ours: own, ...peers } = mapped(speeds, median);
  return [row(name, 'tokens/s', own, peers)];
}

const withPytorch = (threads) => ({ pytorch: () => ({ process: pytorch(threads) }) });
const compiled = (threads) => ({
  'pytorch-compiled': () => ({ process: pytorch(threads), settings: { compiled: true } }),
});
// Of one thread in every case: TensorFlow.js's WASM has no threads in Node.
const withTfjs = { 'tfjs-wasm': () => ({ process: tfjs(), rounds: 3, steps: 1 }) };

const CASES = {
  decoder: (name, folder) =>
    training(name, 'gpt2', 1, folder, { ...withPytorch(1), ...compiled(1), ...withTfjs }),
  'decoder-2-threads': (name, folder) =>
    training(name, 'gpt2', 2, folder, { ...withPytorch(2), ...compiled(2), ...withTfjs }),
  llama: (name, folder) => training(name, 'llama', 1, folder, withPytorch(1)),
  'llama-2-threads': (name, folder) => training(name, 'llama', 2, folder, withPytorch(2)),
  bert: (name, folder) => training(name, 'bert', 1, folder, withPytorch(1)),
  'bert-2-threads': (name, folder) => training(name, 'bert', 2, folder, withPytorch(2)),
  products: (_name, folder) => products(folder),
  generation: (_name, folder) => generation(folder),
  lanes: (name, folder) => lanes(name, 'gpt2', folder, STEPS),
  'lanes-small': (name, folder) => lanes(name, 'micro', folder, 50),
};

export async function run({ cases = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'provender-bench-train-'));
  try {
    const rows = [];
    for (const [name, measure] of Object.entries(CASES)) {
      if (cases.length === 0 || cases.includes(name)) rows.push(...(await measure(name, folder)));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
