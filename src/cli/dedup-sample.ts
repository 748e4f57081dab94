import { Random } from '../core/random.ts';
import { type CorpusOptions, corpusPieces, type Rejections, readPiece } from './tokenizer-corpus.ts';

export interface SampledDocument {
  readonly name: string;
  readonly utf8: Uint8Array;
}

export interface DocumentSample {
  readonly documents: readonly SampledDocument[];
  /** Documents and bytes that were read, and bytes that there are. */
  readonly seen: number;
  readonly readBytes: number;
  readonly totalBytes: number;
  /** How many documents there are, from what was read. */
  readonly estimate: number;
}

/** A document longer than this is cut in the sample: it is shown and tried, not stored. */
const MOST_BYTES = 1 << 19;

/**
 * A uniform sample of the documents that were read: pieces of the corpus in the order of a seed, until `readBytes` of it
 * are through; of those a reservoir (Vitter's algorithm R, 1985).
 */
export async function sampleDocuments(
  sources: readonly string[],
  options: CorpusOptions,
  wanted: { readonly documents: number; readonly readBytes: number; readonly seed: number },
  rejections: Rejections,
): Promise<DocumentSample> {
  const random = new Random(`${wanted.seed}/sample`);
  const pieces = await corpusPieces(sources, options);
  const totalBytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
  for (let i = pieces.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [pieces[i], pieces[j]] = [pieces[j]!, pieces[i]!];
  }
  const documents: SampledDocument[] = [];
  let seen = 0;
  let readBytes = 0;
  for (const piece of pieces) {
    if (readBytes >= wanted.readBytes) break;
    readBytes += piece.bytes;
    const notes = { consumed: () => {}, rejected: (reason: string) => rejections.add(reason) };
    for await (const batch of readPiece(piece, notes)) {
      for (let i = 0; i < batch.length; i++) {
        const place = seen++ < wanted.documents ? documents.length : random.below(seen);
        if (place >= wanted.documents) continue;
        const { corpus, id } = batch.rows[i]!;
        const name = id.startsWith(`${corpus}/`) ? id : `${corpus}/${id}`;
        documents[place] = { name, utf8: batch.bytes(i).slice(0, MOST_BYTES) };
      }
    }
  }
  const estimate = readBytes >= totalBytes ? seen : Math.round((seen * totalBytes) / Math.max(1, readBytes));
  return { documents, seen, readBytes, totalBytes, estimate };
}
