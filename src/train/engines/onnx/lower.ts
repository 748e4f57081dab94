/** Lowers a program to an ONNX model of standard operators. */

import type { BinaryKind, ComparisonKind, ReductionKind, UnaryKind } from '../../graph/operation.ts';
import { liveNodes, type Program, programInputs } from '../../graph/program.ts';
import { elementCount, type Node, type Shape, type Tensor } from '../../graph/tensor.ts';
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

export function lowerToOnnx(program: Program): Uint8Array {
  return new Lowering(program).model();
}

class Lowering {
  private readonly writer = new ModelWriter();
  private readonly names = new Map<Tensor, string>();
  private readonly program: Program;
  private temporaries = 0;

  constructor(program: Program) {
    this.program = program;
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
    for (const node of liveNodes(this.program)) this.lower(node);
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
  ): string {
    const name = `s${this.temporaries++}`;
    this.writer.addNode(type, inputs, [name], attributes, node.scope);
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
        return emission('Gemm', inputs, {
          transA: Number(operation.transposeA),
          transB: Number(operation.transposeB),
          alpha: { float: operation.alpha },
        });
      case 'matmul':
        return emission('MatMul', [
          operation.transposeA ? this.flipped(node, 0) : inputs[0]!,
          operation.transposeB ? this.flipped(node, 1) : inputs[1]!,
        ]);
      case 'sum':
        return emission('ReduceSum', [inputs[0]!, this.writer.addIntegers(operation.axes)], {
          keepdims: Number(operation.keepDimensions),
        });
      case 'maximumOf':
      case 'sumOfSquares':
        return emission(reductions[operation.kind], [inputs[0]!, this.writer.addIntegers(operation.axes)], {
          keepdims: Number(operation.keepDimensions),
        });
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
      case 'scatterAdd': {
        // Not ScatterND: with reduction add it loses updates at 2 threads (a data race in ONNX Runtime 1.30).
        const ids = this.spread(node, inputs[1]!, node.inputs[2]!.shape);
        return emission('ScatterElements', [inputs[0]!, ids, inputs[2]!], {
          axis: 0,
          reduction: 'add',
        });
      }
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

  private constant(tensor: Tensor, values: Float32Array | Int32Array): string {
    const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.writer.addInitializer(tensor.type === 'int32' ? 'int32' : 'float32', tensor.shape, raw);
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
