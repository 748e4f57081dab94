// node ablate-null-worker.mjs RUN: trains a micro model on the run's shards, through the training loop, for each seed on
// a line of the standard input; a line of JSON each. All of them share one engine, whose programs are compiled once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Random } from '../../dist/core/random.js';
import { ShardLoader } from '../../dist/shard/loader.js';
import { loadTokenizer } from '../../dist/tokenize/tokenizer.js';
import { onnxEngine } from '../../dist/train/engines/onnx/engine.js';
import { evaluate } from '../../dist/train/evaluate.js';
import { HeldOutSet } from '../../dist/train/held-out.js';
import { train } from '../../dist/train/loop.js';
import { loopOptions } from '../../dist/train/loop-options.js';
import { resolveModel } from '../../dist/train/model/options.js';
import { modelTokens } from '../../dist/train/model-folder.js';
import { openObjective } from '../../dist/train/objectives/registry.js';
import { openOptimizer } from '../../dist/train/optimizers/registry.js';
import { ProgramSession } from '../../dist/train/programs/session.js';

const MODEL = { family: 'gpt2', layers: 1, width: 32, heads: 2, context: 32 };
const ROWS = 8;
const STEPS = 60;
const [run] = process.argv.slice(2);
const artifact = (unit) => join(run, 'units', unit, 'artifact');

/** An engine whose programs are compiled once for all models of one shape. */
function sharing(engine) {
  const compiled = new Map();
  return {
    description: engine.description,
    compile(program, kept) {
      if (!compiled.has(program.name)) compiled.set(program.name, engine.compile(program, kept));
      return compiled.get(program.name);
    },
    resident: (shape) => engine.resident(shape),
  };
}

const tokenizer = await loadTokenizer(join(artifact('01-train-tokenizer'), 'tokenizer.json'));
const tokens = modelTokens(tokenizer, 'causal');
const shape = resolveModel({ ...MODEL, vocabulary: tokens.vocabulary });
const length = shape.context;
const objective = openObjective({ kind: 'causal' }, { ...tokens, length });
const optimizer = openOptimizer({ kind: 'adamw' });
const engine = sharing(await onnxEngine({ device: 'cpu', threads: 1 }));
const shards = artifact('03-shard');
const heldOutLoader = await ShardLoader.open(shards, {
  split: 'held-out',
  context: length,
  rows: ROWS,
  orderSeed: 0,
});
const heldOut = await HeldOutSet.choose(heldOutLoader, tokenizer, 8192);
const options = loopOptions.parse({
  steps: STEPS,
  schedule: { learningRate: 1e-2, warmupSteps: 10 },
  checkpoint: { everySeconds: 0 },
});

async function trainOne(seed) {
  const started = performance.now();
  const weights = new Random(seed);
  const orderSeed = 1_000_000 + seed;
  const session = await ProgramSession.open({
    shape,
    objective,
    optimizer,
    engine,
    batch: { rows: ROWS, length },
    random: (name) => {
      const stream = weights.split('weights', name);
      return () => stream.next();
    },
  });
  const loader = await ShardLoader.open(shards, {
    split: 'train',
    context: length,
    rows: ROWS,
    orderSeed,
    verify: 'none',
  });
  const folder = mkdtempSync(join(tmpdir(), 'provender-null-'));
  try {
    const { receipt } = await train({
      ...{ options, loader, session, objective, folder, random: weights },
      identity: { shards: loader.digest },
      evaluate: () =>
        evaluate({
          session,
          objective,
          heldOut,
          context: length,
          rows: ROWS,
          stride: length,
          specialTokens: new Set(tokens.specialTokens),
          random: weights,
        }),
      progress: { report() {} },
      signal: new AbortController().signal,
      say() {},
    });
    const { bitsPerByte, bytes } = receipt.evaluations.last.result.total;
    const before = receipt.evaluations.before.result.total.bitsPerByte;
    const seconds = (performance.now() - started) / 1000;
    console.log(
      JSON.stringify({
        seed,
        orderSeed,
        bitsPerByte,
        bytes,
        before,
        seconds,
        parameters: session.parameterCount,
      }),
    );
  } finally {
    await loader.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

for await (const line of createInterface({ input: process.stdin })) await trainOne(Number(line));
