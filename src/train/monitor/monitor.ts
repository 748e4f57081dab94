/** Who watches a training: told of everything that is written down, and never the cause of a different outcome. */

/** What a watcher adds to a step's line in timings.jsonl. */
export type Timing = Readonly<Record<string, number>>;

export interface StepTiming {
  readonly step: number;
  /** Tokens of the data in this step. */
  readonly tokens: number;
  readonly milliseconds: number;
  /** Over the last steps. */
  readonly tokensPerSecond: number;
}

export interface TrainingMonitor {
  /** Once, before anything else; `step` is the one that the run goes on from. */
  begin(step: number): void | Promise<void>;
  /** A line of metrics.jsonl. */
  record(line: Readonly<Record<string, unknown>>): void;
  /** A step was taken; gives what joins its line in timings.jsonl. */
  timed(timing: StepTiming): Timing;
  /** A checkpoint was written. */
  saved(step: number): void;
  /** Plain JSON for whoever shows the run live; `phase` says what is done instead of steps. */
  state(phase?: string): unknown;
  /** For the line that says how far the run is, such as `61 % of peak`. */
  note(): string;
  end(): void;
}
