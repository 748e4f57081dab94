import { requireOrderedBounds } from '../core/bounds.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { PipelineSpec, StepTable } from '../core/pipeline-file.ts';
import { ARTIFACT_NAMES, type Artifact, type Barrier } from '../core/stage.ts';
import type { AnyStep, Flow, StepBefore, StepSpec } from '../core/step.ts';

/** A step at its place in the pipeline. */
export interface StepReference {
  readonly position: number;
  readonly name: string;
  readonly spec: StepSpec;
}

export interface Applied {
  readonly step: StepReference;
  readonly unit: number;
  /** It changes nothing: the documents go on as they were. */
  readonly passes?: true | undefined;
}

/** Fused streaming steps between two barriers; a task of it reads, judges and commits one partition. */
export interface SegmentUnit {
  readonly type: 'segment';
  readonly index: number;
  readonly name: string;
  /** The source's step; absent where documents come from an earlier unit. */
  readonly source?: StepReference;
  /** Index of the segment whose documents are read. */
  readonly upstream?: number;
  /** The barrier whose outcome is applied first, and the unit that holds it. */
  readonly apply?: Applied;
  readonly stages: readonly StepReference[];
  /** The barrier that gets side files from here. */
  readonly tap?: StepReference;
  /** Whether documents are written for a later segment or for people. */
  readonly keepsDocuments: boolean;
  readonly artifacts: Readonly<Partial<Record<Artifact, number>>>;
}

/** One piece of global work: a barrier's reduction, or a job that turns artifacts into artifacts. */
export interface JobUnit {
  readonly type: 'job';
  readonly index: number;
  readonly name: string;
  readonly step: StepReference;
  /** The segment that wrote the side files, for a barrier. */
  readonly taps?: number;
  readonly artifacts: Readonly<Partial<Record<Artifact, number>>>;
}

export type Unit = SegmentUnit | JobUnit;

export interface Plan {
  readonly spec: PipelineSpec;
  readonly units: readonly Unit[];
  readonly steps: readonly StepReference[];
}

function checkOrder(
  reference: StepReference,
  step: AnyStep,
  flow: Flow,
  have: ReadonlyMap<Artifact, number>,
  before: readonly StepReference[],
): void {
  const place = `step ${reference.position + 1} (${reference.name})`;
  if (step.role === 'source' && before.length)
    throw new ConfigurationError(`${place}: a source must be the first step`);
  if (step.role !== 'job' && step.from !== flow) {
    const wants = step.from === 'nothing' ? 'to be first' : step.from;
    const why =
      flow === 'nothing'
        ? before.length
          ? 'none reach it here'
          : 'nothing comes before it'
        : `${flow} reach it here`;
    const hint =
      step.from === 'tokens' && flow === 'documents'
        ? "; put 'encode' before it"
        : step.from === 'documents' && !before.length
          ? "; put 'read' first"
          : '';
    throw new ConfigurationError(`${place} needs ${wants}, but ${why}${hint}`);
  }
  for (const artifact of step.needs) {
    if (!have.has(artifact))
      throw new ConfigurationError(
        `${place} needs ${ARTIFACT_NAMES[artifact]}, which no step before it makes`,
      );
  }
}

/** What a step says of its own options, and of the steps before it. */
function checkOptions(
  { position, name, spec }: StepReference,
  { check }: AnyStep,
  before: readonly StepBefore[],
): void {
  try {
    requireOrderedBounds(spec.options);
    const mine = check as ((options: unknown, before: readonly StepBefore[]) => void) | undefined;
    mine?.(spec.options, before);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(`step ${position + 1} (${name}): ${error.message}`, { cause: error });
  }
}

/**
 * Cuts a pipeline into segments of fused steps and jobs, and checks that the steps can follow one another. Before
 * each position in `cuts` the documents are written and read again: what comes before can then be shared with a
 * pipeline that goes on in another way from there.
 */
export async function planPipeline(
  spec: PipelineSpec,
  table: StepTable,
  cuts: ReadonlySet<number> = new Set(),
): Promise<Plan> {
  const units: Unit[] = [];
  const steps: StepReference[] = [];
  const before: StepBefore[] = [];
  const artifacts = new Map<Artifact, number>();
  let flow: Flow = 'nothing';
  let upstream: number | undefined;
  let open: { source?: StepReference; apply?: Applied; stages: StepReference[] } | undefined;
  const has = (): Partial<Record<Artifact, number>> => Object.fromEntries(artifacts);

  const closeSegment = (tap: StepReference | undefined, keepsDocuments: boolean): number => {
    const index = units.length;
    const parts = [open!.source, open!.apply?.step, ...open!.stages].filter((part) => part !== undefined);
    const name = parts[0]?.name ?? tap?.name ?? 'pass';
    const applied = open!.apply && !open!.source ? 'after-' : '';
    units.push({
      type: 'segment',
      index,
      name: `${applied}${name}`,
      source: open!.source,
      upstream,
      apply: open!.apply,
      stages: open!.stages,
      tap,
      keepsDocuments,
      artifacts: has(),
    });
    upstream = index;
    open = undefined;
    return index;
  };

  for (let position = 0; position < spec.steps.length; position++) {
    const stepSpec = spec.steps[position]!;
    const step = stepSpec.use
      ? (await table.loadUserStep(stepSpec.use)).step
      : await table.get(stepSpec.kind);
    if (!step) throw new ConfigurationError(`no step is called '${stepSpec.kind}'`);
    const reference: StepReference = { position, name: stepSpec.name ?? stepSpec.kind, spec: stepSpec };
    checkOrder(reference, step, flow, artifacts, steps);
    checkOptions(reference, step, before);
    steps.push(reference);
    before.push({ ...stepSpec, role: step.role });
    if (cuts.has(position) && flow === 'documents' && (open?.source || open?.apply || open?.stages.length))
      closeSegment(undefined, true);
    switch (step.role) {
      case 'source':
        open = { source: reference, stages: [] };
        flow = step.to;
        break;
      case 'judge':
      case 'stage':
        open ??= { stages: [] };
        open.stages.push(reference);
        flow = step.to;
        break;
      case 'barrier': {
        open ??= { stages: [] };
        const taps = closeSegment(reference, step.to === 'documents');
        const unit = units.length;
        units.push({
          type: 'job',
          index: unit,
          name: reference.name,
          step: reference,
          taps,
          artifacts: has(),
        });
        for (const artifact of step.gives) artifacts.set(artifact, unit);
        flow = step.to;
        const { passes } = (step as unknown as { barrier: Barrier<unknown, never> }).barrier;
        if (flow === 'documents') open = { apply: { step: reference, unit, passes }, stages: [] };
        break;
      }
      case 'job': {
        const unit = units.length;
        units.push({ type: 'job', index: unit, name: reference.name, step: reference, artifacts: has() });
        for (const artifact of step.gives) artifacts.set(artifact, unit);
        break;
      }
      default:
        step.role satisfies never;
    }
  }
  // Documents that still flow at the end are the outcome: write them.
  if (open && (open.source || open.stages.length || open.apply)) {
    if (flow === 'tokens')
      throw new ConfigurationError(
        "the pipeline ends with tokens that nothing takes; put 'shard' after 'encode'",
      );
    closeSegment(undefined, true);
  }
  return { spec, units, steps };
}
