import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DocumentBatch } from '../core/batch.ts';
import { readDocumentFile } from '../core/document-file.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { InputSlice, ReadContext } from '../core/stage.ts';
import { cutPartitions } from '../execute/partition.ts';
import type { SegmentUnit } from '../execute/plan.ts';
import { readPlan } from '../execute/run-folder.ts';
import { readStep } from '../io/steps/read.ts';
import { storedParts } from '../report/run-parts.ts';

/** A piece of a corpus that one thread reads at a time: ranges of files, or one file of a run's documents. */
export type CorpusPiece =
  | { readonly kind: 'slices'; readonly bytes: number; readonly slices: readonly InputSlice[] }
  | { readonly kind: 'documents'; readonly bytes: number; readonly path: string };

export interface CorpusOptions {
  /** What the files are, where their names do not tell. */
  readonly format?: string;
  /** Field of a record that holds the text. */
  readonly field?: string;
  /** What one document of a text file is. */
  readonly unit?: string;
}

/** Where pieces tell of what they read. */
export interface ReadingNotes {
  consumed(bytes: number): void;
  rejected(reason: string): void;
}

const PIECE_BYTES = 1 << 24;
const LONGEST_RECORD = 2 ** 28;

/** `NAME=PATTERN`, or a path whose last part without its endings is the name. */
function namedSource(source: string): { corpus: string; pattern: string } {
  const equals = source.indexOf('=');
  if (equals > 0 && !source.slice(0, equals).includes('/'))
    return { corpus: source.slice(0, equals), pattern: source.slice(equals + 1) };
  const corpus = basename(source).replace(/(\.[a-z]+)+$/i, '');
  return { corpus: corpus || 'local', pattern: source };
}

async function runPieces(folder: string): Promise<CorpusPiece[]> {
  const { units } = await readPlan(folder);
  const keeping = units.filter((unit): unit is SegmentUnit => unit.type === 'segment' && unit.keepsDocuments);
  const last = keeping.at(-1);
  const parts = last ? await storedParts(folder, last) : [];
  const pieces: CorpusPiece[] = [];
  for (const { documents: path } of parts)
    if (path) pieces.push({ kind: 'documents', path, bytes: (await stat(path)).size });
  if (pieces.length === 0)
    throw new ConfigurationError('this run keeps no documents (any more)', {
      file: folder,
      expected: 'a run with a `keep` step or a barrier, not cleaned',
    });
  return pieces;
}

function readOptionsOf(source: string, options: CorpusOptions): unknown {
  const { corpus, pattern } = namedSource(source);
  const { format, field, unit } = options;
  const input = {
    corpus,
    files: [pattern],
    ...(format !== undefined && { format }),
    ...(field !== undefined && { fields: { text: field } }),
    ...(unit !== undefined && { unit }),
  };
  return { inputs: [input], maxRecordBytes: LONGEST_RECORD };
}

/**
 * The pieces of a corpus: of files (each argument a path or pattern, a corpus of its own by its name or as
 * `NAME=PATTERN`), and of run directories (the documents that they kept last). Throws ConfigurationError.
 */
export async function corpusPieces(
  sources: readonly string[],
  options: CorpusOptions,
): Promise<CorpusPiece[]> {
  const signal = new AbortController().signal;
  const pieces: CorpusPiece[] = [];
  for (const source of sources) {
    if (await stat(join(source, 'plan.json')).catch(() => undefined)) {
      pieces.push(...(await runPieces(source)));
      continue;
    }
    const parsed = readStep.options.safeParse(readOptionsOf(source, options));
    if (!parsed.success)
      throw new ConfigurationError(parsed.error.issues.map(({ message }) => message).join('; '));
    const files = await readStep.source.list(parsed.data, { baseFolder: process.cwd(), signal });
    for (const slices of cutPartitions(files, PIECE_BYTES))
      pieces.push({ kind: 'slices', slices, bytes: slices.reduce((n, s) => n + s.end - s.start, 0) });
  }
  return pieces;
}

/** The documents of a piece, in batches. Records that cannot be read are told to `notes`. */
export async function* readPiece(piece: CorpusPiece, notes: ReadingNotes): AsyncGenerator<DocumentBatch> {
  if (piece.kind === 'documents') {
    let before = 0;
    for await (const { batch, next } of readDocumentFile(piece.path)) {
      notes.consumed(next - before);
      before = next;
      yield batch;
    }
    return;
  }
  const context: ReadContext = {
    reject: (reason) => notes.rejected(reason),
    consumed: (bytes) => notes.consumed(bytes),
    signal: new AbortController().signal,
    batchBytes: 1 << 20,
    batchDocuments: 1024,
  };
  for (const slice of piece.slices)
    for await (const { batch } of readStep.source.read(slice, undefined, context)) yield batch;
}

/** How often each reason came. */
export class Rejections {
  readonly reasons = new Map<string, number>();

  add(reason: string, by = 1): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + by);
  }

  /** Why there is nothing to train on, as the end of a sentence; empty where nothing was rejected. */
  blame(field = 'text'): string {
    const reasons = [...this.reasons].map(([reason, n]) =>
      reason === 'missing-text'
        ? `${n} ${n === 1 ? 'record has' : 'records have'} no text in the field '${field}' (--field names another one)`
        : `${n} ${reason}`,
    );
    return reasons.length === 0 ? '' : `: ${reasons.join(', ')}`;
  }

  /** A line for people, or undefined where nothing was rejected. */
  line(): string | undefined {
    if (this.reasons.size === 0) return undefined;
    const reasons = [...this.reasons].map(([reason, n]) => `${n} ${reason}`).join(', ');
    return `warning: records that could not be read were left out: ${reasons}`;
  }
}

export interface SampledText {
  readonly corpus: string;
  readonly utf8: Uint8Array;
}

/**
 * The first documents of every corpus, up to about `bytesPerCorpus` of each, in memory. `by`: a metadata field that names
 * the corpus instead, such as the language.
 */
export async function sampleCorpora(
  pieces: readonly CorpusPiece[],
  bytesPerCorpus: number,
  by: string | undefined,
  rejections: Rejections,
): Promise<SampledText[]> {
  const taken = new Map<string, number>();
  const texts: SampledText[] = [];
  const notes: ReadingNotes = { consumed: () => {}, rejected: (reason) => rejections.add(reason) };
  for (const piece of pieces)
    for await (const batch of readPiece(piece, notes)) {
      for (let i = 0; i < batch.length; i++) {
        const { corpus: name, metadata } = batch.rows[i]!;
        const value = by === undefined ? name : metadata[by];
        const corpus = value === undefined ? `no ${by}` : String(value);
        const before = taken.get(corpus) ?? 0;
        if (before >= bytesPerCorpus || batch.size(i) === 0) continue;
        taken.set(corpus, before + batch.size(i));
        texts.push({ corpus, utf8: batch.bytes(i).slice() });
      }
    }
  return texts;
}
