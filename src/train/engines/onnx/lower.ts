/** Lowers a program to an ONNX model: of standard operators, but on the CPU. */

import type {
  BinaryKind,
  ComparisonKind,
  OperationOf,
  ReductionKind,
  UnaryKind,
} from '../../graph/operation.ts';
import { liveNodes, type Program, programInputs } from '../../graph/program.ts';
import { elementCount, type Node, type Shape, type Tensor } from '../../graph/tensor.ts';
import type { Device } from '../options.ts';
import { type Attribute, ModelWriter } from './model-writer.ts';

const elementwise: Readonly<Record<BinaryKind | UnaryKind | ComparisonKind | 'and' | 'where', string>> = {
  add: 'Add',
  subtract: 'Sub',
  multiply: 'Mul',
  divide: 'Div',
  maximum: 'Max',
  minimum: 'Min',
  negate: 'Neg',
  exp: 'Exp',
  log: 'Log',
  sqrt: 'Sqrt',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  erf: 'Erf',
  gelu: 'Gelu',
  equal: 'Equal',
  less: 'Less',
  lessOrEqual: 'LessOrEqual',
  and: 'And',
  where: 'Where',
};

const reductions: Readonly<Record<ReductionKind, string>> = {
  sum: 'ReduceSum',
  maximumOf: 'ReduceMax',
  sumOfSquares: 'ReduceSumSquare',
};

/** TensorProto.DataType of the types that a cast can give. */
const castTypes = { float32: 1, int32: 6, bool: 9 } as const;
const INT64 = 7;

/** The domain of operations of ONNX Runtime's own. Other engines than its CPU's have standard ones alone. */
const MICROSOFT = 'com.microsoft';

/** How many times as long as either side of its result a product must be for it to be worth turning round. */
const LONG_PRODUCT = 4;

/** What decides between lowerings of the same values. */
export interface Target {
  readonly device: Device;
  readonly threads?: number | undefined;
}

interface Emission {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

const emission = (
  type: string,
  inputs: readonly string[],
  attributes: Emission['attributes'] = {},
): Emission => ({
  type,
  inputs,
  attributes,
});

export function lowerToOnnx(program: Program, target: Target): Uint8Array {
  return new Lowering(program, target).model();
}

class Lowering {
  private readonly writer = new ModelWriter();
  private readonly names = new Map<Tensor, string>();
  private readonly program: Program;
  private readonly target: Target;
  /** Rows of so many ones. */
  private readonly ones = new Map<number, string>();
  private temporaries = 0;

  constructor(program: Program, target: Target) {
    this.program = program;
    this.target = target;
  }

  model(): Uint8Array {
    const inputs = programInputs(this.program);
    for (const [name, tensor] of inputs) this.names.set(tensor, name);
    const copies: [from: Tensor, to: string][] = [];
    for (const [name, tensor] of Object.entries(this.program.outputs)) {
      // A result carries its output's name; an input, a constant or a second name of one result is copied.
      const direct = !this.names.has(tensor) && tensor.node.operation.kind !== 'constant';
      if (direct) this.names.set(tensor, name);
      else copies.push([tensor, name]);
    }
    for (const node of executionOrder(liveNodes(this.program))) this.lower(node);
    for (const [from, to] of copies) this.writer.addNode('Identity', [this.name(from)], [to], {}, 'outputs');
    return this.writer.finish(
      this.program.name,
      [...inputs].map(([name, { shape, type }]) => ({ name, shape, type })),
      Object.entries(this.program.outputs).map(([name, { shape, type }]) => ({ name, shape, type })),
    );
  }

  private name(tensor: Tensor): string {
    const known = this.names.get(tensor);
    if (known !== undefined) return known;
    const name = `t${tensor.node.id}_${tensor.index}`;
    this.names.set(tensor, name);
    return name;
  }

  /** A node that one of our operations needs before its last one. */
  private temporary(
    node: Node,
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain?: string,
  ): string {
    const name = `s${this.temporaries++}`;
    this.writer.addNode(type, inputs, [name], attributes, node.scope, domain);
    return name;
  }

  private lower(node: Node): void {
    const last = this.emission(node);
    if (last === undefined) return;
    const outputs = node.outputs.map((output) => this.name(output));
    this.writer.addNode(last.type, last.inputs, outputs, last.attributes, node.scope);
  }

  /** The ONNX node whose outputs are the node's own; those that it needs before it are written on the way. */
  private emission(node: Node): Emission | undefined {
    const { operation } = node;
    const inputs = node.inputs.map((input) => this.name(input));
    const output = node.outputs[0]!;
    switch (operation.kind) {
      case 'input':
        return undefined;
      case 'constant':
        this.names.set(output, this.constant(output, operation.values));
        return undefined;
      case 'gelu':
        return emission('Gelu', inputs, { approximate: 'tanh' });
      case 'add':
      case 'subtract':
      case 'multiply':
      case 'divide':
      case 'maximum':
      case 'minimum':
      case 'negate':
      case 'exp':
      case 'log':
      case 'sqrt':
      case 'sigmoid':
      case 'tanh':
      case 'erf':
      case 'equal':
      case 'less':
      case 'lessOrEqual':
      case 'and':
      case 'where':
        return emission(elementwise[operation.kind], inputs);
      case 'cast':
        return emission('Cast', inputs, { to: castTypes[operation.type] });
      case 'gemm':
        return this.gemm(node, operation);
      case 'matmul':
        return emission('MatMul', [
          operation.transposeA ? this.flipped(node, 0) : inputs[0]!,
          operation.transposeB ? this.flipped(node, 1) : inputs[1]!,
        ]);
      case 'sum':
        if (this.isColumnSum(node)) return this.columnSum(node);
        return this.reduction(operation, inputs[0]!);
      case 'sumOfSquares': {
        // ReduceSumSquare takes 0.36 ms for the rows of 2048 x 256, these two 0.22.
        const ofRows = operation.axes.length === 1 && operation.axes[0] === node.inputs[0]!.shape.length - 1;
        if (this.target.device !== 'cpu' || !ofRows) return this.reduction(operation, inputs[0]!);
        const squares = this.temporary(node, 'Mul', [inputs[0]!, inputs[0]!]);
        return this.reduction({ ...operation, kind: 'sum' }, squares);
      }
      case 'maximumOf':
        return this.reduction(operation, inputs[0]!);
      case 'softmax':
        return emission('Softmax', inputs, { axis: -1 });
      case 'layerNorm':
        return emission('LayerNormalization', inputs, {
          axis: -1,
          epsilon: { float: operation.epsilon },
        });
      case 'reshape':
        return emission('Reshape', [inputs[0]!, this.writer.addIntegers(output.shape)]);
      case 'transpose':
        return emission('Transpose', inputs, { perm: operation.permutation });
      case 'expand':
        return emission('Expand', [inputs[0]!, this.writer.addIntegers(output.shape)]);
      case 'slice': {
        const bounds = [[operation.start], [operation.end], [operation.axis]];
        return emission('Slice', [inputs[0]!, ...bounds.map((bound) => this.writer.addIntegers(bound))]);
      }
      case 'concat':
        return emission('Concat', inputs, { axis: operation.axis });
      case 'gather':
        return emission('Gather', inputs, { axis: 0 });
      case 'scatterAdd':
        return this.scatterAdd(node);
      case 'pick':
        return emission('GatherElements', [inputs[0]!, this.column(node, inputs[1]!, output.shape[0]!)], {
          axis: 1,
        });
      case 'pickAdd': {
        const ids = this.column(node, inputs[1]!, output.shape[0]!);
        return emission('ScatterElements', [inputs[0]!, ids, inputs[2]!], {
          axis: 1,
          reduction: 'add',
        });
      }
      case 'rotate':
        return this.target.device === 'cpu' ? this.rotate(node) : this.rotateHalves(node);
      case 'cacheWrite': {
        const ids = this.temporary(node, 'Expand', [
          inputs[1]!,
          this.writer.addIntegers(node.inputs[2]!.shape),
        ]);
        return emission('ScatterElements', [inputs[0]!, ids, inputs[2]!], { axis: 2 });
      }
      default:
        return operation satisfies never;
    }
  }

  /**
   * On the CPU the gradient of a weight, A^T dY, is (dY^T A)^T: the operand that is read across its rows is then dY, which
   * is still in a cache, and not A, which the forward pass left in memory (2.9 ms for 256 x 2048 x 256 that took 3.1).
   */
  private gemm(node: Node, { transposeA, transposeB, alpha }: OperationOf<'gemm'>): Emission {
    const inputs = node.inputs.map((input) => this.name(input));
    const attributes = { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } };
    const isLong = node.inputs[0]!.shape[0]! >= LONG_PRODUCT * Math.max(...node.outputs[0]!.shape);
    if (this.target.device !== 'cpu' || !transposeA || transposeB || inputs.length > 2 || !isLong) {
      return emission('Gemm', inputs, attributes);
    }
    const turned = this.temporary(node, 'Gemm', inputs.toReversed(), attributes);
    return emission('Transpose', [turned], { perm: [1, 0] });
  }

  private reduction({ kind, axes, keepDimensions }: OperationOf<ReductionKind>, x: string): Emission {
    const attributes = { keepdims: Number(keepDimensions) };
    return emission(reductions[kind], [x, this.writer.addIntegers(axes)], attributes);
  }

  /** Over the rows of a matrix, on the CPU. */
  private isColumnSum({ operation, inputs }: Node): boolean {
    if (operation.kind !== 'sum' || this.target.device !== 'cpu') return false;
    return inputs[0]!.shape.length === 2 && operation.axes.length === 1 && operation.axes[0] === 0;
  }

  /**
   * A product with a row of ones: 38 us for 2048 x 256 in a cache, 6 us for 256 x 256. ReduceSum takes 59 and 55, and with
   * two threads, each of which gets narrow columns, several times that.
   */
  private columnSum(node: Node): Emission {
    const [input] = node.inputs as [Tensor];
    const rows = input.shape[0]!;
    const known = this.ones.get(rows);
    const ones =
      known ?? this.writer.addInitializer('float32', [1, rows], bytesOf(new Float32Array(rows).fill(1)));
    this.ones.set(rows, ones);
    const sum = this.temporary(node, 'MatMul', [ones, this.name(input)]);
    return emission('Reshape', [sum, this.writer.addIntegers(node.outputs[0]!.shape)]);
  }

  /**
   * ScatterND adds whole rows, ten times as fast as ScatterElements. With two threads it loses updates (a data race in
   * ONNX Runtime 1.30).
   */
  private scatterAdd(node: Node): Emission {
    const [base, ids, updates] = node.inputs.map((input) => this.name(input)) as [string, string, string];
    if (this.target.device === 'cpu' && this.target.threads === 1) {
      const column = this.column(node, ids, node.inputs[2]!.shape[0]!);
      const places = this.temporary(node, 'Cast', [column], { to: INT64 });
      return emission('ScatterND', [base, places, updates], { reduction: 'add' });
    }
    const spread = this.spread(node, ids, node.inputs[2]!.shape);
    return emission('ScatterElements', [base, spread, updates], { axis: 0, reduction: 'add' });
  }

  /** ONNX Runtime's own operation for it: 0.2 ms for 2048 x 256 that take 0.8 in standard ones. */
  private rotate(node: Node): Emission {
    const [x, cosine, sine] = node.inputs as [Tensor, Tensor, Tensor];
    const [rows, length, heads, size] = x.shape as [number, number, number, number];
    const flat = this.temporary(node, 'Reshape', [
      this.name(x),
      this.writer.addIntegers([rows, length, heads * size]),
    ]);
    // Where the places of each row count from, or each place.
    const places =
      cosine.shape[0] === length
        ? this.writer.addIntegers([0])
        : this.writer.addIntegers(
            Array.from({ length: rows * length }, (_, i) => i),
            [rows, length],
          );
    const tables = [this.name(cosine), this.name(sine)];
    const turned = this.temporary(node, 'RotaryEmbedding', [flat, places, ...tables], {}, MICROSOFT);
    return emission('Reshape', [turned, this.writer.addIntegers(x.shape)]);
  }

  private rotateHalves(node: Node): Emission {
    const [x, ...tables] = node.inputs as [Tensor, Tensor, Tensor];
    const [, length, , size] = x.shape as [number, number, number, number];
    const half = size / 2;
    const part = (start: number) => {
      const bounds = [start, start + half, 3].map((bound) => this.writer.addIntegers([bound]));
      return this.temporary(node, 'Slice', [this.name(x), ...bounds]);
    };
    const shape = this.writer.addIntegers([-1, length, 1, half]);
    const [cosine, sine] = tables.map((table) =>
      this.temporary(node, 'Reshape', [this.name(table), shape]),
    ) as [string, string];
    const [first, second] = [part(0), part(half)];
    const times = (a: string, b: string) => this.temporary(node, 'Mul', [a, b]);
    const turned = [
      this.temporary(node, 'Sub', [times(first, cosine), times(second, sine)]),
      this.temporary(node, 'Add', [times(second, cosine), times(first, sine)]),
    ];
    return emission('Concat', turned, { axis: 3 });
  }

  private constant(tensor: Tensor, values: Float32Array | Int32Array): string {
    const type = tensor.type === 'int32' ? 'int32' : 'float32';
    return this.writer.addInitializer(type, tensor.shape, bytesOf(values));
  }

  /** Input `i` with its last two axes exchanged; ONNX Runtime folds this into the product that follows. */
  private flipped(node: Node, i: number): string {
    const rank = node.inputs[i]!.shape.length;
    const perm = Array.from({ length: rank }, (_, axis) => axis)
      .with(-1, rank - 2)
      .with(-2, rank - 1);
    return this.temporary(node, 'Transpose', [this.name(node.inputs[i]!)], { perm });
  }

  private column(node: Node, ids: string, rows: number): string {
    return this.temporary(node, 'Reshape', [ids, this.writer.addIntegers([rows, 1])]);
  }

  /** Ids [n] repeated over the columns of [n, d]. */
  private spread(node: Node, ids: string, shape: Shape): string {
    const column = this.column(node, ids, elementCount(shape) / shape[1]!);
    return this.temporary(node, 'Expand', [column, this.writer.addIntegers(shape)]);
  }
}

/**
 * The nodes that no other reads last, against their order. ONNX Runtime runs what the last node needs, then what the one
 * before it needs, and so on. In the order in which differentiation adds them, it would run the backward pass to its end
 * and then compute the gradients of the weights, all of whose operands would be in memory till then; this way each is
 * computed as soon as its operands are, which are still in a cache. (Column sums of a step: 7.4 -> 4.5 ms.)
 */
function executionOrder(nodes: readonly Node[]): Node[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs.map(({ node }) => node)));
  return [...nodes.filter((node) => read.has(node)), ...nodes.filter((node) => !read.has(node)).toReversed()];
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
