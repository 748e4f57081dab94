/** Builders of the graph's operations: each infers the shape of its result and refuses what does not fit. */

import type { BinaryKind, ComparisonKind, Operation, ReductionKind, UnaryKind } from './operation.ts';
import {
  broadcastShape,
  type DataType,
  elementCount,
  type Graph,
  type Shape,
  sameShape,
  type Tensor,
} from './tensor.ts';

function single(inputs: readonly Tensor[], operation: Operation, shape: Shape, type: DataType): Tensor {
  const graph = inputs[0]!.node.graph;
  for (const input of inputs) {
    if (input.node.graph !== graph) throw graph.error(operation.kind, 'inputs come from two graphs');
  }
  return graph.node(operation, inputs, [{ shape, type }]).outputs[0]!;
}

function failure(tensor: Tensor, kind: string, what: string): Error {
  return tensor.node.graph.error(kind, what);
}

function demandType(kind: string, tensor: Tensor, type: DataType): void {
  if (tensor.type !== type) throw failure(tensor, kind, `expected ${type}, got ${tensor.type}`);
}

function binary(kind: BinaryKind, a: Tensor, b: Tensor): Tensor {
  demandType(kind, a, 'float32');
  demandType(kind, b, 'float32');
  return single([a, b], { kind }, broadcasting(kind, a, b), 'float32');
}

function broadcasting(kind: string, a: Tensor, b: Tensor): Shape {
  const shape = broadcastShape(a.shape, b.shape);
  if (shape === undefined) throw failure(a, kind, `[${a.shape}] and [${b.shape}] do not broadcast`);
  return shape;
}

/** The one value of a constant scalar, or undefined. */
function constantScalar(tensor: Tensor): number | undefined {
  const { operation } = tensor.node;
  return operation.kind === 'constant' && tensor.shape.length === 0 ? operation.values[0] : undefined;
}

export const add = (a: Tensor, b: Tensor) => binary('add', a, b);
export const subtract = (a: Tensor, b: Tensor) => binary('subtract', a, b);
export const divide = (a: Tensor, b: Tensor) => binary('divide', a, b);
export const maximum = (a: Tensor, b: Tensor) => binary('maximum', a, b);
export const minimum = (a: Tensor, b: Tensor) => binary('minimum', a, b);

/** A factor that is the constant 1 adds nothing to the graph: gradients begin with one. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  if (constantScalar(a) === 1) return b;
  if (constantScalar(b) === 1) return a;
  return binary('multiply', a, b);
}

/** Times a constant. */
export const scale = (a: Tensor, factor: number) => multiply(a, a.node.graph.scalar(factor));
/** Plus a constant. */
export const shift = (a: Tensor, term: number) => add(a, a.node.graph.scalar(term));

function unary(kind: UnaryKind, x: Tensor): Tensor {
  demandType(kind, x, 'float32');
  return single([x], { kind }, x.shape, 'float32');
}

export const negate = (x: Tensor) => unary('negate', x);
export const exp = (x: Tensor) => unary('exp', x);
export const log = (x: Tensor) => unary('log', x);
export const sqrt = (x: Tensor) => unary('sqrt', x);
export const sigmoid = (x: Tensor) => unary('sigmoid', x);
export const tanh = (x: Tensor) => unary('tanh', x);
export const erf = (x: Tensor) => unary('erf', x);
export const gelu = (x: Tensor) => unary('gelu', x);

function comparison(kind: ComparisonKind, a: Tensor, b: Tensor): Tensor {
  demandType(kind, b, a.type);
  return single([a, b], { kind }, broadcasting(kind, a, b), 'bool');
}

export const equal = (a: Tensor, b: Tensor) => comparison('equal', a, b);
export const less = (a: Tensor, b: Tensor) => comparison('less', a, b);
export const lessOrEqual = (a: Tensor, b: Tensor) => comparison('lessOrEqual', a, b);

export function and(a: Tensor, b: Tensor): Tensor {
  demandType('and', a, 'bool');
  demandType('and', b, 'bool');
  return single([a, b], { kind: 'and' }, broadcasting('and', a, b), 'bool');
}

export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  demandType('where', condition, 'bool');
  demandType('where', b, a.type);
  const shape = broadcastShape(condition.shape, broadcasting('where', a, b));
  if (shape === undefined)
    throw failure(a, 'where', `[${condition.shape}] does not broadcast to [${a.shape}]`);
  return single([condition, a, b], { kind: 'where' }, shape, a.type);
}

export function cast(x: Tensor, type: DataType): Tensor {
  return x.type === type ? x : single([x], { kind: 'cast', type }, x.shape, type);
}

export interface GemmSettings {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly alpha?: number;
  /** Added to the product; broadcasts to its shape. */
  readonly c?: Tensor;
}

/** alpha op(A) op(B) + C, A and B matrices. */
export function gemm(a: Tensor, b: Tensor, settings: GemmSettings = {}): Tensor {
  const { transposeA = false, transposeB = false, alpha = 1, c } = settings;
  for (const x of [a, b]) {
    demandType('gemm', x, 'float32');
    if (x.shape.length !== 2) throw failure(a, 'gemm', `expected matrices, got [${x.shape}]`);
  }
  const [rows, innerA] = oriented(a.shape, transposeA);
  const [innerB, columns] = oriented(b.shape, transposeB);
  if (innerA !== innerB) {
    throw failure(a, 'gemm', `inner sizes differ: [${rows}, ${innerA}] times [${innerB}, ${columns}]`);
  }
  const shape = [rows, columns];
  if (c !== undefined && !sameShape(broadcastShape(c.shape, shape) ?? [], shape)) {
    throw failure(a, 'gemm', `[${c.shape}] cannot be added to [${shape}]`);
  }
  const operation = { kind: 'gemm', transposeA, transposeB, alpha } as const;
  return single(c === undefined ? [a, b] : [a, b, c], operation, shape, 'float32');
}

function oriented(shape: Shape, transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

/** Products of the matrices in the last two axes; the leading axes are equal in both. */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean } = {},
): Tensor {
  demandType('matmul', a, 'float32');
  demandType('matmul', b, 'float32');
  if (a.shape.length < 3 || !sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2))) {
    throw failure(a, 'matmul', `leading axes of [${a.shape}] and [${b.shape}] differ, or there are none`);
  }
  const [rows, innerA] = oriented(a.shape, transposeA);
  const [innerB, columns] = oriented(b.shape, transposeB);
  if (innerA !== innerB) throw failure(a, 'matmul', `inner sizes of [${a.shape}] and [${b.shape}] differ`);
  const shape = [...a.shape.slice(0, -2), rows, columns];
  return single([a, b], { kind: 'matmul', transposeA, transposeB }, shape, 'float32');
}

function reduction(
  kind: ReductionKind,
  x: Tensor,
  axes: readonly number[] | undefined,
  keep: boolean,
): Tensor {
  demandType(kind, x, 'float32');
  const reduced = (axes ?? x.shape.map((_, i) => i)).map((axis) => checkedAxis(kind, x, axis));
  const shape = keep
    ? x.shape.map((size, i) => (reduced.includes(i) ? 1 : size))
    : x.shape.filter((_, i) => !reduced.includes(i));
  return single([x], { kind, axes: reduced, keepDimensions: keep }, shape, 'float32');
}

function checkedAxis(kind: string, x: Tensor, axis: number): number {
  const positive = axis < 0 ? axis + x.shape.length : axis;
  if (positive < 0 || positive >= x.shape.length) throw failure(x, kind, `no axis ${axis} in [${x.shape}]`);
  return positive;
}

/** Without `axes`: over all of them. */
export const sum = (x: Tensor, axes?: readonly number[], keep = false) => reduction('sum', x, axes, keep);
export const maximumOf = (x: Tensor, axes?: readonly number[], keep = false) =>
  reduction('maximumOf', x, axes, keep);
export const sumOfSquares = (x: Tensor, axes?: readonly number[], keep = false) =>
  reduction('sumOfSquares', x, axes, keep);

export function softmax(x: Tensor): Tensor {
  demandType('softmax', x, 'float32');
  if (x.shape.length === 0) throw failure(x, 'softmax', 'a scalar has no last axis');
  return single([x], { kind: 'softmax' }, x.shape, 'float32');
}

export interface LayerNormResult {
  readonly y: Tensor;
  readonly mean: Tensor;
  readonly inverseDeviation: Tensor;
}

/** (x - mean) / sqrt(variance + epsilon) * gain + offset over the rows of x [n, d]. */
export function layerNorm(x: Tensor, gain: Tensor, offset: Tensor, epsilon: number): LayerNormResult {
  const [rows, width] = x.shape;
  const fits = x.shape.length === 2 && sameShape(gain.shape, [width!]) && sameShape(offset.shape, [width!]);
  if (!fits)
    throw failure(x, 'layerNorm', `[${x.shape}] with gain [${gain.shape}], offset [${offset.shape}]`);
  const statistic = { shape: [rows!, 1], type: 'float32' } as const;
  const node = x.node.graph.node(
    { kind: 'layerNorm', epsilon },
    [x, gain, offset],
    [{ shape: x.shape, type: 'float32' }, statistic, statistic],
  );
  const [y, mean, inverseDeviation] = node.outputs as [Tensor, Tensor, Tensor];
  return { y, mean, inverseDeviation };
}

export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (elementCount(shape) !== elementCount(x.shape)) {
    throw failure(x, 'reshape', `[${x.shape}] does not fill [${shape}]`);
  }
  return single([x], { kind: 'reshape' }, shape, x.type);
}

/** Two in a row are one, and one that moves nothing is none. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const sorted = permutation.toSorted((a, b) => a - b);
  if (sorted.length !== x.shape.length || sorted.some((axis, i) => axis !== i)) {
    throw failure(x, 'transpose', `[${permutation}] does not permute the axes of [${x.shape}]`);
  }
  const { operation, inputs } = x.node;
  if (operation.kind === 'transpose') {
    const both = permutation.map((axis) => operation.permutation[axis]!);
    return transpose(inputs[0]!, both);
  }
  if (permutation.every((axis, i) => axis === i)) return x;
  return single(
    [x],
    { kind: 'transpose', permutation },
    permutation.map((axis) => x.shape[axis]!),
    x.type,
  );
}

/** Repeats along axes of size 1 (and new leading axes) up to `shape`. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (!sameShape(broadcastShape(x.shape, shape) ?? [], shape)) {
    throw failure(x, 'expand', `[${x.shape}] does not broadcast to [${shape}]`);
  }
  return single([x], { kind: 'expand' }, shape, x.type);
}

/** The half-open range [start, end) of one axis. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const along = checkedAxis('slice', x, axis);
  const size = x.shape[along]!;
  if (start === 0 && end === size) return x;
  if (!(start >= 0 && start < end && end <= size)) {
    throw failure(x, 'slice', `[${start}, ${end}) of axis ${axis} is not within [${x.shape}]`);
  }
  const shape = x.shape.with(along, end - start);
  return single([x], { kind: 'slice', axis: along, start, end }, shape, x.type);
}

/** The element at a flat position, as [1]. */
export function elementAt(x: Tensor, position: number): Tensor {
  return slice(reshape(x, [elementCount(x.shape)]), 0, position, position + 1);
}

/**
 * x, once `others` are known, in that order where nothing else decides it: adds 0 times an element of each. Where one is not
 * finite, nor is the result, and a step is skipped.
 */
export function after(x: Tensor, others: readonly Tensor[]): Tensor {
  if (others.length === 0) return x;
  const nothing = others.map((other) => scale(elementAt(other, 0), 0)).reduce((a, b) => add(a, b));
  return x.node.graph.withGradient(
    [x],
    () => add(x, nothing),
    (_inputs, _y, dy, adjoints) => adjoints.add(0, dy),
  );
}

export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0]!;
  if (parts.length === 1) return first;
  const along = checkedAxis('concat', first, axis);
  for (const part of parts) {
    demandType('concat', part, first.type);
    if (!sameShape(part.shape.with(along, 0), first.shape.with(along, 0))) {
      throw failure(first, 'concat', `[${part.shape}] and [${first.shape}] differ off axis ${axis}`);
    }
  }
  const size = parts.reduce((total, part) => total + part.shape[along]!, 0);
  return single(parts, { kind: 'concat', axis: along }, first.shape.with(along, size), first.type);
}

/** Rows of `table` [v, d]: the shape of `ids`, then d. */
export function gather(table: Tensor, ids: Tensor): Tensor {
  demandType('gather', ids, 'int32');
  if (table.shape.length !== 2) throw failure(table, 'gather', `expected a matrix, got [${table.shape}]`);
  return single([table, ids], { kind: 'gather' }, [...ids.shape, table.shape[1]!], table.type);
}

/** `base` [v, d] with each of `updates` [n, d] added to the row that `ids` [n] names; ids may repeat. */
export function scatterAdd(base: Tensor, ids: Tensor, updates: Tensor): Tensor {
  demandType('scatterAdd', ids, 'int32');
  const fits = ids.shape.length === 1 && sameShape(updates.shape, [ids.shape[0]!, base.shape[1]!]);
  if (!fits)
    throw failure(base, 'scatterAdd', `ids [${ids.shape}], updates [${updates.shape}] into [${base.shape}]`);
  return single([base, ids, updates], { kind: 'scatterAdd' }, base.shape, 'float32');
}

/** From each row of x [n, v] the element that ids [n] names: [n, 1]. */
export function pick(x: Tensor, ids: Tensor): Tensor {
  demandType('pick', ids, 'int32');
  if (x.shape.length !== 2 || !sameShape(ids.shape, [x.shape[0]!])) {
    throw failure(x, 'pick', `ids [${ids.shape}] from [${x.shape}]`);
  }
  return single([x, ids], { kind: 'pick' }, [x.shape[0]!, 1], 'float32');
}

/** x [n, v] with `updates` [n, 1] added where ids [n] name an element of each row. */
export function pickAdd(x: Tensor, ids: Tensor, updates: Tensor): Tensor {
  demandType('pickAdd', ids, 'int32');
  if (!sameShape(ids.shape, [x.shape[0]!]) || !sameShape(updates.shape, [x.shape[0]!, 1])) {
    throw failure(x, 'pickAdd', `ids [${ids.shape}], updates [${updates.shape}] into [${x.shape}]`);
  }
  return single([x, ids, updates], { kind: 'pickAdd' }, x.shape, 'float32');
}

/**
 * Rotary positions (arXiv 2104.09864) in Llama's layout: of each head of x [rows, length, heads, size], (a, b), its halves,
 * become (a cos - b sin, b cos + a sin). The tables are [length, size / 2], or [rows * length, size / 2].
 */
export function rotate(x: Tensor, cosine: Tensor, sine: Tensor): Tensor {
  const [rows, length, , size] = x.shape;
  const fits = [length!, rows! * length!].some((places) => sameShape(cosine.shape, [places, size! / 2]));
  if (x.shape.length !== 4 || !fits || !sameShape(cosine.shape, sine.shape)) {
    throw failure(x, 'rotate', `[${x.shape}] by [${cosine.shape}] and [${sine.shape}]`);
  }
  return single([x, cosine, sine], { kind: 'rotate' }, x.shape, 'float32');
}

/** `cache` [b, h, c, d] with the entry at `index` [1] of its third axis replaced by `entry` [b, h, 1, d]. */
export function cacheWrite(cache: Tensor, index: Tensor, entry: Tensor): Tensor {
  demandType('cacheWrite', index, 'int32');
  if (cache.shape.length !== 4 || !sameShape(entry.shape, cache.shape.with(2, 1))) {
    throw failure(cache, 'cacheWrite', `[${entry.shape}] into [${cache.shape}]`);
  }
  return single([cache, index, entry], { kind: 'cacheWrite' }, cache.shape, 'float32');
}

/** Sums x over the axes along which `shape` broadcasts to it: the gradient of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const leading = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, i) =>
    i < leading || (shape[i - leading] === 1 && size !== 1) ? [i] : [],
  );
  return reshape(axes.length === 0 ? x : sum(x, axes), shape);
}

export function zeros(graph: Graph, shape: Shape): Tensor {
  return expand(graph.scalar(0), shape);
}
