/** What a training tells whoever shows it live: plain JSON, whole each time, so that any of it may be missed. */

export interface LiveEvaluation {
  readonly step: number;
  readonly measure: 'bits-per-byte' | 'masked-loss';
  /** Bits per byte, or nats a masked token, by corpus. */
  readonly corpora: Readonly<Record<string, number>>;
}

export interface TrainingState {
  readonly kind: 'training';
  readonly step: number;
  readonly steps: number;
  /** What is done instead of steps, such as `validation text 30 %`. */
  readonly phase?: string;
  readonly loss: number | null;
  /** Loss from the first step on, thinned out: a point is the mean of equally many steps. */
  readonly curve: readonly number[];
  /** The largest corpora, smoothed over the last steps. */
  readonly lossByCorpus: Readonly<Record<string, number>>;
  readonly learningRate?: number;
  readonly gradientNorm?: number;
  readonly tokensPerSecond?: number;
  readonly flopsPerSecond?: number;
  /** Of the machine's measured peak. */
  readonly peakShare?: number;
  readonly secondsLeft?: number;
  /** Resident, of the whole process, in bytes. */
  readonly memory: number;
  readonly evaluation?: LiveEvaluation;
  readonly checkpoint?: { readonly step: number /** Milliseconds since 1970. */; readonly at: number };
  readonly energy?: { readonly kilowattHours: number; readonly watts: number; readonly source: string };
}

/** A report's details, where they are a training's. */
export function trainingState(details: unknown): TrainingState | undefined {
  const state = details as TrainingState | undefined;
  return state?.kind === 'training' ? state : undefined;
}
