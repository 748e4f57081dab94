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
import { checkIds, openDecoder, yieldsEntries } from './decoder.ts';
import { canFreeze, FrozenDecode } from './frozen.ts';
import { decodeProgram, logitsProgram, prefillProgram } from './inference.ts';
import { type BatchShape, forwardProgram, isNext, lossGraph, metricOutput } from './training.ts';
import { isOpenKey, openUpdating, scalar, type TakenStep, type Updating } from './updating.ts';

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
  private readonly updating: Updating;
  private readonly compiled = new Map<string, Promise<Runnable>>();
  /** Whether a step has had a batch of which a token did not see its whole row. */
  private masks = false;
  /** How often the parameters have changed. */
  private version = 0;
  private readonly frozenDecode: FrozenDecode | undefined;

  private constructor(parts: SessionParts) {
    this.parts = parts;
    const { shape, objective, batch } = parts;
    checkLength(batch.length, shape);
    this.specs = [...lossGraph(shape, objective, batch).parameters.specs.values()];
    this.updating = openUpdating({
      ...parts,
      specs: this.specs,
      compile: (key, build) => this.compile(key, build),
      batchOf: (inputs) => this.stepBatch(inputs),
    });
    this.parameterCount = this.specs.reduce((count, { shape }) => count + elementCount(shape), 0);
    if (canFreeze(parts.engine, this.parameterCount))
      this.frozenDecode = new FrozenDecode(parts.engine, shape);
  }

  /** A session whose parameters are drawn from `parts.random`. */
  static async open(parts: SessionParts): Promise<ProgramSession> {
    const session = new ProgramSession(parts);
    for (const spec of session.specs) {
      await session.updating.parameters.write(parameterInput(spec.name), initialValues(spec, parts.random));
    }
    return session;
  }

  async step(microBatches: readonly NamedArrays[], settings: StepSettings): Promise<StepResult> {
    if (microBatches.length === 0) throw new InvariantError('a step needs at least one micro-batch');
    const weight = microBatches.reduce((total, inputs) => total + sumOf(inputs.lossWeight), 0);
    const inverseWeight = scalar(1 / weight);
    const weighted = microBatches.map((inputs) => ({ ...inputs, inverseWeight }));
    const taken = stepResult(await this.updating.take(weighted, settings));
    const tooHigh = taken.loss > (settings.maxLoss ?? Number.POSITIVE_INFINITY);
    const result = { ...taken, skipped: taken.skipped || tooHigh };
    if (!result.skipped) {
      this.updating.accept();
      this.version += 1;
    }
    return result;
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
    const read = { ...this.updating.parameters.inputs, inverseWeight: scalar(1), ...inputs };
    const { tokenLoss } = await runnable.run(read);
    return tokenLoss!.data as Float32Array;
  }

  async logits(inputs: NamedArrays): Promise<NamedArray> {
    const batch = this.checkBatch(inputs);
    const withPosition = inputs.position !== undefined;
    const runnable = await this.compile(`logits ${batch.rows}x${batch.length} ${withPosition}`, () =>
      logitsProgram(this.parts.shape, batch, withPosition),
    );
    return (await runnable.run({ ...this.updating.parameters.inputs, ...inputs })).logits!;
  }

  async decoder(): Promise<Decoder> {
    const { shape } = this.parts;
    return openDecoder({
      shape,
      engine: this.parts.engine,
      parameters: () => this.updating.parameters.inputs,
      prefill: (length) => this.compile(`prefill ${length}`, () => prefillProgram(shape, length)),
      decode: () =>
        this.frozenDecode?.runnable(this.version, () => this.readParameters()) ??
        this.compile('decode', () =>
          decodeProgram(shape, { yieldsEntries: yieldsEntries(this.parts.engine) }),
        ),
    });
  }

  async state(): Promise<SessionState> {
    const parameters = await this.readParameters();
    const moments = new Map<string, NamedArray>();
    for (const key of this.momentKeys()) moments.set(key, await this.updating.moments.read(`moment:${key}`));
    return { parameters, moments };
  }

  private async readParameters(): Promise<Map<string, NamedArray>> {
    const parameters = new Map<string, NamedArray>();
    for (const { name } of this.specs) {
      parameters.set(name, await this.updating.parameters.read(parameterInput(name)));
    }
    return parameters;
  }

  async load(state: SessionState): Promise<void> {
    refuseUnknown(state.parameters, new Set(this.specs.map(({ name }) => name)));
    refuseUnknown(state.moments, new Set(this.momentKeys()));
    for (const { name } of this.specs) {
      await this.updating.parameters.write(parameterInput(name), state.parameters.get(name));
    }
    for (const key of this.momentKeys())
      await this.updating.moments.write(`moment:${key}`, state.moments.get(key));
    this.version += 1;
  }

  async release(): Promise<void> {
    const runnables = await Promise.all(this.compiled.values());
    this.compiled.clear();
    for (const runnable of runnables) await runnable.release();
    await this.frozenDecode?.release();
    await this.updating.release();
  }

  /** `parameter/moment` */
  private momentKeys(): string[] {
    return this.specs.flatMap((spec) =>
      this.parts.optimizer.moments(spec).map((moment) => `${spec.name}/${moment}`),
    );
  }

  private compile(key: string, build: () => Program): Promise<Runnable> {
    const known = this.compiled.get(key);
    if (known !== undefined) return known;
    const program = build();
    const made = this.parts.engine.compile(program, Object.keys(program.outputs).filter(isNext));
    this.compiled.set(key, made);
    return made;
  }

  /**
   * The shape of a micro-batch of a step. As long as every token saw its whole row, steps mask nothing, which changes no bit;
   * the first batch that needs a mask ends that, so that programs of one kind alone hold memory.
   */
  private async stepBatch(inputs: NamedArrays): Promise<BatchShape> {
    const batch = this.checkBatch(inputs);
    if (this.masks) return batch;
    if (seesAll(inputs)) return { ...batch, seesAll: true };
    this.masks = true;
    for (const [key, runnable] of [...this.compiled].filter(([key]) => isOpenKey(key))) {
      this.compiled.delete(key);
      await (await runnable).release();
    }
    return batch;
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

/** Whether segments and orders are the same along each row. */
function seesAll({ tokens, segment, order }: NamedArrays): boolean {
  const [, length] = tokens!.shape as [number, number];
  return [segment, order].every((keys) => keys?.data.every((key, i) => key === keys.data[i - (i % length)]));
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

function sumOf(array: NamedArray | undefined): number {
  return (array?.data as Float32Array | undefined)?.reduce((total, value) => total + value, 0) ?? 0;
}

function stepResult({ results, gradientNorm }: TakenStep): StepResult {
  const total = (name: string) => results.reduce((sum, result) => sum + result[name]!.data[0]!, 0);
  const loss = total('loss');
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
