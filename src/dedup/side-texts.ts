import type { DocumentRow } from '../core/batch.ts';
import { IntegrityError } from '../core/errors.ts';
import { type BlockEntry, BlockWriter } from './block-file.ts';
import { DocumentColumns, FIRST_OWN_SECTION, META_SECTION, type Side } from './document-columns.ts';

const LENGTH_SECTION = FIRST_OWN_SECTION;
const TEXT_SECTION = FIRST_OWN_SECTION + 1;
/** Bytes of texts in a block; a longer document goes on in the next. */
export const TEXT_BLOCK_BYTES = 1 << 22;
const RUN_DOCUMENTS = 1 << 15;
const RUN_BYTES = 1 << 24;

/** Writes the texts of documents, as bytes or as tokens of 32 bits, to a side file. */
export class SideTextWriter {
  private readonly writer: BlockWriter;
  private readonly symbolBytes: number;
  private readonly columns = new DocumentColumns(RUN_DOCUMENTS);
  private readonly lengths = new Uint32Array(RUN_DOCUMENTS);
  private readonly buffer = new Uint8Array(TEXT_BLOCK_BYTES);
  private used = 0;
  private runBytes = 0;

  constructor(path: string, kind: string, digest: Buffer, symbolBytes: number) {
    this.writer = new BlockWriter(path, kind, digest);
    this.symbolBytes = symbolBytes;
  }

  add(row: DocumentRow, preference: number, text: Uint8Array): void {
    for (let from = 0; from < text.length; ) {
      const n = Math.min(text.length - from, this.buffer.length - this.used);
      this.buffer.set(text.subarray(from, from + n), this.used);
      this.used += n;
      from += n;
      if (this.used === this.buffer.length) this.flushText();
    }
    this.runBytes += text.length;
    this.lengths[this.columns.length] = text.length / this.symbolBytes;
    this.columns.add(row, preference);
    if (this.columns.length === RUN_DOCUMENTS || this.runBytes >= RUN_BYTES) this.flush();
  }

  finish(): Promise<void> {
    this.flush();
    return this.writer.finishBeside();
  }

  abandon(): void {
    this.writer.abandon();
  }

  private flushText(): void {
    if (this.used === 0) return;
    this.writer.write(TEXT_SECTION, this.buffer.subarray(0, this.used), this.used / this.symbolBytes);
    this.used = 0;
  }

  private flush(): void {
    const n = this.columns.length;
    if (n === 0) return;
    this.flushText();
    this.writer.write(LENGTH_SECTION, new Uint8Array(this.lengths.buffer, 0, n * 4), n);
    this.columns.write(this.writer, false);
    this.writer.commit(n);
    this.runBytes = 0;
  }
}

/** A stretch of one document's text. */
export interface TextPiece {
  readonly document: number;
  /** Symbols of the document before it. */
  readonly at: number;
  /** Views of the block: valid until the next is asked for. */
  readonly bytes: Uint8Array;
}

/** A block and the stretches of documents in it; the number counts the blocks of all side files. */
export interface TextBlock {
  readonly number: number;
  readonly pieces: TextPiece[];
}

/** The texts of side files, block by block, always in the same order. Documents without text have no piece. */
export function* textBlocks(sides: readonly Side[], symbolBytes: number): Generator<TextBlock> {
  let number = 0;
  for (const { reader, firstDocument } of sides) {
    const texts = groupByFirst(reader.section(TEXT_SECTION));
    for (const run of reader.section(LENGTH_SECTION)) {
      const lengths = new Uint32Array(reader.read(run).buffer);
      let i = 0;
      let at = 0;
      for (const entry of texts.get(run.first) ?? []) {
        const data = reader.read(entry);
        const pieces: TextPiece[] = [];
        for (let from = 0; from < data.length; ) {
          while (i < lengths.length && at === lengths[i]) {
            i++;
            at = 0;
          }
          if (i === lengths.length) throw lengthError(reader.path, entry);
          const n = Math.min(data.length - from, (lengths[i]! - at) * symbolBytes);
          const document = firstDocument + run.first + i;
          pieces.push({ document, at, bytes: data.subarray(from, from + n) });
          at += n / symbolBytes;
          from += n;
        }
        yield { number: number++, pieces };
      }
    }
  }
}

function groupByFirst(entries: readonly BlockEntry[]): Map<number, BlockEntry[]> {
  const groups = new Map<number, BlockEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.first);
    if (group) group.push(entry);
    else groups.set(entry.first, [entry]);
  }
  return groups;
}

function lengthError(file: string, { offset, length }: BlockEntry): IntegrityError {
  return new IntegrityError('more text than the documents have', {
    file,
    offset,
    expected: 'as many symbols as the lengths say',
    found: `more in the ${length} bytes here`,
  });
}

/** Symbols of each side file's texts together, without reading them. */
export function countSymbols(sides: readonly Side[]): number {
  let symbols = 0;
  for (const { reader } of sides) for (const { count } of reader.section(TEXT_SECTION)) symbols += count;
  return symbols;
}

/** Blocks that a pass over the texts reads. */
export function countTextBlocks(sides: readonly Side[]): number {
  return sides.reduce((sum, { reader }) => sum + reader.section(TEXT_SECTION).length, 0);
}

export function countMetaBlocks(sides: readonly Side[]): number {
  return sides.reduce((sum, { reader }) => sum + reader.section(META_SECTION).length, 0);
}
