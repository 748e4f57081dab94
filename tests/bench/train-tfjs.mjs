// TensorFlow.js's side of the benchmark `train`: answers commands, one JSON object a line.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { readSafetensors } from '../../dist/train/checkpoint/safetensors.js';
import { answerLines, cpuSeconds, peakMebibytes } from './line-processes.mjs';
import { LEARNING_RATE, LENGTH } from './train-cases.mjs';

let model;
let batches;
let done = 0;

/** Bundles the model with TensorFlow.js's ES modules; the CommonJS ones register no gradients. */
async function bundled() {
  const folder = mkdtempSync(join(tmpdir(), 'provender-bench-tfjs-'));
  try {
    const outfile = join(folder, 'model.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('train-tfjs-model.mjs', import.meta.url))],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      logLevel: 'error',
      banner: {
        js: "import { createRequire } from 'node:module'; import { fileURLToPath as pathOf } from 'node:url'; const require = createRequire(import.meta.url); const __filename = pathOf(import.meta.url); const __dirname = pathOf(new URL('.', import.meta.url));",
      },
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function steps({ count }) {
  const losses = [];
  const seconds = [];
  const before = cpuSeconds();
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    const { tokens, targets } = batches[done % batches.length];
    losses.push(model.step(Int32Array.from(tokens), Int32Array.from(targets)));
    seconds.push((performance.now() - begun) / 1000);
    done += 1;
  }
  return { losses, seconds, cpu: (cpuSeconds() - before) / count };
}

answerLines({
  async load({ folder, family }) {
    const { openModel } = await bundled();
    const weights = Object.fromEntries(await readSafetensors(join(folder, `${family}.safetensors`)));
    const wasmFolder = fileURLToPath(
      new URL('../../node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url),
    );
    model = await openModel({ weights, length: LENGTH, learningRate: LEARNING_RATE, wasmFolder });
    batches = JSON.parse(readFileSync(join(folder, `${family}.json`), 'utf8'));
    return { backend: model.backend };
  },
  steps,
  memory: async () => ({ mebibytes: peakMebibytes() }),
});
