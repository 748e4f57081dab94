import type { z } from 'zod';
import { ConfigurationError } from './errors.ts';
import { type PipelineSpec, RunOptions } from './pipeline-file.ts';
import type { Artifact } from './stage.ts';
import type { Flow, StepSpec } from './step.ts';

/** What `Pipeline.step` needs to know of a step's types. */
interface Typed<
  Options extends z.ZodType,
  In extends Flow,
  Out extends Flow,
  Needs extends Artifact,
  Gives extends Artifact,
> {
  readonly kind: string;
  readonly role: string;
  readonly options: Options;
  readonly from: In;
  readonly to: Out;
  readonly needs: readonly Needs[];
  readonly gives: readonly Gives[];
}

/**
 * A pipeline composed in TypeScript. `F` is what flows at its end and `Have` the artifacts made so far: a step that
 * wants another flow, or an artifact that nothing before it gives, does not compile.
 *
 * @example
 * const spec = pipeline('mine').step(read, { inputs: [{ corpus: 'sotu' }] }).step(length, { minWords: 50 }).spec('.');
 */
export class Pipeline<F extends Flow, Have extends Artifact> {
  private readonly name: string;
  private readonly seed: number;
  private readonly run: z.input<typeof RunOptions>;
  private readonly steps: readonly StepSpec[];

  constructor(name: string, seed: number, run: z.input<typeof RunOptions>, steps: readonly StepSpec[]) {
    this.name = name;
    this.seed = seed;
    this.run = run;
    this.steps = steps;
  }

  /** Adds a source, a judge, a stage or a barrier: it must take what flows here. */
  step<O extends z.ZodType, Out extends Flow, N extends Have, G extends Artifact>(
    step: Typed<O, F, Out, N, G> & { readonly role: 'source' | 'judge' | 'stage' | 'barrier' },
    options: z.input<O>,
  ): Pipeline<Out, Have | G> {
    return new Pipeline<Out, Have | G>(this.name, this.seed, this.run, [
      ...this.steps,
      this.specOf(step, options),
    ]);
  }

  /** Adds a job: it must find the artifacts that it needs. */
  job<O extends z.ZodType, N extends Have, G extends Artifact>(
    step: Typed<O, Flow, Flow, N, G> & { readonly role: 'job' },
    options: z.input<O>,
  ): Pipeline<F, Have | G> {
    return new Pipeline<F, Have | G>(this.name, this.seed, this.run, [
      ...this.steps,
      this.specOf(step, options),
    ]);
  }

  /** The pipeline as data, all defaults filled in: what `runPlan` and a pipeline file have in common. */
  spec(baseFolder: string): PipelineSpec {
    return {
      name: this.name,
      seed: this.seed,
      run: RunOptions.parse(this.run),
      steps: this.steps,
      baseFolder,
    };
  }

  private specOf(step: { kind: string; options: z.ZodType }, options: unknown): StepSpec {
    const parsed = step.options.safeParse(options);
    if (!parsed.success)
      throw new ConfigurationError(
        `step ${step.kind}: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
      );
    const same = this.steps.filter((other) => other.kind === step.kind).length;
    return {
      kind: step.kind,
      name: same ? `${step.kind}-${same + 1}` : step.kind,
      options: parsed.data as Record<string, unknown>,
    };
  }
}

export function pipeline(
  name: string,
  settings: { seed?: number; run?: z.input<typeof RunOptions> } = {},
): Pipeline<'nothing', never> {
  return new Pipeline<'nothing', never>(name, settings.seed ?? 1, settings.run ?? {}, []);
}
