/** Objectives that come later must need nothing new of the graph: each is built here from what there is. */

import { describe, expect, it } from 'vitest';
import { interpret } from '../../../src/train/engines/reference.ts';
import { differentiate } from '../../../src/train/graph/differentiate.ts';
import * as ops from '../../../src/train/graph/ops.ts';
import { liveNodes } from '../../../src/train/graph/program.ts';
import { elementCount, Graph, type Shape, type Tensor } from '../../../src/train/graph/tensor.ts';
import { attend, attentionMask, splitHeads } from '../../../src/train/model/attention.ts';
import { linearCrossEntropy } from '../../../src/train/model/cross-entropy.ts';
import { resolveModel } from '../../../src/train/model/options.ts';
import { Parameters, parameterInput } from '../../../src/train/model/parameters.ts';
import { transformer } from '../../../src/train/model/transformer.ts';
import { largestGradientError, uniform } from '../graph/finite-differences.ts';

const integers = (graph: Graph, shape: Shape, ...values: number[]) =>
  graph.constant(Int32Array.from(values), shape);
const randomValues = (shape: Shape, draw: () => number) =>
  Float64Array.from({ length: elementCount(shape) }, draw);

/** Finite differences of a scalar over inputs of the given shapes. */
function scalarError(shapes: readonly Shape[], build: (inputs: Tensor[], graph: Graph) => Tensor): number {
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const y = build(inputs, graph);
  expect(y.shape).toEqual([]);
  const draw = uniform(21);
  return largestGradientError(
    { name: 'room', graph, outputs: { y } },
    shapes.map((shape) => randomValues(shape, draw)),
  );
}

/** Rows divided by their length. */
const unit = (x: Tensor) => ops.divide(x, ops.sqrt(ops.sumOfSquares(x, [1], true)));

describe('room for objectives to come', () => {
  it('InfoNCE: each embedding picks its partner out of the batch', () => {
    const error = scalarError(
      [
        [4, 3],
        [4, 3],
      ],
      ([a, b], graph) => {
        const { total } = linearCrossEntropy({
          hidden: ops.scale(unit(a!), 1 / 0.5),
          weight: unit(b!),
          targets: integers(graph, [4], 0, 1, 2, 3),
          lossWeights: graph.constant(new Float32Array(4).fill(0.25), [4]),
        });
        return total;
      },
    );
    expect(error).toBeLessThan(2e-7);
  });

  it('a preference loss over reference scores that come with the batch', () => {
    const [vocabulary, width] = [7, 4];
    const reference = [-3.1, -2.7];
    const error = scalarError(
      [
        [6, width],
        [vocabulary, width],
      ],
      ([hidden, weight], graph) => {
        // Two answers of three tokens: the chosen and the refused one (arXiv 2305.18290, equation 7).
        const { nats } = linearCrossEntropy(
          {
            hidden: hidden!,
            weight: weight!,
            targets: integers(graph, [6], 1, 2, 3, 4, 5, 6),
            lossWeights: graph.constant(new Float32Array(6).fill(1), [6]),
          },
          4,
        );
        const scores = ops.negate(ops.sum(ops.reshape(nats, [2, 3]), [1]));
        const gains = ops.subtract(scores, graph.constant(Float32Array.from(reference), [2]));
        const margin = ops.subtract(ops.slice(gains, 0, 0, 1), ops.slice(gains, 0, 1, 2));
        return ops.sum(ops.negate(ops.log(ops.sigmoid(ops.scale(margin, 0.1)))));
      },
    );
    expect(error).toBeLessThan(2e-7);
  });

  it('two-stream attention: a query stream that sees places, a content stream that sees tokens', () => {
    const [length, width, heads] = [4, 4, 2];
    // A factorization order: place i is predicted as the order-th.
    const order = [2, 0, 3, 1];
    const build = ([content, query]: Tensor[], graph: Graph) => {
      const keys = {
        segment: integers(graph, [1, length], 0, 0, 0, 0),
        order: integers(graph, [1, length], ...order),
      };
      const sizes = { rows: 1, heads, keyValueHeads: heads, size: width / heads };
      const k = splitHeads(content!, 1, heads);
      const mixed = attend(ops.scale(content!, Math.SQRT1_2), k, k, attentionMask(keys, keys), sizes);
      const predicted = attend(
        ops.scale(query!, Math.SQRT1_2),
        k,
        k,
        attentionMask(keys, keys, { strict: true }),
        sizes,
      );
      return { mixed, predicted };
    };
    const error = scalarError(
      [
        [length, width],
        [length, width],
      ],
      (inputs, graph) => {
        const { mixed, predicted } = build(inputs, graph);
        return ops.sum(ops.multiply(predicted, ops.tanh(mixed)));
      },
    );
    expect(error).toBeLessThan(2e-7);

    // What place 1, the first of the order, predicts depends on no content; place 0, the third, on places 1 and 3.
    const graph = new Graph();
    const inputs = ['content', 'query'].map((name) => graph.input(name, [length, width]));
    const { predicted } = build(inputs, graph);
    const seenBy = (place: number) => {
      const [gradient] = differentiate(ops.sum(ops.slice(predicted, 0, place, place + 1)), [inputs[0]!]);
      const program = { name: 'seen', graph, outputs: { gradient: gradient! } };
      const draw = uniform(3);
      const data = { data: randomValues([length, width], draw) };
      const values = interpret(program, liveNodes(program), { content: data, query: data }).gradient!;
      return order.map((_, i) => values.subarray(i * width, (i + 1) * width).some((value) => value !== 0));
    };
    expect(seenBy(1)).toEqual([false, false, false, false]);
    expect(seenBy(0)).toEqual([false, true, false, true]);
  });

  it('a whole model differentiates through any scalar of its hidden states', () => {
    const shape = resolveModel({
      family: 'llama',
      layers: 1,
      width: 8,
      heads: 2,
      keyValueHeads: 1,
      queryKeyNorm: true,
      context: 4,
      vocabulary: 5,
    });
    const graph = new Graph();
    const parameters = new Parameters(graph);
    const rowInts = (...values: number[]) => integers(graph, [1, 4], ...values);
    const inputs = { tokens: rowInts(1, 4, 0, 1), segment: rowInts(0, 0, 0, 0), order: rowInts(0, 1, 2, 3) };
    const { hidden } = transformer(graph, parameters, shape, inputs);
    const loss = ops.sum(ops.multiply(hidden, ops.sigmoid(hidden)));
    const names = [...parameters.tensors.keys()];
    const gradients = differentiate(loss, [...parameters.tensors.values()]);
    const outputs = Object.fromEntries(names.map((name, i) => [name, gradients[i]!]));
    const draw = uniform(13, [-1, 1]);
    const values = Object.fromEntries(
      [...parameters.tensors].map(([name, { shape: size }]) => [
        parameterInput(name),
        { data: randomValues(size, draw) },
      ]),
    );
    const run = (program: { outputs: Record<string, Tensor> }) => {
      const whole = { name: 'model', graph, ...program };
      return interpret(whole, liveNodes(whole), values);
    };
    const ours = run({ outputs });
    for (const name of names) {
      const { data } = values[parameterInput(name)]!;
      const k = data.length >> 1;
      const original = data[k]!;
      const at = (value: number) => {
        data[k] = value;
        const result = run({ outputs: { loss } }).loss![0]!;
        data[k] = original;
        return result;
      };
      const difference = (at(original + 1e-5) - at(original - 1e-5)) / 2e-5;
      expect(Math.abs(ours[name]![k]! - difference), name).toBeLessThan(1e-6 * (1 + Math.abs(difference)));
    }
  });
});
