/** What runs programs: an engine compiles a graph once per static shape and runs it many times. */

import type { Program } from '../graph/program.ts';
import type { Shape } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';

/**
 * A float32 array that an engine keeps where its programs run, from one run to the next: weights, moments, sums of
 * gradients, a key-value cache. Only programs of the engine that made it take it.
 */
export interface Resident {
  readonly shape: Shape;
  /** A copy on the host. */
  read(): Promise<NamedArray>;
  /** Replaces the values by a copy of `values`, as many as the shape has. */
  write(values: Float32Array): Promise<void>;
  /** Sets every value to zero. */
  clear(): Promise<void>;
  release(): Promise<void>;
}

export type ProgramInputs = Readonly<Record<string, NamedArray | Resident>>;
export type Residents = Readonly<Record<string, Resident>>;

/** A program made ready to run. */
export interface Runnable {
  /**
   * Runs once. `inputs` are by the program's input names. The results that `into` names are written to its resident
   * arrays, which must not be among `inputs`; the others are given back on the host.
   */
  run(inputs: ProgramInputs, into?: Residents): Promise<Record<string, NamedArray>>;
  release(): Promise<void>;
}

export interface Engine {
  /** For messages and measurements, such as `onnx on cpu, 2 threads`. */
  readonly description: string;
  /** Whether weights that stay as they are run faster as constants of a program, which the engine lays out once. */
  readonly prefersConstants?: boolean;
  /**
   * Whether resident arrays lie in the process's memory and every result costs a copy, so that what can be done
   * there without a program, an update or an entry of a cache, costs less there.
   */
  readonly prefersHostUpdates?: boolean;
  /** `kept` names the outputs that every run writes to resident arrays. */
  compile(program: Program, kept?: readonly string[]): Promise<Runnable>;
  /** A resident array of zeros. */
  resident(shape: Shape): Resident;
}
