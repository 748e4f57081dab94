import type { DocumentRow } from '../core/batch.ts';
import { BlockWriter } from './block-file.ts';
import { DocumentColumns, FIRST_OWN_SECTION, type Side } from './document-columns.ts';

/*
 * Side files of the steps that compare units of documents (paragraphs, lines, runs of sentences): for each document
 * how many units it has, for each unit its bytes and how many keys it has, and the keys, two words each. Two units
 * are alike by how many of their keys are equal.
 */
const COUNT_SECTION = FIRST_OWN_SECTION;
const UNIT_SECTION = FIRST_OWN_SECTION + 1;
const KEY_SECTION = FIRST_OWN_SECTION + 2;
export const UNIT_WORDS = 3;
const RUN_DOCUMENTS = 1 << 15;
/** Units and keys that end a run, and that a block holds. */
const BLOCK_UNITS = 1 << 17;
export const BLOCK_KEYS = 1 << 18;

export class UnitWriter {
  private readonly writer: BlockWriter;
  private readonly columns = new DocumentColumns(RUN_DOCUMENTS);
  private readonly counts = new Uint32Array(RUN_DOCUMENTS);
  private readonly units = new Uint32Array(BLOCK_UNITS * UNIT_WORDS);
  private readonly keys = new Uint32Array(BLOCK_KEYS * 2);
  private unitsHeld = 0;
  private keysHeld = 0;
  private unitsOfDocument = 0;
  private flushed = false;

  constructor(path: string, kind: string, digest: Buffer) {
    this.writer = new BlockWriter(path, kind, digest);
  }

  /** A key of the unit that `unit` will end. */
  key(low: number, high: number): void {
    if (this.keysHeld === BLOCK_KEYS) this.flushKeys();
    this.keys[2 * this.keysHeld] = low;
    this.keys[2 * this.keysHeld + 1] = high;
    this.keysHeld++;
  }

  /** A unit in bytes [start, end) of the document under way, with the last `keys` keys. */
  unit(start: number, end: number, keys: number): void {
    if (this.unitsHeld === BLOCK_UNITS) this.flushUnits();
    const at = this.unitsHeld++ * UNIT_WORDS;
    this.units[at] = start;
    this.units[at + 1] = end;
    this.units[at + 2] = keys;
    this.unitsOfDocument++;
  }

  /** Ends the document under way. */
  document(row: DocumentRow, preference: number): void {
    this.counts[this.columns.length] = this.unitsOfDocument;
    this.unitsOfDocument = 0;
    this.columns.add(row, preference);
    const full = this.unitsHeld >= BLOCK_UNITS / 2 || this.keysHeld >= BLOCK_KEYS / 2 || this.flushed;
    if (this.columns.length === RUN_DOCUMENTS || full) this.flush();
  }

  finish(): Promise<void> {
    this.flush();
    return this.writer.finishBeside();
  }

  abandon(): void {
    this.writer.abandon();
  }

  private flushKeys(): void {
    if (this.keysHeld === 0) return;
    this.writer.write(KEY_SECTION, new Uint8Array(this.keys.buffer, 0, this.keysHeld * 8), this.keysHeld);
    this.keysHeld = 0;
    this.flushed = true;
  }

  private flushUnits(): void {
    if (this.unitsHeld === 0) return;
    const bytes = new Uint8Array(this.units.buffer, 0, this.unitsHeld * UNIT_WORDS * 4);
    this.writer.write(UNIT_SECTION, bytes, this.unitsHeld);
    this.unitsHeld = 0;
    this.flushed = true;
  }

  private flush(): void {
    const n = this.columns.length;
    if (n === 0) return;
    this.flushUnits();
    this.flushKeys();
    this.writer.write(COUNT_SECTION, new Uint8Array(this.counts.buffer, 0, n * 4), n);
    this.columns.write(this.writer, false);
    this.writer.commit(n);
    this.flushed = false;
  }
}

/** A run of documents with their units; the keys come in blocks. */
export interface UnitRun {
  /** Number of the run's first document and of its first unit, over all side files. */
  readonly firstDocument: number;
  readonly firstUnit: number;
  /** [documents] */
  readonly counts: Uint32Array;
  /** [units][3] start, end, number of keys */
  readonly units: Uint32Array;
  /** Blocks of keys, each with its number over all side files. */
  keys(): Generator<{ number: number; words: Uint32Array }>;
}

/** All runs of the side files, always in the same order. */
export function* unitRuns(sides: readonly Side[]): Generator<UnitRun> {
  let keyBlock = 0;
  let firstUnit = 0;
  for (const { reader, firstDocument } of sides) {
    const unitBlocks = reader.section(UNIT_SECTION);
    const keyBlocks = reader.section(KEY_SECTION);
    let unitAt = 0;
    let keyAt = 0;
    for (const entry of reader.section(COUNT_SECTION)) {
      const pieces: Uint32Array[] = [];
      while (unitBlocks[unitAt]?.first === entry.first)
        pieces.push(new Uint32Array(reader.read(unitBlocks[unitAt++]!).buffer));
      const own: typeof keyBlocks = [];
      while (keyBlocks[keyAt]?.first === entry.first) own.push(keyBlocks[keyAt++]!);
      const units = joined(pieces);
      const firstKeyBlock = keyBlock;
      keyBlock += own.length;
      yield {
        firstDocument: firstDocument + entry.first,
        firstUnit,
        counts: new Uint32Array(reader.read(entry).buffer),
        units,
        *keys() {
          for (const [i, block] of own.entries())
            yield { number: firstKeyBlock + i, words: new Uint32Array(reader.read(block).buffer) };
        },
      };
      firstUnit += units.length / UNIT_WORDS;
    }
  }
}

function joined(pieces: readonly Uint32Array[]): Uint32Array {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Units and keys of all side files, and runs and blocks of keys, without reading them. */
export function countUnits(sides: readonly Side[]): { units: number; keys: number; runs: number } {
  const count = { units: 0, keys: 0, runs: 0 };
  for (const { reader } of sides) {
    for (const entry of reader.section(UNIT_SECTION)) count.units += entry.count;
    for (const entry of reader.section(KEY_SECTION)) count.keys += entry.count;
    count.runs += reader.section(COUNT_SECTION).length;
  }
  return count;
}
