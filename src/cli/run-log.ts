import { join } from 'node:path';
import { destination, type Logger, pino } from 'pino';
import type { Unit } from '../execute/plan.ts';
import type { Decision, RunObserver, UnitProgress } from '../execute/run.ts';
import type { UnitManifest } from '../execute/run-folder.ts';

/** Passes everything on to another observer and appends what happened to `log.jsonl`: the story of an overnight run. */
export class RunLog implements RunObserver {
  private readonly inner: RunObserver;
  private readonly path: string;
  private opened: Logger | undefined;

  constructor(runFolder: string, inner: RunObserver) {
    this.inner = inner;
    this.path = join(runFolder, 'log.jsonl');
  }

  /** Opened with the first event: a run that is refused the directory writes nothing into it. */
  private get log(): Logger {
    if (!this.opened) {
      // Synchronous: the last line before a crash is the one that matters.
      const file = destination({ dest: this.path, sync: true });
      this.opened = pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, file);
      this.opened.info({ arguments: process.argv.slice(2) }, 'started');
    }
    return this.opened;
  }

  unitStarted(unit: Unit, decision: Decision): void {
    this.inner.unitStarted?.(unit, decision);
    if (decision.runs)
      this.log.info({ unit: unit.name, reasons: decision.reasons, tasks: decision.tasks }, 'unit started');
  }

  progress(unit: Unit, progress: UnitProgress): void {
    this.inner.progress?.(unit, progress);
  }

  unitDone(unit: Unit, manifest: UnitManifest, skipped: boolean): void {
    this.inner.unitDone?.(unit, manifest, skipped);
    if (!skipped)
      this.log.info(
        { unit: unit.name, seconds: manifest.seconds, documents: manifest.documents },
        'unit done',
      );
  }

  say(line: string): void {
    this.inner.say?.(line);
    if (line.startsWith('warning')) this.log.warn(line);
    else this.log.info(line);
  }

  end(state: 'done' | 'failed' | 'interrupted', error?: string): void {
    if (!this.opened) return;
    if (state === 'failed') this.log.error({ error }, state);
    else this.log.info(state);
  }
}
