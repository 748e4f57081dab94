// Trains a model for two steps on made-up tokens, and prints what the plan says of memory beside what it came to, in bytes.

import { resolveModel } from '../../dist/train/model/options.js';
import { openObjective } from '../../dist/train/objectives/registry.js';
import { openSession } from '../../dist/train/open-session.js';
import { planTraining, RUNTIME_BYTES } from '../../dist/train/plan.js';

/** What ONNX Runtime's library and first session take. */
const ORT_BYTES = 30e6;

const { rows, length, accumulate, ...model } = JSON.parse(process.argv[2]);
const { vocabulary } = model;
const objective = openObjective({ kind: 'causal' }, { vocabulary, length, specialTokens: [] });
const plan = planTraining({ shape: resolveModel(model), objective, rows, length, accumulate, steps: 2 });
// The command has more around a model than this process.
const planned = plan.memoryBytes - RUNTIME_BYTES + process.memoryUsage.rss() + ORT_BYTES;
const session = await openSession({
  model,
  objective,
  batch: { rows, length },
  engine: { threads: 1 },
  random: () => {
    let state = 1;
    return () => {
      state = (Math.imul(state, 48271) >>> 0) % 2147483647;
      return state / 2147483647;
    };
  },
});
const width = length + 1;
const indices = Int32Array.from({ length: rows * width }, (_, i) => i);
const batch = {
  rows,
  width,
  tokens: indices.map((i) => (i * 31) % vocabulary),
  segments: indices.map(() => 0),
  positions: indices.map((i) => i % width),
  documentIndex: indices.map(() => 0),
  documents: [],
};
for (let update = 1; update <= 2; update++) {
  const inputs = Array.from({ length: accumulate }, () => objective.inputs(batch, () => 0.5));
  await session.step(inputs, { update, learningRate: 1e-3 });
}
await session.state();
const measured = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ planned, measured, memory: plan.estimate.memory }));
await session.release();
