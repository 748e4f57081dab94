/** One small program for each operation, for the tests of gradients and of engines. */

import * as ops from '../../../src/train/graph/ops.ts';
import type { Program } from '../../../src/train/graph/program.ts';
import { Graph, type Shape, type Tensor } from '../../../src/train/graph/tensor.ts';

export interface OpCase {
  readonly name: string;
  /** Float inputs, by shape. */
  readonly shapes: readonly Shape[];
  /** Their values' range; by default -2 to 2. */
  readonly range?: readonly [number, number];
  readonly build: (inputs: readonly Tensor[], graph: Graph) => Tensor;
}

const ids = (graph: Graph, ...values: number[]) => graph.constant(Int32Array.from(values), [values.length]);
const binary = (name: string, build: (a: Tensor, b: Tensor) => Tensor): OpCase[] => [
  {
    name,
    shapes: [
      [3, 4],
      [3, 4],
    ],
    build: ([a, b]) => build(a!, b!),
  },
  {
    name: `${name}, broadcasting`,
    shapes: [
      [2, 1, 4],
      [3, 1],
    ],
    build: ([a, b]) => build(a!, b!),
  },
];
const unary = (name: string, build: (x: Tensor) => Tensor, range?: readonly [number, number]): OpCase => ({
  name,
  shapes: [[3, 5]],
  range,
  build: ([x]) => build(x!),
});

const gemms = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({
    name: `gemm${transposeA ? ' A^T' : ''}${transposeB ? ' B^T' : ''} with C`,
    shapes: [transposeA ? [4, 3] : [3, 4], transposeB ? [5, 4] : [4, 5], [5]],
    build: ([a, b, c]: readonly Tensor[]) => ops.gemm(a!, b!, { transposeA, transposeB, alpha: 0.7, c }),
  })),
);
/** As the gradient of a weight over many rows. */
const longGemm = {
  name: 'gemm A^T, long',
  shapes: [
    [24, 4],
    [24, 6],
  ],
  build: ([a, b]: readonly Tensor[]) => ops.gemm(a!, b!, { transposeA: true, alpha: 0.7 }),
};
const matmuls = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({
    name: `matmul${transposeA ? ' A^T' : ''}${transposeB ? ' B^T' : ''}`,
    shapes: [
      [2, 3, ...(transposeA ? [4, 2] : [2, 4])],
      [2, 3, ...(transposeB ? [5, 4] : [4, 5])],
    ],
    build: ([a, b]: readonly Tensor[]) => ops.matmul(a!, b!, { transposeA, transposeB }),
  })),
);

/** Two rows of three places, by tables of so many. */
function rotation(name: string, places: number): OpCase {
  const table = (graph: Graph, of: (angle: number) => number) =>
    graph.constant(
      Float32Array.from({ length: places * 2 }, (_, i) => of(1 + 0.7 * i)),
      [places, 2],
    );
  return {
    name,
    shapes: [[2, 3, 2, 4]],
    build: ([x], graph) => ops.rotate(x!, table(graph, Math.cos), table(graph, Math.sin)),
  };
}

export const opCases: readonly OpCase[] = [
  ...binary('add', ops.add),
  ...binary('subtract', ops.subtract),
  ...binary('multiply', ops.multiply),
  ...binary('divide', (a, b) => ops.divide(a, ops.shift(ops.multiply(b, b), 0.5))),
  ...binary('maximum', ops.maximum),
  ...binary('minimum', ops.minimum),
  unary('negate', ops.negate),
  unary('exp', ops.exp),
  unary('log', ops.log, [0.3, 3]),
  unary('sqrt', ops.sqrt, [0.3, 3]),
  unary('sigmoid', ops.sigmoid),
  unary('tanh', ops.tanh),
  unary('erf', ops.erf, [-4, 4]),
  unary('gelu', ops.gelu, [-4, 4]),
  {
    name: 'where, of a comparison',
    shapes: [[3, 4], [4], [3, 1]],
    build: ([a, b, c]) => ops.where(ops.and(ops.less(a!, b!), ops.lessOrEqual(b!, b!)), a!, c!),
  },
  {
    name: 'cast and equal',
    shapes: [[3, 4]],
    build: ([x], graph) => {
      const same = ops.equal(graph.constant(Int32Array.of(0, 1, 2, 1), [4]), ids(graph, 1));
      return ops.multiply(x!, ops.cast(same, 'float32'));
    },
  },
  ...gemms,
  longGemm,
  ...matmuls,
  unary('sum of all', (x) => ops.sum(x)),
  unary('sum of columns', (x) => ops.sum(x, [0])),
  unary('sum of columns, kept', (x) => ops.sum(x, [0], true)),
  { ...unary('sum of columns, many rows', (x) => ops.sum(x, [0])), shapes: [[300, 7]] },
  unary('sum of rows, kept', (x) => ops.sum(x, [-1], true)),
  unary('sumOfSquares', (x) => ops.sumOfSquares(x, [1], true)),
  unary('softmax', ops.softmax),
  {
    name: 'layerNorm',
    shapes: [[3, 6], [6], [6]],
    build: ([x, gain, offset]) => ops.layerNorm(x!, gain!, offset!, 1e-5).y,
  },
  unary('reshape', (x) => ops.reshape(x, [5, 3])),
  { name: 'transpose', shapes: [[2, 3, 4]], build: ([x]) => ops.transpose(x!, [2, 0, 1]) },
  {
    name: 'two transposes',
    shapes: [[2, 3, 4]],
    build: ([x]) => ops.transpose(ops.transpose(x!, [2, 0, 1]), [0, 2, 1]),
  },
  { name: 'expand', shapes: [[3, 1]], build: ([x]) => ops.expand(x!, [2, 3, 4]) },
  { name: 'slice', shapes: [[3, 5]], build: ([x]) => ops.slice(x!, 1, 1, 4) },
  { name: 'slice of the front', shapes: [[4, 2]], build: ([x]) => ops.slice(x!, 0, 0, 3) },
  {
    name: 'concat',
    shapes: [
      [2, 3],
      [1, 3],
      [2, 3],
    ],
    build: (parts) => ops.concat(parts, 0),
  },
  {
    name: 'gather',
    shapes: [[4, 3]],
    build: ([table], graph) => ops.gather(table!, ids(graph, 2, 0, 2, 3, 2)),
  },
  {
    name: 'scatterAdd',
    shapes: [
      [4, 3],
      [5, 3],
    ],
    build: ([base, updates], graph) => ops.scatterAdd(base!, ids(graph, 2, 0, 2, 3, 2), updates!),
  },
  { name: 'pick', shapes: [[3, 4]], build: ([x], graph) => ops.pick(x!, ids(graph, 3, 0, 3)) },
  {
    name: 'pickAdd',
    shapes: [
      [3, 4],
      [3, 1],
    ],
    build: ([x, updates], graph) => ops.pickAdd(x!, ids(graph, 3, 0, 3), updates!),
  },
  rotation('rotate, the same in each row', 3),
  rotation('rotate, each place by its own angle', 6),
];

/** Operations that no loss goes through, for the engines alone. */
export const forwardCases: readonly OpCase[] = [
  unary('maximumOf', (x) => ops.maximumOf(x, [1], true)),
  {
    name: 'cacheWrite',
    shapes: [
      [1, 2, 4, 3],
      [1, 2, 1, 3],
    ],
    build: ([cache, entry], graph) => ops.cacheWrite(cache!, ids(graph, 2), entry!),
  },
  {
    name: 'statistics of layerNorm',
    shapes: [[3, 6], [6], [6]],
    build: ([x, gain, offset]) => {
      const { mean, inverseDeviation } = ops.layerNorm(x!, gain!, offset!, 1e-5);
      return ops.concat([mean, inverseDeviation], 1);
    },
  },
];

/** A program over inputs `x0`, `x1`, ... that yields `y`. */
export function caseProgram({ name, shapes, build }: OpCase): Program {
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  return { name, graph, outputs: { y: build(inputs, graph) } };
}
