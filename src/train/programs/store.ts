/** Arrays that a step replaces: read from one set of buffers, written to another, and flipped once all is well. */

import { IntegrityError } from '../../core/errors.ts';
import type { Engine, Resident, Residents } from '../engines/engine.ts';
import { type Shape, sameShape } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';
import { next } from './training.ts';

export class DoubleBuffered {
  private current: Record<string, Resident>;
  private spare: Record<string, Resident>;

  /** Zeros of each shape. */
  constructor(engine: Engine, shapes: Readonly<Record<string, Shape>>) {
    const residents = () =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, engine.resident(shape)]));
    this.current = residents();
    this.spare = residents();
  }

  /** What programs read. */
  get inputs(): Residents {
    return this.current;
  }

  /** Where programs write, by output name. */
  get outputs(): Residents {
    return Object.fromEntries(Object.entries(this.spare).map(([name, resident]) => [next(name), resident]));
  }

  /** What was written is what will be read. */
  flip(): void {
    [this.current, this.spare] = [this.spare, this.current];
  }

  async clear(): Promise<void> {
    for (const resident of Object.values(this.current)) await resident.clear();
  }

  /** A copy on the host. */
  read(name: string): Promise<NamedArray> {
    return this.current[name]!.read();
  }

  /** Throws an IntegrityError that names the array where it is missing or of another shape. */
  async write(name: string, given: NamedArray | undefined): Promise<void> {
    const own = this.current[name]!;
    if (given === undefined || !sameShape(given.shape, own.shape) || !(given.data instanceof Float32Array)) {
      throw new IntegrityError(`the state does not fit this model: ${name}`, {
        expected: `float32 [${own.shape}]`,
        found: given === undefined ? 'nothing' : `[${given.shape}]`,
      });
    }
    await own.write(given.data);
  }

  async release(): Promise<void> {
    for (const resident of [...Object.values(this.current), ...Object.values(this.spare)]) {
      await resident.release();
    }
  }
}
