// Models, weights and batches of the benchmark `train`, written to a folder that every candidate reads.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../dist/core/random.js';
import { writeSafetensors } from '../../dist/train/checkpoint/safetensors.js';
import { matrixFlops } from '../../dist/train/graph/cost.js';
import { resolveModel } from '../../dist/train/model/options.js';
import { openObjective } from '../../dist/train/objectives/registry.js';
import { openSession } from '../../dist/train/open-session.js';
import { openOptimizer } from '../../dist/train/optimizers/registry.js';
import { stepProgram } from '../../dist/train/programs/training.js';

export const FAMILIES = ['gpt2', 'llama', 'bert'];
export const LENGTH = 256;
export const ROWS = 8;
const BATCHES = 8;
/** Everything but the family is left at its default: width 256, 4 heads, 4 layers, context 256. */
const whole = (family) => ({ model: { family, vocabulary: 4096 }, length: LENGTH });
/** `micro` is a model as an ablation trains dozens of. */
const MICRO = {
  model: { family: 'gpt2', layers: 2, width: 64, heads: 2, context: 64, vocabulary: 2048 },
  length: 64,
};
const caseOf = (family) => (family === 'micro' ? MICRO : whole(family));
export const modelOf = (family) => caseOf(family).model;
export const stepTokens = (family) => ROWS * caseOf(family).length;
export const optimizer = { kind: 'adamw' };
export const LEARNING_RATE = 1e-3;

export function objectiveOf(family) {
  const kind = family === 'bert' ? 'masked' : 'causal';
  const { model, length } = caseOf(family);
  return openObjective({ kind }, { vocabulary: model.vocabulary, length, maskToken: 0 });
}

export function sessionSettings(family) {
  const seed = new Random(1);
  const random = (name) => {
    const stream = seed.split('weights', name);
    return () => stream.next();
  };
  const batch = { rows: ROWS, length: caseOf(family).length };
  return { model: modelOf(family), objective: objectiveOf(family), optimizer, batch, random };
}

/** Floating-point operations of the matrix products of one step. */
export function stepFlops(family) {
  const batch = { rows: ROWS, length: caseOf(family).length };
  return matrixFlops(
    stepProgram(resolveModel(modelOf(family)), objectiveOf(family), batch, openOptimizer(optimizer)),
  );
}

/** Tokens that follow one another by a rule seven times in ten, so that there is something to learn. */
function windows(random, family) {
  const { model, length } = caseOf(family);
  const { vocabulary } = model;
  const width = length + 1;
  const tokens = new Int32Array(ROWS * width);
  const any = () => 1 + Math.floor((vocabulary - 1) * random.next() ** 3);
  for (let row = 0; row < ROWS; row++) {
    let token = any();
    for (let i = 0; i < width; i++) {
      tokens[row * width + i] = token;
      token = random.next() < 0.7 ? 1 + ((token * 31 + 17) % (vocabulary - 1)) : any();
    }
  }
  const none = new Int32Array(tokens.length);
  return { rows: ROWS, width, tokens, segments: none, positions: none, documentIndex: none, documents: [] };
}

/** Writes FAMILY.safetensors and FAMILY.json, the batches. */
export async function writeCase(folder, family) {
  const session = await openSession({ ...sessionSettings(family), engine: { kind: 'reference' } });
  await writeSafetensors(join(folder, `${family}.safetensors`), (await session.state()).parameters);
  const objective = objectiveOf(family);
  const random = new Random(7);
  const batches = Array.from({ length: BATCHES }, () => {
    const inputs = objective.inputs(windows(random, family), () => random.next());
    return Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, Array.from(data)]));
  });
  writeFileSync(join(folder, `${family}.json`), JSON.stringify(batches));
}

/** The batches as `session.step` takes them. */
export function readBatches(folder, family) {
  const { inputSpecs } = objectiveOf(family);
  return JSON.parse(readFileSync(join(folder, `${family}.json`), 'utf8')).map((batch) =>
    Object.fromEntries(
      Object.entries(inputSpecs).map(([name, { type, shape }]) => {
        const data = type === 'int32' ? Int32Array.from(batch[name]) : Float32Array.from(batch[name]);
        return [name, { shape: shape(ROWS, caseOf(family).length), data }];
      }),
    ),
  );
}
