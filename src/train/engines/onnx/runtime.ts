/** Loads ONNX Runtime, and what the runnables of its devices share: views of host arrays, and errors. */

import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { InvariantError, ResourceError } from '../../../core/errors.ts';
import { elementCount, type Tensor } from '../../graph/tensor.ts';
import type { NamedArray } from '../../session.ts';

export type Ort = typeof import('onnxruntime-node');

/** Throws a ResourceError where ONNX Runtime cannot be loaded. */
export async function loadRuntime(): Promise<Ort> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new ResourceError('onnxruntime-node cannot be loaded on this machine', { cause });
  }
}

/** ONNX Runtime's views of a program's arrays, made once for those that come again. */
export class ArrayViews {
  private readonly ort: Ort;
  private readonly program: string;
  private readonly views = new WeakMap<NamedArray, OrtTensor>();

  constructor(ort: Ort, program: string) {
    this.ort = ort;
    this.program = program;
  }

  /** Throws an InvariantError where the array is not of the tensor's type and size. */
  of(name: string, array: NamedArray, tensor: Tensor): OrtTensor {
    const known = this.views.get(array);
    if (known !== undefined) return known;
    if (array.data.length !== elementCount(tensor.shape)) {
      throw this.error(`'${name}' has ${array.data.length} values, not [${tensor.shape}]`);
    }
    const view =
      array.data instanceof Float32Array
        ? new this.ort.Tensor('float32', array.data, tensor.shape)
        : new this.ort.Tensor('int32', array.data, tensor.shape);
    if (tensor.type !== view.type) throw this.error(`'${name}' is ${view.type}, not ${tensor.type}`);
    this.views.set(array, view);
    return view;
  }

  error(what: string): InvariantError {
    return new InvariantError(`program ${this.program}: ${what}`);
  }
}

/** ONNX Runtime says in words alone what went wrong. */
export function runError(what: string, cause: unknown): ResourceError | InvariantError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return /bad_alloc|allocate memory|out of memory|Failed to allocate/i.test(message)
    ? new ResourceError(`${what}: out of memory; take fewer rows or a smaller model`, { cause })
    : new InvariantError(`${what}: ${message}`, { cause });
}
