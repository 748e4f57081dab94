/** What runs programs: an engine compiles a graph once per static shape and runs it many times. */

import { z } from 'zod';
import type { Program } from '../graph/program.ts';
import type { NamedArray } from '../session.ts';

export const engineOptions = z.strictObject({
  kind: z
    .enum(['onnx', 'reference'])
    .default('onnx')
    .describe('reference: plain TypeScript, slow, for tests'),
  device: z.enum(['cpu']).default('cpu').describe('where the programs run'),
  threads: z.int().min(1).optional().describe('default: as many as the machine has processors'),
});

export type EngineOptions = z.input<typeof engineOptions>;

/** A program made ready to run. */
export interface Runnable {
  /**
   * Runs once. `inputs` are by the program's input names. Results are written into the arrays of `into` where it
   * names them, else into new ones; an array of `into` must not be one of `inputs`.
   */
  run(
    inputs: Readonly<Record<string, NamedArray>>,
    into?: Readonly<Record<string, NamedArray>>,
  ): Promise<Record<string, NamedArray>>;
  release(): Promise<void>;
}

export interface Engine {
  /** For messages and measurements, such as `onnx on cpu, 2 threads`. */
  readonly description: string;
  compile(program: Program): Promise<Runnable>;
}
