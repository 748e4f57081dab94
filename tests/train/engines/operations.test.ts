import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/train/engines/engine.ts';
import { hostArray } from '../../../src/train/engines/host.ts';
import { lowerToOnnx } from '../../../src/train/engines/onnx/lower.ts';
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

/** What WebGPU and CUDA are given, run on the CPU. */
const lowered: Engine = {
  ...engines.onnx,
  async compile(program) {
    const session = await ort.InferenceSession.create(lowerToOnnx(program, { device: 'webgpu' }));
    return {
      async run(inputs) {
        const feeds = Object.entries(inputs).map(([name, given]) => {
          const { data, shape } = hostArray(given);
          return [name, new ort.Tensor('float32', data as Float32Array, shape)] as const;
        });
        const results = await session.run(Object.fromEntries(feeds));
        return Object.fromEntries(
          Object.entries(results).map(([name, { dims, data }]) => [
            name,
            { shape: dims, data: data as Float32Array },
          ]),
        );
      },
      release: () => session.release(),
    };
  },
};

describe('the lowering for GPUs against the reference interpreter', () => {
  it.each(allCases.map((opCase) => [opCase.name, opCase] as const))('%s', async (_, opCase) => {
    expect(await largestDifference(lowered, opCase)).toBeLessThan(2e-5);
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
