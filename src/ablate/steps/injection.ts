import { readFileSync } from 'node:fs';
import { type DocumentBatch, DocumentBatchBuilder, type DocumentRow } from '../../core/batch.ts';
import { classifySystemError } from '../../core/errors.ts';
import { xxh64 } from '../../core/hash.ts';

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
