/** The vector-Jacobian product of each operation, built from the same operations. */

import type { OperationKind, OperationOf } from './operation.ts';
import {
  concat,
  divide,
  exp,
  expand,
  gather,
  gemm,
  lessOrEqual,
  matmul,
  multiply,
  negate,
  pick,
  pickAdd,
  reshape,
  rotate,
  scale,
  scatterAdd,
  shift,
  sigmoid,
  slice,
  subtract,
  sum,
  sumTo,
  transpose,
  where,
  zeros,
} from './ops.ts';
import type { Adjoints, GradientRule, Shape, Tensor } from './tensor.ts';

/** `const`: nothing flows back, as through a comparison or an index. `refused`: there is no rule. */
type Entry = GradientRule | 'const' | 'refused';

function operationOf<K extends OperationKind>(output: Tensor, kind: K): OperationOf<K> {
  const { operation } = output.node;
  if (operation.kind !== kind) throw output.node.graph.error(kind, `the rule got a ${operation.kind}`);
  return operation as OperationOf<K>;
}

function addTo(adjoints: Adjoints, i: number, inputs: readonly Tensor[], gradient: () => Tensor): void {
  if (adjoints.needs(i)) adjoints.add(i, sumTo(gradient(), inputs[i]!.shape));
}

/** The gradient of a unary operation from x, y and dy. */
function unary(rule: (x: Tensor, y: Tensor, dy: Tensor) => Tensor): GradientRule {
  return ([x], y, dy, adjoints) => {
    if (adjoints.needs(0)) adjoints.add(0, rule(x!, y, dy));
  };
}

/** Both gradients of a binary operation that broadcasts. */
function binary(
  left: (a: Tensor, b: Tensor, y: Tensor, dy: Tensor) => Tensor,
  right: (a: Tensor, b: Tensor, y: Tensor, dy: Tensor) => Tensor,
): GradientRule {
  return (inputs, y, dy, adjoints) => {
    const [a, b] = inputs as [Tensor, Tensor];
    addTo(adjoints, 0, inputs, () => left(a, b, y, dy));
    addTo(adjoints, 1, inputs, () => right(a, b, y, dy));
  };
}

const zeroLike = (dy: Tensor) => dy.node.graph.scalar(0);
const onlyWhere = (condition: Tensor, dy: Tensor) => where(condition, dy, zeroLike(dy));

const GELU_LINEAR = 2 * Math.sqrt(2 / Math.PI);
const GELU_CUBIC = GELU_LINEAR * 0.044715;

/** With s = sigmoid(x (a + b x^2)), y = x s: dy/dx = s + x s (1 - s) (a + 3 b x^2) = s (1 + (x - y) (a + 3 b x^2)). */
function geluGradient(x: Tensor, y: Tensor, dy: Tensor): Tensor {
  const square = multiply(x, x);
  const s = sigmoid(multiply(x, shift(scale(square, GELU_CUBIC), GELU_LINEAR)));
  const inner = shift(scale(square, 3 * GELU_CUBIC), GELU_LINEAR);
  return multiply(dy, multiply(s, shift(multiply(subtract(x, y), inner), 1)));
}

const gemmGradient: GradientRule = (inputs, y, dy, adjoints) => {
  const [a, b, c] = inputs as [Tensor, Tensor, Tensor | undefined];
  const { transposeA, transposeB, alpha } = operationOf(y, 'gemm');
  if (adjoints.needs(1)) {
    adjoints.addWith(1, (existing) =>
      transposeB
        ? gemm(dy, a, { transposeA: true, transposeB: transposeA, alpha, c: existing })
        : gemm(a, dy, { transposeA: !transposeA, alpha, c: existing }),
    );
  }
  if (c !== undefined) addTo(adjoints, 2, inputs, () => dy);
  if (adjoints.needs(0)) {
    adjoints.addWith(0, (existing) =>
      transposeA
        ? gemm(b, dy, { transposeA: transposeB, transposeB: true, alpha, c: existing })
        : gemm(dy, b, { transposeB: !transposeB, alpha, c: existing }),
    );
  }
};

const matmulGradient: GradientRule = ([a, b], y, dy, adjoints) => {
  const { transposeA, transposeB } = operationOf(y, 'matmul');
  if (adjoints.needs(0)) {
    adjoints.add(
      0,
      transposeA
        ? matmul(b!, dy, { transposeA: transposeB, transposeB: true })
        : matmul(dy, b!, { transposeB: !transposeB }),
    );
  }
  if (adjoints.needs(1)) {
    adjoints.add(
      1,
      transposeB
        ? matmul(dy, a!, { transposeA: true, transposeB: transposeA })
        : matmul(a!, dy, { transposeA: !transposeA }),
    );
  }
};

/** dy of a reduction, with the reduced axes put back at size 1. */
function unreduced(x: Tensor, y: Tensor, dy: Tensor): Tensor {
  const { operation } = y.node;
  if (operation.kind !== 'sum' && operation.kind !== 'sumOfSquares')
    throw y.node.graph.error('sum', 'not a sum');
  return reshape(
    dy,
    x.shape.map((size, i) => (operation.axes.includes(i) ? 1 : size)),
  );
}

/**
 * With r = 1 / deviation, m = mean and h = dy r: dgain = sum(h x) - sum(h m) and dx = h gain - (x - m) r^2 c - mean(h gain),
 * c = mean(h gain (x - m)). That x - m is never computed saves two of eight passes over memory; PyTorch does the same.
 */
const layerNormGradient: GradientRule = ([x, gain], y, dy, adjoints) => {
  const [, mean, inverseDeviation] = y.node.outputs as [Tensor, Tensor, Tensor];
  const [rows, width] = x!.shape as [number, number];
  const scaled = multiply(dy, inverseDeviation);
  const weighted = multiply(scaled, x!);
  if (adjoints.needs(1)) {
    const ofMeans = reshape(gemm(reshape(mean, [1, rows]), scaled), [width]);
    adjoints.add(1, subtract(sum(weighted, [0]), ofMeans));
  }
  if (adjoints.needs(2)) adjoints.add(2, sum(dy, [0]));
  if (!adjoints.needs(0)) return;
  const gained = multiply(scaled, gain!);
  const meanGained = scale(sum(gained, [1], true), 1 / width);
  const meanWeighted = gemm(weighted, reshape(gain!, [width, 1]), { alpha: 1 / width });
  const covariance = subtract(meanWeighted, multiply(mean, meanGained));
  const slope = multiply(multiply(inverseDeviation, inverseDeviation), covariance);
  const constant = subtract(meanGained, multiply(mean, slope));
  adjoints.add(0, subtract(subtract(gained, constant), multiply(x!, slope)));
};

const sliceGradient: GradientRule = ([x], y, dy, adjoints) => {
  const { axis, start, end } = operationOf(y, 'slice');
  const graph = y.node.graph;
  const size = x!.shape[axis]!;
  const parts = [dy];
  if (start > 0) parts.unshift(zeros(graph, x!.shape.with(axis, start)));
  if (end < size) parts.push(zeros(graph, x!.shape.with(axis, size - end)));
  if (adjoints.needs(0)) adjoints.add(0, concat(parts, axis));
};

const concatGradient: GradientRule = (inputs, y, dy, adjoints) => {
  const { axis } = operationOf(y, 'concat');
  let start = 0;
  inputs.forEach((input, i) => {
    const end = start + input.shape[axis]!;
    if (adjoints.needs(i)) adjoints.add(i, slice(dy, axis, start, end));
    start = end;
  });
};

function inverse(permutation: readonly number[]): number[] {
  return permutation.map((_, i) => permutation.indexOf(i));
}

function flatRows(dy: Tensor, table: Shape): Tensor {
  return reshape(dy, [dy.shape.reduce((product, size) => product * size, 1) / table[1]!, table[1]!]);
}

const gatherGradient: GradientRule = ([table, ids], _y, dy, adjoints) => {
  if (!adjoints.needs(0)) return;
  const updates = flatRows(dy, table!.shape);
  const flatIds = reshape(ids!, [updates.shape[0]!]);
  adjoints.addWith(0, (existing) =>
    scatterAdd(existing ?? zeros(dy.node.graph, table!.shape), flatIds, updates),
  );
};

export const gradientRules: Readonly<Record<OperationKind, Entry>> = {
  input: 'const',
  constant: 'const',
  add: binary(
    (_a, _b, _y, dy) => dy,
    (_a, _b, _y, dy) => dy,
  ),
  subtract: binary(
    (_a, _b, _y, dy) => dy,
    (_a, _b, _y, dy) => negate(dy),
  ),
  multiply: binary(
    (_a, b, _y, dy) => multiply(dy, b),
    (a, _b, _y, dy) => multiply(dy, a),
  ),
  divide: binary(
    (_a, b, _y, dy) => divide(dy, b),
    (_a, b, y, dy) => negate(divide(multiply(dy, y), b)),
  ),
  // Where both are equal the gradient goes to the first, and none is lost or counted twice.
  maximum: binary(
    (a, b, _y, dy) => onlyWhere(lessOrEqual(b, a), dy),
    (a, b, _y, dy) => where(lessOrEqual(b, a), zeroLike(dy), dy),
  ),
  minimum: binary(
    (a, b, _y, dy) => onlyWhere(lessOrEqual(a, b), dy),
    (a, b, _y, dy) => where(lessOrEqual(a, b), zeroLike(dy), dy),
  ),
  negate: unary((_x, _y, dy) => negate(dy)),
  exp: unary((_x, y, dy) => multiply(dy, y)),
  log: unary((x, _y, dy) => divide(dy, x)),
  sqrt: unary((_x, y, dy) => divide(scale(dy, 0.5), y)),
  sigmoid: unary((_x, y, dy) => multiply(dy, subtract(y, multiply(y, y)))),
  tanh: unary((_x, y, dy) => subtract(dy, multiply(dy, multiply(y, y)))),
  erf: unary((x, _y, dy) => multiply(dy, scale(exp(negate(multiply(x, x))), 2 / Math.sqrt(Math.PI)))),
  gelu: unary(geluGradient),
  equal: 'const',
  less: 'const',
  lessOrEqual: 'const',
  and: 'const',
  where: (inputs, _y, dy, adjoints) => {
    const condition = inputs[0]!;
    addTo(adjoints, 1, inputs, () => onlyWhere(condition, dy));
    addTo(adjoints, 2, inputs, () => where(condition, zeroLike(dy), dy));
  },
  cast: 'const',
  gemm: gemmGradient,
  matmul: matmulGradient,
  sum: unary((x, y, dy) => expand(unreduced(x, y, dy), x.shape)),
  maximumOf: 'refused',
  sumOfSquares: unary((x, y, dy) => multiply(x, scale(unreduced(x, y, dy), 2))),
  softmax: unary((_x, y, dy) => multiply(y, subtract(dy, sum(multiply(dy, y), [-1], true)))),
  layerNorm: layerNormGradient,
  reshape: unary((x, _y, dy) => reshape(dy, x.shape)),
  transpose: unary((_x, y, dy) => transpose(dy, inverse(operationOf(y, 'transpose').permutation))),
  expand: unary((x, _y, dy) => sumTo(dy, x.shape)),
  slice: sliceGradient,
  concat: concatGradient,
  gather: gatherGradient,
  scatterAdd: ([, ids], _y, dy, adjoints) => {
    if (adjoints.needs(0)) adjoints.add(0, dy);
    if (adjoints.needs(2)) adjoints.add(2, gather(dy, ids!));
  },
  pick: ([x, ids], _y, dy, adjoints) => {
    if (!adjoints.needs(0)) return;
    adjoints.addWith(0, (existing) => pickAdd(existing ?? zeros(dy.node.graph, x!.shape), ids!, dy));
  },
  pickAdd: ([, ids], _y, dy, adjoints) => {
    if (adjoints.needs(0)) adjoints.add(0, dy);
    if (adjoints.needs(2)) adjoints.add(2, pick(dy, ids!));
  },
  rotate: ([, cosine, sine], y, dy, adjoints) => {
    if (adjoints.needs(1) || adjoints.needs(2))
      throw y.node.graph.error('rotate', 'its tables have no gradient');
    // The transpose of a rotation is the rotation back.
    if (adjoints.needs(0)) adjoints.add(0, rotate(dy, cosine!, negate(sine!)));
  },
  cacheWrite: 'refused',
};
