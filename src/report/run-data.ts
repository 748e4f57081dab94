import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { ProvenderError } from '../core/errors.ts';
import { addTally, emptyTally, type StepTally } from '../core/tally.ts';
import type { Plan, Unit } from '../execute/plan.ts';
import { readManifest, readPlan, type UnitManifest, unitFolder } from '../execute/run-folder.ts';
import { packageRoot } from '../io/package-root.ts';
import { type ClusterSizes, readClusterSizes } from './cluster-sizes.ts';
import { type Curves, readCurves } from './curves.ts';
import { type Excerpts, gatherExcerpts } from './excerpts.ts';
import { members } from './read-outcome.ts';

export interface UnitData {
  readonly unit: Unit;
  /** Undefined where the unit is not complete. */
  readonly manifest?: UnitManifest;
}

export interface StepData {
  readonly name: string;
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly tally?: StepTally;
  /** What a job or barrier says of its work. */
  readonly outcome?: Readonly<Record<string, unknown>>;
  /** Where a job's artifact lies. */
  readonly artifact?: string;
}

/** Everything that a report is made of: plain data, read from a run directory. */
export interface RunData {
  readonly plan: Plan;
  readonly units: readonly UnitData[];
  readonly steps: readonly StepData[];
  /** When the last unit was done. */
  readonly finished?: string;
  /** Of all units together, as long as each took when it was done. */
  readonly seconds: number;
  readonly excerpts: Excerpts;
  /** By name of the step. */
  readonly clusterSizes: ReadonlyMap<string, ClusterSizes>;
  readonly curves: ReadonlyMap<string, Curves>;
  readonly version: string;
  /** Of the machine that writes the report. */
  readonly machine: string;
  /** What could not be read, a line each. */
  readonly problems: readonly string[];
}

/** Reads what a report needs. A damaged or missing piece becomes a line of `problems`; only a folder without a plan throws. */
export async function readRunData(runFolder: string): Promise<RunData> {
  const plan = await readPlan(runFolder);
  const problems: string[] = [];
  const tolerate = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ProvenderError)) throw error;
      // A path inside the run directory, which may have moved since.
      problems.push(error.message.replaceAll(join(runFolder, '/'), ''));
      return undefined;
    }
  };
  const units: UnitData[] = [];
  for (const unit of plan.units)
    units.push({ unit, manifest: await tolerate(() => readManifest(runFolder, unit)) });
  const steps = stepsOf(runFolder, plan, units);
  const clusterSizes = new Map<string, ClusterSizes>();
  const curves = new Map<string, Curves>();
  for (const { name, kind, outcome, artifact } of steps) {
    if (artifact === undefined) continue;
    if (outcome?.clusters !== undefined) {
      const sizes = await tolerate(() => readClusterSizes(artifact));
      if (sizes) clusterSizes.set(name, sizes);
    }
    const metrics = join(artifact, 'metrics.jsonl');
    if (kind === 'train' && (await isThere(metrics))) {
      const read = await tolerate(() => readCurves(metrics));
      if (read) curves.set(name, read);
    }
  }
  const finished = units
    .map(({ manifest }) => manifest?.finished)
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);
  return {
    plan,
    units,
    steps,
    finished,
    seconds: units.reduce((sum, { manifest }) => sum + (manifest?.seconds ?? 0), 0),
    excerpts: await gatherExcerpts(runFolder, plan, steps, tolerate),
    clusterSizes,
    curves,
    version: versionOf(),
    machine: machineKind(),
    problems,
  };
}

function stepsOf(runFolder: string, plan: Plan, units: readonly UnitData[]): StepData[] {
  return plan.steps.map(({ name, spec, position }) => {
    let tally: StepTally | undefined;
    for (const { manifest } of units) {
      const tallies = new Map(Object.entries(manifest?.tallies ?? {}));
      const mine = tallies.get(name);
      if (mine) addTally((tally ??= emptyTally()), mine);
    }
    const job = units.find(({ unit }) => unit.type === 'job' && unit.step.position === position);
    const outcome = job?.manifest?.summary;
    return {
      name,
      kind: spec.kind,
      options: spec.options,
      tally,
      outcome: outcome === undefined ? undefined : members(outcome),
      artifact: job && join(unitFolder(runFolder, job.unit), 'artifact'),
    };
  });
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

export function versionOf(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

function machineKind(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() || process.arch;
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return `${processors.length} × ${model}, ${memory} GiB, ${type()} ${release()}, Node ${process.versions.node}`;
}
