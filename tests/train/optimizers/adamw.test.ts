import { expect, it } from 'vitest';
import { openEngine } from '../../../src/train/engines/registry.ts';
import type { ParameterSpec } from '../../../src/train/model/parameters.ts';
import { AdamwKernel } from '../../../src/train/optimizers/adamw-kernel.ts';
import { openOptimizer } from '../../../src/train/optimizers/registry.ts';
import { clipOf, updateProgram } from '../../../src/train/programs/training.ts';
import { floats } from '../engines/against-reference.ts';
import { uniform } from '../graph/finite-differences.ts';

const optimizer = openOptimizer({ kind: 'adamw', clipNorm: 0.5 });

const filled = (count: number, seed: number, range?: [number, number]) =>
  floats([count], uniform(seed, range)).data;

/** Of every size that a gradient can have, some of them subnormal. */
function wild(count: number, seed: number): Float32Array {
  const exponents = filled(count, seed + 100, [-42, 8]);
  return filled(count, seed).map((value, i) => value * 10 ** exponents[i]!);
}

/** Matrices decay, vectors do not. 16384 values are a chunk of the kernel's. */
const SHAPES = [[1], [3], [4], [7, 1], [16384], [16385], [129, 257]];
/** Which of parameter, moments and gradient lie in the kernel's memory. */
const PLACES: Readonly<Record<string, readonly number[]>> = {
  'all in its memory': [0, 1, 2, 3],
  'none there': [],
  'the gradient elsewhere': [0, 1, 2],
};
const cases = SHAPES.flatMap((shape) => Object.entries(PLACES).map((place) => ({ shape, place })));

it.each(cases)(
  'changes arrays of $shape as the program does, bit for bit, $place.0',
  async ({ shape, place: [, inMemory] }) => {
    const spec: ParameterSpec = { name: 'x', shape, initialization: 'zeros' };
    const count = shape.reduce((a, b) => a * b);
    const onnx = await openEngine({ kind: 'onnx', threads: 1 });
    const runnable = await onnx.compile(updateProgram([spec], optimizer));
    // An array before them that ends between two vectors.
    const host = optimizer.onHost!([5, count, count, count, count]);
    const arrayOf = (i: number) => (inMemory.includes(i) ? host.arrays[1 + i]! : new Float32Array(count));
    const mine = {
      parameter: arrayOf(0),
      moments: { first: arrayOf(1), second: arrayOf(2) },
      gradient: arrayOf(3),
    };
    mine.parameter.set(filled(count, 1));
    let theirs: { p: Float32Array; m: Float32Array; v: Float32Array } = {
      p: mine.parameter.slice(),
      m: new Float32Array(count),
      v: new Float32Array(count),
    };
    for (let update = 1; update <= 3; update++) {
      mine.gradient.set(update === 2 ? wild(count, update) : filled(count, 10 + update));
      const scalars = optimizer.scalars({ update, learningRate: 0.01 });
      const given = (data: Float32Array) => ({ shape, data });
      const results = await runnable.run({
        'parameter:x': given(theirs.p),
        'sum:x': given(mine.gradient),
        'moment:x/first': given(theirs.m),
        'moment:x/second': given(theirs.v),
        ...Object.fromEntries(
          Object.entries(scalars).map(([name, value]) => [name, { shape: [], data: Float32Array.of(value) }]),
        ),
      });
      const values = (name: string) => results[name]!.data as Float32Array;
      // The norm is the program's own: that of the kernel is summed in another order.
      host.update(spec, mine, clipOf(0.5, values('gradientNorm')[0]!), scalars);
      theirs = {
        p: values('next/parameter:x'),
        m: values('next/moment:x/first'),
        v: values('next/moment:x/second'),
      };
      expect(mine.parameter).not.toEqual(filled(count, 1));
      expect({ p: mine.parameter, m: mine.moments.first, v: mine.moments.second }).toEqual(theirs);
    }
    expect(host.arrays[0]).toEqual(new Float32Array(5));
    await runnable.release();
  },
);

it.each([1, 3, 4, 63, 65, 16384, 16389, 50_000])('sums the squares of %d values', (count) => {
  const kernel = new AdamwKernel([count]);
  const values = filled(count, count);
  const plain = values.reduce((sum, value) => sum + value * value, 0);
  // What a longer array left in the kernel's memory does not count.
  kernel.sumOfSquares(new Float32Array(16384).fill(1e3));
  expect(Math.abs(kernel.sumOfSquares(values) / plain - 1)).toBeLessThan(1e-6);
  kernel.arrays[0]!.set(values);
  expect(kernel.sumOfSquares(kernel.arrays[0]!)).toBe(kernel.sumOfSquares(values));
  for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, 1e30]) {
    expect(Number.isFinite(kernel.sumOfSquares(values.with(count - 1, odd)))).toBe(false);
  }
});

it.each([1, 4, 16384, 16389])('adds %d values, wherever they are', (count) => {
  const kernel = new AdamwKernel([count, count]);
  const [a, b] = [filled(count, 1), filled(count, 2)];
  const expected = a.map((value, i) => value + b[i]!);
  const [sum, gradient] = kernel.arrays as [Float32Array, Float32Array];
  gradient.set(b);
  for (const [into, from] of [
    [sum, gradient],
    [sum, b],
    [new Float32Array(count), gradient],
    [new Float32Array(count), b],
  ] as const) {
    into.set(a);
    kernel.add(into, from);
    expect(into).toEqual(expected);
  }
  expect(gradient).toEqual(b);
});
