import { expect, it } from 'vitest';
import { openEngine } from '../../../src/train/engines/registry.ts';
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
