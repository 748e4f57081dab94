/** Builds an ONNX model (onnx.proto3 of ONNX 1.17, IR version 10, operator set 21) from nodes and initializers. */

import type { Shape } from '../../graph/tensor.ts';
import { MessageWriter } from '../../protobuf.ts';

/** TensorProto.DataType */
const dataTypes = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;
export type OnnxType = keyof typeof dataTypes;

const IR_VERSION = 10;
const OPERATOR_SET = 21;

/** A float attribute is wrapped, because a whole number would be written as an integer. */
export interface FloatAttribute {
  readonly float: number;
}
export type Attribute = number | string | readonly number[] | FloatAttribute;

/** An input or output of a model; a size that is known only when it runs has a name. */
export interface OnnxValue {
  readonly name: string;
  /** Without one: any. */
  readonly shape?: readonly (number | string)[];
  readonly type: OnnxType;
}

export class ModelWriter {
  private readonly graph = new MessageWriter();
  private readonly initializers = new Map<string, string>();
  /** Of operators that are not ONNX's own. */
  private readonly domains = new Set<string>();
  private nodeCount = 0;

  addNode(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    scope: string,
    domain?: string,
  ): void {
    const node = new MessageWriter();
    for (const input of inputs) node.string(1, input);
    for (const output of outputs) node.string(2, output);
    node.string(3, `${scope}/${type}_${this.nodeCount++}`).string(4, type);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attributeMessage(name, value));
    if (domain !== undefined) {
      node.string(7, domain);
      this.domains.add(domain);
    }
    this.graph.message(1, node);
  }

  /** Adds a constant and gives its name; equal small ones are shared. */
  addInitializer(type: OnnxType, shape: Shape, raw: Uint8Array): string {
    const key = raw.length <= 512 ? `${type}[${shape}]${Buffer.from(raw).toString('hex')}` : undefined;
    const known = key === undefined ? undefined : this.initializers.get(key);
    if (known !== undefined) return known;
    const name = this.addNamed(`constant_${this.nodeCount++}`, type, shape, raw);
    if (key !== undefined) this.initializers.set(key, name);
    return name;
  }

  /** Adds a constant under a name of its own. */
  addNamed(name: string, type: OnnxType, shape: Shape, raw: Uint8Array): string {
    const tensor = new MessageWriter();
    for (const size of shape) tensor.integer(1, size);
    this.graph.message(5, tensor.integer(2, dataTypes[type]).string(8, name).bytes(9, raw));
    return name;
  }

  /** A one-dimensional list of int64, as shapes and axes are. */
  addIntegers(values: readonly number[], shape: Shape = [values.length]): string {
    const data = BigInt64Array.from(values, (value) => BigInt(value));
    return this.addInitializer('int64', shape, new Uint8Array(data.buffer));
  }

  finish(name: string, inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]): Uint8Array {
    this.graph.string(2, name);
    for (const input of inputs) this.graph.message(11, valueMessage(input));
    for (const output of outputs) this.graph.message(12, valueMessage(output));
    const operatorSet = new MessageWriter().string(1, '').integer(2, OPERATOR_SET);
    const model = new MessageWriter()
      .integer(1, IR_VERSION)
      .string(2, 'provender')
      .message(7, this.graph)
      .message(8, operatorSet);
    for (const domain of this.domains) model.message(8, new MessageWriter().string(1, domain).integer(2, 1));
    return model.finish();
  }
}

function attributeMessage(name: string, value: Attribute): MessageWriter {
  const message = new MessageWriter().string(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return message.string(4, value).integer(20, 3);
  if ('float' in value) return message.float(2, value.float).integer(20, 1);
  for (const item of value) message.integer(8, item);
  return message.integer(20, 7);
}

function valueMessage({ name, shape, type }: OnnxValue): MessageWriter {
  const tensorType = new MessageWriter().integer(1, dataTypes[type]);
  if (shape !== undefined) {
    const sizes = new MessageWriter();
    for (const size of shape) {
      const dimension = new MessageWriter();
      sizes.message(1, typeof size === 'string' ? dimension.string(2, size) : dimension.integer(1, size));
    }
    tensorType.message(2, sizes);
  }
  return new MessageWriter().string(1, name).message(2, new MessageWriter().message(1, tensorType));
}
