/** The decode program with the parameters of one moment as constants. */

import type { Engine, Runnable } from '../engines/engine.ts';
import type { ModelShape } from '../model/options.ts';
import type { NamedArray } from '../session.ts';
import { yieldsEntries } from './decoder.ts';
import { decodeProgram } from './inference.ts';

/** A model is written out whole on the way to the engine: a larger one stays in the arrays that it is in. */
const MOST_BYTES = 2 ** 28;

export function canFreeze(engine: Engine, parameterCount: number): boolean {
  return engine.prefersConstants === true && parameterCount * 4 <= MOST_BYTES;
}

export class FrozenDecode {
  private readonly engine: Engine;
  private readonly shape: ModelShape;
  private made: { readonly version: number; readonly runnable: Promise<Runnable> } | undefined;

  constructor(engine: Engine, shape: ModelShape) {
    this.engine = engine;
    this.shape = shape;
  }

  /** Compiles where `version`, which counts the parameters' changes, is another than at the last call. */
  runnable(version: number, read: () => Promise<ReadonlyMap<string, NamedArray>>): Promise<Runnable> {
    const before = this.made;
    if (before?.version !== version) this.made = { version, runnable: this.compile(before?.runnable, read) };
    return this.made!.runnable;
  }

  private async compile(
    before: Promise<Runnable> | undefined,
    read: () => Promise<ReadonlyMap<string, NamedArray>>,
  ): Promise<Runnable> {
    await (await before)?.release();
    return this.engine.compile(
      decodeProgram(this.shape, { frozen: await read(), yieldsEntries: yieldsEntries(this.engine) }),
    );
  }

  async release(): Promise<void> {
    const { made } = this;
    this.made = undefined;
    await (await made?.runnable)?.release();
  }
}
