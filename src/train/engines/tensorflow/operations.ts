/** The graph's operations in TensorFlow.js's. Gradients are the graph's own: TensorFlow.js's tape is not used. */

import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { Operation } from '../../graph/operation.ts';
import type { Node } from '../../graph/tensor.ts';

export type Tf = typeof TensorFlow;
export type TfTensor = TensorFlow.Tensor;

/** Computes one node; what it makes on the way is let go. */
export function evaluate(tf: Tf, node: Node, inputs: readonly TfTensor[]): TfTensor[] {
  return tf.tidy(() =>
    node.operation.kind === 'layerNorm' ? layerNorm(tf, node, inputs) : [single(tf, node, inputs)],
  );
}

function single(tf: Tf, node: Node, inputs: readonly TfTensor[]): TfTensor {
  const { operation } = node;
  const [x, y, z] = inputs as [TfTensor, TfTensor, TfTensor];
  const shape = [...node.outputs[0]!.shape];
  switch (operation.kind) {
    case 'add':
      return tf.add(x, y);
    case 'subtract':
      return tf.sub(x, y);
    case 'multiply':
      return tf.mul(x, y);
    case 'divide':
      return tf.div(x, y);
    case 'maximum':
      return tf.maximum(x, y);
    case 'minimum':
      return tf.minimum(x, y);
    case 'negate':
      return tf.neg(x);
    case 'exp':
      return tf.exp(x);
    case 'log':
      return tf.log(x);
    case 'sqrt':
      return tf.sqrt(x);
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'tanh':
      return tf.tanh(x);
    case 'erf':
      return tf.erf(x);
    case 'gelu':
      return gelu(tf, x);
    case 'equal':
      return tf.equal(x, y);
    case 'less':
      return tf.less(x, y);
    case 'lessOrEqual':
      return tf.lessEqual(x, y);
    case 'and':
      return tf.logicalAnd(x, y);
    case 'where':
      return tf.where(x, y, z);
    case 'cast':
      return tf.cast(x, operation.type);
    case 'gemm':
      return gemm(tf, operation, inputs);
    case 'matmul':
      return tf.matMul(x, y, operation.transposeA, operation.transposeB);
    case 'sum':
      return tf.sum(x, [...operation.axes], operation.keepDimensions);
    case 'maximumOf':
      return tf.max(x, [...operation.axes], operation.keepDimensions);
    case 'sumOfSquares':
      return tf.sum(tf.square(x), [...operation.axes], operation.keepDimensions);
    case 'softmax':
      return tf.softmax(x);
    case 'reshape':
      return tf.reshape(x, shape);
    case 'transpose':
      return tf.transpose(x, [...operation.permutation]);
    case 'expand':
      return tf.broadcastTo(x, shape);
    case 'slice': {
      const begin = shape.map((_, axis) => (axis === operation.axis ? operation.start : 0));
      return tf.slice(x, begin, shape);
    }
    case 'concat':
      return tf.concat([...inputs], operation.axis);
    case 'gather':
      return tf.gather(x, y as TensorFlow.Tensor1D);
    case 'scatterAdd':
      // Updates of one row add up.
      return tf.add(x, tf.scatterND(tf.expandDims(y, 1), z, shape));
    case 'pick':
      return tf.expandDims(tf.gatherND(x, places(tf, y)), 1);
    case 'pickAdd':
      return tf.add(x, tf.scatterND(places(tf, y), tf.reshape(z, [z.size]), shape));
    case 'rotate':
      return rotate(tf, x, y, z);
    case 'cacheWrite': {
      const length = shape[2]!;
      const isNew = tf.equal(tf.reshape(tf.range(0, length, 1, 'int32'), [length, 1]), y);
      return tf.where(isNew, z, x);
    }
    case 'input':
    case 'constant':
    case 'layerNorm':
      throw new Error(`${operation.kind} is not computed here`);
    default:
      return operation satisfies never;
  }
}

function gelu(tf: Tf, x: TfTensor): TfTensor {
  const cubic = tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715));
  return tf.mul(x, tf.sigmoid(tf.mul(cubic, 2 * Math.sqrt(2 / Math.PI))));
}

function gemm(
  tf: Tf,
  operation: Extract<Operation, { kind: 'gemm' }>,
  inputs: readonly TfTensor[],
): TfTensor {
  const [a, b, c] = inputs as [TfTensor, TfTensor, TfTensor | undefined];
  const product = tf.matMul(a, b, operation.transposeA, operation.transposeB);
  const scaled = operation.alpha === 1 ? product : tf.mul(product, operation.alpha);
  return c === undefined ? scaled : tf.add(scaled, c);
}

function layerNorm(tf: Tf, { operation }: Node, inputs: readonly TfTensor[]): TfTensor[] {
  if (operation.kind !== 'layerNorm') throw new Error('not a layerNorm');
  const [x, gain, offset] = inputs as [TfTensor, TfTensor, TfTensor];
  const mean = tf.mean(x, 1, true);
  const centered = tf.sub(x, mean);
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centered), 1, true), operation.epsilon));
  return [tf.add(tf.mul(tf.mul(centered, inverse), gain), offset), mean, inverse];
}

function rotate(tf: Tf, x: TfTensor, cosine: TfTensor, sine: TfTensor): TfTensor {
  const [, length, , size] = x.shape as [number, number, number, number];
  const [first, second] = tf.split(x, 2, -1) as [TfTensor, TfTensor];
  const [cos, sin] = [cosine, sine].map((table) => tf.reshape(table, [-1, length, 1, size / 2])) as [
    TfTensor,
    TfTensor,
  ];
  const turned = [
    tf.sub(tf.mul(first, cos), tf.mul(second, sin)),
    tf.add(tf.mul(second, cos), tf.mul(first, sin)),
  ];
  return tf.concat(turned, -1);
}

/** [row, id] of each row: the indices of one element a row. */
function places(tf: Tf, ids: TfTensor): TfTensor {
  return tf.stack([tf.range(0, ids.size, 1, 'int32'), ids], 1);
}
