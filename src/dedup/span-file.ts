import { join } from 'node:path';
import { BlockReader, BlockWriter, digestOf } from './block-file.ts';

/** The artifact of a deduplication below the document: the spans that go, of every document that has one. */
export const SPANS_FILE = 'spans.blocks';
const SPANS_KIND = 'spans';
const SPANS_DIGEST = digestOf({ record: 'document, spans, (start, end, kind) each' });
const SPAN_SECTION = 0;
/** Words that end a block. */
const BLOCK_WORDS = 1 << 16;
const HEAD_WORDS = 2;
const SPAN_WORDS = 3;

/** Half-open ranges of one document, ascending and apart, in bytes or tokens of its text. */
export interface DocumentSpans {
  readonly document: number;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** Whether a held-out document has what the span has. */
  readonly inHeldOut: Uint8Array;
}

/** Writes the artifact, by ascending document. */
export class SpanWriter {
  documents = 0;
  spans = 0;
  private readonly writer: BlockWriter;
  private words = new Uint32Array(BLOCK_WORDS);
  private used = 0;
  private inBlock = 0;
  /** Document number that the file of blocks has come to: the index, which is checked, says where each block begins. */
  private position = 0;

  constructor(folder: string) {
    this.writer = new BlockWriter(join(folder, SPANS_FILE), SPANS_KIND, SPANS_DIGEST);
  }

  /** @param bounds [start, end, start, end, ...] */
  add(document: number, bounds: ArrayLike<number>, inHeldOut: ArrayLike<boolean>): void {
    const spans = bounds.length / 2;
    const need = this.used + HEAD_WORDS + spans * SPAN_WORDS;
    if (need > this.words.length) {
      const grown = new Uint32Array(Math.max(need, this.words.length * 2));
      grown.set(this.words.subarray(0, this.used));
      this.words = grown;
    }
    const { words } = this;
    if (this.inBlock === 0) {
      this.writer.commit(document - this.position);
      this.position = document;
    }
    words[this.used++] = document;
    words[this.used++] = spans;
    for (let i = 0; i < spans; i++) {
      words[this.used++] = bounds[2 * i]!;
      words[this.used++] = bounds[2 * i + 1]!;
      words[this.used++] = inHeldOut[i] ? 1 : 0;
    }
    this.inBlock++;
    this.documents++;
    this.spans += spans;
    if (this.used >= BLOCK_WORDS) this.flush();
  }

  /** Syncs and closes the file. */
  finish(): void {
    this.flush();
    this.writer.finish();
  }

  abandon(): void {
    this.writer.abandon();
  }

  private flush(): void {
    if (this.inBlock === 0) return;
    this.writer.write(SPAN_SECTION, new Uint8Array(this.words.buffer, 0, this.used * 4), this.inBlock);
    this.used = 0;
    this.inBlock = 0;
  }
}

/** The spans that an outcome's folder names, by document number. */
export class SpanReader {
  private readonly reader: BlockReader;
  private readonly blocks: ReturnType<BlockReader['section']>;
  /** First document number of each block. */
  private readonly firsts: Uint32Array;
  private loaded = -1;
  private readonly spans = new Map<number, DocumentSpans>();

  /** @throws IntegrityError if the artifact is damaged */
  constructor(folder: string) {
    this.reader = new BlockReader(join(folder, SPANS_FILE), SPANS_KIND, SPANS_DIGEST);
    this.blocks = this.reader.section(SPAN_SECTION);
    this.firsts = Uint32Array.from(this.blocks, (block) => block.first);
  }

  /** The spans of a document; undefined where nothing of it goes. Fast where the documents ascend. */
  spansOf(document: number): DocumentSpans | undefined {
    let low = 0;
    let high = this.firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.firsts[middle]! <= document) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    this.load(low - 1);
    return this.spans.get(document);
  }

  *[Symbol.iterator](): Generator<DocumentSpans> {
    for (let block = 0; block < this.blocks.length; block++) {
      this.load(block);
      yield* [...this.spans.values()];
    }
  }

  close(): void {
    this.reader.close();
  }

  private load(block: number): void {
    if (this.loaded === block) return;
    const payload = this.reader.read(this.blocks[block]!);
    const words = new Uint32Array(payload.buffer, 0, payload.length / 4);
    this.spans.clear();
    for (let at = 0; at < words.length; ) {
      const document = words[at++]!;
      const n = words[at++]!;
      const starts = new Uint32Array(n);
      const ends = new Uint32Array(n);
      const inHeldOut = new Uint8Array(n);
      for (let i = 0; i < n; i++) {
        starts[i] = words[at++]!;
        ends[i] = words[at++]!;
        inHeldOut[i] = words[at++]!;
      }
      this.spans.set(document, { document, starts, ends, inHeldOut });
    }
    this.loaded = block;
  }
}
