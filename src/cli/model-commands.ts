import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { CancelledError } from '../core/errors.ts';
import { ensureFolder } from '../core/files.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { sha256File } from '../core/hash.ts';
import { setOptions } from '../core/pipeline-file.ts';
import { Random } from '../core/random.ts';
import type { Artifact, JobOutcome } from '../core/stage.ts';
import type { StepSpec } from '../core/step.ts';
import { COUNTERS } from '../execute/counters.ts';
import type { JobUnit } from '../execute/plan.ts';
import { WorkerPool } from '../execute/pool.ts';
import { lockRunFolder } from '../execute/run-folder.ts';
import { stepTable } from '../step-table.ts';
import { checkTraining } from '../train/check-options.ts';
import type { GeneratedToken } from '../train/generate.ts';
import { initialDigest } from '../train/initial.ts';
import type { Usage } from '../train/monitor/run-monitor.ts';
import { planLines } from '../train/plan.ts';
import { generateFromFolder, type sampleOptions } from '../train/steps/generate.ts';
import { planFromFolders, type TrainFolders, type TrainOptions } from '../train/steps/train.ts';
import { artifactFolder, refuseRunFolder, shardFolder, stepOfRun } from './artifacts.ts';
import { onInterrupt } from './interrupt.ts';
import { ProgressView } from './progress-view.ts';
import { filledLines, sampleView } from './sample-view.ts';
import { bitsPerByteLines, lossByGroupLines, metricLines, usageLines } from './summary-view.ts';
import { beginTraining, forgetUnbegun, shardsOfModel } from './training-file.ts';

/** A step's options from a run's own step of that kind, overridden by `path=value`, checked by its schema. */
async function optionsOf(kind: string, run: string, overrides: readonly string[]): Promise<StepSpec> {
  const step = (await stepTable.get(kind))!;
  const base = (await stepOfRun(run, kind))?.options ?? {};
  const plain = structuredClone(base) as Record<string, unknown>;
  for (const override of overrides) forgetOtherKind(plain, override);
  const options = setOptions(kind, step.options, overrides, plain) as Record<string, unknown>;
  return { kind, name: kind, options };
}

/** `objective.kind=masked`: what the run's own kind was set to, defaults included, does not go with another one. */
function forgetOtherKind(options: Record<string, unknown>, override: string): void {
  const [path, value] = override.split('=', 2) as [string, string | undefined];
  const names = path.split('.');
  if (names.pop() !== 'kind' || names.length === 0) return;
  const last = names.pop()!;
  let parent: unknown = options;
  for (const name of names) parent = (parent as Record<string, unknown> | undefined)?.[name];
  const own = (parent as Record<string, Record<string, unknown>> | undefined)?.[last];
  if (own !== undefined && own.kind !== value) (parent as Record<string, unknown>)[last] = {};
}

interface JobRequest {
  readonly spec: StepSpec;
  readonly artifacts: Partial<Record<Artifact, string>>;
  readonly folder: string;
  readonly seed: number;
  readonly workers?: number;
  readonly quiet?: boolean;
  readonly live?: boolean;
  readonly deviceWatts?: number;
}

/** Runs one job in a worker with a progress bar; Ctrl-C lets it finish its step and save. */
async function runJob({
  spec,
  artifacts,
  folder,
  seed,
  workers,
  quiet,
  live,
  deviceWatts,
}: JobRequest): Promise<JobOutcome> {
  const threads = workers ?? availableParallelism();
  const pool = new WorkerPool(1);
  const view = quiet ? undefined : new ProgressView(process.stderr, { live });
  const step = { position: 0, name: spec.kind, spec };
  const unit: JobUnit = { type: 'job', index: 0, name: spec.kind, step, artifacts: {} };
  view?.unitStarted(unit, { runs: true, reasons: [] });
  const running = pool.job(
    { type: 'job', folder, step, artifacts, seed, baseFolder: process.cwd(), threads, deviceWatts },
    (message) => {
      if (message.type === 'say') view?.say(message.line);
      else view?.progress(unit, message);
    },
  );
  const stop = (): void => {
    running.counters[COUNTERS.stop] = 1;
  };
  const interrupt = onInterrupt(stop, view && ((line) => view.say(line)));
  try {
    return await running.done;
  } finally {
    view?.stop();
    interrupt.release();
    await pool.close();
  }
}

export interface TrainCommandOptions {
  readonly out: string;
  readonly tokenizer?: string;
  readonly follow?: boolean;
  readonly dryRun?: boolean;
  readonly set: readonly string[];
  readonly seed: number;
  readonly workers?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly live?: boolean;
  readonly deviceWatts?: number;
}

/** `provender train`: trains on a run's shards (or a folder of shards) into a folder of its own. */
export async function trainCommand(source: string, options: TrainCommandOptions): Promise<number> {
  const followed = options.follow ? ['follow=true', 'epochsInOrder=1'] : [];
  const spec = await optionsOf('train', source, [...followed, ...options.set]);
  const shards = options.follow ? await shardFolder(source) : await artifactFolder(source, 'shards');
  const tokenizer = await artifactFolder(options.tokenizer ?? source, 'tokenizer');
  if (options.dryRun) return showPlan(spec, { shards, tokenizer }, options);
  const trainOptions = spec.options as TrainOptions;
  const { init } = trainOptions;
  if (init === undefined) checkTraining(trainOptions);
  await refuseRunFolder(options.out);
  const folder = await ensureFolder(resolve(options.out));
  const release = await lockRunFolder(folder);
  try {
    const inputs = {
      // Shards that are still being written have no digest yet: the checkpoint keeps that of the first one.
      ...(options.follow ? {} : { 'shards.digest': await sha256File(join(shards, 'index.json')) }),
      'tokenizer.digest': await sha256File(join(tokenizer, 'tokenizer.json')),
      ...(init && { 'init.digest': await initialDigest(init, process.cwd()) }),
    };
    const print = fingerprint({ seed: options.seed, train: spec.options, ...inputs });
    const isNew = await beginTraining(folder, print, shards);
    const quiet = options.quiet || options.json;
    const artifacts = { shards, tokenizer };
    const outcome = await runJob({ spec, artifacts, folder, ...options, quiet }).catch(async (error) => {
      if (isNew) await forgetUnbegun(folder);
      throw error;
    });
    if (options.json) process.stdout.write(`${JSON.stringify({ folder, ...outcome.summary })}\n`);
    else {
      const { usage } = outcome.summary as { usage?: Usage };
      const tables = [
        bitsPerByteLines(outcome.summary),
        lossByGroupLines(outcome.summary),
        metricLines(outcome.summary),
        usageLines(usage),
      ];
      const lines = tables.filter((table) => table.length > 0).flatMap((table) => [...table, '']);
      process.stdout.write(`${[...lines, `model: ${folder}`].join('\n')}\n`);
    }
    return 0;
  } finally {
    await release();
  }
}

/** What the training would be made of and cost; nothing is written. */
async function showPlan(
  { options: given }: StepSpec,
  folders: TrainFolders,
  { seed, workers, out, json }: TrainCommandOptions,
): Promise<number> {
  const options = given as TrainOptions;
  const threads = workers ?? availableParallelism();
  const plan = await planFromFolders(options, folders, {
    random: new Random(`${seed}/train`),
    baseFolder: process.cwd(),
    ...{ seed, threads, folder: resolve(out), progress: { report: () => {} } },
    signal: new AbortController().signal,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  if (json) {
    process.stdout.write(`${JSON.stringify(plan)}\n`);
    return 0;
  }
  process.stdout.write(`${planLines(plan).join('\n')}\n`);
  return 0;
}

export interface EvalCommandOptions {
  readonly shards?: string;
  readonly out?: string;
  readonly set: readonly string[];
  readonly workers?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `provender eval`: held-out bits per byte of a model on a run's (or another run's) held-out documents. */
export async function evalCommand(model: string, options: EvalCommandOptions): Promise<number> {
  const spec = await optionsOf('evaluate', model, options.set);
  const artifacts = {
    model: await artifactFolder(model, 'model'),
    shards: await (options.shards === undefined
      ? shardsOfModel(model)
      : artifactFolder(options.shards, 'shards')),
  };
  if (options.out !== undefined) await refuseRunFolder(options.out);
  const folder = await ensureFolder(resolve(options.out ?? join(artifacts.model, 'evaluation')));
  const outcome = await runJob({
    spec,
    artifacts,
    folder,
    seed: 1,
    ...options,
    quiet: options.quiet || options.json,
  });
  if (options.json) process.stdout.write(`${JSON.stringify(outcome.summary)}\n`);
  else
    process.stdout.write(
      `${bitsPerByteLines({ heldOut: { split: spec.options.split, after: outcome.summary } }).join('\n')}\n`,
    );
  return 0;
}

export interface SampleCommandOptions {
  readonly prompt: readonly string[];
  readonly set: readonly string[];
  readonly seed: number;
  readonly showProbabilities?: boolean;
  readonly workers?: number;
  readonly json?: boolean;
}

/** `provender sample`: streams text from a model. */
export async function sampleCommand(model: string, options: SampleCommandOptions): Promise<number> {
  const spec = await optionsOf('generate', model, options.set);
  const given = options.prompt.length ? { ...spec.options, prompts: [...options.prompt] } : spec.options;
  const settings = given as z.output<typeof sampleOptions>;
  const folder = await artifactFolder(model, 'model');
  const aborter = new AbortController();
  const interrupt = (): void => aborter.abort();
  process.on('SIGINT', interrupt);
  const { showProbabilities, json } = options;
  const steps: GeneratedToken[][] = [];
  const collect = (token: GeneratedToken, index: number): void => {
    (steps[index] ??= []).push(token);
  };
  const toJson = showProbabilities ? { onToken: collect } : {};
  try {
    const samples = await generateFromFolder(settings, folder, {
      random: new Random(`${options.seed}/sample`),
      signal: aborter.signal,
      threads: options.workers ?? availableParallelism(),
      progress: { report: () => {} },
      ...(json ? toJson : sampleView(settings, showProbabilities ?? false)),
    });
    if (json) {
      const shown = samples.map((sample, i) => (steps[i] ? { ...sample, steps: steps[i] } : sample));
      process.stdout.write(`${JSON.stringify(shown)}\n`);
      return 0;
    }
    const filled = samples.filter((sample) => sample.finish === 'filled');
    process.stdout.write(
      `${filled.map(filledLines).join('\n')}${filled.length < samples.length ? '\n' : ''}`,
    );
    return 0;
  } catch (error) {
    if (error instanceof CancelledError) process.stdout.write('\n');
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}
