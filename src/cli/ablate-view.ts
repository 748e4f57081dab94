import { Bar, Presets } from 'cli-progress';
import pc from 'picocolors';
import type { AblationObserver } from '../ablate/ablate.ts';
import type { TrainingResult, TrainingTask } from '../ablate/training.ts';
import type { TrainingProgress } from '../ablate/training-pool.ts';
import type { TrainingUnit } from '../ablate/trainings.ts';
import { duration } from '../core/format.ts';
import type { RunObserver } from '../execute/run.ts';
import { ProgressView } from './progress-view.ts';

const PLAIN_INTERVAL_MS = 10_000;

/** Progress of an ablation on standard error: its runs as those of `provender run`, then one bar of trainings. */
export class AblateView implements AblationObserver {
  private readonly runs: ProgressView;
  private readonly terminal: boolean;
  private bar: Bar | undefined;
  private names = new Map<string, string>();
  private started = performance.now();
  private before: number | undefined;
  private lastPlain = 0;
  private readonly stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream;
    this.runs = new ProgressView(stream);
    this.terminal = stream.isTTY === true;
  }

  run(name: string): RunObserver {
    const { runs } = this;
    let told = false;
    const head = (): void => {
      if (!told) this.write(pc.bold(name));
      told = true;
    };
    return {
      unitStarted: (unit, decision) => {
        if (decision.runs) head();
        runs.unitStarted(unit, decision);
      },
      progress: (unit, progress) => runs.progress(unit, progress),
      // What is shared or complete is the rule in an ablation, and says nothing.
      unitDone: (unit, manifest, skipped) => {
        if (!skipped) runs.unitDone(unit, manifest, false);
      },
      say: (line) => {
        head();
        runs.say(line);
      },
    };
  }

  trainingsPlanned(units: readonly TrainingUnit[]): void {
    for (const { arm, size, learningRate, block, task } of units)
      this.names.set(task.fingerprint, `${arm}, ${size}, ${learningRate}, block ${block}`);
    this.write(pc.bold('trainings'));
    this.started = performance.now();
  }

  progress({ done, total, running }: TrainingProgress): void {
    this.before ??= done;
    const seconds = (performance.now() - this.started) / 1000;
    const here = done - this.before + running;
    const left =
      here > 0 && seconds > 5 ? ` · about ${duration((seconds * (total - done - running)) / here)} left` : '';
    const detail = `${done} of ${total}${left}`;
    if (this.terminal) {
      if (this.bar === undefined) {
        const format = '  {bar} {percentage}% {detail}';
        this.bar = new Bar(
          { format, hideCursor: true, clearOnComplete: true, barsize: 24, stream: process.stderr },
          Presets.shades_classic,
        );
        this.bar.start(total, 0, { detail: '' });
      }
      this.bar.update(Math.min(total, done + running), { detail });
      if (done === total) this.stop();
      return;
    }
    const now = performance.now();
    if (now - this.lastPlain < PLAIN_INTERVAL_MS && done < total) return;
    this.lastPlain = now;
    this.write(`  ${detail}`);
  }

  finished(task: TrainingTask, { status, reason }: TrainingResult): void {
    if (status === 'complete') return;
    this.say(pc.yellow(`${this.names.get(task.fingerprint) ?? 'a training'}: ${status}: ${reason ?? ''}`));
  }

  say(line: string): void {
    if (this.bar) this.stream.write('\u001b[2K\r');
    this.write(`  ${line}`);
  }

  stop(): void {
    this.runs.stop();
    this.bar?.stop();
    this.bar = undefined;
  }

  private write(line: string): void {
    this.stream.write(`${line}\n`);
  }
}
