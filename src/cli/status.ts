import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonIfThere } from '../core/files.ts';
import type { Plan, Unit } from '../execute/plan.ts';
import type { Decision, RunObserver, UnitProgress } from '../execute/run.ts';
import type { UnitManifest } from '../execute/run-folder.ts';

/** What a run leaves in its directory once a second, so that another terminal can watch it. */
export interface RunStatus {
  readonly pid: number;
  readonly started: string;
  readonly updated: string;
  readonly state: 'running' | 'done' | 'failed' | 'interrupted';
  readonly error?: string;
  readonly units: readonly {
    readonly name: string;
    readonly type: Unit['type'];
    readonly state: 'waiting' | 'running' | 'done' | 'skipped';
    readonly seconds?: number;
  }[];
  readonly current?: { readonly unit: string; readonly seconds: number; readonly progress?: UnitProgress };
}

const INTERVAL_MS = 1000;

/** Passes everything on to another observer and keeps `status.json` up to date. */
export class StatusWriter implements RunObserver {
  private readonly path: string;
  private readonly inner: RunObserver;
  private readonly started = new Date().toISOString();
  private readonly units: {
    name: string;
    type: Unit['type'];
    state: 'waiting' | 'running' | 'done' | 'skipped';
    seconds?: number;
  }[];
  private current: { unit: string; since: number; progress?: UnitProgress } | undefined;
  private written = 0;
  /** Another run may live here: its status is not ours to write. */
  private owns = false;

  constructor(runFolder: string, plan: Plan, inner: RunObserver) {
    this.path = join(runFolder, 'status.json');
    this.inner = inner;
    this.units = plan.units.map(({ name, type }) => ({ name, type, state: 'waiting' }));
  }

  runStarted(): void {
    this.owns = true;
    this.write('running');
  }

  unitStarted(unit: Unit, decision: Decision): void {
    this.inner.unitStarted?.(unit, decision);
    this.units[unit.index]!.state = 'running';
    this.current = { unit: unit.name, since: performance.now() };
    this.write('running');
  }

  progress(unit: Unit, progress: UnitProgress): void {
    this.inner.progress?.(unit, progress);
    if (this.current) this.current.progress = progress;
    if (performance.now() - this.written > INTERVAL_MS) this.write('running');
  }

  unitDone(unit: Unit, manifest: UnitManifest, skipped: boolean): void {
    this.inner.unitDone?.(unit, manifest, skipped);
    Object.assign(this.units[unit.index]!, {
      state: skipped ? 'skipped' : 'done',
      seconds: manifest.seconds,
    });
    this.write('running');
  }

  say(line: string): void {
    this.inner.say?.(line);
  }

  end(state: 'done' | 'failed' | 'interrupted', error?: string): void {
    // A run that was refused the directory must not speak for the one that holds it.
    if (this.written === 0) return;
    this.current = undefined;
    this.write(state, error);
  }

  private write(state: RunStatus['state'], error?: string): void {
    if (!this.owns) return;
    this.written = performance.now();
    const { current, units, started } = this;
    const status: RunStatus = {
      pid: process.pid,
      started,
      updated: new Date().toISOString(),
      state,
      error,
      units,
      current: current && {
        unit: current.unit,
        seconds: (performance.now() - current.since) / 1000,
        progress: current.progress,
      },
    };
    // Not synced: losing the last second of it in a power cut harms nobody. Written in one go, so that a reader sees it whole.
    try {
      writeFileSync(`${this.path}.tmp`, JSON.stringify(status));
      renameSync(`${this.path}.tmp`, this.path);
    } catch {
      // A full disk is the run's to report, where it matters.
    }
  }
}

export async function readStatus(runFolder: string): Promise<RunStatus | undefined> {
  return readJsonIfThere<RunStatus>(join(runFolder, 'status.json'));
}
