import { describe, expect, it } from 'vitest';
import { openEngine } from '../../../src/train/engines/registry.ts';
import * as ops from '../../../src/train/graph/ops.ts';
import { Graph } from '../../../src/train/graph/tensor.ts';
import { uniform } from '../graph/finite-differences.ts';
import { allCases, floats, largestDifference, wrongRepeatedUpdates } from './against-reference.ts';

const engines = {
  onnx: await openEngine({ kind: 'onnx', threads: 2 }),
  'onnx, 1 thread': await openEngine({ kind: 'onnx', threads: 1 }),
  tensorflow: await openEngine({ kind: 'tensorflow', device: 'cpu' }),
};

describe.each(Object.entries(engines))('%s against the reference interpreter', (_, engine) => {
  it.each(allCases.map((opCase) => [opCase.name, opCase] as const))('%s', async (_, opCase) => {
    expect(await largestDifference(engine, opCase)).toBeLessThan(2e-5);
  });

  it('loses no update of an embedding whose ids repeat', async () => {
    expect(await wrongRepeatedUpdates(engine, 30)).toBe(0);
  });

  it('refuses what does not fit before it runs', async () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    const program = { name: 'double', graph, outputs: { y: ops.add(x, x) } };
    const runnable = await engine.compile(program, ['y']);
    const array = engine.resident([2]);
    await expect(runnable.run({ x: array }, { y: array })).rejects.toThrow(
      "output 'y' would overwrite an input",
    );
    await expect(runnable.run({})).rejects.toThrow("program double: input 'x' is missing");
    await expect(runnable.run({ x: floats([3], uniform(1)) })).rejects.toThrow("'x' has 3 values, not [2]");
    await expect(runnable.run({ x: { shape: [2], data: new Int32Array(2) } })).rejects.toThrow(
      "'x' is int32, not float32",
    );
    await runnable.release();
  });

  it('keeps resident arrays from run to run', async () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    const runnable = await engine.compile({ name: 'next', graph, outputs: { y: ops.shift(x, 1) } }, ['y']);
    let [current, spare] = [engine.resident([2]), engine.resident([2])];
    await current.write(Float32Array.of(3, 4));
    for (let run = 0; run < 3; run++) {
      expect(await runnable.run({ x: current }, { y: spare })).toEqual({});
      [current, spare] = [spare, current];
    }
    const read = await current.read();
    expect(read).toEqual({ shape: [2], data: Float32Array.of(6, 7) });
    await current.clear();
    expect((await current.read()).data).toEqual(new Float32Array(2));
    expect(read.data).toEqual(Float32Array.of(6, 7));
    await expect(current.write(new Float32Array(3))).rejects.toThrow('expected [2]; found 3 values');
    for (const held of [runnable, current, spare]) await held.release();
  });
});

describe('tensorflow', () => {
  it('lets go of every tensor that it makes', async () => {
    const tf = await import('@tensorflow/tfjs-core');
    const before = tf.memory().numTensors;
    await largestDifference(engines.tensorflow, allCases.find(({ name }) => name === 'layerNorm')!);
    const resident = engines.tensorflow.resident([2]);
    await resident.write(Float32Array.of(1, 2));
    expect(tf.memory().numTensors).toBe(before + 1);
    await resident.release();
    expect(tf.memory().numTensors).toBe(before);
  });
});
