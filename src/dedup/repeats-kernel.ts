import { loadKernel } from '../core/wasm.ts';
import { GrowingKernel } from './growing-kernel.ts';

/** What src/kernels/assembly/repeats.ts exports; addresses are bytes in its memory. */
export interface RepeatsExports {
  configure(length: number, gram: number, b1: bigint, b2: bigint, ring: number, ringSlots: number): void;
  openCells(at: number, bytes: number): void;
  openTable(at: number, slots: number, most: number): void;
  tableKeys(): number;
  beginChosen(shift: number): void;
  chooseBytes(text: number, symbols: number, codes: number): number;
  chooseTokens(text: number, symbols: number, codes: number): number;
  visitBytes: Visit;
  visitTokens: Visit;
  addKeys(keys: number, orders: number, count: number, part: number, parts: number): number;
  lookUpKeys(keys: number, firsts: number, count: number, part: number, parts: number): void;
}

type Visit = (
  text: number,
  windows: number,
  codes: number,
  part: number,
  parts: number,
  order: number,
  heldOut: number,
  marks: number,
  all: number,
  within: number,
) => number;

const SLOT_BYTES = 12;
/** Of the slots, as many may be in use. */
const MOST_LOAD = 0.9;
/** Of the slots, as many are planned to be. */
const PLANNED_LOAD = 0.7;

/** The kernel with its memory: buffers first, then one region that is a table now and cells then. */
export class RepeatsKernel extends GrowingKernel<RepeatsExports> {
  constructor() {
    super(loadKernel<RepeatsExports>('repeats', 1));
  }

  /** Makes the region cells of two bits, in as many bytes. */
  openCells(bytes: number): void {
    this.growTo(this.heap + bytes);
    this.exports.openCells(this.heap, bytes);
  }

  /** Makes the region a table. */
  openTable({ slots }: TablePlan): void {
    this.growTo(this.heap + slots * SLOT_BYTES);
    this.exports.openTable(this.heap, slots, Math.floor(slots * MOST_LOAD));
  }
}

/** In how many passes, each over its share of the hashes, a table of how many slots does. */
export interface TablePlan {
  readonly parts: number;
  readonly slots: number;
}

/** Room for `keys` keys at most, in `memory` bytes. */
export function planTable(keys: number, memory: number): TablePlan {
  const most = Math.max(1024, Math.floor(memory / SLOT_BYTES));
  const parts = Math.max(1, Math.ceil(keys / (most * PLANNED_LOAD)));
  const slots = Math.min(most, Math.max(1024, Math.ceil(keys / parts / PLANNED_LOAD) + 1024));
  return { parts, slots };
}
