import { ResourceError } from '../core/errors.ts';
import type { Side } from './document-columns.ts';
import type { DocumentOrder } from './document-order.ts';
import type { Pace } from './side-files.ts';
import { countUnits, unitRuns } from './unit-file.ts';

export interface UnitOptions {
  readonly method: 'exact' | 'bloom';
  /** For `bloom`. */
  readonly falsePositiveRate: number;
  /** A unit goes where a larger share of its keys came before. */
  readonly overlap: number;
  /** Whether a unit of the same document counts. */
  readonly withinDocument: boolean;
  /** Bytes for the table of `exact`. */
  readonly memory: number;
}

/** What the method took, for the summary. */
export type UnitCosts = Readonly<Record<string, number>>;

/** The units in the order of documents: each has a number below all units of the documents that come later. */
export class UnitOrder {
  /** [documents] order of each document's first unit. */
  readonly base: Uint32Array;
  /** Units of held-out documents have the orders below this. */
  readonly heldOut: number;

  constructor(sides: readonly Side[], { rank, heldOut }: DocumentOrder) {
    const { units } = countUnits(sides);
    if (units > 0xffffffff) {
      throw new ResourceError('deduplication counts units in 32 bits', {
        expected: 'at most 4294967295 paragraphs, lines or runs of sentences',
        found: `${units}`,
      });
    }
    const byRank = new Uint32Array(rank.length + 1);
    for (const { firstDocument, counts } of unitRuns(sides))
      for (let i = 0; i < counts.length; i++) byRank[rank[firstDocument + i]! + 1] = counts[i]!;
    for (let i = 1; i < byRank.length; i++) byRank[i]! += byRank[i - 1]!;
    this.base = rank.map((place) => byRank[place]!);
    this.heldOut = byRank[heldOut]!;
  }
}

/** What both methods work on. */
export interface Judging {
  readonly sides: readonly Side[];
  readonly documents: DocumentOrder;
  readonly order: UnitOrder;
  readonly options: UnitOptions;
  readonly folder: string;
  readonly pace: Pace;
}
