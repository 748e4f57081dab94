import { Graph, type Shape } from '../graph/tensor.ts';
import type { ModelShape } from '../model/options.ts';
import { Parameters } from '../model/parameters.ts';
import { transformer } from '../model/transformer.ts';

/** Names and shapes of what a model of this shape has for predicting tokens. */
export function modelParameters(shape: ModelShape): Map<string, Shape> {
  const graph = new Graph();
  const parameters = new Parameters(graph);
  const token = (name: string) => graph.input(name, [1, 1], 'int32');
  const inputs = { tokens: token('tokens'), segment: token('segment'), order: token('order') };
  const { hidden, tokenHead } = transformer(graph, parameters, shape, inputs);
  tokenHead.logits(hidden);
  return new Map([...parameters.specs].map(([name, { shape: size }]) => [name, size]));
}
