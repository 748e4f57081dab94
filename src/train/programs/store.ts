/** Arrays that a step replaces: read from one set of buffers, written to another, and flipped once all is well. */

import { IntegrityError } from '../../core/errors.ts';
import { elementCount, type Shape, sameShape } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';
import { next } from './training.ts';

export class DoubleBuffered {
  private current: Record<string, NamedArray>;
  private spare: Record<string, NamedArray>;

  constructor(initial: Readonly<Record<string, NamedArray>>) {
    this.current = { ...initial };
    this.spare = Object.fromEntries(Object.entries(initial).map(([name, { shape }]) => [name, zeros(shape)]));
  }

  /** What programs read. */
  get inputs(): Readonly<Record<string, NamedArray>> {
    return this.current;
  }

  /** Where programs write, by output name. */
  get outputs(): Record<string, NamedArray> {
    return Object.fromEntries(Object.entries(this.spare).map(([name, array]) => [next(name), array]));
  }

  /** What was written is what will be read. */
  flip(): void {
    [this.current, this.spare] = [this.spare, this.current];
  }

  clear(): void {
    for (const { data } of Object.values(this.current)) data.fill(0);
  }

  copy(name: string): NamedArray {
    const { shape, data } = this.current[name]!;
    return { shape, data: data.slice() };
  }

  /** Throws an IntegrityError that names the array where it is missing or of another shape. */
  set(name: string, given: NamedArray | undefined): void {
    const own = this.current[name]!;
    if (given === undefined || !sameShape(given.shape, own.shape) || !(given.data instanceof Float32Array)) {
      throw new IntegrityError(`the state does not fit this model: ${name}`, {
        expected: `float32 [${own.shape}]`,
        found: given === undefined ? 'nothing' : `[${given.shape}]`,
      });
    }
    own.data.set(given.data);
  }
}

export function zeros(shape: Shape): NamedArray {
  return { shape, data: new Float32Array(elementCount(shape)) };
}
