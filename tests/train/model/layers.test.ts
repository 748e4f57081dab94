import { describe, expect, it } from 'vitest';
import { interpret } from '../../../src/train/engines/reference.ts';
import { differentiate } from '../../../src/train/graph/differentiate.ts';
import * as ops from '../../../src/train/graph/ops.ts';
import { liveNodes } from '../../../src/train/graph/program.ts';
import { elementCount, Graph, type Shape, type Tensor } from '../../../src/train/graph/tensor.ts';
import { attend, attentionMask, splitHeads } from '../../../src/train/model/attention.ts';
import { chunkRows, linearCrossEntropy } from '../../../src/train/model/cross-entropy.ts';
import { exactGelu, feedForward, rmsNorm, scaledGelu, swiglu } from '../../../src/train/model/layers.ts';
import { resolveModel } from '../../../src/train/model/options.ts';
import { Parameters } from '../../../src/train/model/parameters.ts';
import { pieceRows, rowPieces } from '../../../src/train/model/pieces.ts';
import { largestGradientError, uniform } from '../graph/finite-differences.ts';

type Build = (inputs: readonly Tensor[], graph: Graph) => Tensor;

function gradientError(shapes: readonly Shape[], build: Build): number {
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const program = { name: 'layer', graph, outputs: { y: build(inputs, graph) } };
  const draw = uniform(5);
  return largestGradientError(
    program,
    shapes.map((shape) => Float64Array.from({ length: elementCount(shape) }, draw)),
  );
}

const int = (graph: Graph, rows: number, ...values: number[]) =>
  graph.constant(Int32Array.from(values), [rows, values.length / rows]);

/** Two rows of three tokens. */
function masked(strict: boolean, heads: number, keyValueHeads: number): Build {
  return ([q, k, v], graph) => {
    const keys = { segment: int(graph, 2, 0, 0, 0, 0, 0, 1), order: int(graph, 2, 0, 1, 2, 2, 0, 1) };
    const mask = attentionMask(keys, keys, { strict });
    const split = (x: Tensor) => splitHeads(x, 2, keyValueHeads);
    return attend(ops.scale(q!, Math.SQRT1_2), split(k!), split(v!), mask, {
      rows: 2,
      heads,
      keyValueHeads,
      size: 2,
    });
  };
}

/** One causal row of five tokens, two documents, in blocks of so many queries. */
function causal(blockLength: number, keyValueHeads: number): Build {
  return ([q, k, v], graph) => {
    const keys = { segment: int(graph, 1, 0, 0, 0, 1, 1), order: int(graph, 1, 0, 1, 2, 3, 4) };
    const mask = attentionMask(keys, keys, { causal: true, blockLength });
    const split = (x: Tensor) => splitHeads(x, 1, keyValueHeads);
    return attend(ops.scale(q!, Math.SQRT1_2), split(k!), split(v!), mask, {
      rows: 1,
      heads: 2,
      keyValueHeads,
      size: 2,
    });
  };
}

function crossEntropyInputs([hidden, weight, bias]: readonly Tensor[], graph: Graph) {
  const lossWeights = graph.constant(Float32Array.of(1, 0, 2, 1, 0.5), [5]);
  const targets = graph.constant(Int32Array.of(3, 0, 1, 3, 2), [5]);
  return { hidden: hidden!, weight: weight!, bias, targets, lossWeights };
}

/** The square of the total, so that what flows to it is not 1. */
function crossEntropy(rowsAtOnce: number): Build {
  return (inputs, graph) => {
    const { total } = linearCrossEntropy(crossEntropyInputs(inputs, graph), rowsAtOnce);
    return ops.multiply(total, total);
  };
}

const layers: Record<string, [readonly Shape[], Build]> = {
  attention: [
    [
      [6, 4],
      [6, 4],
      [6, 4],
    ],
    masked(false, 2, 2),
  ],
  'attention in causal blocks': [
    [
      [5, 4],
      [5, 4],
      [5, 4],
    ],
    causal(2, 2),
  ],
  'attention in causal blocks, grouped': [
    [
      [5, 4],
      [5, 2],
      [5, 2],
    ],
    causal(2, 1),
  ],
  'attention, grouped': [
    [
      [6, 8],
      [6, 4],
      [6, 4],
    ],
    masked(false, 4, 2),
  ],
  'attention of a query stream': [
    [
      [6, 4],
      [6, 4],
      [6, 4],
    ],
    masked(true, 2, 2),
  ],
  rmsNorm: [[[3, 4], [4]], ([x, gain]) => rmsNorm(x!, gain!, 1e-5)],
  exactGelu: [[[3, 4]], ([x]) => exactGelu(x!)],
  scaledGelu: [[[3, 4]], ([t]) => scaledGelu(t!)],
  swiglu: [
    [
      [3, 4],
      [3, 4],
    ],
    ([gate, up]) => swiglu(gate!, up!),
  ],
  'rows in pieces': [
    [
      [5, 3],
      [3, 2],
    ],
    ([x, weight]) =>
      ops.concat(
        rowPieces(x!, 2).map((piece) => exactGelu(ops.gemm(piece, weight!))),
        0,
      ),
  ],
  'linearCrossEntropy of one chunk': [[[5, 3], [4, 3], [4]], crossEntropy(5)],
  'linearCrossEntropy of three chunks': [[[5, 3], [4, 3], [4]], crossEntropy(2)],
  'linearCrossEntropy through its nats': [
    [[5, 3], [4, 3], [4]],
    (inputs, graph) => {
      const { nats } = linearCrossEntropy(crossEntropyInputs(inputs, graph), 2);
      return ops.multiply(nats, nats);
    },
  ],
};

describe('the gradient of each layer with a rule of its own', () => {
  it.each(Object.keys(layers))('%s agrees with finite differences', (name) => {
    const [shapes, build] = layers[name]!;
    expect(gradientError(shapes, build)).toBeLessThan(2e-7);
  });
});

function evaluate(build: (graph: Graph) => Tensor): Float64Array {
  const graph = new Graph();
  const program = { name: 'test', graph, outputs: { y: build(graph) } };
  return interpret(program, liveNodes(program), {}).y!;
}

describe('transpose', () => {
  it('of a transpose gives the elements of both in turn', () => {
    const x = (graph: Graph) =>
      graph.constant(
        Float32Array.from({ length: 24 }, (_, i) => i),
        [2, 3, 4],
      );
    const y = evaluate((graph) => ops.transpose(ops.transpose(x(graph), [2, 0, 1]), [0, 2, 1]));
    // [4, 3, 2]: element (k, j, i) is the one at (i, j, k) of x.
    const expected = Array.from({ length: 24 }, (_, at) => {
      const [k, j, i] = [Math.floor(at / 6), Math.floor(at / 2) % 3, at % 2];
      return i * 12 + j * 4 + k;
    });
    expect([...y]).toEqual(expected);
  });
});

describe('feedForward', () => {
  /** Of 600 rows, the result and what flows back to x, to the residual and to each parameter. */
  function through(activation: 'gelu' | 'gelu-tanh', inPieces: boolean) {
    const graph = new Graph();
    const parameters = new Parameters(graph);
    const [x, residual] = ['x', 'residual'].map((name) => graph.input(name, [600, 3])) as [Tensor, Tensor];
    const model = {
      family: activation === 'gelu' ? 'bert' : 'gpt2',
      width: 3,
      heads: 1,
      hidden: 1024,
    } as const;
    const shape = resolveModel({ ...model, layers: 1, context: 4, vocabulary: 5 });
    const y = feedForward(parameters, 'layer', x, shape, { residual, inPieces });
    const gradients = differentiate(ops.sum(ops.multiply(y, y)), [
      x,
      residual,
      ...parameters.tensors.values(),
    ]);
    const outputs = Object.fromEntries([y, ...gradients].map((tensor, i) => [`${i}`, tensor]));
    const program = { name: 'layer', graph, outputs };
    const draw = uniform(8);
    const inputs = Object.fromEntries(
      [...graph.inputs].map(([name, { shape }]) => [
        name,
        { data: Float64Array.from({ length: elementCount(shape) }, draw) },
      ]),
    );
    return { slices: countOf(graph, 'slice'), values: interpret(program, liveNodes(program), inputs) };
  }

  const countOf = (graph: Graph, kind: string) =>
    graph.nodes.filter(({ operation }) => operation.kind === kind).length;

  it.each(['gelu', 'gelu-tanh'] as const)('gives the same in pieces as whole: %s', (activation) => {
    const [whole, pieces] = [through(activation, false), through(activation, true)];
    expect(whole.slices).toBe(0);
    // Three of x, three of what flows back.
    expect(pieces.slices).toBe(6);
    for (const [name, values] of Object.entries(whole.values)) {
      const size = Math.max(...values.map(Math.abs));
      expect(size).toBeGreaterThan(0);
      values.forEach((value, i) => {
        expect(Math.abs(pieces.values[name]![i]! - value)).toBeLessThan(1e-12 * size);
      });
    }
  });

  it('takes pieces of 1 MiB, or 256 rows, equal in size', () => {
    expect(pieceRows(2048, 1024)).toBe(256);
    expect(pieceRows(2048, 3072)).toBe(256);
    expect(pieceRows(2048, 512)).toBe(512);
    expect(pieceRows(600, 1024)).toBe(200);
    expect(pieceRows(200, 1024)).toBe(200);
  });
});

describe('scaledGelu', () => {
  it('between the factors that the products take is the exact GELU', () => {
    const draw = uniform(6);
    const values = Float32Array.from({ length: 20 }, () => 8 * draw());
    const of = (build: (x: Tensor) => Tensor) => evaluate((graph) => build(graph.constant(values, [20])));
    const exact = of((x) => exactGelu(x));
    of((x) => ops.scale(scaledGelu(ops.scale(x, Math.SQRT1_2)), Math.SQRT1_2)).forEach((value, i) => {
      // The factors are 32-bit numbers.
      expect(value).toBeCloseTo(exact[i]!, 5);
    });
  });
});

describe('the attention mask', () => {
  it('shows a key where segments match and its order is at most the query’s, or below it', () => {
    const seen = (strict: boolean) =>
      [
        ...evaluate((graph) => {
          const keys = { segment: int(graph, 1, 0, 0, 1), order: int(graph, 1, 1, 0, 0) };
          return attentionMask(keys, keys, { strict })[0]!.additive!;
        }),
      ].map((value) => Number(value === 0));
    expect(seen(false)).toEqual([1, 1, 0, 0, 1, 0, 0, 0, 1]);
    expect(seen(true)).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it.each([1, 2])('gives the same in causal blocks as in one, %i key-value heads', (keyValueHeads) => {
    const of = (blockLength: number) =>
      evaluate((graph) => {
        const draw = uniform(3);
        const x = (width: number) =>
          graph.constant(Float32Array.from({ length: 5 * width }, draw), [5, width]);
        return causal(blockLength, keyValueHeads)([x(4), x(2 * keyValueHeads), x(2 * keyValueHeads)], graph);
      });
    for (const blockLength of [1, 2, 4]) {
      of(blockLength).forEach((value, i) => {
        expect(value).toBeCloseTo(of(5)[i]!, 12);
      });
    }
  });

  it('gives zeros to a query that sees nothing', () => {
    const y = evaluate((graph) => {
      const draw = uniform(2);
      const x = () => graph.constant(Float32Array.from({ length: 24 }, draw), [6, 4]);
      return masked(true, 2, 2)([x(), x(), x()], graph);
    });
    // Orders 0 of the first row, 0 and (in its own segment) 1 of the second see no key below them.
    for (const row of [0, 4, 5]) expect([...y.subarray(row * 4, row * 4 + 4)]).toEqual([0, 0, 0, 0]);
    expect(y[1 * 4]).not.toBe(0);
  });
});

describe('linearCrossEntropy', () => {
  it('gives -ln softmax at the target, the same in chunks', () => {
    const of = (rows: number) =>
      evaluate((graph) => {
        const draw = uniform(4);
        const x = graph.constant(Float32Array.from({ length: 15 }, draw), [5, 3]);
        const weight = graph.constant(Float32Array.from({ length: 12 }, draw), [4, 3]);
        return linearCrossEntropy(crossEntropyInputs([x, weight], graph), rows).nats;
      });
    expect([...of(2)]).toEqual([...of(5)]);
    const direct = evaluate((graph) => {
      const draw = uniform(4);
      const x = graph.constant(Float32Array.from({ length: 15 }, draw), [5, 3]);
      const weight = graph.constant(Float32Array.from({ length: 12 }, draw), [4, 3]);
      return ops.exp(ops.gemm(x, weight, { transposeB: true }));
    });
    [3, 0, 1, 3, 2].forEach((target, row) => {
      const powers = direct.subarray(row * 4, row * 4 + 4);
      const expected = -Math.log(powers[target]! / powers.reduce((a, b) => a + b, 0));
      expect(of(5)[row]).toBeCloseTo(expected, 10);
    });
  });

  it('keeps chunks within 8 MiB of logits, or 256 rows, and equal in size', () => {
    expect(chunkRows(2048, 4096)).toBe(512);
    expect(chunkRows(2048, 50257)).toBe(256);
    expect(chunkRows(1000, 4096)).toBe(500);
    expect(chunkRows(100, 1_000_000)).toBe(100);
  });
});
