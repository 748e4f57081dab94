/**
 * An engine that interprets a graph node by node in 64-bit floating point: slow and obvious. Tests hold the other
 * engines and the gradients to it.
 */

import { InvariantError } from '../../core/errors.ts';
import { liveNodes, type Program, programInputs } from '../graph/program.ts';
import type { Node, Shape, Tensor } from '../graph/tensor.ts';
import { elementCount } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';
import type { Engine } from './engine.ts';
import { emptyArray, HostResident, hostArray } from './host.ts';
import { scalarFunctions } from './reference-scalars.ts';

type Values = Float64Array;

export function referenceEngine(): Engine {
  return {
    description: 'reference interpreter',
    async compile(program) {
      const nodes = liveNodes(program);
      return {
        async run(inputs, into = {}) {
          const arrays = Object.entries(inputs).map(([name, given]) => [name, hostArray(given)]);
          const results: Record<string, NamedArray> = {};
          for (const [name, values] of Object.entries(
            interpret(program, nodes, Object.fromEntries(arrays)),
          )) {
            const kept = into[name];
            const target = kept === undefined ? emptyArray(program.outputs[name]!) : hostArray(kept);
            target.data.set(values);
            if (kept === undefined) results[name] = target;
          }
          return results;
        },
        async release() {},
      };
    },
    resident: (shape) => new HostResident(shape),
  };
}

/** Runs a program in 64-bit floating point; `inputs` may be 64-bit too. */
export function interpret(
  program: Program,
  nodes: readonly Node[],
  inputs: Readonly<Record<string, { readonly data: ArrayLike<number> }>>,
): Record<string, Values> {
  const values = new Map<Tensor, Values>();
  for (const [name, tensor] of programInputs(program)) {
    const given = inputs[name];
    if (given?.data.length !== elementCount(tensor.shape)) {
      throw new InvariantError(`program ${program.name}: input '${name}'`, {
        expected: `[${tensor.shape}]`,
        found: given === undefined ? 'nothing' : `${given.data.length} values`,
      });
    }
    values.set(tensor, Float64Array.from(given.data));
  }
  for (const node of nodes) {
    if (node.operation.kind === 'input') continue;
    const results = evaluate(
      node,
      node.inputs.map((input) => values.get(input)!),
    );
    node.outputs.forEach((output, i) => {
      values.set(output, results[i]!);
    });
  }
  return Object.fromEntries(
    Object.entries(program.outputs).map(([name, tensor]) => [name, values.get(tensor)!]),
  );
}

/** Row-major steps of each axis. */
function strides(shape: Shape): number[] {
  const steps = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) steps[i] = steps[i + 1]! * shape[i + 1]!;
  return steps;
}

/** Calls `visit` with each multi-index of `shape`, in order, and its flat position. */
function forEachIndex(shape: Shape, visit: (index: readonly number[], flat: number) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  const count = elementCount(shape);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Flat position in `shape` of an index of a shape that it broadcasts to. */
function broadcastPosition(shape: Shape, steps: readonly number[], index: readonly number[]): number {
  const leading = index.length - shape.length;
  let position = 0;
  for (let i = 0; i < shape.length; i++) if (shape[i] !== 1) position += steps[i]! * index[leading + i]!;
  return position;
}

/** The value of `x` at each position of `to`, `x` broadcast. */
function broadcast(x: Values, from: Shape, to: Shape): Values {
  const result = new Float64Array(elementCount(to));
  const steps = strides(from);
  forEachIndex(to, (index, flat) => {
    result[flat] = x[broadcastPosition(from, steps, index)]!;
  });
  return result;
}

function evaluate(node: Node, inputs: readonly Values[]): Values[] {
  const { operation } = node;
  const output = node.outputs[0]!;
  const [x, y, z] = inputs as [Values, Values, Values];
  const shapes = node.inputs.map((input) => input.shape) as [Shape, Shape, Shape];
  const scalarFunction = scalarFunctions[operation.kind];
  if (scalarFunction !== undefined) {
    const operands = inputs.map((values, i) => broadcast(values, shapes[i]!, output.shape));
    return [
      new Float64Array(elementCount(output.shape)).map((_, i) =>
        scalarFunction(operands[0]![i]!, operands[1]?.[i] ?? 0, operands[2]?.[i] ?? 0),
      ),
    ];
  }
  switch (operation.kind) {
    case 'constant':
      return [Float64Array.from(operation.values)];
    case 'cast':
      return [operation.type === 'int32' ? x.map(Math.trunc) : x.slice()];
    case 'gemm':
      return [gemm(node, inputs)];
    case 'matmul':
      return [matmul(x, y, shapes[0], shapes[1], operation.transposeA, operation.transposeB)];
    case 'sum':
    case 'maximumOf':
    case 'sumOfSquares':
      return [reduce(x, shapes[0], operation.axes, operation.kind)];
    case 'softmax':
      return [softmax(x, shapes[0])];
    case 'layerNorm':
      return layerNorm(x, y, z, shapes[0], operation.epsilon);
    case 'reshape':
      return [x.slice()];
    case 'transpose':
      return [transpose(x, shapes[0], output.shape, operation.permutation)];
    case 'expand':
      return [broadcast(x, shapes[0], output.shape)];
    case 'slice':
      return [slice(x, shapes[0], output.shape, operation.axis, operation.start)];
    case 'concat':
      return [concat(inputs, shapes, output.shape, operation.axis)];
    case 'gather':
      return [gatherRows(x, shapes[0], y)];
    case 'scatterAdd':
      return [scatterAdd(x, shapes[0], y, z)];
    case 'pick':
      return [y.map((id, row) => x[row * shapes[0][1]! + id]!)];
    case 'pickAdd':
      return [pickAdd(x, shapes[0], y, z)];
    case 'rotate':
      return [rotate(x, shapes[0], y, z)];
    case 'cacheWrite':
      return [cacheWrite(x, shapes[0], y[0]!, z)];
    default:
      throw new InvariantError(`the reference engine has no ${operation.kind}`);
  }
}

function gemm(node: Node, inputs: readonly Values[]): Values {
  const { operation } = node;
  if (operation.kind !== 'gemm') throw new InvariantError('not a gemm');
  const [a, b, c] = node.inputs as [Tensor, Tensor, Tensor | undefined];
  const product = matmul(
    inputs[0]!,
    inputs[1]!,
    a.shape,
    b.shape,
    operation.transposeA,
    operation.transposeB,
  );
  const term = c === undefined ? undefined : broadcast(inputs[2]!, c.shape, node.outputs[0]!.shape);
  return product.map((value, i) => operation.alpha * value + (term?.[i] ?? 0));
}

function matmul(a: Values, b: Values, shapeA: Shape, shapeB: Shape, flipA: boolean, flipB: boolean): Values {
  const [a0, a1] = shapeA.slice(-2) as [number, number];
  const [b0, b1] = shapeB.slice(-2) as [number, number];
  const [rows, inner, columns] = [flipA ? a1 : a0, flipA ? a0 : a1, flipB ? b0 : b1];
  const batches = elementCount(shapeA.slice(0, -2));
  const result = new Float64Array(batches * rows * columns);
  for (let batch = 0; batch < batches; batch++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let total = 0;
        for (let k = 0; k < inner; k++) {
          const left = a[batch * a0 * a1 + (flipA ? k * a1 + i : i * a1 + k)]!;
          const right = b[batch * b0 * b1 + (flipB ? j * b1 + k : k * b1 + j)]!;
          total += left * right;
        }
        result[(batch * rows + i) * columns + j] = total;
      }
    }
  }
  return result;
}

function reduce(
  x: Values,
  shape: Shape,
  axes: readonly number[],
  kind: 'sum' | 'maximumOf' | 'sumOfSquares',
): Values {
  const kept = shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const steps = strides(kept);
  const result = new Float64Array(elementCount(kept)).fill(kind === 'maximumOf' ? -Infinity : 0);
  forEachIndex(shape, (index, flat) => {
    const at = broadcastPosition(kept, steps, index);
    const value = x[flat]!;
    if (kind === 'maximumOf') result[at] = Math.max(result[at]!, value);
    else result[at] = result[at]! + (kind === 'sum' ? value : value * value);
  });
  return result;
}

function softmax(x: Values, shape: Shape): Values {
  const width = shape.at(-1)!;
  const result = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const row = x.subarray(start, start + width);
    const highest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const powers = row.map((value) => Math.exp(value - highest));
    const total = powers.reduce((a, b) => a + b, 0);
    result.set(
      powers.map((value) => value / total),
      start,
    );
  }
  return result;
}

function layerNorm(x: Values, gain: Values, offset: Values, shape: Shape, epsilon: number): Values[] {
  const [rows, width] = shape as [number, number];
  const y = new Float64Array(x.length);
  const means = new Float64Array(rows);
  const inverses = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const values = x.subarray(row * width, (row + 1) * width);
    const mean = values.reduce((a, b) => a + b, 0) / width;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / width;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    means[row] = mean;
    inverses[row] = inverse;
    y.set(
      values.map((value, i) => (value - mean) * inverse * gain[i]! + offset[i]!),
      row * width,
    );
  }
  return [y, means, inverses];
}

function transpose(x: Values, from: Shape, to: Shape, permutation: readonly number[]): Values {
  const steps = strides(from);
  const result = new Float64Array(x.length);
  forEachIndex(to, (index, flat) => {
    result[flat] = x[permutation.reduce((at, axis, i) => at + steps[axis]! * index[i]!, 0)]!;
  });
  return result;
}

function slice(x: Values, from: Shape, to: Shape, axis: number, start: number): Values {
  const steps = strides(from);
  const result = new Float64Array(elementCount(to));
  forEachIndex(to, (index, flat) => {
    result[flat] = x[index.reduce((at, value, i) => at + steps[i]! * value, start * steps[axis]!)]!;
  });
  return result;
}

function concat(parts: readonly Values[], shapes: readonly Shape[], to: Shape, axis: number): Values {
  const result = new Float64Array(elementCount(to));
  const steps = strides(to);
  let start = 0;
  parts.forEach((part, p) => {
    forEachIndex(shapes[p]!, (index, flat) => {
      result[index.reduce((at, value, i) => at + steps[i]! * value, start * steps[axis]!)] = part[flat]!;
    });
    start += shapes[p]![axis]!;
  });
  return result;
}

function gatherRows(table: Values, shape: Shape, ids: Values): Values {
  const width = shape[1]!;
  const result = new Float64Array(ids.length * width);
  ids.forEach((id, i) => {
    if (id < 0 || id >= shape[0]!) throw new InvariantError(`gather: id ${id} is not a row of [${shape}]`);
    result.set(table.subarray(id * width, (id + 1) * width), i * width);
  });
  return result;
}

function scatterAdd(base: Values, shape: Shape, ids: Values, updates: Values): Values {
  const width = shape[1]!;
  const result = base.slice();
  ids.forEach((id, row) => {
    for (let i = 0; i < width; i++) result[id * width + i]! += updates[row * width + i]!;
  });
  return result;
}

function pickAdd(x: Values, shape: Shape, ids: Values, updates: Values): Values {
  const result = x.slice();
  ids.forEach((id, row) => {
    result[row * shape[1]! + id]! += updates[row]!;
  });
  return result;
}

function rotate(x: Values, shape: Shape, cosine: Values, sine: Values): Values {
  const [, , heads, size] = shape as [number, number, number, number];
  const half = size / 2;
  return x.map((value, at) => {
    const element = at % size;
    const place = Math.floor(at / (heads * size));
    const angle = (place * half + (element % half)) % cosine.length;
    const turned = element < half ? -x[at + half]! : x[at - half]!;
    return value * cosine[angle]! + turned * sine[angle]!;
  });
}

function cacheWrite(cache: Values, shape: Shape, index: number, entry: Values): Values {
  const [rows, heads, length, size] = shape as [number, number, number, number];
  const result = cache.slice();
  for (let head = 0; head < rows * heads; head++) {
    result.set(entry.subarray(head * size, (head + 1) * size), (head * length + index) * size);
  }
  return result;
}
