/** The contract between the training loop and whatever runs the tensor programs of one model. */

/** A named input or output of a program: row-major values and their shape. */
export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}
export type NamedArrays = Readonly<Record<string, NamedArray>>;

/** Scalars of one optimizer step that change from step to step. */
export interface StepSettings {
  /** 1 for the first update; bias corrections depend on it. */
  readonly update: number;
  readonly learningRate: number;
  /** A higher loss makes no update (default: any finite one does). */
  readonly maxLoss?: number;
}

export interface StepResult {
  /** Weighted mean over all micro-batches, in nats. */
  readonly loss: number;
  /** For each micro-batch: nats per target position, [rows * length], 0 where the loss weight is 0. */
  readonly tokenLoss: readonly Float32Array[];
  /** Global L2 norm of the gradient before clipping. */
  readonly gradientNorm: number;
  /** True where the loss or the norm was not finite, or the loss too high: parameters and moments were left as they were. */
  readonly skipped: boolean;
  /** The objective's own scalars, by name: sums over the micro-batches, of which each gives its share of the step. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Every tensor that an exact continuation needs: parameters, and the optimizer's moments. */
export interface SessionState {
  readonly parameters: ReadonlyMap<string, NamedArray>;
  readonly moments: ReadonlyMap<string, NamedArray>;
}

export interface Logits {
  /** [vocabulary], nats, for the next token. */
  readonly data: Float32Array;
}

/** One sequence being generated, with its key-value cache. */
export interface Decoder {
  /** Feeds a prompt (at most the context length); gives the logits after its last token. */
  prefill(tokens: readonly number[]): Promise<Logits>;
  /** Feeds one more token; gives the logits after it. Throws past the context length. */
  decode(token: number): Promise<Logits>;
  release(): Promise<void>;
}

export interface ModelSession {
  readonly parameterCount: number;
  /** One optimizer step over one or more micro-batches of the objective's named inputs. */
  step(microBatches: readonly NamedArrays[], settings: StepSettings): Promise<StepResult>;
  /** Nats per target position, without an update. `position` [rows, length] may be given beside the objective's inputs. */
  loss(inputs: NamedArrays): Promise<Float32Array>;
  /** For each position, logits over the vocabulary, [rows * length, vocabulary]; for masked models and tests. */
  logits(inputs: NamedArrays): Promise<NamedArray>;
  decoder(): Promise<Decoder>;
  /** A copy: later steps do not change it. */
  state(): Promise<SessionState>;
  load(state: SessionState): Promise<void>;
  release(): Promise<void>;
}
