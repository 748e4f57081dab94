/** Holds an engine to the reference interpreter, an operation at a time. */

import type { Engine } from '../../../src/train/engines/engine.ts';
import { referenceEngine } from '../../../src/train/engines/reference.ts';
import { differentiate } from '../../../src/train/graph/differentiate.ts';
import * as ops from '../../../src/train/graph/ops.ts';
import type { Program } from '../../../src/train/graph/program.ts';
import { elementCount, Graph, sameShape } from '../../../src/train/graph/tensor.ts';
import type { NamedArray } from '../../../src/train/session.ts';
import { uniform } from '../graph/finite-differences.ts';
import { caseProgram, forwardCases, type OpCase, opCases } from '../graph/op-cases.ts';

export const allCases: readonly OpCase[] = [...opCases, ...forwardCases];

export function floats(shape: readonly number[], draw: () => number) {
  return { shape, data: Float32Array.from({ length: elementCount(shape) }, draw) };
}

/** The largest difference of a result or gradient, as a share of 1 + its size; infinite where shapes differ. */
export async function largestDifference(engine: Engine, opCase: OpCase): Promise<number> {
  const program = withGradients(opCase);
  const draw = uniform(11, opCase.range);
  const inputs = Object.fromEntries(opCase.shapes.map((shape, i) => [`x${i}`, floats(shape, draw)]));
  const expected = await (await referenceEngine().compile(program)).run(inputs);
  const runnable = await engine.compile(program);
  const got = await runnable.run(inputs);
  await runnable.release();
  return Math.max(...Object.entries(expected).map(([name, array]) => difference(got[name], array)));
}

function withGradients(opCase: OpCase): Program {
  const program = caseProgram(opCase);
  const { y } = program.outputs;
  if (forwardCases.includes(opCase)) return program;
  const gradients = differentiate(ops.sum(ops.multiply(y!, y!)), [...program.graph.inputs.values()]);
  const named = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]));
  return { ...program, outputs: { y: y!, ...named } };
}

function difference(got: NamedArray | undefined, expected: NamedArray): number {
  if (got === undefined || !sameShape(got.shape, expected.shape)) return Infinity;
  const shares = Array.from(
    expected.data,
    (value, i) => Math.abs(got.data[i]! - value) / (1 + Math.abs(value)),
  );
  return shares.reduce((a, b) => Math.max(a, b), 0);
}

/**
 * How many elements of an embedding's gradient are wrong when each of its rows is named many times, over `runs` runs:
 * an engine that adds up without care loses updates.
 */
export async function wrongRepeatedUpdates(engine: Engine, runs: number): Promise<number> {
  const [rows, width, count] = [5, 256, 4096];
  const graph = new Graph();
  const table = graph.input('table', [rows, width]);
  const ids = graph.input('ids', [count], 'int32');
  const [gradient] = differentiate(ops.sum(ops.gather(table, ids)), [table]);
  const runnable = await engine.compile({ name: 'embedding', graph, outputs: { gradient: gradient! } });
  const draw = uniform(5, [0, rows]);
  const drawn = Int32Array.from({ length: count }, draw);
  const counts = new Float32Array(rows);
  for (const id of drawn) counts[id]!++;
  const inputs = { table: floats([rows, width], draw), ids: { shape: [count], data: drawn } };
  let wrong = 0;
  for (let run = 0; run < runs; run++) {
    const { data } = (await runnable.run(inputs)).gradient!;
    data.forEach((value, i) => {
      if (value !== counts[Math.floor(i / width)]) wrong += 1;
    });
  }
  await runnable.release();
  return wrong;
}
