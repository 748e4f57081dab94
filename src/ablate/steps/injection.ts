import { readFileSync } from 'node:fs';
import { type DocumentBatch, DocumentBatchBuilder, type DocumentRow } from '../../core/batch.ts';
import { classifySystemError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../core/files.ts';
import { xxh64 } from '../../core/hash.ts';
import type { Sink } from '../../core/stage.ts';

const encoder = new TextEncoder();

interface Ranked {
  /** A hash in hexadecimal: the smallest are chosen, in whatever order documents come. */
  readonly rank: string;
}

/** A rank that nothing but the text decides. */
export function rankOf(text: string): string {
  return xxh64(encoder.encode(text)).toString(16).padStart(16, '0');
}

/** The `n` with the smallest ranks, ascending. */
export function smallestRanks<T extends Ranked>(all: readonly T[], n: number): T[] {
  return [...all].sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0)).slice(0, n);
}

/** Keeps of one part the documents with the smallest ranks: `most` of them, and up to `room` until it looks. */
export class RankedTap<T extends Ranked> implements Sink<DocumentBatch> {
  private found: T[] = [];
  private readonly path: string;
  private readonly limits: { readonly most: number; readonly room: number };
  private readonly rankedOf: (batch: DocumentBatch, i: number) => T;

  /** `rankedOf` is asked of training documents alone. */
  constructor(
    path: string,
    limits: { readonly most: number; readonly room: number },
    rankedOf: (batch: DocumentBatch, i: number) => T,
  ) {
    this.path = path;
    this.limits = limits;
    this.rankedOf = rankedOf;
  }

  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++)
      if (batch.rows[i]!.split === 'train') this.found.push(this.rankedOf(batch, i));
    if (this.found.length > this.limits.room) this.found = smallestRanks(this.found, this.limits.most);
  }

  async finish(): Promise<void> {
    await writeFileAtomic(this.path, JSON.stringify(smallestRanks(this.found, this.limits.most)));
  }

  async abandon(): Promise<void> {
    this.found = [];
  }
}

/** @throws where there is none, or it cannot be read */
export function readJson<T>(path: string): T {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

/** Gives the documents for which `textOf` has one another text. */
export function rewriteDocuments(
  batch: DocumentBatch,
  textOf: (row: DocumentRow, i: number) => string | undefined,
): DocumentBatch {
  const builder = new DocumentBatchBuilder();
  for (let i = 0; i < batch.length; i++) {
    const row = batch.rows[i]!;
    const text = textOf(row, i);
    builder.addRow(row, text === undefined ? batch.bytes(i) : encoder.encode(text));
  }
  return builder.take();
}
