import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJsonAtomic } from '../../src/core/files.ts';
import { resolvePipeline, type StepTable } from '../../src/core/pipeline-file.ts';
import { type AnyStep, defineJob, defineJudge } from '../../src/core/step.ts';
import { holdOut } from '../../src/core/steps/hold-out.ts';
import { addTally, emptyTally } from '../../src/core/tally.ts';
import { drop, KEEP } from '../../src/core/verdict.ts';
import { exactDedup } from '../../src/dedup/exact-dedup.ts';
import { createCounters } from '../../src/execute/counters.ts';
import { runJobTask } from '../../src/execute/job-task.ts';
import { cutPartitions } from '../../src/execute/partition.ts';
import { type Plan, planPipeline, type SegmentUnit, type Unit } from '../../src/execute/plan.ts';
import { taskFolder, unitFolder } from '../../src/execute/run-folder.ts';
import { runSegmentTask } from '../../src/execute/segment-task.ts';
import type { TaskRecord } from '../../src/execute/tasks.ts';
import { readStep } from '../../src/io/steps/read.ts';
import { shardStep } from '../../src/shard/steps/shard.ts';
import { encodeStep } from '../../src/tokenize/steps/encode.ts';
import { trainTokenizer } from '../../src/tokenize/steps/train-tokenizer.ts';

/** Fewer characters than `minCharacters`: refused; the detail repeats the document's beginning. */
const short = defineJudge({
  kind: 'short',
  summary: 'a judge of these tests',
  module: import.meta.url,
  options: z.strictObject({ minCharacters: z.number().default(10) }),
  signals: ['characters'],
  measure: (view) => [view.text.length],
  decide: ({ 0: characters }, { minCharacters }) =>
    characters! < minCharacters ? drop('too-few-characters', characters, minCharacters) : KEEP,
});

/** Refuses what names a colour, for a reason that has its name. */
const colours = defineJudge({
  kind: 'colours',
  summary: 'a judge of these tests',
  module: import.meta.url,
  options: z.strictObject({ words: z.array(z.string()).default(['red', 'green']) }),
  signals: ['colour'],
  measure: (view, { words }) => [words.findIndex((word) => view.text.includes(word))],
  decide: ({ 0: found }, { words }) =>
    found! < 0 ? KEEP : drop(`names-${words[found!]}`, found, undefined, words[found!]),
});

/** Stands for a step whose work is not what is tested: leaves files and says what it is told. */
function told(kind: string, what: Told): AnyStep {
  return defineJob({
    kind,
    summary: 'a job of these tests',
    module: import.meta.url,
    options: z.looseObject({}),
    needs: [],
    gives: [],
    async run(_options, { folder }) {
      for (const [name, content] of Object.entries(what.files ?? {}))
        await writeFile(join(folder, name), content);
      return { files: Object.keys(what.files ?? {}), summary: what.summary };
    },
  }) as unknown as AnyStep;
}

export interface Told {
  readonly files?: Readonly<Record<string, string>>;
  readonly summary: Readonly<Record<string, unknown>>;
}

export interface SmallRun {
  readonly name?: string;
  /** Lines of JSON, a file each: `{id, text, corpus}`. */
  readonly files: readonly (readonly string[])[];
  readonly steps: readonly unknown[];
  /** By kind, for jobs that are only told. */
  readonly told?: Readonly<Record<string, Told>>;
  /** Stop before this unit, as a killed run would. */
  readonly unitsOnly?: number;
  readonly partBytes?: number;
  readonly rejects?: 'keep' | 'ledger';
}

export const line = (id: string, text: string, corpus = 'prose'): string =>
  JSON.stringify({ id, text, corpus });

/** A run directory made by the engine's own tasks, one after another in this thread. A file is a partition. */
export async function makeRun(folder: string, run: SmallRun): Promise<Plan> {
  const input = join(folder, 'input');
  const runFolder = join(folder, 'run');
  await mkdir(input, { recursive: true });
  await mkdir(runFolder, { recursive: true });
  for (const [i, lines] of run.files.entries())
    await writeFile(join(input, `${i}.jsonl`), lines.map((one) => `${one}\n`).join(''));
  const steps = [readStep, holdOut, short, colours, exactDedup, trainTokenizer, encodeStep, shardStep].map(
    (step) => step as unknown as AnyStep,
  );
  for (const [kind, what] of Object.entries(run.told ?? {})) steps.push(told(kind, what));
  const table: StepTable = {
    get: (kind) => steps.find((step) => step.kind === kind),
    kinds: steps.map(({ kind }) => kind),
    loadUserStep: () => Promise.reject(new Error('none here')),
  };
  const spec = await resolvePipeline(
    {
      name: run.name ?? 'small',
      run: {
        partitionBytes: 1,
        partBytes: run.partBytes ?? 2 ** 20,
        batchDocuments: 4,
        rejects: run.rejects ?? 'keep',
        maxBadFraction: 1,
      },
      steps: [
        { read: { inputs: [{ files: ['input/*.jsonl'], fields: { corpus: 'corpus' } }] } },
        ...run.steps,
      ],
    },
    table,
    { file: 'small.yaml', baseFolder: folder },
  );
  const plan = await planPipeline(spec, table);
  await writeJsonAtomic(join(runFolder, 'plan.json'), plan);
  await carryOut(runFolder, plan, table, run.unitsOnly ?? plan.units.length);
  return plan;
}

async function carryOut(runFolder: string, plan: Plan, table: StepTable, units: number): Promise<void> {
  const records = new Map<number, TaskRecord[]>();
  const find = async ({ spec }: { spec: { kind: string } }): Promise<AnyStep> =>
    (await table.get(spec.kind))!;
  const artifactOf = (unit: Unit): string => join(unitFolder(runFolder, unit), 'artifact');
  for (const unit of plan.units.slice(0, units)) {
    const artifacts = Object.fromEntries(
      Object.entries(unit.artifacts).map(([name, index]) => [name, artifactOf(plan.units[index!]!)]),
    );
    const common = {
      version: 1,
      unit: unit.name,
      type: unit.type,
      steps: [],
      fingerprint: { hash: `${unit.index}`.repeat(64).slice(0, 64), fields: {} },
      outputDigest: 'f'.repeat(64),
      seconds: 1.5 + unit.index,
      finished: `2026-01-02T03:04:0${Math.min(9, unit.index)}.000Z`,
    };
    if (unit.type === 'segment') {
      const done = await segment(runFolder, plan, unit, artifacts, records, find);
      records.set(unit.index, done);
      const tallies: TaskRecord['tallies'] = {};
      for (const record of done)
        for (const [name, tally] of Object.entries(record.tallies))
          addTally(
            ((tallies as Record<string, ReturnType<typeof emptyTally>>)[name] ??= emptyTally()),
            tally,
          );
      await writeJsonAtomic(join(unitFolder(runFolder, unit), 'manifest.json'), {
        ...common,
        partitions: done.length,
        documents: done.reduce((sum, { documents }) => sum + documents, 0),
        textBytes: done.reduce((sum, { textBytes }) => sum + textBytes, 0),
        tallies,
      });
    } else {
      await mkdir(artifactOf(unit), { recursive: true });
      const outcome = await runJobTask(
        {
          type: 'job',
          folder: artifactOf(unit),
          step: unit.step,
          sides:
            unit.taps === undefined
              ? undefined
              : sides(runFolder, plan.units[unit.taps]!, records.get(unit.taps)!),
          artifacts,
          seed: 1,
          baseFolder: plan.spec.baseFolder,
          threads: 1,
          counters: createCounters().shared,
        },
        find,
        () => {},
      );
      const files = outcome.files.map((path) => ({ path, bytes: 1, sha256: 'a'.repeat(64) }));
      await writeJsonAtomic(join(unitFolder(runFolder, unit), 'manifest.json'), {
        ...common,
        files,
        summary: outcome.summary,
      });
    }
  }
}

function sides(runFolder: string, unit: Unit, records: readonly TaskRecord[]) {
  let firstDocument = 0;
  return records.flatMap(({ parts, partition }) =>
    parts.flatMap(({ files, documents, part }) => {
      const first = firstDocument;
      firstDocument += documents;
      if (!files.side) return [];
      const path = join(taskFolder(runFolder, unit, partition), files.side.name);
      return [{ path, partition, part, firstDocument: first, documents }];
    }),
  );
}

async function segment(
  runFolder: string,
  plan: Plan,
  unit: SegmentUnit,
  artifacts: Record<string, string>,
  records: ReadonlyMap<number, TaskRecord[]>,
  find: (reference: { spec: { kind: string } }) => Promise<AnyStep>,
): Promise<TaskRecord[]> {
  const { spec } = plan;
  const signal = new AbortController().signal;
  const listed = unit.source
    ? await readStep.source.list(readStep.options.parse(unit.source.spec.options), {
        baseFolder: spec.baseFolder,
        signal,
      })
    : [];
  // A file each: no file is large enough to be cut at its size.
  const slices = listed.flatMap((file) => cutPartitions([file], file.size));
  const upstream = unit.upstream === undefined ? [] : records.get(unit.upstream)!;
  const done: TaskRecord[] = [];
  let firstDocument = 0;
  for (let partition = 0; partition < (unit.source ? slices.length : upstream.length); partition++) {
    const record = upstream[partition];
    const from =
      unit.upstream === undefined ? '' : taskFolder(runFolder, plan.units[unit.upstream]!, partition);
    done.push(
      await runSegmentTask(
        {
          type: 'segment',
          folder: taskFolder(runFolder, unit, partition),
          recipe: 'recipe',
          fingerprint: 'fingerprint',
          partition,
          source: unit.source,
          apply: unit.apply && {
            step: unit.apply.step,
            outcome: join(unitFolder(runFolder, plan.units[unit.apply.unit]!), 'artifact'),
          },
          stages: unit.stages,
          tap: unit.tap,
          keepsDocuments: unit.keepsDocuments,
          slices: slices[partition] ?? [],
          files: (record?.parts ?? []).flatMap(({ files, documents }) =>
            files.documents ? [{ path: join(from, files.documents.name), documents }] : [],
          ),
          firstDocument,
          artifacts,
          settings: { ...spec.run, seed: 1, baseFolder: spec.baseFolder },
          counters: createCounters().shared,
        },
        find as never,
      ),
    );
    firstDocument += record?.documents ?? 0;
  }
  return done;
}
