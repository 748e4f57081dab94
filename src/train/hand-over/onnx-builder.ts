/** Adds nodes and weights to an ONNX model whose sizes are known only when it runs. */

import type { Attribute } from '../engines/onnx/model-writer.ts';
import { ModelWriter, type OnnxType, type OnnxValue } from '../engines/onnx/model-writer.ts';
import type { Shape } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';

export class OnnxBuilder {
  readonly inputs: OnnxValue[] = [];
  readonly outputs: OnnxValue[] = [];
  private readonly writer = new ModelWriter();
  private readonly weights: ReadonlyMap<string, NamedArray>;
  private readonly written = new Set<string>();
  private count = 0;
  private scope = '';

  constructor(weights: ReadonlyMap<string, NamedArray>) {
    this.weights = weights;
  }

  input(name: string, type: OnnxType, shape: OnnxValue['shape']): string {
    this.inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, shape: OnnxValue['shape']): string {
    this.outputs.push({ name, type: 'float32', shape });
    return name;
  }

  within<T>(scope: string, build: () => T): T {
    const outer = this.scope;
    this.scope = scope;
    try {
      return build();
    } finally {
      this.scope = outer;
    }
  }

  /** A node's only result; `name` where it is an output of the model. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    name = `t${this.count++}`,
  ): string {
    this.writer.addNode(type, inputs, [name], attributes, this.scope);
    return name;
  }

  has(name: string): boolean {
    return this.weights.has(name);
  }

  /** A parameter, by our name for it. */
  weight(name: string): string {
    if (this.written.has(name)) return name;
    this.written.add(name);
    const { shape, data } = this.weights.get(name)!;
    return this.writer.addNamed(name, 'float32', shape, bytesOf(data));
  }

  floats(values: Float32Array, shape: Shape = []): string {
    return this.writer.addInitializer('float32', shape, bytesOf(values));
  }

  number(value: number): string {
    return this.floats(Float32Array.of(value));
  }

  /** int64, as shapes and axes are. */
  integers(values: readonly number[], shape?: Shape): string {
    return this.writer.addIntegers(values, shape);
  }

  reshape(x: string, sizes: readonly number[]): string {
    return this.node('Reshape', [x, this.integers(sizes)]);
  }

  slice(x: string, axis: number, start: number, end: number): string {
    return this.node('Slice', [x, ...[start, end, axis].map((bound) => this.integers([bound]))]);
  }

  finish(name: string): Uint8Array {
    return this.writer.finish(name, this.inputs, this.outputs);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
