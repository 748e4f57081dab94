import { describe, expect, it } from 'vitest';
import { interpret } from '../../../src/train/engines/reference.ts';
import { differentiate } from '../../../src/train/graph/differentiate.ts';
import { gradientRules } from '../../../src/train/graph/gradients.ts';
import * as ops from '../../../src/train/graph/ops.ts';
import { liveNodes } from '../../../src/train/graph/program.ts';
import { elementCount, Graph } from '../../../src/train/graph/tensor.ts';
import { largestGradientError, uniform } from './finite-differences.ts';
import { caseProgram, forwardCases, opCases } from './op-cases.ts';

describe('the gradient of each operation', () => {
  it.each(opCases.map((opCase) => [opCase.name, opCase] as const))(
    '%s agrees with finite differences',
    (_, opCase) => {
      const program = caseProgram(opCase);
      const draw = uniform(7, opCase.range);
      const inputs = opCase.shapes.map((shape) => Float64Array.from({ length: elementCount(shape) }, draw));
      expect(largestGradientError(program, inputs)).toBeLessThan(2e-7);
    },
  );

  it('has a case for every operation that has a rule', () => {
    const covered = new Set(
      opCases.flatMap((opCase) => caseProgram(opCase).graph.nodes.map((node) => node.operation.kind)),
    );
    const forward = new Set(
      forwardCases.flatMap((opCase) => caseProgram(opCase).graph.nodes.map((node) => node.operation.kind)),
    );
    for (const [kind, rule] of Object.entries(gradientRules)) {
      const where = rule === 'refused' ? forward : covered;
      expect(where, kind).toContain(kind);
    }
  });

  it('adds to initial gradients, and sums what flows along several ways', () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    const before = graph.input('before', [2]);
    const loss = ops.sum(ops.add(ops.multiply(x, x), ops.exp(x)));
    const [gradient] = differentiate(loss, [x], new Map([[x, before]]));
    const program = { name: 'test', graph, outputs: { gradient: gradient! } };
    const { gradient: values } = interpret(program, liveNodes(program), {
      x: { data: [1, -2] },
      before: { data: [10, 20] },
    });
    expect(values![0]).toBeCloseTo(10 + 2 + Math.E, 12);
    expect(values![1]).toBeCloseTo(20 - 4 + Math.exp(-2), 12);
  });

  it('names the layer where an operation has no gradient', () => {
    const graph = new Graph();
    const x = graph.input('x', [2, 2]);
    const loss = graph.scope('layers.3', () => graph.scope('head', () => ops.sum(ops.maximumOf(x, [0]))));
    expect(() => differentiate(loss, [x])).toThrow(/^layers\.3\/head\/gradient: maximumOf: has no gradient/);
  });
});

describe('shapes', () => {
  it('are checked where the graph is built, by an error that names the layer', () => {
    const graph = new Graph();
    const a = graph.input('a', [2, 3]);
    const build = () => graph.scope('layers.0', () => graph.scope('attention', () => ops.gemm(a, a)));
    expect(build).toThrow('layers.0/attention: gemm: inner sizes differ: [2, 3] times [2, 3]');
    expect(() => ops.add(a, graph.input('b', [4]))).toThrow('graph: add: [2,3] and [4] do not broadcast');
    expect(() => ops.slice(a, 1, 2, 4)).toThrow('slice');
    expect(() => ops.gather(a, a)).toThrow('gather: expected int32, got float32');
    const heads = graph.input('heads', [2, 3, 1, 4]);
    const table = graph.input('table', [3, 2]);
    expect(() => ops.rotate(heads, table, a)).toThrow('rotate: [2,3,1,4] by [3,2] and [2,3]');
    expect(() => ops.rotate(heads, a, a)).toThrow('rotate: [2,3,1,4] by [2,3] and [2,3]');
    const loss = ops.sum(ops.rotate(heads, table, table));
    expect(() => differentiate(loss, [table])).toThrow('rotate: its tables have no gradient');
  });
});
