import { join } from 'node:path';
import { InvariantError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Side } from './document-columns.ts';
import type { DocumentOrder } from './document-order.ts';
import { planTable, RepeatsKernel } from './repeats-kernel.ts';
import { isZero, ScratchBlocks } from './scratch-blocks.ts';
import type { Pace } from './side-files.ts';
import { countSymbols, countTextBlocks, TEXT_BLOCK_BYTES, textBlocks } from './side-texts.ts';

export interface RepeatOptions {
  /** Symbols a window has: the shortest repeat that is found. */
  readonly length: number;
  /** 1 for bytes, 4 for tokens. */
  readonly symbolBytes: 1 | 4;
  /** `first`: windows that occurred before; `none`: all that occur anywhere else. */
  readonly keepCopies: 'first' | 'none';
  /** Whether a repeat inside one document counts. */
  readonly withinDocument: boolean;
  /** Bytes for the table. */
  readonly memory: number;
}

/** Half-open ranges of symbols of one document, ascending and apart: [start, end, start, end, ...]. */
export interface RepeatedRanges {
  readonly document: number;
  readonly bounds: number[];
  /** Whether each range has a window that a held-out document has too. */
  readonly inHeldOut: boolean[];
}

export interface RepeatCounts {
  /** Symbols in all. */
  symbols: number;
  /** Windows that the filter of chosen grams could not exclude. */
  candidates: number;
  /** Windows that were found to occur again, those of held-out documents left out. */
  repeated: number;
  /** Passes over the candidates that the table's memory asked for. */
  passes: number;
}

/** A stretch of a document with the windows that begin in it, and where their codes are in the block's. */
interface Stretch {
  readonly document: number;
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly windows: number;
  readonly codes: number;
  /** Symbols that it begins after the last stretch of the same document; 0 for the first. */
  readonly shift: number;
}

/** Cells of the filter for each gram that is expected to be chosen; one in 32 is then taken, and as many singles pass. */
const CELLS_A_GRAM = 32;
const MERSENNE_61 = (1n << 61n) - 1n;

/**
 * Finds every stretch of at least `length` symbols that occurs again, by windows of that length.
 *
 * 1. Each window chooses one of the shorter grams in it (winnowing). A filter of two bits a cell counts the places
 *    where each gram is chosen; windows whose gram is chosen once only occur once, and most text ends here.
 * 2. The windows that are left are hashed to 122 bits (two polynomials modulo 2^61 - 1, Karp and Rabin, at random
 *    bases) and looked up in a table that says which document had each first; as many passes over shares of the
 *    hashes as the table's memory asks for. Codes of two bits a window are kept in a scratch file between passes.
 *
 * Memory is the table's, whatever the size of the texts. What is found depends neither on the order of the side
 * files nor on the memory. About 90 bits of a hash take part in a comparison, so that of 10^9 windows two different
 * ones are taken for equal with a probability near 10^-9.
 */
export class RepeatFinder {
  readonly counts: RepeatCounts;
  private readonly kernel = new RepeatsKernel();
  private readonly sides: readonly Side[];
  private readonly order: DocumentOrder;
  private readonly options: RepeatOptions;
  private readonly pace: Pace;
  private readonly marks: ScratchBlocks;
  private readonly text: number;
  private readonly codes: number;
  private blob = new Uint8Array(0);

  constructor(
    sides: readonly Side[],
    order: DocumentOrder,
    options: RepeatOptions,
    context: { readonly folder: string; readonly random: Random; readonly pace: Pace },
  ) {
    this.sides = sides;
    this.order = order;
    this.options = options;
    this.pace = context.pace;
    const { length, symbolBytes } = options;
    const gram = gramLength(length);
    const ringSlots = 2 ** Math.ceil(Math.log2(length - gram + 2));
    const { kernel } = this;
    const ring = kernel.take(ringSlots * 8);
    const stretch = TEXT_BLOCK_BYTES + length * symbolBytes;
    this.text = kernel.take(stretch + 16);
    this.codes = kernel.take(stretch / symbolBytes / 4 + 16);
    const base = (): bigint =>
      (((BigInt(context.random.uint32()) << 32n) | BigInt(context.random.uint32())) % (MERSENNE_61 - 1n)) +
      1n;
    kernel.exports.configure(length, gram, base(), base(), ring, ringSlots);
    this.counts = { symbols: countSymbols(sides), candidates: 0, repeated: 0, passes: 0 };
    this.marks = new ScratchBlocks(join(context.folder, 'windows.tmp'));
  }

  /** Everything from the filter to the last pass. Call `ranges` afterwards. */
  async find(): Promise<void> {
    const { length, symbolBytes, memory } = this.options;
    const grams = length - gramLength(length) + 1;
    const chosen = (this.counts.symbols * 2) / (grams + 1);
    this.kernel.openCells(Math.ceil(Math.min(memory, Math.max(1024, (chosen * CELLS_A_GRAM) / 4), 2 ** 30)));
    const { exports } = this.kernel;
    const choose = symbolBytes === 1 ? exports.chooseBytes : exports.chooseTokens;
    for (const { stretches } of this.blocks()) {
      for (const stretch of stretches) {
        this.copyText(stretch);
        exports.beginChosen(stretch.shift);
        choose(this.text, stretch.windows + length - 1, 0);
      }
      await this.pace.step('winnowing');
    }
    for (const { number, stretches, codeBytes } of this.blocks()) {
      const blob = this.blobOf(codeBytes);
      for (const stretch of stretches) {
        this.copyText(stretch);
        const view = this.codesView(stretch.windows).fill(0);
        this.counts.candidates += choose(this.text, stretch.windows + length - 1, this.codes);
        blob.set(view, stretch.codes);
      }
      this.marks.write(number, blob);
      await this.pace.step('candidates');
    }
    if (this.counts.candidates > 0) await this.passes();
  }

  private async passes(): Promise<void> {
    const plan = planTable(this.counts.candidates, this.options.memory);
    this.counts.passes = plan.parts;
    this.pace.expect(2 * plan.parts * countTextBlocks(this.sides));
    for (let part = 0; part < plan.parts; part++) {
      this.kernel.openTable(plan);
      for (const marks of [false, true]) {
        for (const { number, stretches, codeBytes } of this.blocks((block) => this.marks.has(block))) {
          const blob = this.blobOf(codeBytes);
          this.marks.read(number, blob);
          const found = this.visit(stretches, blob, part, plan.parts, marks);
          if (marks && found > 0) this.marks.write(number, blob);
          if (marks) this.counts.repeated += found;
          await this.pace.step(`windows, pass ${part + 1} of ${plan.parts}`);
        }
      }
    }
  }

  private visit(
    stretches: readonly Stretch[],
    blob: Uint8Array,
    part: number,
    parts: number,
    marks: boolean,
  ): number {
    const { symbolBytes, keepCopies, withinDocument } = this.options;
    const { rank, heldOut } = this.order;
    const { exports } = this.kernel;
    const visit = symbolBytes === 1 ? exports.visitBytes : exports.visitTokens;
    const all = keepCopies === 'none' ? 1 : 0;
    const within = withinDocument ? 1 : 0;
    let found = 0;
    for (const stretch of stretches) {
      const { windows, codes, document } = stretch;
      const order = rank[document]!;
      // Held-out documents stay as they are: they only say what was there.
      if (marks && order < heldOut) continue;
      const own = blob.subarray(codes, codes + codeBytesOf(windows));
      if (isZero(own)) continue;
      this.copyText(stretch);
      const view = this.codesView(windows);
      view.set(own);
      const n = visit(
        this.text,
        windows,
        this.codes,
        part,
        parts,
        order,
        heldOut,
        marks ? 1 : 0,
        all,
        within,
      );
      if (n < 0) throw new InvariantError('the table of windows is too small for its share');
      if (marks && n > 0) own.set(view);
      found += n;
    }
    return found;
  }

  /** The ranges of each document that has one, in the order of the side files. */
  *ranges(): Generator<RepeatedRanges> {
    const { length } = this.options;
    let current: RepeatedRanges | undefined;
    for (const { number, stretches, codeBytes } of this.blocks((block) => this.marks.has(block))) {
      const blob = this.blobOf(codeBytes);
      this.marks.read(number, blob);
      for (const { document, at, windows, codes } of stretches) {
        for (let i = 0; i < windows; i++) {
          const byte = blob[codes + (i >> 2)]!;
          if (byte === 0) {
            i |= 3;
            continue;
          }
          const code = (byte >> ((i & 3) << 1)) & 3;
          if (code < 2) continue;
          if (current?.document !== document) {
            if (current) yield current;
            current = { document, bounds: [], inHeldOut: [] };
          }
          addWindow(current, at + i, length, code === 3);
        }
      }
    }
    if (current) yield current;
  }

  dispose(): void {
    this.marks.dispose();
  }

  /** The blocks with their stretches; each window of the texts begins in exactly one stretch. */
  private *blocks(
    wanted: (block: number) => boolean = () => true,
  ): Generator<{ number: number; stretches: Stretch[]; codeBytes: number }> {
    const { length, symbolBytes } = this.options;
    let tail: Uint8Array = new Uint8Array(0);
    let lastWindows = 0;
    for (const { number, pieces } of textBlocks(this.sides, symbolBytes)) {
      const stretches: Stretch[] = [];
      let codeBytes = 0;
      for (const piece of pieces) {
        const goesOn = piece.at > 0;
        const bytes = goesOn && tail.length > 0 ? Buffer.concat([tail, piece.bytes]) : piece.bytes;
        const symbols = bytes.length / symbolBytes;
        const windows = Math.max(0, symbols - length + 1);
        const at = piece.at - (bytes.length - piece.bytes.length) / symbolBytes;
        if (windows > 0) {
          const shift = goesOn ? lastWindows : 0;
          stretches.push({ document: piece.document, at, bytes, windows, codes: codeBytes, shift });
          codeBytes += codeBytesOf(windows);
          lastWindows = windows;
        } else if (!goesOn) lastWindows = 0;
        if (piece === pieces.at(-1))
          tail = bytes.slice(Math.max(0, bytes.length - (length - 1) * symbolBytes));
      }
      if (wanted(number)) yield { number, stretches, codeBytes };
    }
  }

  private blobOf(bytes: number): Uint8Array {
    if (this.blob.length < bytes) this.blob = new Uint8Array(bytes);
    return this.blob.subarray(0, bytes);
  }

  private copyText({ bytes }: Stretch): void {
    new Uint8Array(this.kernel.buffer, this.text, bytes.length).set(bytes);
  }

  private codesView(windows: number): Uint8Array {
    return new Uint8Array(this.kernel.buffer, this.codes, codeBytesOf(windows));
  }
}

/** Half of the window: as long as the grams are, as many of them are there to choose from. */
function gramLength(length: number): number {
  return Math.max(1, length >> 1);
}

function codeBytesOf(windows: number): number {
  return (windows + 3) >> 2;
}

function addWindow(
  { bounds, inHeldOut }: RepeatedRanges,
  from: number,
  length: number,
  heldOut: boolean,
): void {
  const last = bounds.length - 1;
  if (last > 0 && from <= bounds[last]!) {
    bounds[last] = from + length;
    if (heldOut) inHeldOut[inHeldOut.length - 1] = true;
  } else {
    bounds.push(from, from + length);
    inHeldOut.push(heldOut);
  }
}
