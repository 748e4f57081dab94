import { IntegrityError } from '../core/errors.ts';
import type { ShardDocument } from './batch.ts';
import { BlockFile, HEADER_BYTES } from './block-file.ts';
import {
  decodeShardHeader,
  RECORD,
  RECORD_BYTES,
  RECORD_WORDS,
  SHARD_FORMAT,
  type ShardHeader,
} from './format.ts';
import { splitSource } from './labels.ts';
import { ShardSources } from './shard-sources.ts';
import { asBytes, asWords, getU64 } from './u64.ts';

/** How much of a shard is read on opening. Whatever is read is checked against its block's digest, unless `none`. */
export type Verification = 'open' | 'touch' | 'none';

/** One open shard. Offsets that it takes and gives are in tokens of the shard, or documents of the shard. */
export class ShardFile {
  readonly header: ShardHeader;
  readonly path: string;
  /** XXH64 of the header, which covers the whole file. */
  readonly digest: bigint;
  readonly corpora: readonly string[];
  readonly signals: readonly string[];
  /** [documents + 1] first token of each document, and the number of tokens at the end. */
  readonly starts: Float64Array;
  private readonly file: BlockFile;
  private readonly sources: ShardSources;
  /** The whole body, where it is held in memory. */
  private resident: Uint8Array | undefined;
  private residentTokens: Uint16Array | Uint32Array | undefined;
  private readonly sourceCache = new Map<number, string>();
  private spare: Uint8Array = new Uint8Array(0);

  constructor(path: string, verification: Verification = 'open', resident = false) {
    this.path = path;
    this.file = new BlockFile(path, SHARD_FORMAT);
    try {
      this.digest = this.file.digest;
      this.header = decodeShardHeader(this.file);
      if (verification === 'none') this.file.trust();
      if (resident) this.load();
      else if (verification === 'open') this.file.verify();
      this.sources = new ShardSources(this.header, (at, bytes) => this.view(at, bytes));
      const names = this.readNames();
      this.corpora = names.corpora;
      this.signals = names.signals;
      this.starts = this.readStarts();
    } catch (error) {
      this.file.close();
      throw error;
    }
  }

  /** The tokens of the whole shard where they are held in memory, to read from directly. */
  get tokensInMemory(): Uint16Array | Uint32Array | undefined {
    return this.residentTokens;
  }

  /** Copies tokens [from, from + count) to out[at ..]. */
  copyTokens(from: number, count: number, out: Int32Array, at: number): void {
    const { tokenWidth } = this.header;
    if (this.residentTokens) {
      out.set(this.residentTokens.subarray(from, from + count), at);
      return;
    }
    const bytes = count * tokenWidth;
    if (this.spare.length < bytes) this.spare = new Uint8Array(bytes);
    const into = this.spare.subarray(0, bytes);
    this.file.read(from * tokenWidth, into);
    const view =
      tokenWidth === 2 ? new Uint16Array(into.buffer, 0, count) : new Int32Array(into.buffer, 0, count);
    out.set(view, at);
  }

  /** The bytes of tokens [from, from + count) as they lie in the shard; valid until the next call. */
  tokenBytes(from: number, count: number): Uint8Array {
    const { tokenWidth } = this.header;
    return this.view(from * tokenWidth, count * tokenWidth);
  }

  /** Number of the document that token `token` belongs to. */
  documentAt(token: number): number {
    return lastAtMost(this.starts, this.header.documents, token);
  }

  document(i: number): ShardDocument {
    return new StoredDocument(this, i);
  }

  /** The words of document i's record (format.ts, RECORD). */
  record(i: number): Uint32Array {
    const words = new Uint32Array(RECORD_WORDS);
    asBytes(words).set(this.view(this.header.recordsAt + i * RECORD_BYTES, RECORD_BYTES));
    return words;
  }

  idBytes(record: Uint32Array): Uint8Array {
    return this.view(this.header.stringsAt + getU64(record, RECORD.idAt), record[RECORD.idBytes]!);
  }

  sourceBytes(index: number): Uint8Array {
    return this.sources.bytes(index);
  }

  source(index: number): string {
    let source = this.sourceCache.get(index);
    if (source === undefined) {
      source = text(this.sourceBytes(index));
      if (this.sourceCache.size >= 4096) this.sourceCache.clear();
      this.sourceCache.set(index, source);
    }
    return source;
  }

  /** Column `column` of document i; NaN where it has none. */
  signal(column: number, i: number): number {
    const { signalsAt, documents } = this.header;
    const bytes = this.view(signalsAt + 8 * (column * documents + i), 8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  }

  /** A whole column of signals, [documents]. */
  signalColumn(column: number): Float64Array {
    const { signalsAt, documents } = this.header;
    const out = new Float64Array(documents);
    asBytes(out).set(this.view(signalsAt + 8 * column * documents, 8 * documents));
    return out;
  }

  /** Every document's record in order: `words[at ..]`, valid until the next one. */
  *eachRecord(): Generator<{ i: number; words: Uint32Array; at: number }> {
    const { recordsAt, documents } = this.header;
    const step = 4096;
    for (let first = 0; first < documents; first += step) {
      const n = Math.min(step, documents - first);
      const words = asWords(this.view(recordsAt + first * RECORD_BYTES, n * RECORD_BYTES));
      for (let k = 0; k < n; k++) yield { i: first + k, words, at: k * RECORD_WORDS };
    }
  }

  /** Indexes of the sources whose file or URL is `wanted`. */
  sourcesOf(wanted: string): Set<number> {
    const needle = Buffer.from(wanted, 'utf8');
    const found = new Set<number>();
    let k = -1;
    for (const { buffer, byteOffset, length } of this.sources.each()) {
      k++;
      if (length < needle.length) continue;
      const bytes = Buffer.from(buffer, byteOffset, length);
      // Cheaper than decoding each: most begin and end otherwise.
      const begins = bytes.compare(needle, 0, needle.length, 0, needle.length) === 0;
      const ends = bytes.compare(needle, 0, needle.length, length - needle.length) === 0;
      if (!begins && !ends) continue;
      const { source, url } = splitSource(text(bytes));
      if (source === wanted || url === wanted) found.add(k);
    }
    return found;
  }

  /** Reads and checks every block that was not read yet. */
  verify(): void {
    this.file.verify();
  }

  close(): void {
    this.file.close();
  }

  private load(): void {
    const body = new Uint8Array(aligned4(this.file.bodyBytes));
    const { blocks, format } = this.file;
    for (let k = 0; k < blocks; k += 16) {
      this.file.readBlocks(k, Math.min(16, blocks - k), body.subarray(k * format.blockBytes));
    }
    const { tokens, tokenWidth } = this.header;
    this.resident = body;
    this.residentTokens =
      tokenWidth === 2 ? new Uint16Array(body.buffer, 0, tokens) : new Uint32Array(body.buffer, 0, tokens);
  }

  /** Body bytes: a view of memory, or a fresh copy. */
  private view(at: number, bytes: number): Uint8Array {
    if (this.resident) return this.resident.subarray(at, at + bytes);
    const into = new Uint8Array(bytes);
    this.file.read(at, into);
    return into;
  }

  private readNames(): { corpora: string[]; signals: string[] } {
    const { namesAt, namesBytes, corpora, signals } = this.header;
    const found = JSON.parse(text(this.view(namesAt, namesBytes))) as {
      corpora: string[];
      signals: string[];
    };
    if (found.corpora.length !== corpora || found.signals.length !== signals) {
      throw new IntegrityError('the names do not match the header', {
        file: this.path,
        offset: HEADER_BYTES + namesAt,
        expected: `${corpora} corpora and ${signals} signals`,
        found: `${found.corpora.length} and ${found.signals.length}`,
      });
    }
    return found;
  }

  private readStarts(): Float64Array {
    const { endsAt, documents, tokens } = this.header;
    const starts = new Float64Array(documents + 1);
    const step = 1 << 17;
    for (let first = 0; first < documents; first += step) {
      const n = Math.min(step, documents - first);
      const words = asWords(this.view(endsAt + 8 * first, 8 * n));
      for (let i = 0; i < n; i++) starts[first + i + 1] = getU64(words, 2 * i);
    }
    for (let i = 0; i < documents; i++) {
      if (starts[i + 1]! < starts[i]!) this.badEnd(i, `at least ${starts[i]}`, starts[i + 1]!);
    }
    if (starts[documents] !== tokens) this.badEnd(documents - 1, `${tokens}`, starts[documents]!);
    return starts;
  }

  private badEnd(i: number, expected: string, found: number): never {
    throw new IntegrityError('a document ends where it cannot', {
      file: this.path,
      offset: HEADER_BYTES + this.header.endsAt + 8 * i,
      record: i,
      expected,
      found: String(found),
    });
  }
}

/** The last i in 0 .. n - 1 with starts[i] <= at, for ascending `starts`. */
export function lastAtMost(starts: Float64Array, n: number, at: number): number {
  let low = 0;
  let high = n;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= at) low = middle;
    else high = middle;
  }
  return low;
}

const aligned4 = (bytes: number): number => Math.ceil(bytes / 4) * 4;

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** A document of a shard; its strings and signals are read when asked for, which a batch of windows mostly is not. */
class StoredDocument implements ShardDocument {
  private readonly file: ShardFile;
  private readonly index: number;
  private cached: Uint32Array | undefined;

  constructor(file: ShardFile, index: number) {
    this.file = file;
    this.index = index;
  }

  private get words(): Uint32Array {
    this.cached ??= this.file.record(this.index);
    return this.cached;
  }

  get id(): string {
    return text(this.file.idBytes(this.words));
  }

  get corpus(): string {
    return this.file.corpora[this.words[RECORD.corpus]!]!;
  }

  get source(): string {
    return splitSource(this.file.source(this.words[RECORD.source]!)).source;
  }

  get url(): string | undefined {
    return splitSource(this.file.source(this.words[RECORD.source]!)).url;
  }

  get sourceRange(): readonly [number, number] {
    return [getU64(this.words, RECORD.sourceStart), getU64(this.words, RECORD.sourceEnd)];
  }

  get tokenRange(): readonly [number, number] {
    return [this.file.starts[this.index]!, this.file.starts[this.index + 1]!];
  }

  get shard(): number {
    return this.file.header.shard;
  }

  get bytes(): number {
    return getU64(this.words, RECORD.textBytes);
  }

  get signals(): Readonly<Record<string, number>> {
    const signals: Record<string, number> = {};
    this.file.signals.forEach((name, column) => {
      const value = this.file.signal(column, this.index);
      if (!Number.isNaN(value)) signals[name] = value;
    });
    return signals;
  }

  signal(name: string): number | undefined {
    const column = this.file.signals.indexOf(name);
    const value = column < 0 ? Number.NaN : this.file.signal(column, this.index);
    return Number.isNaN(value) ? undefined : value;
  }

  /** Getters do not show in JSON or a spread: this does. */
  toJSON(): ShardDocument {
    const { id, corpus, source, url, sourceRange, tokenRange, shard, bytes, signals } = this;
    return { id, corpus, source, url, sourceRange, tokenRange, shard, bytes, signals };
  }
}
