import { Bar, Presets } from 'cli-progress';
import pc from 'picocolors';
import { bytes, count, counted, duration } from '../core/format.ts';
import type { Unit } from '../execute/plan.ts';
import type { Decision, RunObserver, UnitProgress } from '../execute/run.ts';
import type { UnitManifest } from '../execute/run-folder.ts';
import { type TrainingState, trainingState } from '../train/monitor/state.ts';
import { LiveArea, type Terminal } from './live/area.ts';
import { trainingLines } from './live/training-view.ts';

const PLAIN_INTERVAL_MS = 10_000;

/** A terminal that lines can be drawn on again in place. */
function isTerminal(stream: ProgressStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}

export type ProgressStream = NodeJS.WritableStream & Terminal & { readonly isTTY?: boolean };

export interface ProgressViewOptions {
  /** Whether a training is shown in several lines with its curve. Default: yes. */
  readonly live?: boolean;
}

/**
 * Progress on standard error: a bar on a terminal, several lines for a training; a plain line now and then elsewhere.
 */
export class ProgressView implements RunObserver {
  private readonly stream: ProgressStream;
  private readonly terminal: boolean;
  private readonly live: boolean;
  private bar: Bar | undefined;
  private area: LiveArea | undefined;
  private training: TrainingState | undefined;
  private started = 0;
  private lastPlain = 0;

  constructor(stream: ProgressStream, { live = true }: ProgressViewOptions = {}) {
    this.stream = stream;
    this.terminal = isTerminal(stream);
    this.live = live && this.terminal;
  }

  unitStarted(unit: Unit, decision: Decision): void {
    this.started = performance.now();
    this.lastPlain = this.started;
    if (!decision.runs) return;
    for (const reason of decision.reasons.slice(0, 8))
      this.write(pc.yellow(`  ${unit.name} runs again: ${reason}`));
    if (decision.reasons.length > 8)
      this.write(pc.yellow(`  and ${decision.reasons.length - 8} more differences`));
    if (this.terminal) {
      const format = `  ${unit.name.padEnd(24)} {bar} {percentage}% {detail}`;
      this.bar = new Bar(
        { format, hideCursor: true, clearOnComplete: true, barsize: 24, stream: this.stream },
        Presets.shades_classic,
      );
      this.bar.start(1, 0, { detail: '' });
    }
  }

  progress(unit: Unit, progress: UnitProgress): void {
    const training = this.live ? trainingState(progress.details) : undefined;
    if (training) {
      this.showTraining(unit.name, training);
      return;
    }
    const detail = this.detail(unit, progress);
    if (this.bar) {
      this.bar.setTotal(Math.max(1, progress.total ?? 1));
      this.bar.update(Math.min(progress.done, progress.total ?? 0), { detail });
      return;
    }
    const now = performance.now();
    if (now - this.lastPlain < PLAIN_INTERVAL_MS) return;
    this.lastPlain = now;
    const share = progress.total ? `${Math.floor((100 * progress.done) / progress.total)}% ` : '';
    this.write(`  ${unit.name}: ${share}${detail}`);
  }

  private showTraining(name: string, training: TrainingState): void {
    this.training = training;
    if (!this.area) {
      this.endBar();
      this.area = new LiveArea(this.stream, (columns, rows) =>
        trainingLines(name, this.training!, { columns, rows, now: Date.now() }),
      );
    }
    this.area.draw();
  }

  private detail(unit: Unit, { done, total, documents, kept, note, details }: UnitProgress): string {
    const seconds = (performance.now() - this.started) / 1000;
    const rest = trainingState(details)?.secondsLeft ?? (seconds * ((total ?? 0) - done)) / done;
    const left = total && done > 0 && seconds > 1 ? ` · ${duration(rest)} left` : '';
    if (unit.type === 'segment') {
      const rate = seconds > 0.5 ? ` · ${bytes(done / seconds)}/s` : '';
      return `${bytes(done)} of ${bytes(total ?? 0)} · ${counted(documents ?? 0, 'document')} · ${count(kept ?? 0)} kept${rate}${left}`;
    }
    return `${count(done)}${total ? ` of ${count(total)}` : ''}${note ? ` · ${note}` : ''}${left}`;
  }

  unitDone(unit: Unit, manifest: UnitManifest, skipped: boolean): void {
    this.stop();
    if (skipped) {
      this.write(pc.dim(`  ${unit.name.padEnd(24)} already done`));
      return;
    }
    const what =
      unit.type === 'segment'
        ? `${counted(manifest.documents ?? 0, 'document')} · ${bytes(manifest.textBytes ?? 0)} · `
        : '';
    this.write(`  ${pc.green('✓')} ${unit.name.padEnd(22)} ${what}${duration(manifest.seconds)}`);
  }

  say(line: string): void {
    if (this.bar) this.stream.write('\u001b[2K\r');
    this.write(`  ${line.startsWith('warning') ? pc.yellow(line) : line}`);
  }

  stop(): void {
    this.endBar();
    this.area?.close();
    this.area = undefined;
  }

  private endBar(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private write(line: string): void {
    if (this.area) this.area.writeAbove(line);
    else this.stream.write(`${line}\n`);
  }
}
