import type { DocumentBatch } from '../../core/batch.ts';
import { DocumentFileWriter, readDocumentFile } from '../../core/document-file.ts';
import { CancelledError } from '../../core/errors.ts';
import { xxh64 } from '../../core/hash.ts';
import type { JobContext, SideFile, Sink } from '../../core/stage.ts';

/** Which documents teach a language model, and which give the perplexities that others are held against. */
export interface CorpusChoice {
  readonly corpora: readonly string[];
  /** Corpora of the reference; empty: a share of the model's own, which then do not teach it. */
  readonly reference: readonly string[];
  readonly maxDocuments: number;
  readonly maxReference: number;
  readonly referenceFraction: number;
}

export type Use = 'train' | 'reference';

const encoder = new TextEncoder();

/** The key that orders documents whatever the order of the input, and what a document is for. */
function useOf(choice: CorpusChoice, corpus: string, id: string): { use: Use; key: bigint } | undefined {
  const key = xxh64(encoder.encode(`${corpus}\0${id}`));
  if (choice.reference.includes(corpus)) return { use: 'reference', key };
  if (!choice.corpora.includes(corpus)) return undefined;
  const isKeptBack =
    choice.reference.length === 0 && Number(BigInt.asUintN(32, key)) / 2 ** 32 < choice.referenceFraction;
  return { use: isKeptBack ? 'reference' : 'train', key };
}

/** The documents of one part that are of use. Held-out documents teach nothing. */
export class CorpusSink implements Sink<DocumentBatch> {
  private readonly choice: CorpusChoice;
  private readonly writer: DocumentFileWriter;

  constructor(choice: CorpusChoice, path: string) {
    this.choice = choice;
    this.writer = new DocumentFileWriter(path);
  }

  add(batch: DocumentBatch): void {
    const chosen: number[] = [];
    for (let i = 0; i < batch.length; i++) {
      const { split, corpus, id } = batch.rows[i]!;
      if (split === 'train' && useOf(this.choice, corpus, id)) chosen.push(i);
    }
    if (chosen.length > 0) this.writer.add(batch.select(chosen));
  }

  finish(): Promise<void> {
    return this.writer.finish();
  }

  abandon(): Promise<void> {
    return this.writer.abandon();
  }
}

/** The documents of side files, streamed as often as they are needed. */
export class ModelCorpus {
  private readonly choice: CorpusChoice;
  private readonly sides: readonly SideFile[];
  private readonly context: JobContext;
  private limits: Record<Use, bigint> = { train: 0n, reference: 0n };
  readonly documents: Record<Use, number> = { train: 0, reference: 0 };

  private constructor(choice: CorpusChoice, sides: readonly SideFile[], context: JobContext) {
    this.choice = choice;
    this.sides = sides;
    this.context = context;
  }

  static async choose(
    choice: CorpusChoice,
    sides: readonly SideFile[],
    context: JobContext,
  ): Promise<ModelCorpus> {
    const corpus = new ModelCorpus(choice, sides, context);
    const keys: Record<Use, bigint[]> = { train: [], reference: [] };
    for await (const { use, key } of corpus.all()) keys[use].push(key);
    const most = { train: choice.maxDocuments, reference: choice.maxReference };
    for (const use of ['train', 'reference'] as const) {
      const sorted = BigUint64Array.from(keys[use]).sort();
      corpus.documents[use] = Math.min(sorted.length, most[use]);
      corpus.limits[use] = sorted[corpus.documents[use] - 1] ?? 0n;
    }
    return corpus;
  }

  /** Texts of one use that were chosen. */
  async *texts(wanted: Use): AsyncGenerator<string> {
    for await (const { use, key, text } of this.all())
      if (use === wanted && key <= this.limits[use]) yield text();
  }

  private async *all(): AsyncGenerator<{ use: Use; key: bigint; text: () => string }> {
    for (const { path } of this.sides)
      for await (const { batch } of readDocumentFile(path)) {
        if (this.context.signal.aborted) throw new CancelledError();
        for (let i = 0; i < batch.length; i++) {
          const { corpus, id } = batch.rows[i]!;
          const found = useOf(this.choice, corpus, id);
          if (found) yield { ...found, text: () => batch.text(i) };
        }
      }
  }
}
