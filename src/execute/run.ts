import { rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { codeHash } from '../core/code-hash.ts';
import { CancelledError, IntegrityError } from '../core/errors.ts';
import {
  ensureFolder,
  readJsonIfThere,
  removeTemporaries,
  requireFree,
  writeJsonAtomic,
} from '../core/files.ts';
import { differences, type Fingerprint, fingerprint } from '../core/fingerprint.ts';
import { canonicalJson, digestOf, digestOfTexts, sha256File } from '../core/hash.ts';
import type { Artifact, Barrier, InputFile, JobOutcome, Source } from '../core/stage.ts';
import type { SourceStep } from '../core/step.ts';
import { addTally, dictionary, emptyTally, type StepTally } from '../core/tally.ts';
import { findStep } from '../step-table.ts';
import { adoptUnit, completeUnits } from './adopt.ts';
import { COUNTERS } from './counters.ts';
import { DiskGuard } from './disk-guard.ts';
import { type Listings, type PartitionInput, partitionInputs } from './listings.ts';
import { changedInput } from './partition.ts';
import { passedParts } from './passed-parts.ts';
import type { JobUnit, Plan, SegmentUnit, StepReference, Unit } from './plan.ts';
import { type RunningTask, TimeCapError, WorkerPool } from './pool.ts';
import { withRetries } from './retry.ts';
import {
  CLEANED,
  lockRunFolder,
  partitionName,
  readManifest,
  taskFolder,
  type UnitManifest,
  unitFolder,
} from './run-folder.ts';
import { SET_ASIDE } from './segment-task.ts';
import { fileDigests, filesOf } from './step-files.ts';
import type { JobTask, SegmentTask, SetAside, TaskRecord } from './tasks.ts';

/** What a run tells while it goes on; every method may be called often and must return at once. */
export interface RunObserver {
  /** The run directory is ours from here on. */
  runStarted?(): void;
  unitStarted?(unit: Unit, decision: Decision): void;
  progress?(unit: Unit, progress: UnitProgress): void;
  unitDone?(unit: Unit, manifest: UnitManifest, skipped: boolean): void;
  say?(line: string): void;
}

export interface UnitProgress {
  readonly done: number;
  readonly total?: number;
  /** Segments: documents read and kept so far in this process. */
  readonly documents?: number;
  readonly kept?: number;
  readonly note?: string;
  /** What a job tells a view that knows it, as plain JSON. */
  readonly details?: unknown;
}

/** Whether a unit's outcome still holds, and if not, why. */
export interface Decision {
  readonly runs: boolean;
  /** What differs: `length.minWords: 50 -> 40`. Empty where it never ran before. */
  readonly reasons: readonly string[];
  readonly tasks?: { readonly total: number; readonly left: number };
}

export interface RunSettings {
  readonly runFolder: string;
  readonly limit?: number;
  /** Digest every input again instead of trusting size and modification time. */
  readonly verify?: boolean;
  readonly signal?: AbortSignal;
  readonly observer?: RunObserver;
  /** Run directories whose complete units are taken over where their fingerprints are those of this run's. */
  readonly donors?: readonly string[];
  /** Inputs are listed once among the runs that share them. */
  readonly listings?: Listings;
}

export interface RunSummary {
  readonly name: string;
  readonly seed: number;
  readonly runFolder: string;
  readonly seconds: number;
  /** True where every unit was already complete. */
  readonly nothingToDo: boolean;
  readonly units: readonly {
    readonly name: string;
    readonly type: Unit['type'];
    readonly skipped: boolean;
    readonly seconds: number;
  }[];
  readonly steps: readonly StepSummary[];
}

export interface StepSummary {
  readonly name: string;
  readonly kind: string;
  readonly tally?: StepTally;
  /** A job's or barrier's own summary. */
  readonly outcome?: Readonly<Record<string, unknown>>;
}

interface Standing {
  /** By partition: the record of a task that need not run again. */
  readonly records: (TaskRecord | undefined)[];
  readonly reasons: readonly string[];
  /** What must go before the others run: a worker would take it for done. */
  readonly stale: readonly string[];
}

interface DecidedSegment extends Standing {
  readonly tasks: readonly Omit<SegmentTask, 'counters'>[];
  readonly decision: Decision;
  /** Whether `provender clean` removed the documents and left the records. */
  readonly cleaned: boolean;
}

/** Frame code that every segment or job goes through, beside the steps' own. */
const SEGMENT_CODE = new URL(
  import.meta.url.endsWith('.ts') ? './segment-task.ts' : './segment-task.js',
  import.meta.url,
).href;

/** Files that a warning names. */
const NAMED_FILES = 5;

/** A segment that follows another one reads no files of its own. */
const NO_INPUT: PartitionInput = { slices: [], content: '[]' };

export function workerCount(workers: number | 'auto'): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/** Carries out a plan in its run directory: what is complete is skipped, what was begun goes on. */
export async function runPlan(plan: Plan, settings: RunSettings): Promise<RunSummary> {
  const release = await lockRunFolder(settings.runFolder);
  settings.observer?.runStarted?.();
  const run = new Run(plan, settings);
  try {
    return await run.run();
  } finally {
    await run.close();
    await release();
  }
}

/** What `runPlan` would do, without doing it: one decision a unit. */
export async function dryRun(
  plan: Plan,
  settings: RunSettings,
): Promise<{ unit: Unit; decision: Decision; inputBytes?: number }[]> {
  const run = new Run(plan, settings, true);
  try {
    return await run.decide();
  } finally {
    await run.close();
  }
}

class Run {
  private readonly plan: Plan;
  private readonly settings: RunSettings;
  /** Only says what would be done: nothing is fetched. */
  private readonly dry: boolean;
  private readonly pool: WorkerPool;
  private readonly manifests = new Map<number, UnitManifest>();
  private readonly records = new Map<number, TaskRecord[]>();
  private readonly running = new Set<RunningTask<unknown>>();
  private readonly skipped = new Set<number>();
  /** Segments that are complete, but whose documents `provender clean` removed: made again where a later unit asks. */
  private readonly hollow = new Map<number, () => Promise<void>>();
  /** Aborted by Ctrl-C and by a disk that fills. */
  private readonly stopper = new AbortController();

  constructor(plan: Plan, settings: RunSettings, dry = false) {
    this.plan = plan;
    this.dry = dry;
    this.settings = settings;
    this.pool = new WorkerPool(workerCount(plan.spec.run.workers));
    this.stopper.signal.addEventListener('abort', () => this.stopTasks());
  }

  private stopTasks(): void {
    for (const { counters } of this.running) counters[COUNTERS.stop] = 1;
  }

  async run(): Promise<RunSummary> {
    const { plan, settings } = this;
    const started = performance.now();
    for (const step of plan.steps) filesOf(await findStep(step), step.spec.options, plan.spec.baseFolder);
    await this.requireReady();
    await writeJsonAtomic(join(settings.runFolder, 'plan.json'), plan);
    const { minFreeBytes } = plan.spec.run;
    const stop = (): void => this.stopper.abort();
    settings.signal?.addEventListener('abort', stop);
    const guard = new DiskGuard(settings.runFolder, minFreeBytes, stop);
    try {
      if (settings.signal?.aborted) stop();
      for (const unit of plan.units) {
        this.throwIfStopped();
        await requireFree(settings.runFolder, minFreeBytes);
        if (unit.type === 'segment') await this.segment(unit);
        else await this.job(unit);
      }
    } catch (error) {
      // The guard stops tasks as Ctrl-C does: what they say is only that they were stopped.
      throw error instanceof CancelledError && guard.shortage ? guard.shortage : error;
    } finally {
      guard.close();
      settings.signal?.removeEventListener('abort', stop);
    }
    const summary = this.summary((performance.now() - started) / 1000);
    await writeJsonAtomic(join(settings.runFolder, 'summary.json'), summary);
    return summary;
  }

  /** What is done needs no device any more: such a run may be looked at, or gone on with, on another machine. */
  private async requireReady(): Promise<void> {
    for (const unit of this.plan.units) {
      if (unit.type !== 'job') continue;
      const { ready } = await findStep(unit.step);
      if (ready && !(await readManifest(this.settings.runFolder, unit)))
        await ready(unit.step.spec.options as never);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.running].map(({ done }) => done));
    await this.pool.close();
  }

  private throwIfStopped(): void {
    if (this.stopper.signal.aborted)
      throw new CancelledError('interrupted; the same command goes on from here');
  }

  /** Fingerprint of a unit but for its partitions. */
  private async unitFingerprint(
    unit: Unit,
    steps: readonly StepReference[],
    code: Readonly<Record<string, string>>,
  ): Promise<Fingerprint> {
    const parts: Record<string, unknown> = { seed: this.plan.spec.seed, code };
    for (const step of steps) {
      const options =
        unit.type === 'segment' && step === unit.tap ? await tapOptions(step) : step.spec.options;
      parts[step.name] = { kind: step.spec.kind, ...options };
      const digests = await fileDigests(await findStep(step), options, this.plan.spec.baseFolder);
      for (const [file, digest] of Object.entries(digests)) parts[`files.${file}.digest`] = digest;
    }
    for (const [artifact, index] of Object.entries(unit.artifacts))
      parts[`artifact.${artifact}.digest`] = this.manifests.get(index)!.outputDigest;
    if (unit.type === 'segment') {
      if (unit.source) {
        parts.limit = this.settings.limit;
        parts['run.partitionBytes'] = this.plan.spec.run.partitionBytes;
      }
      if (unit.apply)
        parts[`outcome.${unit.apply.step.name}.digest`] = this.manifests.get(unit.apply.unit)!.outputDigest;
    } else if (unit.taps !== undefined) {
      parts['documents.digest'] = this.manifests.get(unit.taps)!.outputDigest;
    }
    return fingerprint(parts);
  }

  private async codeOf(steps: readonly StepReference[], frame?: string): Promise<Record<string, string>> {
    const code: Record<string, string> = frame ? { frame: codeHash(frame) } : {};
    for (const step of steps) code[step.name] = codeHash((await findStep(step)).module);
    return code;
  }

  /** Artifacts that the unit's steps declare they need; others must not enter its fingerprint. */
  private async needed(unit: Unit): Promise<Partial<Record<Artifact, number>>> {
    const needs = new Set<Artifact>();
    for (const step of stepsOf(unit))
      for (const artifact of (await findStep(step)).needs) needs.add(artifact);
    return Object.fromEntries(Object.entries(unit.artifacts).filter(([name]) => needs.has(name as Artifact)));
  }

  private async prepare(unit: Unit): Promise<{ unit: Unit; print: Fingerprint }> {
    const narrowed = { ...unit, artifacts: await this.needed(unit) } as Unit;
    const steps = stepsOf(unit);
    const code = await this.codeOf(steps, unit.type === 'segment' ? SEGMENT_CODE : undefined);
    return { unit: narrowed, print: await this.unitFingerprint(narrowed, steps, code) };
  }

  private artifactFolders(unit: Unit): Partial<Record<Artifact, string>> {
    const folders: Partial<Record<Artifact, string>> = {};
    for (const [name, index] of Object.entries(unit.artifacts)) {
      folders[name as Artifact] = join(
        unitFolder(this.settings.runFolder, this.plan.units[index!]!),
        'artifact',
      );
    }
    return folders;
  }

  private async inputsOf(unit: SegmentUnit): Promise<readonly PartitionInput[]> {
    if (!unit.source) return [];
    const step = (await findStep(unit.source)) as SourceStep<string, z.ZodType>;
    const source: Source<unknown> = step.source;
    const { signal } = this.stopper;
    const { options } = unit.source.spec;
    const { baseFolder, run } = this.plan.spec;
    const list = (): Promise<readonly InputFile[]> =>
      source.list(options, {
        baseFolder,
        signal,
        dryRun: this.dry,
        say: (line) => this.settings.observer?.say?.(line),
      });
    const settings = { source: unit.source, baseFolder, partitionBytes: run.partitionBytes };
    return this.settings.listings?.of(settings, list) ?? partitionInputs(await list(), settings);
  }

  private async segmentTasks(
    unit: SegmentUnit,
    print: Fingerprint,
  ): Promise<Omit<SegmentTask, 'counters'>[]> {
    const { run, seed, baseFolder } = this.plan.spec;
    const { runFolder, limit } = this.settings;
    const inputs = await this.inputsOf(unit);
    const upstream = unit.upstream === undefined ? [] : this.records.get(unit.upstream)!;
    const partitions = unit.source ? inputs.length : upstream.length;
    const outcome = unit.apply
      ? join(unitFolder(runFolder, this.plan.units[unit.apply.unit]!), 'artifact')
      : '';
    let firstDocument = 0;
    return Array.from({ length: partitions }, (_, partition) => {
      const { slices, content } = inputs[partition] ?? NO_INPUT;
      const record = upstream[partition];
      const folder =
        unit.upstream === undefined ? '' : taskFolder(runFolder, this.plan.units[unit.upstream]!, partition);
      const passed =
        record && passedParts(unit, this.plan.units[unit.upstream!] as SegmentUnit, folder, record);
      const files = (passed ? [] : (record?.parts ?? [])).flatMap((part) =>
        part.files.documents
          ? [{ path: join(folder, part.files.documents.name), documents: part.documents }]
          : [],
      );
      const recipe = digestOfTexts([
        canonicalJson(print.hash),
        content,
        canonicalJson(record?.outputDigest ?? null),
        canonicalJson(unit.apply ? firstDocument : 0),
        canonicalJson(unit.keepsDocuments),
      ]);
      const task: Omit<SegmentTask, 'counters'> = {
        type: 'segment',
        folder: taskFolder(runFolder, unit, partition),
        recipe,
        fingerprint: digestOf([recipe, slices.map(({ size, mtimeMs }) => [size, mtimeMs])]),
        partition,
        source: unit.source,
        apply: unit.apply ? { step: unit.apply.step, outcome } : undefined,
        stages: unit.stages,
        tap: unit.tap,
        keepsDocuments: unit.keepsDocuments,
        slices,
        passed,
        files,
        firstDocument,
        artifacts: this.artifactFolders(unit),
        settings: {
          seed,
          baseFolder,
          partBytes: run.partBytes,
          batchBytes: run.batchBytes,
          batchDocuments: run.batchDocuments,
          rejects: run.rejects,
          maxBadFraction: run.maxBadFraction,
          limit: unit.source && limit !== undefined ? Math.ceil(limit / partitions) : undefined,
        },
      };
      firstDocument += record?.documents ?? 0;
      return task;
    });
  }

  /** Records of the tasks that need not run again, by partition, and why the others must. */
  private async standing(
    tasks: readonly Omit<SegmentTask, 'counters'>[],
    cleaned: readonly TaskRecord[] | undefined,
  ): Promise<Standing> {
    const reasons: string[] = [];
    const records: (TaskRecord | undefined)[] = [];
    const stale: string[] = [];
    for (const [i, task] of tasks.entries()) {
      const path = join(task.folder, 'task.json');
      const record = cleaned ? cleaned[i] : await readJsonIfThere<TaskRecord>(path);
      if (record?.recipe !== task.recipe) {
        records.push(undefined);
        continue;
      }
      const changed = await changedInput(record, task.slices, this.settings.verify ?? false);
      const gone = changed || cleaned ? undefined : await this.damagedPart(task.folder, record);
      if (changed !== undefined) {
        reasons.push(`input changed: ${changed}`);
        // Its parts may carry the same fingerprint: only `verify` saw the difference.
        stale.push(task.folder);
      } else if (gone !== undefined) {
        reasons.push(gone);
        // Parts of the right size are gone on with, unless they were to be verified.
        stale.push(this.settings.verify ? task.folder : path);
      }
      records.push(changed === undefined && gone === undefined ? record : undefined);
    }
    return { records, reasons, stale };
  }

  private async damagedPart(folder: string, record: TaskRecord): Promise<string | undefined> {
    for (const part of record.parts) {
      for (const file of Object.values(part.files)) {
        if (!file) continue;
        const path = join(folder, file.name);
        const found = await stat(path).catch(() => undefined);
        if (found?.size !== file.bytes) return `${path} is missing or has another size`;
        if (this.settings.verify && (await sha256File(path)) !== file.sha256)
          return `${path}: its digest differs`;
      }
    }
    return undefined;
  }

  private async decideSegment(unit: SegmentUnit, print: Fingerprint): Promise<DecidedSegment> {
    const folder = unitFolder(this.settings.runFolder, unit);
    const tasks = await this.segmentTasks(unit, print);
    const cleaned = await readJsonIfThere<TaskRecord[]>(join(folder, CLEANED));
    const { records, reasons, stale } = await this.standing(tasks, cleaned);
    const left = records.filter((record) => record === undefined).length;
    const before = await readJsonIfThere<Fingerprint>(join(folder, 'fingerprint.json'));
    const changed = before && before.hash !== print.hash ? differences(before.fields, print.fields) : [];
    const manifest = await readManifest(this.settings.runFolder, unit);
    const runs =
      left > 0 || manifest?.partitions !== tasks.length || manifest.fingerprint.hash !== print.hash;
    // Where one partition of a cleaned segment must run, those that follow need the documents of all.
    if (cleaned && runs) records.fill(undefined);
    return {
      tasks,
      records,
      reasons,
      stale,
      cleaned: cleaned !== undefined,
      decision: { runs, reasons: [...changed, ...reasons], tasks: { total: tasks.length, left } },
    };
  }

  private async segment(planned: SegmentUnit): Promise<void> {
    const { unit, print } = (await this.prepare(planned)) as { unit: SegmentUnit; print: Fingerprint };
    let decided = await this.decideSegment(unit, print);
    if (decided.decision.runs && (await this.adoptSegment(unit, print, decided.tasks)))
      decided = await this.decideSegment(unit, print);
    const { decision } = decided;
    if (decision.runs) {
      if (await this.fill(unit.upstream)) decided = await this.decideSegment(unit, print);
      this.settings.observer?.unitStarted?.(unit, decision);
      this.warnOfEmptyFiles(decided);
      await this.carryOut(unit, print, decided);
      return;
    }
    this.settings.observer?.unitStarted?.(unit, decision);
    this.records.set(unit.index, decided.records as TaskRecord[]);
    if (decided.cleaned) this.hollow.set(unit.index, () => this.makeAgain(unit, print));
    this.finishUnit(unit, (await readManifest(this.settings.runFolder, unit))!, true);
  }

  /** Takes a segment over from a donor that has done the same to the same documents. */
  private async adoptSegment(
    unit: SegmentUnit,
    print: Fingerprint,
    tasks: readonly Omit<SegmentTask, 'counters'>[],
  ): Promise<boolean> {
    for await (const { folder, manifest } of completeUnits(this.settings.donors, 'segment', print.hash)) {
      if (manifest.partitions !== tasks.length) continue;
      const recipes = await Promise.all(
        tasks.map(async ({ partition }) => {
          const path = join(folder, 'tasks', partitionName(partition), 'task.json');
          return (await readJsonIfThere<TaskRecord>(path))?.recipe;
        }),
      );
      if (!tasks.every(({ recipe }, i) => recipe === recipes[i])) continue;
      await adoptUnit(folder, unitFolder(this.settings.runFolder, unit));
      return true;
    }
    return false;
  }

  /** The same for a job. */
  private async adoptJob(unit: JobUnit, print: Fingerprint): Promise<boolean> {
    for await (const { folder } of completeUnits(this.settings.donors, 'job', print.hash)) {
      await adoptUnit(folder, unitFolder(this.settings.runFolder, unit));
      return true;
    }
    return false;
  }

  /** Makes the documents of a segment again that `provender clean` removed; false where they are there. */
  private async fill(index: number | undefined): Promise<boolean> {
    const make = index === undefined ? undefined : this.hollow.get(index);
    if (!make) return false;
    this.hollow.delete(index!);
    await make();
    return true;
  }

  private async makeAgain(unit: SegmentUnit, print: Fingerprint): Promise<void> {
    await this.fill(unit.upstream);
    const decided = await this.decideSegment(unit, print);
    this.settings.observer?.unitStarted?.(unit, {
      ...decided.decision,
      runs: true,
      reasons: ['its documents, removed by `provender clean`, are needed'],
    });
    this.skipped.delete(unit.index);
    await this.carryOut(unit, print, { ...decided, records: decided.tasks.map(() => undefined) });
  }

  private async carryOut(
    unit: SegmentUnit,
    print: Fingerprint,
    { tasks, records, stale }: DecidedSegment,
  ): Promise<void> {
    const { runFolder } = this.settings;
    const folder = await ensureFolder(unitFolder(runFolder, unit));
    const started = performance.now();
    await rm(join(folder, 'manifest.json'), { force: true });
    await rm(join(folder, CLEANED), { force: true });
    for (const path of stale) await rm(path, { recursive: true, force: true });
    await removeTemporaries(folder);
    await writeJsonAtomic(join(folder, 'fingerprint.json'), print);
    await this.runTasks(unit, tasks, records);
    await removeSurplusTasks(runFolder, unit, tasks.length);
    const done = records as TaskRecord[];
    this.records.set(unit.index, done);
    const manifest: UnitManifest = {
      version: 1,
      unit: unit.name,
      type: 'segment',
      steps: stepsOf(unit).map(({ name, spec }) => ({ name, kind: spec.kind, options: spec.options })),
      fingerprint: print,
      outputDigest: digestOf(done.map((record) => record.outputDigest)),
      seconds: (performance.now() - started) / 1000,
      finished: new Date().toISOString(),
      partitions: done.length,
      documents: done.reduce((sum, record) => sum + record.documents, 0),
      textBytes: done.reduce((sum, record) => sum + record.textBytes, 0),
      tallies: sumTallies(done),
    };
    await writeJsonAtomic(join(folder, 'manifest.json'), manifest);
    this.finishUnit(unit, manifest, false);
    this.warnOfExtremes(manifest);
  }

  private finishUnit(unit: Unit, manifest: UnitManifest, skipped: boolean): void {
    this.manifests.set(unit.index, manifest);
    if (skipped) this.skipped.add(unit.index);
    this.settings.observer?.unitDone?.(unit, manifest, skipped);
  }

  /** Silent empty output is the commonest complaint about the tools of this field. */
  private warnOfExtremes(manifest: UnitManifest): void {
    for (const { name } of manifest.steps) {
      const tally = manifest.tallies?.[name];
      if (!tally || tally.in.documents === 0) continue;
      if (tally.out.documents === 0)
        this.settings.observer?.say?.(
          `warning: ${name} dropped ${tally.in.documents === 1 ? 'its only document' : `every one of its ${tally.in.documents} documents`}: ${reasonsOf(tally)}`,
        );
    }
  }

  /** A download that failed leaves such a file, which the tally alone would hide. */
  private warnOfEmptyFiles({ tasks, records }: DecidedSegment): void {
    const empty = tasks.flatMap(({ slices }, i) =>
      records[i] ? [] : slices.filter(({ size }) => size === 0).map(({ path }) => path),
    );
    if (empty.length === 0) return;
    const more = empty.length > NAMED_FILES ? ` and ${empty.length - NAMED_FILES} more` : '';
    const names = empty.slice(0, NAMED_FILES).join(', ');
    const what = empty.length === 1 ? '1 input file has' : `${empty.length} input files have`;
    this.settings.observer?.say?.(`warning: ${what} no bytes: ${names}${more}`);
  }

  private async runTasks(
    unit: SegmentUnit,
    tasks: readonly Omit<SegmentTask, 'counters'>[],
    records: (TaskRecord | undefined)[],
  ): Promise<void> {
    const total = tasks.map((task, i) =>
      records[i] ? 0 : taskBytes(task, this.records.get(unit.upstream ?? -1)?.[i]),
    );
    const finished = { bytes: 0, documents: 0, kept: 0 };
    const timer = setInterval(() => {
      const sums = { ...finished };
      for (const { counters } of this.running) {
        sums.bytes += counters[COUNTERS.consumed]!;
        sums.documents += counters[COUNTERS.documents]!;
        sums.kept += counters[COUNTERS.kept]!;
      }
      const all = total.reduce((sum, bytes) => sum + bytes, 0);
      this.settings.observer?.progress?.(unit, {
        done: Math.min(sums.bytes, all),
        total: all,
        documents: sums.documents,
        kept: sums.kept,
      });
    }, 200);
    const waiting = tasks.map((_, i) => i).filter((i) => !records[i]);
    const failed: unknown[] = [];
    const lane = async (): Promise<void> => {
      for (let i = waiting.shift(); i !== undefined && failed.length === 0; i = waiting.shift()) {
        try {
          this.throwIfStopped();
          records[i] = await this.runTask(tasks[i]!, finished);
        } catch (error) {
          failed.push(error);
          this.stopTasks();
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(this.pool.threads, waiting.length) }, lane));
    } finally {
      clearInterval(timer);
    }
    // The other lanes were stopped because of the first error: their cancellation says nothing.
    const error = failed.find((one) => !(one instanceof CancelledError)) ?? failed[0];
    if (error !== undefined) throw error;
  }

  private async runTask(
    task: Omit<SegmentTask, 'counters'>,
    finished: { bytes: number; documents: number; kept: number },
  ): Promise<TaskRecord> {
    const { retries, timeCapSeconds } = this.plan.spec.run;
    const attempt = async (): Promise<TaskRecord> => {
      const running = this.pool.segment(task, timeCapSeconds);
      this.running.add(running);
      if (this.stopper.signal.aborted) running.counters[COUNTERS.stop] = 1;
      try {
        const record = await running.done;
        finished.bytes += running.counters[COUNTERS.consumed]!;
        finished.documents += running.counters[COUNTERS.documents]!;
        finished.kept += running.counters[COUNTERS.kept]!;
        return record;
      } finally {
        this.running.delete(running);
      }
    };
    const { observer } = this.settings;
    for (;;) {
      try {
        return await withRetries(retries, attempt, {
          signal: this.stopper.signal,
          say: observer?.say?.bind(observer),
        });
      } catch (error) {
        if (!(error instanceof TimeCapError)) throw error;
        await setAside(task, error.ordinal);
        observer?.say?.(
          `a document of partition ${task.partition} took longer than ${timeCapSeconds} s and was set aside`,
        );
      }
    }
  }

  private async decideJob(
    unit: JobUnit,
    print: Fingerprint,
  ): Promise<{ decision: Decision; manifest?: UnitManifest }> {
    const folder = unitFolder(this.settings.runFolder, unit);
    const manifest = await readManifest(this.settings.runFolder, unit);
    if (manifest?.fingerprint.hash === print.hash) {
      const damaged = await this.damagedFile(folder, manifest);
      if (damaged === undefined) return { decision: { runs: false, reasons: [] }, manifest };
      return { decision: { runs: true, reasons: [damaged] } };
    }
    const before =
      manifest?.fingerprint ?? (await readJsonIfThere<Fingerprint>(join(folder, 'fingerprint.json')));
    return {
      decision: {
        runs: true,
        reasons: before && before.hash !== print.hash ? differences(before.fields, print.fields) : [],
      },
    };
  }

  private async damagedFile(folder: string, manifest: UnitManifest): Promise<string | undefined> {
    for (const file of manifest.files ?? []) {
      const path = join(folder, 'artifact', file.path);
      const found = await stat(path).catch(() => undefined);
      if (found?.size !== file.bytes)
        return `${path}: expected ${file.bytes} bytes, found ${found ? found.size : 'no file'}`;
      if (this.settings.verify && (await sha256File(path)) !== file.sha256)
        return `${path}: its digest differs`;
    }
    return undefined;
  }

  private async job(planned: JobUnit): Promise<void> {
    const { unit, print } = (await this.prepare(planned)) as { unit: JobUnit; print: Fingerprint };
    const { runFolder, observer } = this.settings;
    const folder = unitFolder(runFolder, unit);
    let decided = await this.decideJob(unit, print);
    if (!decided.manifest && (await this.adoptJob(unit, print))) decided = await this.decideJob(unit, print);
    const { decision, manifest: old } = decided;
    if (!old && (await this.fill(unit.taps))) {
      await this.job(planned);
      return;
    }
    observer?.unitStarted?.(unit, decision);
    if (old) {
      this.finishUnit(unit, old, true);
      return;
    }
    await this.openJobFolder(folder, print);
    const started = performance.now();
    const outcome = await withRetries(
      this.plan.spec.run.retries,
      () => this.runJob(unit, join(folder, 'artifact')),
      { signal: this.stopper.signal, say: observer?.say?.bind(observer) },
    );
    const manifest: UnitManifest = {
      version: 1,
      unit: unit.name,
      type: 'job',
      steps: [{ name: unit.step.name, kind: unit.step.spec.kind, options: unit.step.spec.options }],
      fingerprint: print,
      ...(await digestFiles(join(folder, 'artifact'), outcome)),
      seconds: (performance.now() - started) / 1000,
      finished: new Date().toISOString(),
      summary: outcome.summary,
    };
    await writeJsonAtomic(join(folder, 'manifest.json'), manifest);
    this.finishUnit(unit, manifest, false);
  }

  /** Work begun under the same fingerprint is gone on with; any other is removed. */
  private async openJobFolder(folder: string, print: Fingerprint): Promise<void> {
    const begun = await readJsonIfThere<Fingerprint>(join(folder, 'fingerprint.json'));
    await rm(join(folder, 'manifest.json'), { force: true });
    if (begun?.hash !== print.hash) await rm(folder, { recursive: true, force: true });
    await ensureFolder(join(folder, 'artifact'));
    await removeTemporaries(folder);
    await writeJsonAtomic(join(folder, 'fingerprint.json'), print);
  }

  private async runJob(unit: JobUnit, folder: string): Promise<JobOutcome> {
    const { spec } = this.plan;
    const { observer, runFolder } = this.settings;
    const taps = unit.taps === undefined ? undefined : this.plan.units[unit.taps]!;
    const task: Omit<JobTask, 'counters'> = {
      type: 'job',
      folder,
      step: unit.step,
      sides: taps ? sideFiles(runFolder, taps, this.records.get(taps.index)!) : undefined,
      artifacts: this.artifactFolders(unit),
      seed: spec.seed,
      baseFolder: spec.baseFolder,
      threads: this.pool.threads,
      deviceWatts: spec.run.deviceWatts,
    };
    const running = this.pool.job(task, (message) => {
      if (message.type === 'say') observer?.say?.(message.line);
      else observer?.progress?.(unit, message);
    });
    this.running.add(running);
    if (this.stopper.signal.aborted) running.counters[COUNTERS.stop] = 1;
    try {
      return await running.done;
    } finally {
      this.running.delete(running);
    }
  }

  async decide(): Promise<{ unit: Unit; decision: Decision; inputBytes?: number }[]> {
    const decisions: { unit: Unit; decision: Decision; inputBytes?: number }[] = [];
    let upstreamRuns: string | undefined;
    for (const planned of this.plan.units) {
      if (upstreamRuns !== undefined) {
        decisions.push({
          unit: planned,
          decision: {
            runs: true,
            reasons: [`follows ${upstreamRuns}; skipped if what comes from there stays the same`],
          },
        });
        continue;
      }
      const { unit, print } = await this.prepare(planned);
      if (unit.type === 'segment') {
        const { tasks, records, decision } = await this.decideSegment(unit, print);
        const bytes = tasks.reduce(
          (sum, task) => sum + task.slices.reduce((all, slice) => all + slice.end - slice.start, 0),
          0,
        );
        decisions.push({ unit, decision, inputBytes: bytes });
        if (decision.runs) upstreamRuns = unit.name;
        else {
          this.records.set(unit.index, records as TaskRecord[]);
          this.manifests.set(unit.index, (await readManifest(this.settings.runFolder, unit))!);
        }
      } else {
        const { decision, manifest } = await this.decideJob(unit, print);
        decisions.push({ unit, decision });
        if (decision.runs) upstreamRuns = unit.name;
        else this.manifests.set(unit.index, manifest!);
      }
    }
    return decisions;
  }

  private summary(seconds: number): RunSummary {
    const { plan, settings } = this;
    const tallies = new Map<string, StepTally>();
    const outcomes = new Map<string, Readonly<Record<string, unknown>>>();
    for (const unit of plan.units) {
      const manifest = this.manifests.get(unit.index)!;
      for (const [name, tally] of Object.entries(manifest.tallies ?? {})) {
        const sum = tallies.get(name) ?? emptyTally();
        addTally(sum, tally);
        tallies.set(name, sum);
      }
      if (unit.type === 'job' && manifest.summary) outcomes.set(unit.step.name, manifest.summary);
    }
    return {
      name: plan.spec.name,
      seed: plan.spec.seed,
      runFolder: settings.runFolder,
      seconds,
      nothingToDo: this.skipped.size === plan.units.length,
      units: plan.units.map((unit) => ({
        name: unit.name,
        type: unit.type,
        skipped: this.skipped.has(unit.index),
        seconds: this.manifests.get(unit.index)!.seconds,
      })),
      steps: plan.steps.map(({ name, spec }) => ({
        name,
        kind: spec.kind,
        tally: tallies.get(name),
        outcome: outcomes.get(name),
      })),
    };
  }
}

/** Those of a barrier's options that its side files depend on. */
async function tapOptions({ spec, ...rest }: StepReference): Promise<Readonly<Record<string, unknown>>> {
  const { barrier } = (await findStep({ spec, ...rest })) as unknown as {
    barrier: Barrier<Record<string, unknown>, never>;
  };
  const names = barrier.tapOptions;
  return names ? Object.fromEntries(names.map((name) => [name, spec.options[name]])) : spec.options;
}

export function stepsOf(unit: Unit): StepReference[] {
  if (unit.type === 'job') return [unit.step];
  return [unit.source, unit.apply?.step, ...unit.stages, unit.tap].filter((step) => step !== undefined);
}

function sumTallies(records: readonly TaskRecord[]): Record<string, StepTally> {
  const sums = dictionary<StepTally>();
  for (const record of records) {
    for (const [name, tally] of Object.entries(record.tallies))
      addTally((sums[name] ??= emptyTally()), tally);
  }
  return sums;
}

/** Reasons for which a step dropped documents, as `12 too-few-words, 1 empty-file`. */
function reasonsOf({ drops }: StepTally): string {
  return Object.entries(drops)
    .map(([reason, { documents }]) => `${documents} ${reason}`)
    .join(', ');
}

function taskBytes(task: Omit<SegmentTask, 'counters'>, upstream: TaskRecord | undefined): number {
  if (task.slices.length) return task.slices.reduce((sum, slice) => sum + slice.end - slice.start, 0);
  return (upstream?.parts ?? []).reduce((sum, part) => sum + (part.files.documents?.bytes ?? 0), 0);
}

async function removeSurplusTasks(runFolder: string, unit: SegmentUnit, partitions: number): Promise<void> {
  for (let p = partitions; ; p++) {
    const folder = taskFolder(runFolder, unit, p);
    if (!(await stat(folder).catch(() => undefined))) return;
    await rm(folder, { recursive: true, force: true });
  }
}

async function setAside(task: Omit<SegmentTask, 'counters'>, ordinal: number): Promise<void> {
  const path = join(task.folder, SET_ASIDE);
  const found = await readJsonIfThere<SetAside>(path);
  const before = found?.fingerprint === task.fingerprint ? found.ordinals : [];
  const ordinals = [...new Set([...before, ordinal])].sort((a, b) => a - b);
  await writeJsonAtomic(path, { fingerprint: task.fingerprint, ordinals } satisfies SetAside);
}

function sideFiles(
  runFolder: string,
  unit: Unit,
  records: readonly TaskRecord[],
): NonNullable<JobTask['sides']> {
  let firstDocument = 0;
  return records.flatMap((record) =>
    record.parts.flatMap((part) => {
      const first = firstDocument;
      firstDocument += part.documents;
      const side = part.files.side;
      if (!side) return [];
      const path = join(taskFolder(runFolder, unit, record.partition), side.name);
      return [
        {
          path,
          partition: record.partition,
          part: part.part,
          firstDocument: first,
          documents: part.documents,
          sha256: side.sha256,
        },
      ];
    }),
  );
}

async function digestFiles(
  folder: string,
  outcome: JobOutcome,
): Promise<Pick<UnitManifest, 'files' | 'outputDigest'>> {
  const files: { path: string; bytes: number; sha256: string }[] = [];
  for (const path of outcome.files) {
    const found = await stat(join(folder, path)).catch(() => undefined);
    if (!found)
      throw new IntegrityError('a job named a file that is not there', { file: join(folder, path) });
    const sha256 = outcome.digests?.[path] ?? (await sha256File(join(folder, path)));
    files.push({ path, bytes: found.size, sha256 });
  }
  return { files, outputDigest: digestOf(files) };
}
