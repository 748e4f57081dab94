/**
 * A static tensor graph: nodes over tensors whose shapes are known when the graph is built. It knows no engine.
 *
 * Nodes are kept in the order in which they were added, which is a topological order.
 */

import { InvariantError } from '../../core/errors.ts';
import type { Operation } from './operation.ts';

export type DataType = 'float32' | 'int32' | 'bool';
export type Shape = readonly number[];

export interface Tensor {
  readonly node: Node;
  /** Which output of the node. */
  readonly index: number;
  readonly shape: Shape;
  readonly type: DataType;
}

export interface Node {
  readonly id: number;
  readonly graph: Graph;
  readonly operation: Operation;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** The layer that added it, such as `layers.0/attention`; errors and profiles show it. */
  readonly scope: string;
}

export interface TensorType {
  readonly shape: Shape;
  readonly type: DataType;
}

/** Where a gradient rule puts what flows back to the inputs of a node. */
export interface Adjoints {
  /** Whether input `i` leads to something that is differentiated for. */
  needs(i: number): boolean;
  add(i: number, gradient: Tensor): void;
  /** `build` gets what has flowed to input `i` so far and gives the new total (a Gemm adds into its C input). */
  addWith(i: number, build: (existing: Tensor | undefined) => Tensor): void;
}

/** Adds to the graph what flows to each of `inputs` when `dy` flows to `output`. */
export type GradientRule = (
  inputs: readonly Tensor[],
  output: Tensor,
  dy: Tensor,
  adjoints: Adjoints,
) => void;

interface OwnGradient {
  readonly inputs: readonly Tensor[];
  readonly rule: GradientRule;
}

export class Graph {
  readonly nodes: Node[] = [];
  readonly inputs = new Map<string, Tensor>();
  /** Tensors whose gradient is a rule of its own instead of the rules of the nodes that compute it. */
  readonly ownGradients = new Map<Tensor, OwnGradient>();
  private readonly scalars = new Map<number, Tensor>();
  private scopePath = '';

  input(name: string, shape: Shape, type: DataType = 'float32'): Tensor {
    if (this.inputs.has(name)) throw new InvariantError(`graph input '${name}' is there twice`);
    const tensor = this.node({ kind: 'input', name }, [], [{ shape, type }]).outputs[0]!;
    this.inputs.set(name, tensor);
    return tensor;
  }

  constant(values: Float32Array | Int32Array, shape: Shape): Tensor {
    if (values.length !== elementCount(shape)) {
      throw this.error('constant', `${values.length} values do not fill [${shape}]`);
    }
    const type = values instanceof Float32Array ? 'float32' : 'int32';
    return this.node({ kind: 'constant', values }, [], [{ shape, type }]).outputs[0]!;
  }

  scalar(value: number): Tensor {
    const known = this.scalars.get(value);
    if (known !== undefined) return known;
    const tensor = this.constant(Float32Array.of(value), []);
    this.scalars.set(value, tensor);
    return tensor;
  }

  node(operation: Operation, inputs: readonly Tensor[], results: readonly TensorType[]): Node {
    const outputs: Tensor[] = [];
    const node = {
      id: this.nodes.length,
      graph: this,
      operation,
      inputs,
      outputs,
      scope: this.scopePath,
    };
    results.forEach(({ shape, type }, index) => {
      outputs.push({ node, index, shape, type });
    });
    this.nodes.push(node);
    return node;
  }

  /** Everything that `build` adds belongs to the layer `name`, inside the layers already entered. */
  scope<T>(name: string, build: () => T): T {
    return this.at(this.scopePath === '' ? name : `${this.scopePath}/${name}`, build);
  }

  /** As `scope`, with the whole path given. */
  at<T>(path: string, build: () => T): T {
    const outer = this.scopePath;
    this.scopePath = path;
    try {
      return build();
    } finally {
      this.scopePath = outer;
    }
  }

  /**
   * Computes a tensor by `build` and differentiates it by `rule` over `inputs`; gradients do not enter what
   * `build` added.
   */
  withGradient(inputs: readonly Tensor[], build: () => Tensor, rule: GradientRule): Tensor {
    const output = build();
    this.ownGradients.set(output, { inputs, rule });
    return output;
  }

  /** An error that names the layer being built and the operation. */
  error(operation: string, what: string): InvariantError {
    return new InvariantError(`${this.scopePath === '' ? 'graph' : this.scopePath}: ${operation}: ${what}`);
  }
}

export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** The shape that two broadcast to by NumPy's rule, or undefined where they do not fit. */
export function broadcastShape(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}
