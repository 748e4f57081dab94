/** How a step changes parameters: by a program that writes to second buffers, or on the host where they are. */

import { InvariantError } from '../../core/errors.ts';
import type { Engine, ProgramInputs, Residents, Runnable } from '../engines/engine.ts';
import { HostResident, hostArray } from '../engines/host.ts';
import type { Program } from '../graph/program.ts';
import { elementCount } from '../graph/tensor.ts';
import type { ModelShape } from '../model/options.ts';
import { type ParameterSpec, parameterInput } from '../model/parameters.ts';
import type { Objective } from '../objectives/objective.ts';
import type { HostOptimizer, Optimizer } from '../optimizers/optimizer.ts';
import type { NamedArray, NamedArrays, StepSettings } from '../session.ts';
import { hostGradientProgram } from './host-gradient.ts';
import { Buffered, DoubleBuffered, type Shapes } from './store.ts';
import {
  type BatchShape,
  clipOf,
  gradientProgram,
  momentInput,
  stepProgram,
  sumInput,
  updateProgram,
} from './training.ts';

/** What an update needs of its session. */
export interface UpdatingHost {
  readonly shape: ModelShape;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly engine: Engine;
  readonly specs: readonly ParameterSpec[];
  /** Compiles what `build` gives, once for each `key`. */
  compile(key: string, build: () => Program): Promise<Runnable>;
  /** The shape of a micro-batch that fits the model. */
  batchOf(inputs: NamedArrays): Promise<BatchShape>;
}

/** What the programs of a step gave. */
export interface TakenStep {
  /** Of each micro-batch. */
  readonly results: readonly Readonly<Record<string, NamedArray>>[];
  readonly gradientNorm: number;
}

export interface Updating {
  readonly parameters: Buffered;
  readonly moments: Buffered;
  /** Computes a step, which changes nothing yet. `microBatches` have `inverseWeight` among their inputs. */
  take(microBatches: readonly NamedArrays[], settings: StepSettings): Promise<TakenStep>;
  /** Makes the step just taken count. */
  accept(): void;
  release(): Promise<void>;
}

export function openUpdating(host: UpdatingHost): Updating {
  const { engine, optimizer } = host;
  const onHost = engine.prefersHostUpdates === true ? optimizer.onHost?.bind(optimizer) : undefined;
  return onHost === undefined ? new ProgramUpdating(host) : new HostUpdating(host, onHost);
}

/** Marks the programs that mask nothing. */
const OPEN = ' open';
export const isOpenKey = (key: string) => key.endsWith(OPEN);

function stepKey(program: string, { rows, length, seesAll }: BatchShape): string {
  return `${program} ${rows}x${length}${seesAll ? OPEN : ''}`;
}

/** The shape of each parameter, by the names that it has of them. */
function shapesOf(
  specs: readonly ParameterSpec[],
  names: (spec: ParameterSpec) => readonly string[],
): Shapes {
  return Object.fromEntries(specs.flatMap((spec) => names(spec).map((name) => [name, spec.shape] as const)));
}

const parameterShapes = ({ specs }: UpdatingHost) => shapesOf(specs, ({ name }) => [parameterInput(name)]);
const momentShapes = ({ specs, optimizer }: UpdatingHost) =>
  shapesOf(specs, (spec) => optimizer.moments(spec).map((moment) => momentInput(spec.name, moment)));
const sumShapes = ({ specs }: UpdatingHost) => shapesOf(specs, ({ name }) => [sumInput(name)]);

/** Sums of gradients over micro-batches; their buffers are made when the first step has more than one. */
class GradientSums {
  private readonly host: UpdatingHost;
  private sums: DoubleBuffered | undefined;

  constructor(host: UpdatingHost) {
    this.host = host;
  }

  /** The sums, and what each micro-batch gave. */
  async over(parameters: Residents, microBatches: readonly NamedArrays[]) {
    const { shape, objective, engine } = this.host;
    this.sums ??= new DoubleBuffered(sumShapes(this.host), engine.resident);
    await this.sums.clear();
    const results: Record<string, NamedArray>[] = [];
    for (const inputs of microBatches) {
      const batch = await this.host.batchOf(inputs);
      const runnable = await this.host.compile(stepKey('sums', batch), () =>
        gradientProgram(shape, objective, batch),
      );
      results.push(await runnable.run({ ...parameters, ...this.sums.inputs, ...inputs }, this.sums.outputs));
      this.sums.flip();
    }
    return { sums: this.sums.inputs, results };
  }

  async release(): Promise<void> {
    await this.sums?.release();
  }
}

class ProgramUpdating implements Updating {
  readonly parameters: DoubleBuffered;
  readonly moments: DoubleBuffered;
  private readonly host: UpdatingHost;
  private readonly gradients: GradientSums;

  constructor(host: UpdatingHost) {
    this.host = host;
    this.parameters = new DoubleBuffered(parameterShapes(host), host.engine.resident);
    this.moments = new DoubleBuffered(momentShapes(host), host.engine.resident);
    this.gradients = new GradientSums(host);
  }

  async take(microBatches: readonly NamedArrays[], settings: StepSettings): Promise<TakenStep> {
    const { shape, objective, optimizer, specs } = this.host;
    if (microBatches.length === 1) {
      const batch = await this.host.batchOf(microBatches[0]!);
      const step = await this.host.compile(stepKey('step', batch), () =>
        stepProgram(shape, objective, batch, optimizer),
      );
      const results = await this.run(step, microBatches[0]!, settings);
      return { results: [results], gradientNorm: results.gradientNorm!.data[0]! };
    }
    const { sums, results } = await this.gradients.over(this.parameters.inputs, microBatches);
    const update = await this.host.compile('update', () => updateProgram(specs, optimizer));
    const { gradientNorm } = await this.run(update, sums, settings);
    return { results, gradientNorm: gradientNorm!.data[0]! };
  }

  private run(runnable: Runnable, inputs: ProgramInputs, settings: StepSettings) {
    const scalars = Object.entries(this.host.optimizer.scalars(settings)).map(
      ([name, value]) => [name, scalar(value)] as const,
    );
    return runnable.run(
      { ...this.parameters.inputs, ...this.moments.inputs, ...Object.fromEntries(scalars), ...inputs },
      { ...this.parameters.outputs, ...this.moments.outputs },
    );
  }

  accept(): void {
    this.parameters.flip();
    this.moments.flip();
  }

  async release(): Promise<void> {
    for (const store of [this.parameters, this.moments, this.gradients]) await store.release();
  }
}

/** Programs give gradients alone; what an update changes is there once. */
class HostUpdating implements Updating {
  readonly parameters: Buffered;
  readonly moments: Buffered;
  private readonly host: UpdatingHost;
  private readonly optimizer: HostOptimizer;
  /** Of the micro-batches of a step so far. */
  private readonly sums: Buffered;
  /** Of one of them after the first. */
  private readonly gradients: Buffered;
  private taken: { readonly norm: number; readonly settings: StepSettings } | undefined;

  constructor(host: UpdatingHost, onHost: NonNullable<Optimizer['onHost']>) {
    this.host = host;
    const shapes = [parameterShapes(host), momentShapes(host), sumShapes(host), sumShapes(host)];
    this.optimizer = onHost(shapes.flatMap((named) => Object.values(named)).map(elementCount));
    const arrays = this.optimizer.arrays.values();
    [this.parameters, this.moments, this.sums, this.gradients] = shapes.map(
      (named) => new Buffered(named, (shape) => new HostResident(shape, arrays.next().value)),
    ) as [Buffered, Buffered, Buffered, Buffered];
  }

  async take(microBatches: readonly NamedArrays[], settings: StepSettings): Promise<TakenStep> {
    const results: Record<string, NamedArray>[] = [];
    for (const [i, inputs] of microBatches.entries()) {
      results.push(await this.gradientOf(inputs, i === 0 ? this.sums : this.gradients));
      if (i > 0) this.eachSum((sum, name) => this.optimizer.add(sum, valuesOf(this.gradients.inputs, name)));
    }
    let squares = 0;
    this.eachSum((sum) => {
      squares += this.optimizer.sumOfSquares(sum);
    });
    const norm = Math.fround(Math.sqrt(squares));
    this.taken = { norm, settings };
    return { results, gradientNorm: norm };
  }

  private async gradientOf(inputs: NamedArrays, into: Buffered): Promise<Record<string, NamedArray>> {
    const { shape, objective } = this.host;
    const batch = await this.host.batchOf(inputs);
    const runnable = await this.host.compile(stepKey('gradient', batch), () =>
      hostGradientProgram(shape, objective, batch),
    );
    return runnable.run({ ...this.parameters.inputs, ...inputs }, into.outputs);
  }

  private eachSum(visit: (sum: Float32Array, name: string) => void): void {
    for (const { name } of this.host.specs) {
      visit(valuesOf(this.sums.inputs, sumInput(name)), sumInput(name));
    }
  }

  accept(): void {
    const { taken } = this;
    if (taken === undefined) throw new InvariantError('no step was taken');
    this.taken = undefined;
    const { optimizer, specs } = this.host;
    const scalars = optimizer.scalars(taken.settings);
    const clip = clipOf(optimizer.clipNorm, taken.norm);
    for (const spec of specs) {
      const moment = (name: string) => valuesOf(this.moments.inputs, momentInput(spec.name, name));
      const arrays = {
        parameter: valuesOf(this.parameters.inputs, parameterInput(spec.name)),
        gradient: valuesOf(this.sums.inputs, sumInput(spec.name)),
        moments: Object.fromEntries(optimizer.moments(spec).map((name) => [name, moment(name)])),
      };
      this.optimizer.update(spec, arrays, clip, scalars);
    }
  }

  async release(): Promise<void> {
    for (const store of [this.parameters, this.moments, this.sums, this.gradients]) await store.release();
  }
}

/** A number as an input of a program. */
export function scalar(value: number): NamedArray {
  return { shape: [], data: Float32Array.of(value) };
}

function valuesOf(residents: Residents, name: string): Float32Array {
  return hostArray(residents[name]!).data as Float32Array;
}
