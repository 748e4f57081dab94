import { ConfigurationError } from '../core/errors.ts';
import { isTraining, SIDE, SIGNAL_BYTES, type SideFile, shapeOf } from './side-file.ts';

/** Documents whose signal is at least `from`, and below the next band, are taken `times` times. */
export interface QualityBand {
  readonly from: number;
  readonly times: number;
}

export interface QualityOptions {
  readonly signal: string;
  readonly bands: readonly QualityBand[];
  /** How often documents below all bands, or without the signal, are taken. */
  readonly otherwise: number;
}

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);

/** The value of a signal in a document's body, NaN where it has none. `index` is the signal's in its side file. */
export function signalIn(
  side: SideFile,
  index: number,
  words: Uint32Array,
  at: number,
  bytes: Uint8Array,
  bodyAt: number,
): number {
  const k = side.footer.shapes[shapeOf(words[at + SIDE.signals]!)]!.indexOf(index);
  if (k < 0) return Number.NaN;
  const from = bodyAt + words[at + SIDE.tokens]! * side.tokenWidth + k * SIGNAL_BYTES;
  for (let b = 0; b < 8; b++) numberBytes[b] = bytes[from + b]!;
  return number[0]!;
}

/** How often single documents are taken by what a signal says of them. */
export class Quality {
  readonly options: QualityOptions;
  /** Highest first. */
  private readonly bands: readonly QualityBand[];
  private readonly indexes = new Map<SideFile, number>();

  /** Throws ConfigurationError where no document has the signal. */
  constructor(options: QualityOptions, sides: readonly SideFile[]) {
    this.options = options;
    this.bands = [...options.bands].sort((a, b) => b.from - a.from);
    requireSignal('upsample.signal', options.signal, sides);
  }

  times(side: SideFile, words: Uint32Array, at: number, bytes: Uint8Array, bodyAt: number): number {
    if (!isTraining(words[at + SIDE.corpus]!)) return 1;
    let index = this.indexes.get(side);
    if (index === undefined) {
      index = side.footer.signals.indexOf(this.options.signal);
      this.indexes.set(side, index);
    }
    const value = index < 0 ? Number.NaN : signalIn(side, index, words, at, bytes, bodyAt);
    for (const { from, times } of this.bands) if (value >= from) return times;
    return this.options.otherwise;
  }
}

export function requireSignal(option: string, signal: string, sides: readonly SideFile[]): void {
  const known = new Set(sides.flatMap(({ footer }) => footer.signals));
  if (known.has(signal)) return;
  throw new ConfigurationError(`${option}: no document has this signal`, {
    expected: [...known].sort().join(', ') || 'a step that measures one',
    found: signal,
  });
}
