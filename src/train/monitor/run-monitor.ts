/** Watches a training: TensorBoard's event files beside metrics.jsonl. */

import { EventLog } from '../tensorboard/event-log.ts';
import { scalarsOf, timingScalars } from '../tensorboard/scalars.ts';
import type { StepTiming, Timing, TrainingMonitor } from './monitor.ts';

export interface MonitorSettings {
  /** Where metrics.jsonl lies. */
  readonly folder: string;
}

export class RunMonitor implements TrainingMonitor {
  private readonly settings: MonitorSettings;
  private events: EventLog | undefined;

  constructor(settings: MonitorSettings) {
    this.settings = settings;
  }

  async begin(step: number): Promise<void> {
    this.events = await EventLog.open(this.settings.folder, step);
  }

  record(line: Readonly<Record<string, unknown>>): void {
    this.events?.add(line.step as number, scalarsOf(line));
  }

  timed(timing: StepTiming): Timing {
    const { step, tokensPerSecond } = timing;
    this.events?.add(step, timingScalars({ tokensPerSecond }));
    return {};
  }

  saved(): void {}

  state(): unknown {
    return undefined;
  }

  note(): string {
    return '';
  }

  end(): void {
    this.events?.close();
  }
}
