import { describe, expect, it } from 'vitest';
import { openEngine } from '../../../src/train/engines/registry.ts';
import { differentiate } from '../../../src/train/graph/differentiate.ts';
import * as ops from '../../../src/train/graph/ops.ts';
import { elementCount, Graph } from '../../../src/train/graph/tensor.ts';
import { uniform } from '../graph/finite-differences.ts';
import { caseProgram, forwardCases, opCases } from '../graph/op-cases.ts';

const onnx = await openEngine({ kind: 'onnx', threads: 2 });
const reference = await openEngine({ kind: 'reference' });

const floats = (shape: readonly number[], draw: () => number) => ({
  shape,
  data: Float32Array.from({ length: elementCount(shape) }, draw),
});

describe('onnx against the reference interpreter', () => {
  it.each([...opCases, ...forwardCases].map((opCase) => [opCase.name, opCase] as const))(
    '%s',
    async (_, opCase) => {
      const program = caseProgram(opCase);
      const { y } = program.outputs;
      const differentiable = !forwardCases.includes(opCase);
      const gradients = differentiable
        ? differentiate(ops.sum(ops.multiply(y!, y!)), [...program.graph.inputs.values()])
        : [];
      const whole = {
        ...program,
        outputs: { y: y!, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])) },
      };
      const draw = uniform(11, opCase.range);
      const inputs = Object.fromEntries(opCase.shapes.map((shape, i) => [`x${i}`, floats(shape, draw)]));
      const expected = await (await reference.compile(whole)).run(inputs);
      const runnable = await onnx.compile(whole);
      const got = await runnable.run(inputs);
      await runnable.release();
      expect(Object.keys(got)).toEqual(Object.keys(expected));
      for (const [name, { data, shape }] of Object.entries(expected)) {
        expect(got[name]!.shape).toEqual(shape);
        data.forEach((value, i) => {
          expect(Math.abs(got[name]!.data[i]! - value), `${name}[${i}]`).toBeLessThan(
            2e-5 * (1 + Math.abs(value)),
          );
        });
      }
    },
  );
});

describe('the gradient of an embedding whose ids repeat', () => {
  it('loses no update at 2 threads, and is bit-identical from run to run', async () => {
    const [rows, width, count] = [5, 256, 4096];
    const graph = new Graph();
    const table = graph.input('table', [rows, width]);
    const ids = graph.input('ids', [count], 'int32');
    const [gradient] = differentiate(ops.sum(ops.gather(table, ids)), [table]);
    const runnable = await onnx.compile({ name: 'embedding', graph, outputs: { gradient: gradient! } });
    const draw = uniform(5, [0, rows]);
    const drawn = Int32Array.from({ length: count }, draw);
    const counts = new Float32Array(rows);
    for (const id of drawn) counts[id]!++;
    const inputs = {
      table: floats([rows, width], draw),
      ids: { shape: [count], data: drawn },
    };
    for (let run = 0; run < 30; run++) {
      const { data } = (await runnable.run(inputs)).gradient!;
      expect(data.every((value, i) => value === counts[Math.floor(i / width)])).toBe(true);
    }
    await runnable.release();
  });
});

describe('misuse', () => {
  it('is refused before ONNX Runtime sees it', async () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    const runnable = await onnx.compile({ name: 'double', graph, outputs: { y: ops.add(x, x) } });
    const array = floats([2], uniform(1));
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
});

describe('out of memory', () => {
  it('is an error that says so', async () => {
    const graph = new Graph();
    const x = graph.input('x', [1]);
    // 4 TiB
    const huge = ops.expand(ops.reshape(x, [1, 1]), [2 ** 20, 2 ** 20]);
    const runnable = await onnx.compile({ name: 'huge', graph, outputs: { y: ops.sum(ops.exp(huge)) } });
    const run = runnable.run({ x: floats([1], uniform(1)) });
    await expect(run).rejects.toThrow(/^program huge: out of memory/);
    await runnable.release();
  });
});
