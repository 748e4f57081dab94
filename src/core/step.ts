import type { z } from 'zod';
import type { DocumentBatch, TokenBatch } from './batch.ts';
import { InvariantError } from './errors.ts';
import { decideByRules, type Rule } from './rules.ts';
import type {
  Artifact,
  Barrier,
  JobContext,
  JobOutcome,
  Judge,
  Source,
  Stage,
  StageContext,
} from './stage.ts';

/** What flows from step to step. `nothing` is before a source and after the last barrier. */
export type Flow = 'nothing' | 'documents' | 'tokens';

export type BatchOf<F extends Flow> = F extends 'documents'
  ? DocumentBatch
  : F extends 'tokens'
    ? TokenBatch
    : never;

interface Described<
  Kind extends string,
  Schema extends z.ZodType,
  In extends Flow,
  Out extends Flow,
  Needs extends Artifact,
  Gives extends Artifact,
> {
  /** The name in a pipeline file. */
  readonly kind: Kind;
  /** One line for `provender steps`. */
  readonly summary: string;
  /** A strict object; every default lives here, and every option has a description. */
  readonly options: Schema;
  /** import.meta.url of the file that defines the step: its transitive source is part of the fingerprint. */
  readonly module: string;
  readonly from: In;
  readonly to: Out;
  readonly needs: readonly Needs[];
  readonly gives: readonly Gives[];
  /**
   * Files that the options name and the outcome depends on: their digests enter the fingerprint. Relative paths are
   * taken from `baseFolder`. A ConfigurationError from here ends a run before its first step.
   */
  readonly files?: (options: z.output<Schema>, baseFolder: string) => readonly string[];
  /**
   * Throws a ConfigurationError for options that do not fit one another, or the steps before: as soon as a pipeline is
   * opened, not when its turn comes hours later.
   */
  readonly check?: (options: z.output<Schema>, before: readonly StepBefore[]) => void;
  /**
   * Throws where this machine cannot carry the step out, for want of a device: before the first step of a run that
   * still has to do it. Must cost nothing where nothing special is asked for.
   */
  readonly ready?: (options: z.output<Schema>) => Promise<void>;
}

export type SourceStep<K extends string, S extends z.ZodType> = Described<
  K,
  S,
  'nothing',
  'documents',
  never,
  never
> & {
  readonly role: 'source';
  readonly source: Source<z.output<S>>;
};
export type JudgeStep<
  K extends string,
  S extends z.ZodType,
  N extends Artifact = never,
  Loaded = void,
> = Described<K, S, 'documents', 'documents', N, never> & {
  readonly role: 'judge';
  readonly judge: Judge<z.output<S>, Loaded>;
};
export type StageStep<
  K extends string,
  S extends z.ZodType,
  In extends Flow,
  Out extends Flow,
  N extends Artifact,
> = Described<K, S, In, Out, N, never> & {
  readonly role: 'stage';
  /** Names of what it leaves in the rows of documents as signals `KIND.NAME`. */
  readonly signals?: readonly string[];
  /** The rules by which it refuses documents, over those signals. */
  readonly rules?: readonly Rule[];
  /**
   * Held-out and validation documents go around a stage from documents to documents, as they go around judges: what a
   * model is measured on must not depend on the recipe. A stage that must see them says so.
   */
  readonly seesHeldOut?: boolean;
  open(
    options: z.output<S>,
    context: StageContext,
  ): Stage<BatchOf<In>, BatchOf<Out>> | Promise<Stage<BatchOf<In>, BatchOf<Out>>>;
};
export type BarrierStep<
  K extends string,
  S extends z.ZodType,
  In extends Flow,
  Out extends Flow,
  N extends Artifact,
  G extends Artifact,
> = Described<K, S, In, Out, N, G> & {
  readonly role: 'barrier';
  readonly barrier: Barrier<z.output<S>, BatchOf<In>>;
};
export type JobStep<
  K extends string,
  S extends z.ZodType,
  F extends Flow,
  N extends Artifact,
  G extends Artifact,
> = Described<K, S, F, F, N, G> & {
  readonly role: 'job';
  run(options: z.output<S>, context: JobContext): Promise<JobOutcome>;
};

/** Any step, its types forgotten: what the planner and the workers hold. Options were checked by `options`. */
export interface AnyStep {
  readonly kind: string;
  readonly summary: string;
  readonly options: z.ZodType;
  readonly module: string;
  readonly from: Flow;
  readonly to: Flow;
  readonly needs: readonly Artifact[];
  readonly gives: readonly Artifact[];
  readonly files?: (options: never, baseFolder: string) => readonly string[];
  readonly check?: (options: never, before: readonly StepBefore[]) => void;
  readonly ready?: (options: never) => Promise<void>;
  readonly role: 'source' | 'judge' | 'stage' | 'barrier' | 'job';
}

/** A step and its options as a pipeline file, a worker, a manifest and an ablation all hold them. */
export interface StepSpec {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Where the step is named apart from its kind: two steps of a kind, or a user's own module. */
  readonly name?: string;
  /** A user's own step: the module that defines it. */
  readonly use?: string;
}

/** A step of a pipeline as a later one sees it. */
export interface StepBefore extends StepSpec {
  /** Tells of a user's own step what it can do. */
  readonly role: AnyStep['role'];
}

export function isStep(value: unknown): value is AnyStep {
  return (
    typeof value === 'object' && value !== null && 'role' in value && 'kind' in value && 'options' in value
  );
}

/** A filter on documents. It decides by `rules` where it has them, else by `decide`. */
export function defineJudge<
  const K extends string,
  S extends z.ZodType,
  Loaded = void,
  const N extends Artifact = never,
>(
  step: Pick<JudgeStep<K, S>, 'kind' | 'summary' | 'options' | 'module' | 'files'> & {
    readonly needs?: readonly N[];
  } & Omit<Judge<z.output<S>, Loaded>, 'decide'> &
    Partial<Pick<Judge<z.output<S>>, 'decide'>>,
): JudgeStep<K, S, N, Loaded> {
  const { kind, summary, options, module, files, needs = [] } = step;
  const { signals, load, measure, describe, rules } = step;
  const decide = rules ? decideByRules<z.output<S>>(rules, signals) : step.decide;
  if (!decide || (rules && step.decide))
    throw new InvariantError(`judge ${kind}`, {
      expected: 'either rules or decide',
      found: decide ? 'both' : 'neither',
    });
  return {
    role: 'judge',
    kind,
    summary,
    options,
    module,
    from: 'documents',
    to: 'documents',
    needs,
    gives: [],
    files,
    judge: { signals, load, measure, describe, decide, rules },
  };
}

/** A streaming step from batches to batches. */
export function defineStage<
  const K extends string,
  S extends z.ZodType,
  const In extends Flow,
  const Out extends Flow,
  const N extends Artifact = never,
>(step: Omit<StageStep<K, S, In, Out, N>, 'role' | 'gives'>): StageStep<K, S, In, Out, N> {
  return { ...step, role: 'stage', gives: [] };
}

export function defineSource<const K extends string, S extends z.ZodType>(
  step: Pick<SourceStep<K, S>, 'kind' | 'summary' | 'options' | 'module' | 'source'>,
): SourceStep<K, S> {
  return { ...step, role: 'source', from: 'nothing', to: 'documents', needs: [], gives: [] };
}

/** A step that must see every document before the next step sees one. */
export function defineBarrier<
  const K extends string,
  S extends z.ZodType,
  const In extends Flow,
  const Out extends Flow,
  const N extends Artifact = never,
  const G extends Artifact = never,
>(step: Omit<BarrierStep<K, S, In, Out, N, G>, 'role'>): BarrierStep<K, S, In, Out, N, G> {
  return { ...step, role: 'barrier' };
}

/** A step that turns artifacts into artifacts; documents flow past it untouched. */
export function defineJob<
  const K extends string,
  S extends z.ZodType,
  const N extends Artifact = never,
  const G extends Artifact = never,
>(
  step: Pick<
    JobStep<K, S, Flow, N, G>,
    'kind' | 'summary' | 'options' | 'module' | 'needs' | 'gives' | 'files' | 'check' | 'ready' | 'run'
  >,
): JobStep<K, S, Flow, N, G> {
  // A job is at home in any flow: the planner checks only its artifacts.
  return { ...step, role: 'job', from: 'nothing', to: 'nothing' };
}
