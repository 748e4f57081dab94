// provender's side of the benchmark `train`: answers commands, one JSON object a line.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../dist/core/random.js';
import { onnxEngine } from '../../dist/train/engines/onnx/engine.js';
import { generate, generateOptions } from '../../dist/train/generate.js';
import { resolveModel } from '../../dist/train/model/options.js';
import { measurePeak } from '../../dist/train/monitor/peak.js';
import { openSession } from '../../dist/train/open-session.js';
import { openOptimizer } from '../../dist/train/optimizers/registry.js';
import { ProgramSession } from '../../dist/train/programs/session.js';
import { answerLines, cpuSeconds, peakMebibytes } from './line-processes.mjs';
import { LEARNING_RATE, LENGTH, readBatches, sessionSettings } from './train-cases.mjs';

let session;
let batches;
let done = 0;

/** The optimizer with its time on the host told to `onSeconds`. */
function timed(optimizer, onSeconds) {
  const measured = (call) => {
    const begun = performance.now();
    const result = call();
    onSeconds((performance.now() - begun) / 1000);
    return result;
  };
  return {
    ...optimizer,
    onHost(counts) {
      const host = optimizer.onHost(counts);
      return {
        arrays: host.arrays,
        add: (...given) => measured(() => host.add(...given)),
        sumOfSquares: (...given) => measured(() => host.sumOfSquares(...given)),
        update: (...given) => measured(() => host.update(...given)),
      };
    },
  };
}

/** A session whose engine writes a trace of its kernels. */
async function profiledSession(family, threads, prefix, onHostSeconds) {
  const { model, optimizer, ...settings } = sessionSettings(family);
  return ProgramSession.open({
    ...settings,
    shape: resolveModel(model),
    optimizer: timed(openOptimizer(optimizer), onHostSeconds),
    engine: await onnxEngine({ device: 'cpu', threads, profilePrefix: prefix }),
  });
}

async function step() {
  const begun = performance.now();
  const inputs = batches[done % batches.length];
  done += 1;
  const { loss } = await session.step([inputs], { update: done, learningRate: LEARNING_RATE });
  return { loss, seconds: (performance.now() - begun) / 1000 };
}

async function steps(count) {
  const results = [];
  const before = cpuSeconds();
  for (let i = 0; i < count; i++) results.push(await step());
  return {
    losses: results.map(({ loss }) => loss),
    seconds: results.map(({ seconds }) => seconds),
    cpu: (cpuSeconds() - before) / count,
  };
}

/** Seconds in each kind of operator over a few steps, the optimizer's own kernel beside ONNX Runtime's. */
async function profile({ family, threads, folder, count }) {
  const place = mkdtempSync(join(tmpdir(), 'provender-bench-profile-'));
  try {
    const seconds = { AdamW: 0 };
    session = await profiledSession(family, threads, join(place, 'trace'), (more) => {
      seconds.AdamW += more;
    });
    batches = readBatches(folder, family);
    await steps(count);
    await session.release();
    const [file] = readdirSync(place);
    const kernels = JSON.parse(readFileSync(join(place, file), 'utf8')).filter(
      ({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'),
    );
    for (const { args, dur } of kernels) {
      seconds[args.op_name] = (seconds[args.op_name] ?? 0) + dur / 1e6;
    }
    return { seconds };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Text in which each token is a letter: what `generate` needs of a tokenizer. */
const letters = {
  encode: (text) => Array.from(text, (letter) => letter.codePointAt(0)),
  tokenBytes: (token) => Buffer.from(String.fromCodePoint(token)),
};

async function write({ prompt, count }) {
  const before = cpuSeconds();
  const begun = performance.now();
  const { tokens } = await generate({
    session,
    tokenizer: letters,
    context: LENGTH,
    prompt: String.fromCodePoint(...prompt),
    options: generateOptions.parse({ temperature: 0, maxTokens: count }),
    random: new Random(1),
  });
  return { tokens, seconds: (performance.now() - begun) / 1000, cpu: cpuSeconds() - before };
}

/** The engine's own peak in products of matrices, as a training run measures it. */
async function sgemm({ threads }) {
  return { gflops: (await measurePeak(await onnxEngine({ device: 'cpu', threads }), 'cpu')) / 1e9 };
}

answerLines({
  async load({ folder, family, threads }) {
    session = await openSession({
      ...sessionSettings(family),
      engine: { kind: 'onnx', device: 'cpu', threads },
    });
    batches = readBatches(folder, family);
    done = 0;
    return {};
  },
  steps: ({ count }) => steps(count),
  profile,
  generate: write,
  sgemm,
  memory: async () => ({ mebibytes: peakMebibytes() }),
});
