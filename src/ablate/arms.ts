/** The arms that a file declares: sweeps expanded, leave-one-out arms made, every pipeline resolved. */

import { ConfigurationError } from '../core/errors.ts';
import { type PipelineSpec, resolvePipeline, type StepTable } from '../core/pipeline-file.ts';
import type { AnyStep, StepSpec } from '../core/step.ts';
import { type Changes, changed, describeChanges, differencesOf } from './changes.ts';
import type { AblationFile, ArmOptions } from './file.ts';
import type { ArmOutcome, ArmRole } from './outcome.ts';

export interface ArmPlan {
  readonly name: string;
  readonly role: ArmRole;
  readonly summary: string;
  readonly changes: ArmOutcome['changes'];
  /** As the file has it, up to the shards. */
  readonly spec: PipelineSpec;
  readonly sameMixture: boolean;
}

const NOTHING: Changes = { set: {}, remove: [], insert: [], move: [] };

/** The base arm first, then those of the file in its order, then those that leave one step out. */
export async function planArms(file: AblationFile, table: StepTable): Promise<ArmPlan[]> {
  const { options } = file;
  const base = await resolveArm(file, table, NOTHING, options.base.name);
  const arms: ArmPlan[] = [
    {
      name: options.base.name,
      role: 'base',
      summary: options.base.about,
      changes: [],
      spec: base,
      sameMixture: false,
    },
  ];
  const add = async (name: string, changes: Changes, arm: Partial<ArmOptions>): Promise<void> => {
    const spec = await resolveArm(file, table, changes, name);
    const differences = differencesOf(base.steps, spec.steps);
    const role = arm.role ?? 'treatment';
    const sameMixture = arm.sameMixture ?? options.sameMixture;
    checkRole(name, role, differences, sameMixture);
    const summary =
      arm.about ?? (role === 'null-control' ? 'other seeds alone' : describeChanges(differences));
    arms.push({ name, role, summary, changes: differences, spec, sameMixture });
  };
  for (const [name, arm] of Object.entries(options.arms)) {
    for (const { suffix, set } of sweepOf(arm))
      await add(
        `${name}${suffix}`,
        { ...arm, set: { ...arm.set, ...set } },
        suffix ? { ...arm, about: undefined } : arm,
      );
  }
  for (const step of await leftOut(options.leaveOneOut, base, table))
    await add(`without-${step.name}`, { ...NOTHING, remove: [`steps[${step.place}]`] }, {});
  checkArms(arms, options.compare);
  return arms;
}

async function resolveArm(
  file: AblationFile,
  table: StepTable,
  changes: Changes,
  arm: string,
): Promise<PipelineSpec> {
  const plain = changed(file.pipeline, changes, arm);
  const where = {
    file: arm === file.options.base.name ? file.pipelineFile : `arm ${arm}`,
    baseFolder: file.baseFolder,
  };
  const { seed } = file.options;
  const spec = await resolvePipeline({ ...plain, name: arm, seed }, table, where);
  const end = spec.steps.findIndex(({ kind }) => kind === 'shard');
  if (end < 0)
    throw new ConfigurationError(`arm ${arm}: its pipeline has no step shard, whose shards are trained on`);
  return { ...spec, steps: spec.steps.slice(0, end + 1) };
}

/** Every combination of a sweep's values, with the name's end that tells it apart. */
function sweepOf(arm: ArmOptions): { suffix: string; set: Record<string, unknown> }[] {
  const entries = Object.entries(arm.sweep ?? {});
  return entries.reduce<{ suffix: string; set: Record<string, unknown> }[]>(
    (before, [path, values]) =>
      before.flatMap(({ suffix, set }) =>
        values.map((value, i) => ({
          suffix: `${suffix}-${labelOf(value, i)}`,
          set: { ...set, [path]: value },
        })),
      ),
    [{ suffix: '', set: {} }],
  );
}

function labelOf(value: unknown, i: number): string {
  const text = typeof value === 'object' ? '' : String(value).replace(/[^\w.]+/g, '-');
  return text === '' || text.length > 24 ? String(i + 1) : text;
}

/** Filters and deduplication: what takes documents out and leaves the others as they are. */
export function isFilter(step: AnyStep | undefined): boolean {
  if (step === undefined) return false;
  if (step.role === 'judge') return true;
  return step.role === 'barrier' && /-dedup$/.test(step.kind);
}

async function leftOut(
  wanted: boolean | readonly string[],
  base: PipelineSpec,
  table: StepTable,
): Promise<{ name: string; place: number }[]> {
  const found: { name: string; place: number }[] = [];
  for (const [place, step] of base.steps.entries()) {
    const name = step.name!;
    const asked = typeof wanted === 'boolean' ? wanted : wanted.includes(name);
    if (asked && isFilter(await definitionOf(step, table))) found.push({ name, place });
  }
  const names = found.map(({ name }) => name);
  const unknown = typeof wanted === 'boolean' ? undefined : wanted.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new ConfigurationError(`leaveOneOut: ${unknown} is no filter of the base pipeline`);
  return found;
}

export async function definitionOf(step: StepSpec, table: StepTable): Promise<AnyStep | undefined> {
  return step.use === undefined ? table.get(step.kind) : (await table.loadUserStep(step.use)).step;
}

function checkRole(name: string, role: ArmRole, changes: ArmOutcome['changes'], sameMixture: boolean): void {
  if (role === 'null-control' && changes.length > 0)
    throw new ConfigurationError(`arm ${name} is a null control: it must change nothing but the seeds`, {
      found: describeChanges(changes),
    });
  if (role !== 'null-control' && changes.length === 0 && !sameMixture)
    throw new ConfigurationError(`arm ${name} changes nothing`, {
      expected: 'set, remove, insert or move; or role: null-control',
    });
}

function checkArms(arms: readonly ArmPlan[], compare: AblationFile['options']['compare']): void {
  const names = arms.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigurationError(`two arms are called ${twice}`);
  if (arms.length < 2)
    throw new ConfigurationError('an ablation compares arms', {
      expected: 'arms or leaveOneOut',
      found: 'none',
    });
  for (const name of (compare ?? []).flat()) {
    if (!names.includes(name))
      throw new ConfigurationError(`compare: no arm is called ${name}`, { expected: names.join(', ') });
  }
}
