import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { z } from 'zod';
import { type Batch, DocumentBatch, DocumentBatchBuilder, type TokenBatch } from '../core/batch.ts';
import { mapBounded } from '../core/bounded.ts';
import { DocumentFileWriter, FIRST_FRAME, type Refusal } from '../core/document-file.ts';
import {
  CancelledError,
  InputError,
  InvariantError,
  isSystemError,
  ProvenderError,
  stepError,
} from '../core/errors.ts';
import {
  commitFile,
  ensureFolder,
  fileSize,
  isTemporaryName,
  readJsonIfThere,
  temporaryName,
  writeJsonAtomic,
} from '../core/files.ts';
import { digestOf, sha256File } from '../core/hash.ts';
import { Random } from '../core/random.ts';
import type { Artifact, Barrier, Judge, Sink, Source, Stage, StageContext } from '../core/stage.ts';
import type { AnyStep, JudgeStep, SourceStep, StageStep } from '../core/step.ts';
import { addTally, binOf, checkTally, dictionary, emptyTally, type StepTally } from '../core/tally.ts';
import { BatchTextView } from '../core/text-view.ts';
import type { Verdict } from '../core/verdict.ts';
import { COUNTERS, IDLE, openCounters } from './counters.ts';
import { FILES_AT_ONCE } from './partition.ts';
import { passParts } from './passed-parts.ts';
import type { StepReference } from './plan.ts';
import { type InputItem, readInputs } from './task-input.ts';
import {
  END,
  type PartFile,
  type PartRecord,
  partName,
  type SegmentTask,
  type SetAside,
  type TaskCursor,
  type TaskRecord,
} from './tasks.ts';

/** Finds a step's definition; in a worker it may import a user's module. */
export type FindStep = (reference: StepReference) => Promise<AnyStep>;

export const SET_ASIDE = 'set-aside.json';

function documentsOf(batch: Batch): DocumentBatch {
  return batch instanceof DocumentBatch ? batch : (batch as TokenBatch).documents;
}

/** Runs one partition of a segment from where it stands to its end; parts are committed on the way. */
export async function runSegmentTask(task: SegmentTask, find: FindStep): Promise<TaskRecord> {
  await ensureFolder(task.folder);
  const recordPath = join(task.folder, 'task.json');
  const done = await readJsonIfThere<TaskRecord>(recordPath);
  if (done?.fingerprint === task.fingerprint) return done;
  const parts = await committedParts(task);
  if (task.passed) await passParts(task, parts);
  else await runParts(task, parts, find);
  const record = await taskRecord(task, parts);
  await writeJsonAtomic(recordPath, record);
  return record;
}

async function runParts(task: SegmentTask, parts: PartRecord[], find: FindStep): Promise<void> {
  const runner = new SegmentRunner(task, parts, new Set(await setAsideOf(task)));
  try {
    await runner.open(find);
    await runner.run();
  } finally {
    await runner.close();
  }
}

/** Ordinals mean documents only while the inputs and everything before the step stay the same. */
async function setAsideOf(task: SegmentTask): Promise<readonly number[]> {
  const path = join(task.folder, SET_ASIDE);
  const found = await readJsonIfThere<SetAside>(path);
  if (found?.fingerprint === task.fingerprint) return found.ordinals;
  await rm(path, { force: true });
  return [];
}

/** Parts that an earlier, killed attempt committed for the same fingerprint; everything else in the folder is removed. */
async function committedParts(task: SegmentTask): Promise<PartRecord[]> {
  const names = await readdir(task.folder);
  const parts: PartRecord[] = [];
  for (let part = 0; ; part++) {
    const record = await readJsonIfThere<PartRecord>(join(task.folder, `${partName(part)}.json`));
    if (record?.fingerprint !== task.fingerprint) break;
    const files = Object.values(record.files).filter((file) => file !== undefined);
    const sizes = await Promise.all(files.map((file) => fileSize(join(task.folder, file.name))));
    if (files.some((file, i) => file.bytes !== sizes[i])) break;
    parts.push(record);
  }
  const keep = new Set(
    parts.flatMap((record, part) => [
      `${partName(part)}.json`,
      ...Object.values(record.files).map((file) => file?.name),
    ]),
  );
  keep.add(SET_ASIDE);
  for (const name of names)
    if (!keep.has(name) || isTemporaryName(name))
      await rm(join(task.folder, name), { force: true, recursive: true });
  return parts;
}

const TIME_CAP = 'time-cap';

async function taskRecord(task: SegmentTask, parts: readonly PartRecord[]): Promise<TaskRecord> {
  const inputs = await mapBounded(task.slices, FILES_AT_ONCE, async (slice) => {
    const { path, start, end, size, mtimeMs } = slice;
    const now = await stat(path);
    if (now.size !== size || now.mtimeMs !== mtimeMs) {
      throw new InputError('the file changed while it was read', {
        file: path,
        expected: `${size} bytes of ${new Date(mtimeMs).toISOString()}`,
        found: `${now.size} bytes of ${now.mtime.toISOString()}; start again to read it anew`,
      });
    }
    // A limited run has read the head of its inputs: to digest the whole of them would cost more than the run.
    const digest = task.settings.limit === undefined ? await sha256File(path, start, end) : '';
    return { path, start, end, size, mtimeMs, sha256: digest };
  });
  const tallies = dictionary<StepTally>();
  for (const part of parts) {
    for (const [step, tally] of Object.entries(part.tallies))
      addTally((tallies[step] ??= emptyTally()), tally);
  }
  return {
    fingerprint: task.fingerprint,
    recipe: task.recipe,
    partition: task.partition,
    parts,
    documents: parts.reduce((sum, part) => sum + part.documents, 0),
    textBytes: parts.reduce((sum, part) => sum + part.textBytes, 0),
    outputDigest: digestOf(parts.map((part) => [part.files.documents?.sha256, part.files.side?.sha256])),
    inputs,
    tallies,
  };
}

/** One link of the fused chain, with its tally. */
interface Link {
  readonly reference: StepReference;
  readonly tally: () => StepTally;
  process(batch: Batch): Batch | Promise<Batch>;
  close?(): void | Promise<void>;
}

class SegmentRunner {
  private readonly task: SegmentTask;
  private readonly parts: PartRecord[];
  private readonly setAside: ReadonlySet<number>;
  private readonly counters: Float64Array;
  private readonly aborter = new AbortController();
  private source: Source<unknown> | undefined;
  private links: Link[] = [];
  private barrier: { barrier: Barrier<unknown, Batch>; options: unknown; context: StageContext } | undefined;
  private tallies = dictionary<StepTally>();
  private refused: { batch: DocumentBatch; i: number; refusal: Refusal }[] = [];
  /** What all steps refused of the batch at hand. */
  private refusedOfItem: { batch: DocumentBatch; i: number; refusal: Refusal }[] = [];
  private kept: DocumentFileWriter | undefined;
  private rejects: DocumentFileWriter | undefined;
  private side: Sink<Batch> | undefined;
  private temporary: { documents?: string; rejects?: string; side?: string } = {};
  private partInput = 0;
  private documents = 0;
  private textBytes = 0;
  private records = 0;
  private bad = 0;
  private readonly badReasons = new Map<string, { count: number; first: string }>();

  constructor(task: SegmentTask, parts: PartRecord[], setAside: ReadonlySet<number>) {
    this.task = task;
    this.parts = parts;
    this.setAside = setAside;
    // What earlier attempts read counts for `maxBadFraction` too.
    for (const { tallies } of parts) {
      const tally = task.source && tallies[task.source.name];
      if (!tally) continue;
      const { documents: slow = 0 } = tally.drops[TIME_CAP] ?? {};
      this.records += tally.in.documents;
      this.bad += tally.in.documents - tally.out.documents - slow;
    }
    this.counters = openCounters(task.counters).values;
  }

  async open(find: FindStep): Promise<void> {
    const { task } = this;
    if (task.source) this.source = ((await find(task.source)) as SourceStep<string, z.ZodType>).source;
    if (task.apply) {
      const { step: reference, outcome } = task.apply;
      const { barrier } = (await find(reference)) as unknown as { barrier: Barrier<unknown, Batch> };
      if (barrier.apply) {
        const context = { ...this.context(reference), outcome, firstDocument: task.firstDocument };
        const applied = await barrier.apply(reference.spec.options, context);
        this.links.push(this.stageLink(reference, applied, true));
      }
    }
    for (const reference of task.stages) {
      const step = await find(reference);
      if (step.role === 'judge') {
        const { judge } = step as unknown as JudgeStep<string, z.ZodType, Artifact, unknown>;
        const loaded = await judge.load?.(reference.spec.options, this.context(reference));
        this.links.push(this.judgeLink(reference, judge, loaded));
      } else {
        const stage = step as unknown as StageStep<string, z.ZodType, 'documents', 'documents', Artifact>;
        const opened = await stage.open(reference.spec.options, this.context(reference));
        this.links.push(
          this.stageLink(reference, opened, stage.seesHeldOut === true || step.to === 'tokens'),
        );
      }
    }
    if (task.tap) {
      const { barrier } = (await find(task.tap)) as unknown as { barrier: Barrier<unknown, Batch> };
      this.barrier = { barrier, options: task.tap.spec.options, context: this.context(task.tap) };
    }
  }

  private context(reference: StepReference): StageContext {
    const { task } = this;
    return {
      random: new Random(`${task.settings.seed}/${reference.name}`),
      baseFolder: task.settings.baseFolder,
      artifact: (name) => {
        const folder = task.artifacts[name];
        if (folder === undefined)
          throw new InvariantError(`step ${reference.name} asked for a ${name} that it did not declare`);
        return folder;
      },
      refuse: (batch, i, drop) => {
        this.refused.push({ batch, i, refusal: { ...drop, step: reference.name } });
      },
      count: (name, by = 1) => {
        const { counters } = this.tally(reference);
        counters[name] = (counters[name] ?? 0) + by;
      },
      watch: (ordinal) => {
        this.counters[COUNTERS.ordinal] = ordinal;
      },
      signal: this.aborter.signal,
    };
  }

  private tally(reference: StepReference): StepTally {
    return (this.tallies[reference.name] ??= emptyTally());
  }

  private stageLink(
    reference: StepReference,
    stage: Stage<DocumentBatch, DocumentBatch>,
    seesHeldOut: boolean,
  ): Link {
    const process = seesHeldOut
      ? (batch: Batch) => stage.process(batch as DocumentBatch)
      : (batch: Batch) => aroundHeldOut(batch as DocumentBatch, stage);
    return { reference, tally: () => this.tally(reference), process, close: () => stage.close?.() };
  }

  /** Held-out documents pass every judge: what a model is measured on must not depend on the recipe. */
  private judgeLink(reference: StepReference, judge: Judge<unknown, unknown>, loaded: unknown): Link {
    const { options } = reference.spec;
    const names = judge.signals.map((name) => `${reference.name}.${name}`);
    const watch = this.context(reference).watch;
    const process = (input: Batch): Batch => {
      const batch = input as DocumentBatch;
      const tally = this.tally(reference);
      const indexes: number[] = [];
      for (let i = 0; i < batch.length; i++) {
        const row = batch.rows[i]!;
        watch(row.ordinal);
        const view = viewsOf(batch)[i]!;
        const values = judge.measure(view, options, loaded);
        if (values?.length !== names.length) {
          throw new InvariantError(`step ${reference.name} measured something else than its signals`, {
            expected: `${names.length} numbers for ${judge.signals.join(', ') || 'no signal'}`,
            found: values === undefined ? 'nothing' : `${values.length}`,
          });
        }
        for (let k = 0; k < names.length; k++) {
          const value = values[k]!;
          row.signals[names[k]!] = value;
          const histogram = (tally.histograms[names[k]!] ??= dictionary());
          const bin = binOf(value);
          histogram[bin] = (histogram[bin] ?? 0) + 1;
        }
        if (judge.describe) {
          const names = judge.describe(values, options, loaded, view);
          row.metadata = { ...row.metadata, ...names };
        }
        const verdict = row.split !== 'train' ? undefined : judge.decide(values, options);
        if (verdict !== undefined) checkVerdict(reference.name, verdict);
        if (verdict === undefined || verdict.keep) indexes.push(i);
        else this.refused.push({ batch, i, refusal: { ...verdict, step: reference.name } });
      }
      watch(IDLE);
      return indexes.length === batch.length ? batch : selectWithViews(batch, indexes);
    };
    return { reference, tally: () => this.tally(reference), process };
  }

  async run(): Promise<void> {
    const { task } = this;
    let cursor: TaskCursor = this.parts.at(-1)?.next ?? { input: 0, ordinal: 0 };
    if (cursor.input === END) return;
    const progress = (consumed: number): void => {
      this.counters[COUNTERS.consumed]! += consumed;
    };
    const reject = (reason: string, error: InputError, bytes: number): void =>
      this.reject(reason, error, bytes);
    const inputs = readInputs(task, this.source, cursor, {
      progress,
      reject,
      signal: this.aborter.signal,
      firstFrame: FIRST_FRAME,
    });
    for await (const item of inputs) {
      this.checkStop();
      await this.take(item);
      this.checkBad();
      cursor = item.next;
      this.partInput += item.batch.textBytes;
      if (this.partInput >= task.settings.partBytes) await this.commit(cursor);
    }
    this.checkStop();
    this.checkBad();
    await this.commit({ input: END, ordinal: cursor.ordinal });
  }

  private checkStop(): void {
    if (this.counters[COUNTERS.stop] !== 0) {
      this.aborter.abort();
      throw new CancelledError();
    }
  }

  /** Called when a batch was counted: its rejects came before it. */
  private checkBad(): void {
    if (this.bad > 0 && this.records >= 20 && this.bad / this.records > this.task.settings.maxBadFraction) {
      const reasons = [...this.badReasons].sort(([, a], [, b]) => b.count - a.count);
      const why = reasons.map(([reason, { count, first }]) => `${reason} ${count}, the first: ${first}`);
      throw new InputError(
        `too many records cannot be read (${this.bad} of ${this.records} in partition ${this.task.partition})`,
        {
          expected: `at most ${this.task.settings.maxBadFraction * 100} % (run.maxBadFraction)`,
          found: `${((100 * this.bad) / this.records).toFixed(1)} %\n  ${why.slice(0, 5).join('\n  ')}`,
        },
      );
    }
  }

  private reject(reason: string, error: InputError, bytes: number): void {
    const source = this.task.source;
    if (!source) throw new InvariantError('only a source rejects records');
    const seen = this.badReasons.get(reason) ?? { count: 0, first: error.message };
    seen.count++;
    this.badReasons.set(reason, seen);
    const tally = this.tally(source);
    this.records++;
    this.bad++;
    tally.in.documents++;
    tally.in.bytes += bytes;
    const amount = (tally.drops[reason] ??= { documents: 0, bytes: 0 });
    amount.documents++;
    amount.bytes += bytes;
    const { file: path = '', offset = 0 } = error.problem;
    // A report is shared with people whom this machine's folders do not concern.
    const file = path === '' ? '' : relative(this.task.settings.baseFolder, path);
    const detail = path === '' ? error.message : error.message.replaceAll(path, file);
    const batch = DocumentBatch.from([
      { id: `${file}@${offset}`, corpus: '', source: file, start: offset, end: offset + bytes, text: '' },
    ]);
    this.writeRefused([{ batch, i: 0, refusal: { keep: false, reason, detail, step: source.name } }]);
  }

  private async take(item: InputItem): Promise<void> {
    let batch: Batch = this.admit(item.batch);
    this.counters[COUNTERS.documents]! += item.batch.length;
    for (const link of this.links) {
      const came = documentsOf(batch);
      let out: Batch;
      try {
        out = await link.process(batch);
      } catch (error) {
        throw this.located(error, link.reference.name, came);
      }
      this.account(link, came, documentsOf(out));
      batch = out;
    }
    this.counters[COUNTERS.ordinal] = IDLE;
    if (this.barrier && this.refusedOfItem.length > 0) await this.passRefused();
    this.refusedOfItem = [];
    const documents = documentsOf(batch);
    if (documents.length === 0) return;
    this.documents += documents.length;
    this.textBytes += documents.textBytes;
    this.counters[COUNTERS.kept]! += documents.length;
    if (this.task.keepsDocuments) {
      this.temporary.documents ??= temporaryName(
        join(this.task.folder, `${partName(this.parts.length)}.documents`),
      );
      this.kept ??= new DocumentFileWriter(this.temporary.documents);
      this.kept.add(documents);
    }
    if (this.barrier) {
      await this.openSide();
      await this.side!.add(batch);
    }
  }

  /** Hands a batch's refused documents to a barrier that wants them, in their order whatever refused them. */
  private async passRefused(): Promise<void> {
    await this.openSide();
    if (!this.side?.addRefused) return;
    const all = [...this.refusedOfItem].sort(
      (a, b) => a.batch.rows[a.i]!.ordinal - b.batch.rows[b.i]!.ordinal,
    );
    const builder = new DocumentBatchBuilder();
    for (const { batch, i } of all) builder.addRow(batch.rows[i]!, batch.bytes(i));
    await this.side.addRefused(
      builder.take(),
      all.map(({ refusal }) => refusal),
    );
  }

  /** Says of a step's own error in which step it arose and, where a judge was at work, at which document. */
  private located(error: unknown, step: string, batch: DocumentBatch): unknown {
    if (error instanceof ProvenderError || isSystemError(error)) return error;
    const at = this.counters[COUNTERS.ordinal]!;
    const row = at === IDLE ? undefined : batch.rows.find(({ ordinal }) => ordinal === at);
    const where = row ? ` on document ${row.id} of ${row.source}, bytes ${row.start} to ${row.end}` : '';
    return stepError(error, `step ${step} failed${where}`);
  }

  private async openSide(): Promise<void> {
    if (this.side || !this.barrier) return;
    const { barrier, options, context } = this.barrier;
    this.temporary.side = temporaryName(join(this.task.folder, `${partName(this.parts.length)}.side`));
    this.side = await barrier.tap(options, context, this.temporary.side);
  }

  /** Counts what a source gave, and sets aside documents that outran their time cap in an earlier attempt. */
  private admit(batch: DocumentBatch): DocumentBatch {
    const reference = this.task.source;
    this.records += batch.length;
    if (!reference && this.setAside.size === 0) return batch;
    const owner = reference ?? this.task.apply?.step ?? this.task.stages[0] ?? this.task.tap!;
    const indexes: number[] = [];
    for (let i = 0; i < batch.length; i++) {
      if (!this.setAside.has(batch.rows[i]!.ordinal)) indexes.push(i);
      else this.refused.push({ batch, i, refusal: { keep: false, reason: TIME_CAP, step: owner.name } });
    }
    const admitted = indexes.length === batch.length ? batch : batch.select(indexes);
    if (reference) {
      const histogram = (this.tally(reference).histograms.bytes ??= dictionary());
      for (let i = 0; i < batch.length; i++) {
        const bin = binOf(batch.size(i));
        histogram[bin] = (histogram[bin] ?? 0) + 1;
      }
      this.account({ reference, tally: () => this.tally(reference), process: () => batch }, batch, admitted);
    } else if (this.refused.length) {
      this.account(
        { reference: owner, tally: () => this.tally(owner), process: () => batch },
        batch.select(this.refused.map(({ i }) => i)),
        admitted.select([]),
      );
    }
    return admitted;
  }

  private account(link: Link, came: DocumentBatch, went: DocumentBatch): void {
    const tally = link.tally();
    addSide(tally, came, 'in');
    addSide(tally, went, 'out');
    for (const { batch, i, refusal } of this.refused) {
      const amount = (tally.drops[refusal.reason] ??= { documents: 0, bytes: 0 });
      amount.documents++;
      amount.bytes += batch.size(i);
    }
    if (this.refused.length) {
      this.writeRefused(this.refused);
      this.refusedOfItem.push(...this.refused);
    }
    this.refused = [];
    checkTally(link.reference.name, tally);
  }

  private writeRefused(refused: readonly { batch: DocumentBatch; i: number; refusal: Refusal }[]): void {
    this.temporary.rejects ??= temporaryName(
      join(this.task.folder, `${partName(this.parts.length)}.rejects`),
    );
    this.rejects ??= new DocumentFileWriter(this.temporary.rejects);
    const ledgerOnly = this.task.settings.rejects === 'ledger';
    for (let from = 0; from < refused.length; ) {
      const { batch } = refused[from]!;
      let to = from + 1;
      while (to < refused.length && refused[to]!.batch === batch) to++;
      const group = refused.slice(from, to);
      let chosen = batch.select(group.map(({ i }) => i));
      if (ledgerOnly)
        chosen = new DocumentBatch(
          new Uint8Array(),
          new Uint32Array(chosen.length),
          new Uint32Array(chosen.length),
          chosen.rows,
        );
      this.rejects.add(
        chosen,
        group.map(({ refusal }) => refusal),
      );
      from = to;
    }
  }

  /** Name, size and digest of a file of the part under way, once it is on the disk. */
  private async partFile(
    kind: keyof PartRecord['files'],
    synced?: Promise<void>,
  ): Promise<PartFile | undefined> {
    const temporary = this.temporary[kind];
    if (temporary === undefined) return undefined;
    const [bytes, sha256] = await Promise.all([fileSize(temporary), sha256File(temporary), synced]);
    return { name: `${partName(this.parts.length)}.${kind}`, bytes: bytes ?? 0, sha256 };
  }

  /** Finishes the open files under their names and writes the part's record last. */
  private async commit(next: TaskCursor): Promise<void> {
    const { folder, fingerprint } = this.task;
    const part = this.parts.length;
    if (this.barrier) await this.openSide();
    const [documents, rejects] = await Promise.all([
      // Digested while the disk takes them.
      this.partFile('documents', this.kept?.finish()),
      this.partFile('rejects', this.rejects?.finish()),
      this.side?.finish(),
    ]);
    const side = await this.partFile('side');
    this.kept = undefined;
    this.rejects = undefined;
    this.side = undefined;
    const files = { ...(documents && { documents }), ...(rejects && { rejects }), ...(side && { side }) };
    for (const [kind, { name }] of Object.entries(files))
      await commitFile(this.temporary[kind as keyof typeof files]!, join(folder, name));
    this.temporary = {};
    // One sync of the folder, with the record's: a record beside which a file is missing is no part, and is made again.
    const record: PartRecord = {
      fingerprint,
      part,
      documents: this.documents,
      textBytes: this.textBytes,
      files,
      tallies: this.tallies,
      next,
    };
    await writeJsonAtomic(join(folder, `${partName(part)}.json`), record);
    this.parts.push(record);
    this.partInput = 0;
    this.documents = 0;
    this.textBytes = 0;
    this.tallies = dictionary();
  }

  async close(): Promise<void> {
    for (const link of this.links) await link.close?.();
    for (const sink of [this.kept, this.rejects, this.side]) await sink?.abandon();
    for (const path of Object.values(this.temporary)) await rm(path, { force: true });
  }
}

/** What a judge of somebody's own in JavaScript gave may be anything. */
function checkVerdict(step: string, verdict: Verdict): void {
  const { keep } = verdict;
  if (keep === true || (keep === false && typeof verdict.reason === 'string' && verdict.reason !== ''))
    return;
  throw new InvariantError(`step ${step} gave no verdict`, {
    expected: "KEEP, or drop('a-reason', value, threshold)",
    found: JSON.stringify(verdict) ?? String(verdict),
  });
}

/** Sends the training documents through a stage and puts the held-out ones back in their places. */
async function aroundHeldOut(
  batch: DocumentBatch,
  stage: Stage<DocumentBatch, DocumentBatch>,
): Promise<DocumentBatch> {
  const training: number[] = [];
  const heldOut: number[] = [];
  for (let i = 0; i < batch.length; i++) (batch.rows[i]!.split === 'train' ? training : heldOut).push(i);
  if (heldOut.length === 0) return stage.process(batch);
  const out = training.length ? await stage.process(batch.select(training)) : batch.select([]);
  return DocumentBatch.merge(out, batch.select(heldOut));
}

const views = new WeakMap<DocumentBatch, BatchTextView[]>();

/** One view a document, kept from judge to judge, so that shared statistics are computed once. */
function viewsOf(batch: DocumentBatch): BatchTextView[] {
  let list = views.get(batch);
  if (!list) {
    list = Array.from({ length: batch.length }, (_, i) => new BatchTextView(batch, i));
    views.set(batch, list);
  }
  return list;
}

function selectWithViews(batch: DocumentBatch, indexes: readonly number[]): DocumentBatch {
  const selected = batch.select(indexes);
  const list = viewsOf(batch);
  views.set(
    selected,
    indexes.map((i) => list[i]!),
  );
  return selected;
}

function addSide(tally: StepTally, batch: DocumentBatch, side: 'in' | 'out'): void {
  const total = tally[side];
  for (let i = 0; i < batch.length; i++) {
    const size = batch.size(i);
    const { corpus } = batch.rows[i]!;
    const mine = (tally.byCorpus[corpus] ??= {
      in: { documents: 0, bytes: 0 },
      out: { documents: 0, bytes: 0 },
    })[side];
    mine.documents++;
    mine.bytes += size;
    total.documents++;
    total.bytes += size;
  }
}
