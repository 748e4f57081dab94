/** Resident arrays of the engines that work in the process's own memory. */

import { InvariantError } from '../../core/errors.ts';
import { elementCount, type Shape, type Tensor } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';
import type { Resident } from './engine.ts';

export class HostResident implements Resident {
  readonly shape: Shape;
  /** The values themselves, no copy. */
  readonly array: { readonly shape: Shape; readonly data: Float32Array };

  /** Of zeros, or of `data`, which it keeps. */
  constructor(shape: Shape, data: Float32Array = new Float32Array(elementCount(shape))) {
    this.shape = shape;
    this.array = { shape, data };
  }

  async read(): Promise<NamedArray> {
    return { shape: this.shape, data: this.array.data.slice() };
  }

  async write(values: Float32Array): Promise<void> {
    if (values.length !== this.array.data.length) throw wrongLength(values, this.shape);
    this.array.data.set(values);
  }

  async clear(): Promise<void> {
    this.array.data.fill(0);
  }

  async release(): Promise<void> {}
}

export function wrongLength(values: Float32Array, shape: Shape): InvariantError {
  return new InvariantError('values do not fill a resident array', {
    expected: `[${shape}]`,
    found: `${values.length} values`,
  });
}

/** The values of an input that a program takes from the process's memory. */
export function hostArray(given: NamedArray | Resident): NamedArray {
  if (given instanceof HostResident) return given.array;
  if ('data' in given) return given;
  throw new InvariantError('a resident array of another engine was given');
}

/** A new array for a result. */
export function emptyArray(tensor: Tensor): NamedArray {
  const count = elementCount(tensor.shape);
  return {
    shape: tensor.shape,
    data: tensor.type === 'float32' ? new Float32Array(count) : new Int32Array(count),
  };
}
