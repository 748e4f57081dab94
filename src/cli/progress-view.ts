import { Bar, Presets } from 'cli-progress';
import pc from 'picocolors';
import { bytes, count, duration } from '../core/format.ts';
import type { Unit } from '../execute/plan.ts';
import type { Decision, RunObserver, UnitProgress } from '../execute/run.ts';
import type { UnitManifest } from '../execute/run-folder.ts';

const PLAIN_INTERVAL_MS = 10_000;

/** Progress on standard error: a bar on a terminal, a plain line now and then elsewhere. */
export class ProgressView implements RunObserver {
  private readonly terminal: boolean;
  private readonly write: (line: string) => void;
  private bar: Bar | undefined;
  private started = 0;
  private lastPlain = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.terminal = stream.isTTY === true;
    this.write = (line) => stream.write(`${line}\n`);
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
        { format, hideCursor: true, clearOnComplete: true, barsize: 24, stream: process.stderr },
        Presets.shades_classic,
      );
      this.bar.start(1, 0, { detail: '' });
    }
  }

  progress(unit: Unit, progress: UnitProgress): void {
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

  private detail(unit: Unit, { done, total, documents, kept, note }: UnitProgress): string {
    const seconds = (performance.now() - this.started) / 1000;
    const left =
      total && done > 0 && seconds > 1 ? ` · ${duration((seconds * (total - done)) / done)} left` : '';
    if (unit.type === 'segment') {
      const rate = seconds > 0.5 ? ` · ${bytes(done / seconds)}/s` : '';
      return `${bytes(done)} of ${bytes(total ?? 0)} · ${count(documents ?? 0)} documents · ${count(kept ?? 0)} kept${rate}${left}`;
    }
    return `${count(done)}${total ? ` of ${count(total)}` : ''}${note ? ` · ${note}` : ''}${left}`;
  }

  unitDone(unit: Unit, manifest: UnitManifest, skipped: boolean): void {
    this.bar?.stop();
    this.bar = undefined;
    if (skipped) {
      this.write(pc.dim(`  ${unit.name.padEnd(24)} already done`));
      return;
    }
    const what =
      unit.type === 'segment'
        ? `${count(manifest.documents ?? 0)} documents · ${bytes(manifest.textBytes ?? 0)} · `
        : '';
    this.write(`  ${pc.green('✓')} ${unit.name.padEnd(22)} ${what}${duration(manifest.seconds)}`);
  }

  say(line: string): void {
    if (this.bar) process.stderr.write('\u001b[2K\r');
    this.write(`  ${line.startsWith('warning') ? pc.yellow(line) : line}`);
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}
