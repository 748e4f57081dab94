import { type PackedWindows, type Packing, packDocuments } from './packing.ts';

/** Tokens [start, start + length) of a split. */
export interface Piece {
  readonly start: number;
  readonly length: number;
}

/** A place in a window. */
export interface WindowPlace {
  readonly window: number;
  readonly column: number;
}

/** Which tokens of a split each window holds: context + 1 columns, filled by pieces from the left, the rest padding. */
export interface WindowPlan {
  readonly windows: number;
  pieces(window: number): Piece[];
  /** Every place of token `at` of the split. */
  placesOf(at: number): WindowPlace[];
}

/** What a plan needs of a shard. */
export interface ShardLengths {
  /** [documents + 1] first token of each document, and the number of tokens at the end. */
  readonly starts: Float64Array;
}

/**
 * Window w is tokens w * context to (w + 1) * context, both included: consecutive windows overlap by one token, each
 * token but the first is a target exactly once, and up to context - 1 tokens at the very end are in no window.
 */
export class ConcatenatedPlan implements WindowPlan {
  readonly windows: number;
  private readonly context: number;

  constructor(tokens: number, context: number) {
    this.context = context;
    this.windows = Math.max(0, Math.floor((tokens - 1) / context));
  }

  pieces(window: number): Piece[] {
    return [{ start: window * this.context, length: this.context + 1 }];
  }

  placesOf(at: number): WindowPlace[] {
    const { context, windows } = this;
    return [...new Set([Math.floor(at / context), Math.ceil(at / context) - 1])]
      .filter((window) => window >= 0 && window < windows)
      .map((window) => ({ window, column: at - window * context }));
  }
}

/** Windows of whole documents. A window's documents are of one shard, so that later shards change no earlier window. */
export class PackedPlan implements WindowPlan {
  windows = 0;
  private readonly width: number;
  private readonly packing: Exclude<Packing, 'concatenate'>;
  private readonly shards: { packed: PackedWindows; firstWindow: number; firstToken: number }[] = [];
  private tokens = 0;

  constructor(context: number, packing: Exclude<Packing, 'concatenate'>) {
    this.width = context + 1;
    this.packing = packing;
  }

  /** Adds the next shard of the split. */
  add({ starts }: ShardLengths): void {
    const packed = packDocuments(starts, this.width, this.packing);
    this.shards.push({ packed, firstWindow: this.windows, firstToken: this.tokens });
    this.windows += packed.rows.length - 1;
    this.tokens += starts.at(-1)!;
  }

  pieces(window: number): Piece[] {
    let low = 0;
    let high = this.shards.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.shards[middle]!.firstWindow <= window) low = middle;
      else high = middle;
    }
    const { packed, firstWindow, firstToken } = this.shards[low]!;
    const row = window - firstWindow;
    const pieces: Piece[] = [];
    for (let i = packed.rows[row]!; i < packed.rows[row + 1]!; i++) {
      pieces.push({ start: firstToken + packed.starts[i]!, length: packed.lengths[i]! });
    }
    return pieces;
  }

  placesOf(at: number): WindowPlace[] {
    const places: WindowPlace[] = [];
    for (const { packed, firstWindow, firstToken } of this.shards) {
      for (let row = 0; row + 1 < packed.rows.length; row++) {
        let column = 0;
        for (let i = packed.rows[row]!; i < packed.rows[row + 1]!; i++) {
          const offset = at - firstToken - packed.starts[i]!;
          const inside = offset >= 0 && offset < packed.lengths[i]!;
          if (inside) places.push({ window: firstWindow + row, column: column + offset });
          column += packed.lengths[i]!;
        }
      }
    }
    return places;
  }
}

/** The plan of a split whose shards are all known. `tokens` is their sum. */
export function planWindows(
  shards: readonly ShardLengths[],
  tokens: number,
  context: number,
  packing: Packing,
): WindowPlan {
  if (packing === 'concatenate') return new ConcatenatedPlan(tokens, context);
  const plan = new PackedPlan(context, packing);
  for (const shard of shards) plan.add(shard);
  return plan;
}
