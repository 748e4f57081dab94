/** The documents that a model is measured on: chosen once, the same for every evaluation and every model. */

import { createGzip } from 'node:zlib';
import { ConfigurationError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import type { ShardDocument } from '../shard/batch.ts';
import type { Tokenizer } from '../tokenize/tokenizer.ts';

/** What evaluation needs of a loader of held-out (or validation) shards. */
export interface DocumentSource {
  documents(): AsyncIterable<{ readonly document: ShardDocument; readonly tokens: Int32Array }>;
}

export interface HeldOutDocument {
  readonly corpus: string;
  readonly id: string;
  /** UTF-8 length of the text. */
  readonly bytes: number;
  /** Without the end-of-text token at its end. */
  readonly tokens: Int32Array;
}

/** The same for every model: the text's size, and what gzip makes of it. */
export interface TextBaseline {
  readonly documents: number;
  readonly bytes: number;
  /** Size of the corpus's documents, one after another, as one stream of gzip -9. */
  readonly gzipBytes: number;
  /** Documents whose decoded tokens have another length than their text. */
  readonly inexactDocuments: number;
}

/** Above this, documents are read anew at each evaluation instead of being kept. */
const KEEP_TOKENS = 16 << 20;

export class HeldOutSet {
  private readonly source: DocumentSource;
  private readonly tokenizer: Tokenizer;
  /** Keys of the chosen ones; undefined where all are. */
  private readonly chosen: ReadonlySet<string> | undefined;
  private kept: HeldOutDocument[] | undefined;
  private baselines: Map<string, TextBaseline> | undefined;
  readonly endOfText: number;
  /** Tokens of all chosen documents. */
  readonly tokens: number;

  private constructor(
    source: DocumentSource,
    tokenizer: Tokenizer,
    endOfText: number,
    chosen: ReadonlySet<string> | undefined,
    tokens: number,
  ) {
    this.source = source;
    this.tokenizer = tokenizer;
    this.endOfText = endOfText;
    this.chosen = chosen;
    this.tokens = tokens;
  }

  /**
   * Chooses documents in the order of a hash of corpus and id, until a corpus has `maxBytesPerCorpus` bytes: at
   * least one a corpus, and one that would pass the cap is left out while later, smaller ones may still fit. What is
   * chosen depends on ids and sizes alone, never on their order in the shards.
   */
  static async choose(
    source: DocumentSource,
    tokenizer: Tokenizer,
    maxBytesPerCorpus?: number,
  ): Promise<HeldOutSet> {
    if (tokenizer.endOfText === undefined) {
      throw new ConfigurationError(
        'the tokenizer has no token that ends a text, which the first token is predicted from',
      );
    }
    const rows: Candidate[] = [];
    for await (const { document, tokens } of source.documents()) {
      const { corpus, bytes } = document;
      const key = keyOf(document);
      rows.push({ key, rank: sha256(key), corpus, bytes, tokens: tokens.length });
    }
    const picked = maxBytesPerCorpus === undefined ? rows : pick(rows, maxBytesPerCorpus);
    const chosen = picked.length === rows.length ? undefined : new Set(picked.map(({ key }) => key));
    const tokens = picked.reduce((sum, row) => sum + row.tokens, 0);
    return new HeldOutSet(source, tokenizer, tokenizer.endOfText, chosen, tokens);
  }

  /** The chosen documents, in the order of the shards. */
  async *documents(): AsyncGenerator<HeldOutDocument> {
    if (this.kept !== undefined) {
      yield* this.kept;
      return;
    }
    const kept: HeldOutDocument[] | undefined = this.tokens <= KEEP_TOKENS ? [] : undefined;
    for await (const { document, tokens } of this.source.documents()) {
      if (this.chosen !== undefined && !this.chosen.has(keyOf(document))) continue;
      const end = tokens.at(-1) === this.endOfText ? tokens.length - 1 : tokens.length;
      const { corpus, id, bytes } = document;
      const heldOut = { corpus, id, bytes, tokens: tokens.slice(0, end) };
      kept?.push(heldOut);
      yield heldOut;
    }
    this.kept = kept;
  }

  /** By corpus; computed at the first call. */
  async baseline(): Promise<ReadonlyMap<string, TextBaseline>> {
    this.baselines ??= await this.measureBaseline();
    return this.baselines;
  }

  private async measureBaseline(): Promise<Map<string, TextBaseline>> {
    const corpora = new Map<string, { documents: number; bytes: number; inexact: number; gzip: GzipSize }>();
    for await (const { corpus, bytes, tokens } of this.documents()) {
      let sum = corpora.get(corpus);
      if (sum === undefined) {
        sum = { documents: 0, bytes: 0, inexact: 0, gzip: new GzipSize() };
        corpora.set(corpus, sum);
      }
      const text = this.tokenizer.decodeBytes(tokens);
      sum.documents += 1;
      sum.bytes += bytes;
      if (text.length !== bytes) sum.inexact += 1;
      await sum.gzip.add(text);
    }
    const baselines = new Map<string, TextBaseline>();
    for (const [corpus, { documents, bytes, inexact, gzip }] of [...corpora].sort(([a], [b]) =>
      a < b ? -1 : 1,
    )) {
      baselines.set(corpus, {
        documents,
        bytes,
        inexactDocuments: inexact,
        gzipBytes: await gzip.finish(),
      });
    }
    return baselines;
  }
}

interface Candidate {
  readonly key: string;
  readonly rank: string;
  readonly corpus: string;
  readonly bytes: number;
  readonly tokens: number;
}

function keyOf(document: ShardDocument): string {
  // The source range tells apart documents of one id, which a merge of corpora can bring together.
  const { corpus, id, source, sourceRange } = document;
  return JSON.stringify([corpus, id, source, sourceRange[0]]);
}

function pick(rows: readonly Candidate[], maxBytes: number): Candidate[] {
  const taken = new Map<string, number>();
  const picked: Candidate[] = [];
  for (const row of [...rows].sort((a, b) => (a.rank < b.rank ? -1 : 1))) {
    const bytes = taken.get(row.corpus);
    if (bytes !== undefined && bytes + row.bytes > maxBytes) continue;
    taken.set(row.corpus, (bytes ?? 0) + row.bytes);
    picked.push(row);
  }
  return picked;
}

/** Counts what gzip -9 makes of a stream, without keeping it. */
class GzipSize {
  private readonly stream = createGzip({ level: 9 });
  private readonly ended: Promise<void>;
  private size = 0;

  constructor() {
    this.stream.on('data', (chunk: Buffer) => {
      this.size += chunk.length;
    });
    this.ended = new Promise((resolve, reject) => {
      this.stream.once('end', resolve);
      this.stream.once('error', reject);
    });
  }

  async add(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async finish(): Promise<number> {
    this.stream.end();
    await this.ended;
    return this.size;
  }
}
