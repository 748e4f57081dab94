/** Arrays that outlive a step: by one set of buffers, or by two where a program reads what it replaces. */

import { IntegrityError } from '../../core/errors.ts';
import type { Engine, Residents } from '../engines/engine.ts';
import { type Shape, sameShape } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';
import { next } from './training.ts';

export type Shapes = Readonly<Record<string, Shape>>;

export class Buffered {
  protected current: Residents;

  /** `resident` gives zeros of a shape. */
  constructor(shapes: Shapes, resident: Engine['resident']) {
    this.current = residents(shapes, resident);
  }

  /** What programs read. */
  get inputs(): Residents {
    return this.current;
  }

  /** Where programs write that do not read the same, by output name. */
  get outputs(): Residents {
    return outputsTo(this.current);
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
    await releaseAll(this.current);
  }
}

/** Read from one set of buffers, written to another, and flipped once all is well. */
export class DoubleBuffered extends Buffered {
  private spare: Residents;

  constructor(shapes: Shapes, resident: Engine['resident']) {
    super(shapes, resident);
    this.spare = residents(shapes, resident);
  }

  override get outputs(): Residents {
    return outputsTo(this.spare);
  }

  /** What was written is what will be read. */
  flip(): void {
    [this.current, this.spare] = [this.spare, this.current];
  }

  override async release(): Promise<void> {
    await super.release();
    await releaseAll(this.spare);
  }
}

function residents(shapes: Shapes, resident: Engine['resident']): Residents {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, resident(shape)]));
}

function outputsTo(arrays: Residents): Residents {
  return Object.fromEntries(Object.entries(arrays).map(([name, resident]) => [next(name), resident]));
}

async function releaseAll(arrays: Residents): Promise<void> {
  for (const resident of Object.values(arrays)) await resident.release();
}
