import { expect, it } from 'vitest';
import { lowerToOnnx } from '../../../src/train/engines/onnx/lower.ts';
import { openEngine } from '../../../src/train/engines/registry.ts';
import { differentiate } from '../../../src/train/graph/differentiate.ts';
import * as ops from '../../../src/train/graph/ops.ts';
import { Graph } from '../../../src/train/graph/tensor.ts';
import { uniform } from '../graph/finite-differences.ts';
import { floats } from './against-reference.ts';

it('says that memory ran out where it did', async () => {
  const onnx = await openEngine({ kind: 'onnx', threads: 2 });
  const graph = new Graph();
  const x = graph.input('x', [1]);
  // 4 TiB
  const huge = ops.expand(ops.reshape(x, [1, 1]), [2 ** 20, 2 ** 20]);
  const runnable = await onnx.compile({ name: 'huge', graph, outputs: { y: ops.sum(ops.exp(huge)) } });
  const run = runnable.run({ x: floats([1], uniform(1)) });
  await expect(run).rejects.toThrow(/^program huge: out of memory/);
  await runnable.release();
});

it('puts the gradients of weights last, that of the first layer first of them', () => {
  const graph = new Graph();
  const weights = ['first', 'second', 'third'].map((name) => graph.input(name, [2, 2]));
  const loss = ops.sum(weights.reduce((x, weight) => ops.gemm(x, weight), graph.input('x', [4, 2])));
  const gradients = differentiate(loss, weights);
  const outputs = Object.fromEntries(gradients.map((gradient, i) => [`gradient ${i}`, gradient]));
  const model = Buffer.from(lowerToOnnx({ name: 'chain', graph, outputs }, { device: 'cpu', threads: 1 }));
  const places = gradients.map((_, i) => model.indexOf(`gradient ${i}`));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  const others = gradients[0]!.node.inputs[1]!;
  expect(model.indexOf(`t${others.node.id}_${others.index}`)).toBeLessThan(places[0]!);
});
