import { interpret } from '../../../src/train/engines/reference.ts';
import { differentiate } from '../../../src/train/graph/differentiate.ts';
import * as ops from '../../../src/train/graph/ops.ts';
import { liveNodes, type Program } from '../../../src/train/graph/program.ts';
import { elementCount, type Tensor } from '../../../src/train/graph/tensor.ts';

/** Numbers uniform over a range from a seed (mulberry32). */
export function uniform(seed: number, [low, high]: readonly [number, number] = [-2, 2]): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return low + ((high - low) * ((t ^ (t >>> 14)) >>> 0)) / 4294967296;
  };
}

/**
 * The largest difference between our gradient and a central difference, over every element of every input
 * `x0`, `x1`, ...; the scalar is the sum of the output `y` times fixed random numbers.
 */
export function largestGradientError(program: Program, inputs: readonly Float64Array[]): number {
  const { graph } = program;
  const y = program.outputs.y!;
  const weights = graph.constant(Float32Array.from({ length: elementCount(y.shape) }, uniform(3)), y.shape);
  const loss = ops.sum(ops.multiply(y, weights));
  const targets = inputs.map((_, i) => graph.inputs.get(`x${i}`) as Tensor);
  const gradients = differentiate(loss, targets);
  const named = Object.fromEntries(inputs.map((data, i) => [`x${i}`, { data }]));
  const ours = run(
    { ...program, outputs: Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient])) },
    named,
  );
  const forward = { ...program, outputs: { loss } };
  let worst = 0;
  inputs.forEach((data, i) => {
    for (let k = 0; k < data.length; k++) {
      const step = 1e-4;
      const at = (delta: number) => {
        const moved = data.slice();
        moved[k]! += delta;
        return run(forward, { ...named, [`x${i}`]: { data: moved } }).loss![0]!;
      };
      // Richardson's extrapolation: the error falls with the fourth power of the step.
      const coarse = (at(step) - at(-step)) / (2 * step);
      const fine = (at(step / 2) - at(-step / 2)) / step;
      worst = Math.max(worst, Math.abs((4 * fine - coarse) / 3 - ours[`g${i}`]![k]!));
    }
  });
  return worst;
}

function run(program: Program, inputs: Readonly<Record<string, { readonly data: ArrayLike<number> }>>) {
  return interpret(program, liveNodes(program), inputs);
}
