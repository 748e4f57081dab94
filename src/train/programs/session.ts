/** A model session: the programs of one model over one parameter store on one engine. */

import { ConfigurationError, IntegrityError, InvariantError } from '../../core/errors.ts';
import type { Engine, Runnable } from '../engines/engine.ts';
import type { Program } from '../graph/program.ts';
import { elementCount } from '../graph/tensor.ts';
import type { ModelShape } from '../model/options.ts';
import { initialValues, type ParameterSpec, parameterInput } from '../model/parameters.ts';
import type { Objective } from '../objectives/objective.ts';
import { perToken } from '../objectives/windows.ts';
import type { Optimizer } from '../optimizers/optimizer.ts';
import type {
  Decoder,
  ModelSession,
  NamedArray,
  NamedArrays,
  SessionState,
  StepResult,
  StepSettings,
} from '../session.ts';
import { checkIds, openDecoder } from './decoder.ts';
import { canFreeze, FrozenDecode } from './frozen.ts';
import { decodeProgram, logitsProgram, prefillProgram } from './inference.ts';
import { DoubleBuffered } from './store.ts';
import {
  type BatchShape,
  forwardProgram,
  gradientProgram,
  isNext,
  lossGraph,
  metricOutput,
  momentInput,
  stepProgram,
  sumInput,
  updateProgram,
} from './training.ts';

export interface SessionParts {
  readonly shape: ModelShape;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly engine: Engine;
  readonly batch: BatchShape;
  readonly random: (name: string) => () => number;
}

export class ProgramSession implements ModelSession {
  readonly parameterCount: number;
  private readonly parts: SessionParts;
  private readonly specs: readonly ParameterSpec[];
  private readonly parameters: DoubleBuffered;
  private readonly moments: DoubleBuffered;
  /** Sums of gradients over micro-batches; made when the first step has more than one. */
  private sums: DoubleBuffered | undefined;
  private readonly compiled = new Map<string, Promise<Runnable>>();
  /** How often the parameters have changed. */
  private version = 0;
  private readonly frozenDecode: FrozenDecode | undefined;

  private constructor(parts: SessionParts) {
    this.parts = parts;
    const { shape, objective, batch, optimizer } = parts;
    checkLength(batch.length, shape);
    this.specs = [...lossGraph(shape, objective, batch).parameters.specs.values()];
    this.parameters = this.buffered((spec) => [parameterInput(spec.name)]);
    this.moments = this.buffered((spec) =>
      optimizer.moments(spec).map((moment) => momentInput(spec.name, moment)),
    );
    this.parameterCount = this.specs.reduce((count, { shape }) => count + elementCount(shape), 0);
    if (canFreeze(parts.engine, this.parameterCount))
      this.frozenDecode = new FrozenDecode(parts.engine, shape);
  }

  /** A session whose parameters are drawn from `parts.random`. */
  static async open(parts: SessionParts): Promise<ProgramSession> {
    const session = new ProgramSession(parts);
    for (const spec of session.specs) {
      await session.parameters.write(parameterInput(spec.name), initialValues(spec, parts.random));
    }
    return session;
  }

  /** Double-buffered arrays of a parameter's shape, by the names that each parameter has of them. */
  private buffered(names: (spec: ParameterSpec) => readonly string[]): DoubleBuffered {
    const shapes = this.specs.flatMap((spec) => names(spec).map((name) => [name, spec.shape] as const));
    return new DoubleBuffered(this.parts.engine, Object.fromEntries(shapes));
  }

  async step(microBatches: readonly NamedArrays[], settings: StepSettings): Promise<StepResult> {
    if (microBatches.length === 0) throw new InvariantError('a step needs at least one micro-batch');
    const weight = microBatches.reduce((total, inputs) => total + sumOf(inputs.lossWeight), 0);
    const inverseWeight = scalar(1 / weight);
    const taken =
      microBatches.length === 1
        ? await this.fusedStep({ ...microBatches[0]!, inverseWeight }, settings)
        : await this.accumulatedStep(
            microBatches.map((inputs) => ({ ...inputs, inverseWeight })),
            settings,
          );
    const tooHigh = taken.loss > (settings.maxLoss ?? Number.POSITIVE_INFINITY);
    const result = { ...taken, skipped: taken.skipped || tooHigh };
    if (!result.skipped) {
      this.parameters.flip();
      this.moments.flip();
      this.version += 1;
    }
    return result;
  }

  private async fusedStep(inputs: NamedArrays, settings: StepSettings): Promise<StepResult> {
    const { shape, objective, optimizer } = this.parts;
    const batch = this.checkBatch(inputs);
    const runnable = await this.compile(`step ${batch.rows}x${batch.length}`, () =>
      stepProgram(shape, objective, batch, optimizer),
    );
    const results = await runnable.run(
      { ...this.parameters.inputs, ...this.moments.inputs, ...this.scalars(settings), ...inputs },
      { ...this.parameters.outputs, ...this.moments.outputs },
    );
    return stepResult([results], results.gradientNorm!);
  }

  private async accumulatedStep(
    microBatches: readonly NamedArrays[],
    settings: StepSettings,
  ): Promise<StepResult> {
    const { shape, objective, optimizer } = this.parts;
    this.sums ??= this.buffered((spec) => [sumInput(spec.name)]);
    await this.sums.clear();
    const results: Record<string, NamedArray>[] = [];
    for (const inputs of microBatches) {
      const batch = this.checkBatch(inputs);
      const runnable = await this.compile(`gradient ${batch.rows}x${batch.length}`, () =>
        gradientProgram(shape, objective, batch),
      );
      const read = { ...this.parameters.inputs, ...this.sums.inputs, ...inputs };
      results.push(await runnable.run(read, this.sums.outputs));
      this.sums.flip();
    }
    const update = await this.compile('update', () => updateProgram(this.specs, optimizer));
    const { gradientNorm } = await update.run(
      { ...this.parameters.inputs, ...this.moments.inputs, ...this.sums.inputs, ...this.scalars(settings) },
      { ...this.parameters.outputs, ...this.moments.outputs },
    );
    return stepResult(results, gradientNorm!);
  }

  async loss(inputs: NamedArrays): Promise<Float32Array> {
    const { shape } = this.parts;
    const batch = this.checkBatch(inputs);
    // An evaluation packs several documents into a row, whatever the objective's own inputs are.
    const withPosition = inputs.position !== undefined;
    const objective = withPosition ? withPositions(this.parts.objective) : this.parts.objective;
    const runnable = await this.compile(`forward ${batch.rows}x${batch.length} ${withPosition}`, () =>
      forwardProgram(shape, objective, batch),
    );
    const read = { ...this.parameters.inputs, inverseWeight: scalar(1), ...inputs };
    const { tokenLoss } = await runnable.run(read);
    return tokenLoss!.data as Float32Array;
  }

  async logits(inputs: NamedArrays): Promise<NamedArray> {
    const batch = this.checkBatch(inputs);
    const withPosition = inputs.position !== undefined;
    const runnable = await this.compile(`logits ${batch.rows}x${batch.length} ${withPosition}`, () =>
      logitsProgram(this.parts.shape, batch, withPosition),
    );
    return (await runnable.run({ ...this.parameters.inputs, ...inputs })).logits!;
  }

  async decoder(): Promise<Decoder> {
    const { shape } = this.parts;
    return openDecoder({
      shape,
      engine: this.parts.engine,
      parameters: () => this.parameters.inputs,
      prefill: (length) => this.compile(`prefill ${length}`, () => prefillProgram(shape, length)),
      decode: () =>
        this.frozenDecode?.runnable(this.version, () => this.readParameters()) ??
        this.compile('decode', () => decodeProgram(shape)),
    });
  }

  async state(): Promise<SessionState> {
    const parameters = await this.readParameters();
    const moments = new Map<string, NamedArray>();
    for (const key of this.momentKeys()) moments.set(key, await this.moments.read(`moment:${key}`));
    return { parameters, moments };
  }

  private async readParameters(): Promise<Map<string, NamedArray>> {
    const parameters = new Map<string, NamedArray>();
    for (const { name } of this.specs) {
      parameters.set(name, await this.parameters.read(parameterInput(name)));
    }
    return parameters;
  }

  async load(state: SessionState): Promise<void> {
    refuseUnknown(state.parameters, new Set(this.specs.map(({ name }) => name)));
    refuseUnknown(state.moments, new Set(this.momentKeys()));
    for (const { name } of this.specs) {
      await this.parameters.write(parameterInput(name), state.parameters.get(name));
    }
    for (const key of this.momentKeys()) await this.moments.write(`moment:${key}`, state.moments.get(key));
    this.version += 1;
  }

  async release(): Promise<void> {
    const runnables = await Promise.all(this.compiled.values());
    this.compiled.clear();
    for (const runnable of runnables) await runnable.release();
    await this.frozenDecode?.release();
    for (const store of [this.parameters, this.moments, this.sums]) await store?.release();
  }

  /** `parameter/moment` */
  private momentKeys(): string[] {
    return this.specs.flatMap((spec) =>
      this.parts.optimizer.moments(spec).map((moment) => `${spec.name}/${moment}`),
    );
  }

  private scalars(settings: StepSettings): Record<string, NamedArray> {
    const values = Object.entries(this.parts.optimizer.scalars(settings));
    return Object.fromEntries(values.map(([name, value]) => [name, scalar(value)]));
  }

  private compile(key: string, build: () => Program): Promise<Runnable> {
    const known = this.compiled.get(key);
    if (known !== undefined) return known;
    const program = build();
    const made = this.parts.engine.compile(program, Object.keys(program.outputs).filter(isNext));
    this.compiled.set(key, made);
    return made;
  }

  /** The shape of a micro-batch, once its tokens are known to fit the model. */
  private checkBatch({ tokens, targets }: NamedArrays): BatchShape {
    const { shape } = this.parts;
    if (tokens?.shape.length !== 2) throw new InvariantError("inputs need 'tokens' of [rows, length]");
    const [rows, length] = tokens.shape as [number, number];
    checkLength(length, shape);
    checkIds(tokens.data, shape.vocabulary);
    if (targets !== undefined) checkIds(targets.data, shape.vocabulary);
    return { rows, length };
  }
}

function withPositions(objective: Objective): Objective {
  return { ...objective, inputSpecs: { ...objective.inputSpecs, position: perToken('int32') } };
}

function checkLength(length: number, { context }: ModelShape): void {
  if (length <= context) return;
  throw new ConfigurationError("sequences are longer than the model's context", {
    expected: `at most ${context} tokens`,
    found: `${length}`,
  });
}

function refuseUnknown(given: ReadonlyMap<string, unknown>, known: ReadonlySet<string>): void {
  for (const name of given.keys()) {
    if (!known.has(name)) throw new IntegrityError(`the state does not fit this model: it has no ${name}`);
  }
}

function scalar(value: number): NamedArray {
  return { shape: [], data: Float32Array.of(value) };
}

function sumOf(array: NamedArray | undefined): number {
  return (array?.data as Float32Array | undefined)?.reduce((total, value) => total + value, 0) ?? 0;
}

function stepResult(results: readonly Record<string, NamedArray>[], norm: NamedArray): StepResult {
  const total = (name: string) => results.reduce((sum, result) => sum + result[name]!.data[0]!, 0);
  const loss = total('loss');
  const gradientNorm = norm.data[0]!;
  const prefix = metricOutput('');
  const names = Object.keys(results[0]!).filter((name) => name.startsWith(prefix));
  return {
    loss,
    tokenLoss: results.map(({ tokenLoss }) => tokenLoss!.data as Float32Array),
    gradientNorm,
    skipped: !Number.isFinite(loss) || !Number.isFinite(gradientNorm),
    metrics: Object.fromEntries(names.map((name) => [name.slice(prefix.length), total(name)])),
  };
}
