import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { CancelledError } from '../core/errors.ts';
import { ensureFolder, fileSize, freeBytes, readJsonIfThere } from '../core/files.ts';
import { bytes, duration } from '../core/format.ts';
import { readPipelineFile } from '../core/pipeline-file.ts';
import { planPipeline } from '../execute/plan.ts';
import { dryRun, type RunObserver, type RunSummary, runPlan } from '../execute/run.ts';
import { stepTable } from '../step-table.ts';
import { artifactFolder } from './artifacts.ts';
import { onInterrupt } from './interrupt.ts';
import { RunLog } from './run-log.ts';
import { StatusWriter } from './status.ts';
import { summaryLines } from './summary-view.ts';

export interface RunCommandOptions {
  readonly out?: string;
  readonly set: readonly string[];
  readonly limit?: number;
  readonly workers?: number;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly live?: boolean;
}

export const QUIET: RunObserver = {};

/** The workers have their first tasks by then, and this thread waits for them. */
const CLOSING_LOADS_AFTER_MS = 400;

/** What ends a run: modules that its beginning need not wait for. */
async function closing() {
  const [{ writeReport }, { writeReceipt }, { RECEIPT_FILE }] = await Promise.all([
    import('../report/report.ts'),
    import('../report/receipt.ts'),
    import('../shard/receipt/receipt.ts'),
  ]);
  return { writeReport, writeReceipt, RECEIPT_FILE };
}

/** `provender run`. Gives the exit code. */
export async function runCommand(file: string, options: RunCommandOptions): Promise<number> {
  const overrides =
    options.workers === undefined ? options.set : [...options.set, `run.workers=${options.workers}`];
  const spec = await readPipelineFile(file, stepTable, overrides);
  const plan = await planPipeline(spec, stepTable);
  const runFolder = resolve(options.out ?? join('runs', spec.name));
  const { limit, verify } = options;
  if (options.dryRun)
    return showDryRun(await dryRun(plan, { runFolder, limit, verify }), runFolder, options.json ?? false);

  await ensureFolder(runFolder);
  const view = options.quiet || options.json ? undefined : await progressView(options);
  const log = new RunLog(runFolder, view ?? QUIET);
  const status = new StatusWriter(runFolder, plan, log);
  const aborter = new AbortController();
  const interrupt = onInterrupt(() => aborter.abort(), view && ((line) => view.say(line)));
  if (view) process.stderr.write(`${pc.bold(spec.name)} -> ${runFolder}\n`);
  let summary: RunSummary;
  const timer = setTimeout(() => closing().catch(() => {}), CLOSING_LOADS_AFTER_MS);
  try {
    summary = await runPlan(plan, { runFolder, limit, verify, signal: aborter.signal, observer: status });
    status.end('done');
    log.end('done');
  } catch (error) {
    view?.stop();
    const state = error instanceof CancelledError ? 'interrupted' : 'failed';
    status.end(state, (error as Error).message);
    log.end(state, (error as Error).message);
    throw error;
  } finally {
    clearTimeout(timer);
    interrupt.release();
  }
  await leaveReceipt(runFolder, summary);
  const report = await reportOf(runFolder, summary);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...summary, report })}\n`);
  else {
    if (summary.nothingToDo)
      process.stdout.write(
        'nothing to do: every step is complete, and nothing that it depends on has changed\n',
      );
    process.stdout.write(`\n${summaryLines(summary, report).join('\n')}\n`);
  }
  return 0;
}

/** Beside the shards, where the run has made some. */
async function leaveReceipt(runFolder: string, { nothingToDo }: RunSummary): Promise<void> {
  const shards = await artifactFolder(runFolder, 'shards').catch(() => undefined);
  if (shards === undefined) return;
  const { writeReceipt, RECEIPT_FILE } = await closing();
  if (nothingToDo && (await fileSize(join(shards, RECEIPT_FILE))) !== undefined) return;
  await writeReceipt(shards, runFolder);
}

/** Where nothing was done the report stands: after `clean` it says more than one made anew. */
async function reportOf(runFolder: string, { nothingToDo }: RunSummary): Promise<string> {
  const path = join(runFolder, 'report.html');
  if (nothingToDo && (await fileSize(path)) !== undefined) return path;
  return (await closing()).writeReport(runFolder);
}

/** Bars and curves are loaded where somebody sees them. */
async function progressView(options: RunCommandOptions) {
  const { ProgressView } = await import('./progress-view.ts');
  return new ProgressView(process.stderr, options);
}

async function showDryRun(
  decisions: Awaited<ReturnType<typeof dryRun>>,
  runFolder: string,
  json: boolean,
): Promise<number> {
  if (json) {
    process.stdout.write(
      `${JSON.stringify(decisions.map(({ unit, decision, inputBytes }) => ({ unit: unit.name, type: unit.type, ...decision, inputBytes })))}\n`,
    );
    return 0;
  }
  const input = decisions.reduce((sum, { inputBytes }) => sum + (inputBytes ?? 0), 0);
  for (const { unit, decision } of decisions) {
    const state = decision.runs ? pc.yellow('would run') : pc.dim('complete ');
    const tasks =
      decision.tasks && decision.runs
        ? ` (${decision.tasks.left} of ${decision.tasks.total} partitions)`
        : '';
    process.stdout.write(`${state}  ${unit.name}${tasks}\n`);
    for (const reason of decision.reasons) process.stdout.write(`             ${reason}\n`);
  }
  const segments = decisions.filter(({ unit, decision }) => unit.type === 'segment' && decision.runs).length;
  // Each segment keeps at most what it read, kept or refused; text mostly shrinks on the way.
  const disk = input * Math.max(1, segments);
  const runs = decisions.filter(({ decision }) => decision.runs).length;
  process.stdout.write(`\n${runs} of ${decisions.length} units would run; input ${bytes(input)}`);
  if (runs) process.stdout.write(`; disk at most about ${bytes(disk)}`);
  process.stdout.write(`; free ${bytes(await freeBytes(runFolder))}\n`);
  const earlier = await earlierSeconds(runFolder);
  if (runs && earlier !== undefined)
    process.stdout.write(`the last complete run took ${duration(earlier)}\n`);
  return 0;
}

async function earlierSeconds(runFolder: string): Promise<number | undefined> {
  const summary = await readJsonIfThere<RunSummary>(join(runFolder, 'summary.json'));
  return summary?.units.reduce((sum, unit) => sum + unit.seconds, 0);
}
