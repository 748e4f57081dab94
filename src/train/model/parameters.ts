/** The parameters of a model: declared where a layer first asks for them, initialized from one stream each. */

import { InvariantError } from '../../core/errors.ts';
import { elementCount, type Graph, type Shape, sameShape, type Tensor } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';

export type Initialization = 'zeros' | 'ones' | { readonly deviation: number };

export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly initialization: Initialization;
}

/** Name of the graph input that carries a parameter. */
export const parameterInput = (name: string) => `parameter:${name}`;

/** What a program uses of the parameter store; every use of a name is one graph input. */
export class Parameters {
  readonly specs = new Map<string, ParameterSpec>();
  readonly tensors = new Map<string, Tensor>();
  private readonly graph: Graph;
  private readonly frozen: ReadonlyMap<string, NamedArray> | undefined;

  /** `frozen` gives values by which parameters become constants. */
  constructor(graph: Graph, frozen?: ReadonlyMap<string, NamedArray>) {
    this.graph = graph;
    this.frozen = frozen;
  }

  get(name: string, shape: Shape, initialization: Initialization): Tensor {
    const known = this.tensors.get(name);
    if (known !== undefined) {
      if (sameShape(known.shape, shape)) return known;
      throw new InvariantError(`parameter '${name}' is asked for as [${shape}] and [${known.shape}]`);
    }
    const value = this.frozen?.get(name);
    const tensor =
      value === undefined
        ? this.graph.input(parameterInput(name), shape)
        : this.graph.constant(value.data, shape);
    this.specs.set(name, { name, shape, initialization });
    this.tensors.set(name, tensor);
    return tensor;
  }
}

/** First values: normal ones by Box and Muller (1958) from two uniform numbers a pair. */
export function initialValues(spec: ParameterSpec, random: (name: string) => () => number): NamedArray {
  const { shape, initialization } = spec;
  const data = new Float32Array(elementCount(shape));
  if (initialization === 'ones') data.fill(1);
  if (typeof initialization === 'object') fillNormal(data, random(spec.name), initialization.deviation);
  return { shape, data };
}

function fillNormal(data: Float32Array, draw: () => number, deviation: number): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - draw()));
    const angle = 2 * Math.PI * draw();
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
}
