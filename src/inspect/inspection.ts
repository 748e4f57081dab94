import { resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { ConfigurationError } from '../core/errors.ts';
import { type PipelineSpec, RunOptions } from '../core/pipeline-file.ts';
import type { AnyStep, StepSpec } from '../core/step.ts';
import { readStep } from '../io/steps/read.ts';
import { findStep } from '../step-table.ts';
import { measureStep } from './measure.ts';
import { type MeasuredStep, measuredStep } from './measured-step.ts';

/** A filter with the options under which its documents are judged. */
export interface InspectedStep {
  readonly measured: MeasuredStep;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What is inspected: the pipeline that measures, and the filters in their order. */
export interface Inspection {
  /** `read`, then `measure`: measures the same whatever the thresholds are. */
  readonly spec: PipelineSpec;
  readonly steps: readonly InspectedStep[];
  /** Steps of the pipeline that cannot be tried on documents one by one, though they drop some. */
  readonly leftOut: readonly string[];
}

/** The filters of FineWeb's recipe and its length, every one on the text as it was read: C4, which edits, comes last. */
export const DEFAULT_FILTERS = [
  'language',
  'length',
  'gopher-quality',
  'gopher-repetition',
  'fineweb',
  'c4',
] as const;

/** How files that no pipeline describes are read. */
export interface FileOptions {
  readonly format?: string;
  readonly field?: string;
  readonly unit?: string;
}

/** The options of a step, defaults filled in. Throws ConfigurationError that names the path. */
function checkedOptions(step: AnyStep, name: string, options: unknown): Record<string, unknown> {
  const parsed = step.options.safeParse(options);
  if (parsed.success) return parsed.data as Record<string, unknown>;
  const [issue] = parsed.error.issues;
  throw new ConfigurationError(`${[name, ...issue!.path].join('.')}: ${issue!.message}`);
}

/** A pipeline of the filters of `kinds` over files. */
export async function filePipeline(
  files: readonly string[],
  kinds: readonly string[],
  name: string,
  { format, field, unit }: FileOptions = {},
): Promise<PipelineSpec> {
  const input = {
    corpus: name,
    files: files.map((file) => resolve(file)),
    ...(format !== undefined && { format }),
    ...(field !== undefined && { fields: { text: field } }),
    ...(unit !== undefined && { unit }),
  };
  const steps: StepSpec[] = [
    { kind: 'read', name: 'read', options: checkedOptions(readStep, 'read', { inputs: [input] }) },
  ];
  for (const kind of kinds) {
    const step = await findStep({ position: 0, name: kind, spec: { kind, options: {} } });
    if (measuredStep(step, kind, {}) === undefined)
      throw new ConfigurationError(`'${kind}' is no filter on single documents`, {
        expected: DEFAULT_FILTERS.join(', '),
      });
    steps.push({ kind, name: kind, options: checkedOptions(step, kind, {}) });
  }
  return { name, seed: 1, run: RunOptions.parse({}), steps, baseFolder: process.cwd() };
}

/** The specs with `STEP.OPTION=VALUE` set, the value being YAML. Throws ConfigurationError. */
export async function withOverrides(spec: PipelineSpec, overrides: readonly string[]): Promise<PipelineSpec> {
  let { steps } = spec;
  for (const override of overrides) {
    const [, name, option, value] = /^([\w.-]+)\.(\w+)=(.*)$/su.exec(override) ?? [];
    const at = steps.findIndex((step) => (step.name ?? step.kind) === name);
    if (name === undefined || at < 0)
      throw new ConfigurationError(`--set ${override}`, {
        expected: `STEP.OPTION=VALUE, STEP one of ${steps.map((step) => step.name).join(', ')}`,
      });
    const yaml = parseDocument(value!, { prettyErrors: false });
    if (yaml.errors.length) throw new ConfigurationError(`--set ${override}: ${yaml.errors[0]!.message}`);
    const step = steps[at]!;
    const definition = await findStep({ position: at, name, spec: step });
    const given = { ...step.options, [option!]: yaml.toJS() as unknown };
    steps = steps.with(at, { ...step, options: checkedOptions(definition, name, given) });
  }
  return { ...spec, steps };
}

/**
 * Cuts the filters out of a pipeline: every step from its source on that judges documents one by one, up to the first
 * that takes documents apart into tokens. Throws ConfigurationError where there is none.
 */
export async function inspectionOf(spec: PipelineSpec, tokenizer?: string): Promise<Inspection> {
  const [source, ...rest] = spec.steps;
  if (source === undefined) throw new ConfigurationError('the pipeline has no step');
  const steps: InspectedStep[] = [];
  const leftOut: string[] = [];
  for (const [i, step] of rest.entries()) {
    const name = step.name ?? step.kind;
    const definition = await findStep({ position: i + 1, name, spec: step });
    if (definition.role !== 'job' && definition.to !== 'documents') break;
    const measured = measuredStep(definition, name, step.options, step.use);
    if (measured) steps.push({ measured, options: step.options });
    // A barrier that gives nothing and passes documents on removes some, but for those that only write.
    else if (definition.role !== 'job' && definition.gives.length === 0 && !WRITERS.has(step.kind))
      leftOut.push(name);
  }
  if (!steps.some(({ measured }) => measured.signals.length > 0 || measured.kind !== 'hold-out'))
    throw new ConfigurationError('there is no filter to inspect', {
      expected: `a step such as ${DEFAULT_FILTERS.join(', ')}`,
      found: rest.map(({ name, kind }) => name ?? kind).join(', ') || 'no step after the source',
    });
  const options = { steps: steps.map(({ measured }) => measured), seed: spec.seed, tokenizer };
  const measuring: StepSpec = { kind: measureStep.kind, name: measureStep.kind, options };
  return { spec: { ...spec, steps: [source, measuring] }, steps, leftOut };
}

/** Barriers that change no document. */
const WRITERS = new Set(['write', 'keep-rejects', 'stats']);
