import { setTimeout as sleep } from 'node:timers/promises';
import pc from 'picocolors';
import { ConfigurationError } from '../core/errors.ts';
import { bytes, count, counted, duration } from '../core/format.ts';
import { lockHolder, readManifest, readPlan } from '../execute/run-folder.ts';
import { type RunStatus, readStatus } from './status.ts';
import { bitsPerByteLines, lossByGroupLines, metricLines } from './summary-view.ts';

function lines(status: RunStatus, alive: boolean): string[] {
  const state =
    status.state === 'running' && !alive
      ? 'killed; the same `provender run` goes on from here'
      : status.state;
  const marks = {
    waiting: pc.dim('·'),
    running: pc.yellow('▸'),
    done: pc.green('✓'),
    skipped: pc.dim('✓'),
  } as const;
  const out = [
    `${state}${status.error ? `: ${status.error}` : ''}  (process ${status.pid}, since ${status.started}, seen ${status.updated})`,
  ];
  for (const unit of status.units) {
    let line = `  ${marks[unit.state]} ${unit.name.padEnd(26)}`;
    if (unit.seconds !== undefined) line += duration(unit.seconds);
    if (status.current?.unit === unit.name && unit.state === 'running') {
      const { progress, seconds } = status.current;
      const { done = 0, total, documents, kept, note } = progress ?? {};
      const share = total ? `${Math.floor((100 * done) / total)} %` : '';
      const what =
        unit.type === 'segment'
          ? `${bytes(done)} · ${counted(documents ?? 0, 'document')} · ${count(kept ?? 0)} kept`
          : (note ?? '');
      const left = total && done > 0 ? ` · ${duration((seconds * (total - done)) / done)} left` : '';
      line += `${share} ${what}${left}`;
    }
    out.push(line);
  }
  return out;
}

/** What the run's training came to: bits per byte, and the loss by what it was told apart by. */
async function trainingLines(run: string): Promise<string[]> {
  const units = (await readPlan(run)).units.filter(
    (unit) => unit.type === 'job' && unit.step.spec.kind === 'train',
  );
  const lines: string[] = [];
  for (const unit of units) {
    const summary = (await readManifest(run, unit))?.summary as Record<string, unknown> | undefined;
    for (const table of [bitsPerByteLines(summary), lossByGroupLines(summary), metricLines(summary)]) {
      if (table.length > 0) lines.push('', ...table);
    }
  }
  return lines;
}

/** `provender status`: shows a run's state until it ends; with `once`, one time. Exit code 0, or 1 where the run failed. */
export async function statusCommand(
  run: string,
  options: { once?: boolean; json?: boolean },
): Promise<number> {
  for (let shown = 0; ; ) {
    const status = await readStatus(run);
    if (!status)
      throw new ConfigurationError('no run here', {
        file: run,
        expected: 'a folder that `provender run` made',
      });
    const alive = (await lockHolder(run)) !== undefined;
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ ...status, alive })}\n`);
      return 0;
    }
    const text = lines(status, alive);
    if (process.stdout.isTTY && shown > 0) process.stdout.write(`\u001b[${shown}A\u001b[0J`);
    process.stdout.write(`${text.join('\n')}\n`);
    shown = text.length;
    if (status.state === 'done')
      process.stdout.write((await trainingLines(run)).map((line) => `${line}\n`).join(''));
    if (options.once || status.state !== 'running' || !alive) return status.state === 'failed' ? 1 : 0;
    await sleep(process.stdout.isTTY ? 1000 : 10_000);
  }
}
