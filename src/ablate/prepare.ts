/** Everything before the first training: the ruler, the shared tokenizer, and the shards of every arm. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { ensureFolder, fileSize, writeFileAtomic } from '../core/files.ts';
import { canonicalJson } from '../core/hash.ts';
import type { PipelineSpec, StepTable } from '../core/pipeline-file.ts';
import type { StepSpec } from '../core/step.ts';
import { holdOutKey } from '../core/steps/hold-out-listed.ts';
import { Listings } from '../execute/listings.ts';
import { type Plan, planPipeline, type Unit } from '../execute/plan.ts';
import { type RunObserver, type RunSummary, runPlan } from '../execute/run.ts';
import { unitFolder } from '../execute/run-folder.ts';
import { readShardIndex, type ShardIndex } from '../shard/shard-set.ts';
import { TOKENIZER_FILE } from '../train/model-folder.ts';
import {
  AFTER_EDITS,
  armSteps,
  cutsOf,
  hasOwnTokenizer,
  type RulerFiles,
  rulerSteps,
  tokenizerStep,
} from './arm-pipeline.ts';
import type { ArmPlan } from './arms.ts';
import { readJsonLines, refusedDocuments } from './documents.ts';
import type { AblationFile } from './file.ts';
import { HELD_OUT_FILE, makeRuler, RULER_FILE, type Ruler } from './ruler.ts';

export interface PreparedArm {
  readonly plan: ArmPlan;
  readonly steps: readonly StepSpec[];
  readonly runFolder: string;
  readonly runPlan: Plan;
  readonly run: RunSummary;
  readonly shards: string;
  readonly index: ShardIndex;
  /** Folder with the arm's tokenizer.json. */
  readonly tokenizer: string;
}

export interface Prepared {
  readonly ruler: Ruler;
  readonly rulerFile: string;
  readonly arms: readonly PreparedArm[];
}

export interface PrepareSettings {
  readonly file: AblationFile;
  readonly arms: readonly ArmPlan[];
  readonly table: StepTable;
  /** Directory of the ablation. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  /** Told of the units of every run; `name` is the arm's, `ruler` or `tokenizer`. */
  observe?(name: string): RunObserver;
}

const OVERLAPS_FILE = 'overlaps.jsonl';

/** Runs what is not complete yet. What two arms have in common is run once and taken over by the other. */
export async function prepare(settings: PrepareSettings): Promise<Prepared> {
  return prepareWith({ ...settings, listings: new Listings() });
}

/** All runs read the same files: those that the first one found. */
interface Preparing extends PrepareSettings {
  readonly listings: Listings;
}

async function prepareWith(settings: Preparing): Promise<Prepared> {
  const { file, arms, folder } = settings;
  const base = arms[0]!;
  const rulerFolder = await ensureFolder(join(folder, 'ruler'));
  const ruler = await carveRuler(settings, base.spec, rulerFolder);
  const files: RulerFiles = {
    heldOut: join(rulerFolder, HELD_OUT_FILE),
    documents: join(rulerFolder, RULER_FILE),
    listed: join(rulerFolder, OVERLAPS_FILE),
    overlaps: file.options.ruler.overlaps,
  };
  if ((await fileSize(files.listed)) === undefined) await writeFileAtomic(files.listed, '');
  let prepared = await new ArmRuns(settings, files).all();
  if (await listOverlaps(files.listed, prepared)) prepared = await new ArmRuns(settings, files).all();
  return { ruler, rulerFile: files.documents, arms: prepared };
}

/**
 * Documents that overlap in one arm since a step edited them are removed from all: true where the list has grown, so
 * that the arms must be run again from there. It only grows, so that the second time is the last.
 */
async function listOverlaps(path: string, arms: readonly PreparedArm[]): Promise<boolean> {
  const keys = new Map<string, { corpus: string; id: string }>();
  for (const { corpus, id } of await readJsonLines<{ corpus: string; id: string }>(path))
    keys.set(holdOutKey(corpus, id), { corpus, id });
  const before = keys.size;
  for (const { runFolder, runPlan: plan } of new Map(arms.map((arm) => [arm.runFolder, arm])).values()) {
    if (!plan.steps.some(({ name }) => name === AFTER_EDITS)) continue;
    for await (const { batch } of refusedDocuments(plan, runFolder, AFTER_EDITS)) {
      for (const { corpus, id } of batch.rows) keys.set(holdOutKey(corpus, id), { corpus, id });
    }
  }
  if (keys.size === before) return false;
  const lines = [...keys.keys()].sort().map((key) => `${JSON.stringify(keys.get(key))}\n`);
  await writeFileAtomic(path, lines.join(''));
  return true;
}

async function carveRuler(settings: Preparing, base: PipelineSpec, folder: string): Promise<Ruler> {
  const { file, table } = settings;
  const steps = rulerSteps(base, file.options.ruler.clusters);
  const plan = await planPipeline({ ...base, name: 'ruler', steps }, table);
  const runFolder = join(folder, 'run');
  await carryOut(settings, 'ruler', plan, runFolder, []);
  return makeRuler(file, table, plan, runFolder, folder);
}

async function carryOut(
  { signal, observe, listings }: Preparing,
  name: string,
  plan: Plan,
  runFolder: string,
  donors: readonly string[],
): Promise<RunSummary> {
  try {
    return await runPlan(plan, { runFolder, signal, observer: observe?.(name), donors, listings });
  } catch (error) {
    // Which arm asked for what does not go together.
    if (error instanceof ConfigurationError)
      throw new ConfigurationError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Runs the tokenizer's pipeline and those of the arms, each taking over what those before it have done. */
class ArmRuns {
  private readonly settings: Preparing;
  private readonly files: RulerFiles;
  /** Run directories so far: where later runs look for units. */
  private readonly donors: string[] = [];
  private readonly done = new Map<string, PreparedArm>();

  constructor(settings: Preparing, files: RulerFiles) {
    this.settings = settings;
    this.files = files;
  }

  async all(): Promise<PreparedArm[]> {
    const { arms, table } = this.settings;
    const base = arms[0]!.spec;
    const training = tokenizerStep(base.steps);
    if (training === undefined)
      throw new ConfigurationError('the base pipeline has no tokenizer', {
        expected: 'a step train-tokenizer or load-tokenizer before encode',
      });
    const shared = training.kind === 'train-tokenizer' ? this.tokenizerPath : undefined;
    const pipelines = await Promise.all(arms.map((arm) => this.stepsOf(arm, shared)));
    const towards = await armSteps({ spec: base, files: this.files }, table);
    towards.length = towards.findIndex(({ kind }) => kind === training.kind) + 1;
    const cuts = await cutsOf(shared === undefined ? pipelines : [...pipelines, towards], table);
    if (shared !== undefined) await this.trainTokenizer({ ...base, steps: towards }, cuts.at(-1)!);
    const prepared: PreparedArm[] = [];
    for (const [i, plan] of arms.entries()) {
      // Cuts do not depend on weights: they come in after the documents were written.
      const weights = plan.sameMixture ? mixtureOf(prepared[0]!.index) : undefined;
      const steps = weights === undefined ? pipelines[i]! : await this.stepsOf(plan, shared, weights);
      prepared.push(await this.arm(plan, steps, cuts[i]!));
    }
    return prepared;
  }

  private stepsOf(
    { spec }: ArmPlan,
    shared: string | undefined,
    weights?: Readonly<Record<string, number>>,
  ): Promise<StepSpec[]> {
    const { arms, table } = this.settings;
    const tokenizer = hasOwnTokenizer(arms[0]!.spec.steps, spec.steps) ? undefined : shared;
    return armSteps({ spec, files: this.files, tokenizer, weights }, table);
  }

  private get tokenizerPath(): string {
    return join(this.settings.folder, 'tokenizer', TOKENIZER_FILE);
  }

  private async trainTokenizer(spec: PipelineSpec, cuts: ReadonlySet<number>): Promise<void> {
    const { folder, table } = this.settings;
    const plan = await planPipeline({ ...spec, name: 'tokenizer' }, table, cuts);
    const runFolder = join(folder, 'tokenizer', 'run');
    await carryOut(this.settings, 'tokenizer', plan, runFolder, []);
    this.donors.push(runFolder);
    const trained = await readFile(join(artifactFolder(plan, runFolder, 'train-tokenizer'), TOKENIZER_FILE));
    const found = await readFile(this.tokenizerPath).catch(() => undefined);
    if (!found?.equals(trained)) await writeFileAtomic(this.tokenizerPath, trained);
  }

  /** Arms that do the same to the documents, such as a null control, share one run. */
  private async arm(plan: ArmPlan, steps: StepSpec[], cuts: ReadonlySet<number>): Promise<PreparedArm> {
    const { folder, table } = this.settings;
    const key = canonicalJson(steps);
    const same = this.done.get(key);
    if (same !== undefined) return { ...same, plan };
    const pipeline = await planPipeline({ ...plan.spec, steps }, table, cuts);
    const runFolder = join(folder, 'arms', plan.name);
    const run = await carryOut(this.settings, plan.name, pipeline, runFolder, this.donors);
    this.donors.push(runFolder);
    const shards = artifactFolder(pipeline, runFolder, 'shard');
    const prepared: PreparedArm = {
      plan,
      steps,
      runFolder,
      runPlan: pipeline,
      run,
      shards,
      index: await readShardIndex(shards),
      tokenizer: artifactFolder(pipeline, runFolder, tokenizerStep(steps)!.kind),
    };
    this.done.set(key, prepared);
    return prepared;
  }
}

function artifactFolder(plan: Plan, runFolder: string, kind: string): string {
  const unit = plan.units.find((one: Unit) => one.type === 'job' && one.step.spec.kind === kind)!;
  return join(unitFolder(runFolder, unit), 'artifact');
}

/** Share of each corpus in the training tokens. */
export function mixtureOf(index: ShardIndex): Record<string, number> {
  const total = index.splits.train.tokens;
  return Object.fromEntries(
    index.corpora.map(({ name, splits }) => [name, total === 0 ? 0 : splits.train.tokens / total]),
  );
}
