import type { DocumentRow } from '../core/batch.ts';
import { IntegrityError } from '../core/errors.ts';
import { xxh64 } from '../core/hash.ts';
import { BlockFile, BlockFileWriter, type BlockFormat, FIELDS_AT, HEADER_BYTES } from './block-file.ts';
import type { ShardSplit } from './format.ts';
import type { Counts } from './shard-set.ts';
import { asBytes, getBig, getU64, setBig, setU64 } from './u64.ts';

/**
 * What the global shuffle reads of one part: the part's documents with their tokens, as runs sorted by shuffle key,
 * so that the shuffle is one merge of sequential reads. FORMAT.md gives the bytes.
 */
export const SIDE_FORMAT: BlockFormat = { magic: 'PVDSIDE\0', version: 1, blockBytes: 1 << 16 };

/** Words of a side record, and what is where in it. */
export const SIDE_WORDS = 16;
export const SIDE = {
  /** u64 shuffle key: XXH64 of corpus, zero byte and id, seeded. */
  key: 0,
  /** u64 XXH64 of the same, unseeded. */
  hash: 2,
  /** Tokens, the appended end-of-text token included. */
  tokens: 4,
  /** Index into the file's corpora; bit 31 is set for held-out documents. */
  corpus: 5,
  idBytes: 6,
  sourceBytes: 7,
  sourceStart: 8,
  sourceEnd: 10,
  textBytes: 12,
  signals: 14,
  copy: 15,
} as const;
export const HELD_OUT_BIT = 0x80000000;
/** Bytes of one signal in a document's body: u32 index into the file's signals, f64 value. */
export const SIGNAL_BYTES = 12;

export interface SideSetting {
  readonly tokenizerDigest: string;
  readonly tokenWidth: 2 | 4;
  /** The id to append to every document. */
  readonly endOfText: number | undefined;
  readonly keySeed: bigint;
}

export interface SideRun {
  readonly documents: number;
  readonly recordsAt: number;
  readonly bodiesAt: number;
  readonly bodiesBytes: number;
}

export interface SideFooter {
  readonly tokenizer: string;
  readonly runs: readonly SideRun[];
  readonly corpora: readonly string[];
  readonly signals: readonly string[];
  /** By split, then by index into `corpora`. */
  readonly counts: Readonly<Record<ShardSplit, readonly Counts[]>>;
}

/** Bytes of one document's body: tokens, signals, id, source. */
export function bodyBytesOf(words: Uint32Array, at: number, tokenWidth: number): number {
  return (
    words[at + SIDE.tokens]! * tokenWidth +
    words[at + SIDE.signals]! * SIGNAL_BYTES +
    words[at + SIDE.idBytes]! +
    words[at + SIDE.sourceBytes]!
  );
}

/** Gives names numbers in order of appearance. */
class Names {
  readonly list: string[] = [];
  private readonly known = new Map<string, number>();

  index(name: string): number {
    let i = this.known.get(name);
    if (i === undefined) {
      i = this.list.length;
      this.known.set(name, i);
      this.list.push(name);
    }
    return i;
  }
}

const RUN_BYTES = 64 << 20;
const MAX_RUN_DOCUMENTS = 1 << 20;

/** Collects documents, sorts them by shuffle key a run at a time, and writes them. Holds one run in memory. */
export class SideWriter {
  private readonly file: BlockFileWriter;
  private readonly setting: SideSetting;
  private readonly runBytes: number;
  private readonly corpora = new Names();
  private readonly signals = new Names();
  private readonly counts: Record<ShardSplit, Counts[]> = { train: [], 'held-out': [] };
  private readonly runs: SideRun[] = [];
  private records = new Uint32Array(SIDE_WORDS * 1024);
  private bodies: Buffer = Buffer.alloc(1 << 16);
  private bodyStarts = new Float64Array(1024);
  private used = 0;
  private documents = 0;
  private total = 0;
  private name: Buffer = Buffer.alloc(1024);
  /** The tokens of one document, as wide as they are written. */
  private narrow: Uint16Array | Uint32Array = new Uint16Array(0);

  constructor(path: string, setting: SideSetting, runBytes = RUN_BYTES) {
    this.file = new BlockFileWriter(path, SIDE_FORMAT);
    this.setting = setting;
    this.runBytes = runBytes;
  }

  /** Adds tokens[start .. end) of document `row`, whose text has `textBytes` bytes. */
  add(row: DocumentRow, textBytes: number, tokens: Uint32Array, start: number, end: number): void {
    const signals = Object.entries(row.signals);
    const n = end - start + (this.setting.endOfText === undefined ? 0 : 1);
    const room = n * this.setting.tokenWidth + signals.length * SIGNAL_BYTES;
    const at = this.begin(room + 3 * (row.id.length + row.source.length));
    const words = this.records;
    const body = this.used;
    this.putTokens(tokens, start, end);
    for (const [name, value] of signals) this.putSignal(name, value);
    words[at + SIDE.idBytes] = this.putString(row.id);
    words[at + SIDE.sourceBytes] = this.putString(row.source);
    this.putHashes(words, at, row);
    const corpus = this.corpora.index(row.corpus);
    words[at + SIDE.tokens] = n;
    words[at + SIDE.corpus] = corpus | (row.split === 'held-out' ? HELD_OUT_BIT : 0);
    setU64(words, at + SIDE.sourceStart, row.start);
    setU64(words, at + SIDE.sourceEnd, row.end);
    setU64(words, at + SIDE.textBytes, textBytes);
    words[at + SIDE.signals] = signals.length;
    words[at + SIDE.copy] = 0;
    this.tally(row.split, corpus, n, textBytes);
    this.end(body);
  }

  /** Adds a document of another side file with the same names as copy `copy` under another key. */
  addCopy(from: SideFile, words: Uint32Array, body: Uint8Array, copy: number, key: bigint): void {
    for (const name of from.footer.corpora) this.corpora.index(name);
    for (const name of from.footer.signals) this.signals.index(name);
    const at = this.begin(body.length);
    const start = this.used;
    this.records.set(words, at);
    setBig(this.records, at + SIDE.key, key);
    this.records[at + SIDE.copy] = copy;
    this.bodies.set(body, start);
    this.used += body.length;
    const split = words[SIDE.corpus]! & HELD_OUT_BIT ? 'held-out' : 'train';
    const corpus = words[SIDE.corpus]! & ~HELD_OUT_BIT;
    this.tally(split, corpus, words[SIDE.tokens]!, getU64(words, SIDE.textBytes));
    this.end(start);
  }

  async finish(): Promise<void> {
    this.flushRun();
    const { file, setting } = this;
    file.align(8);
    const footerAt = file.bodyBytes;
    const footer: SideFooter = {
      tokenizer: setting.tokenizerDigest,
      runs: this.runs,
      corpora: this.corpora.list,
      signals: this.signals.list,
      counts: this.counts,
    };
    const bytes = Buffer.from(JSON.stringify(footer));
    file.add(bytes);
    await file.finish((words) => {
      words[FIELDS_AT] = setting.tokenWidth;
      words[FIELDS_AT + 1] = setting.endOfText === undefined ? 0 : 1;
      setBig(words, FIELDS_AT + 2, setting.keySeed);
      setU64(words, FIELDS_AT + 4, this.total);
      setU64(words, FIELDS_AT + 6, footerAt);
      setU64(words, FIELDS_AT + 8, bytes.length);
    });
  }

  abandon(): void {
    this.file.abandon();
  }

  /** Makes room for a document and gives the place of its record. */
  private begin(bytes: number): number {
    if (this.documents > 0 && (this.used + bytes > this.runBytes || this.documents >= MAX_RUN_DOCUMENTS)) {
      this.flushRun();
    }
    if (this.used + bytes > this.bodies.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.used + bytes, 2 * this.bodies.length));
      this.bodies.copy(grown, 0, 0, this.used);
      this.bodies = grown;
    }
    const at = this.documents * SIDE_WORDS;
    if (at === this.records.length) {
      const records = new Uint32Array(2 * at);
      records.set(this.records);
      this.records = records;
      const starts = new Float64Array(2 * this.documents);
      starts.set(this.bodyStarts);
      this.bodyStarts = starts;
    }
    return at;
  }

  private end(bodyStart: number): void {
    this.bodyStarts[this.documents++] = bodyStart;
    this.total++;
  }

  private putTokens(tokens: Uint32Array, start: number, end: number): void {
    const { tokenWidth, endOfText } = this.setting;
    const n = end - start + (endOfText === undefined ? 0 : 1);
    if (this.narrow.length < n) {
      this.narrow = tokenWidth === 2 ? new Uint16Array(2 * n) : new Uint32Array(2 * n);
    }
    // Narrowing and copying are two fast loops of the engine; a loop over bytes of our own took four times as long.
    this.narrow.set(tokens.subarray(start, end));
    if (endOfText !== undefined) this.narrow[n - 1] = endOfText;
    this.bodies.set(asBytes(this.narrow.subarray(0, n)), this.used);
    this.used += n * tokenWidth;
  }

  private putSignal(name: string, value: number): void {
    this.bodies.writeUInt32LE(this.signals.index(name), this.used);
    this.bodies.writeDoubleLE(value, this.used + 4);
    this.used += SIGNAL_BYTES;
  }

  private putString(value: string): number {
    const bytes = this.bodies.write(value, this.used, 'utf8');
    this.used += bytes;
    return bytes;
  }

  private putHashes(words: Uint32Array, at: number, row: DocumentRow): void {
    const most = 3 * (row.corpus.length + row.id.length) + 1;
    if (most > this.name.length) this.name = Buffer.alloc(2 * most);
    const bytes = this.name.subarray(0, this.name.write(`${row.corpus}\0${row.id}`, 0, 'utf8'));
    setBig(words, at + SIDE.hash, xxh64(bytes));
    setBig(words, at + SIDE.key, xxh64(bytes, this.setting.keySeed));
  }

  private tally(split: ShardSplit, corpus: number, tokens: number, bytes: number): void {
    for (const side of ['train', 'held-out'] as const) {
      while (this.counts[side].length <= corpus)
        this.counts[side].push({ documents: 0, tokens: 0, bytes: 0 });
    }
    const counts = this.counts[split][corpus]!;
    counts.documents++;
    counts.tokens += tokens;
    counts.bytes += bytes;
  }

  private flushRun(): void {
    if (this.documents === 0) return;
    const { file, records, setting } = this;
    const order = sortedByKey(records, this.documents);
    file.align(SIDE_WORDS * 4);
    const recordsAt = file.bodyBytes;
    for (const i of order) file.add(asBytes(records.subarray(i * SIDE_WORDS, (i + 1) * SIDE_WORDS)));
    const bodiesAt = file.bodyBytes;
    for (const i of order) {
      const start = this.bodyStarts[i]!;
      file.add(this.bodies.subarray(start, start + bodyBytesOf(records, i * SIDE_WORDS, setting.tokenWidth)));
    }
    this.runs.push({
      documents: this.documents,
      recordsAt,
      bodiesAt,
      bodiesBytes: file.bodyBytes - bodiesAt,
    });
    this.documents = 0;
    this.used = 0;
  }
}

/** Indexes of the first n records in order of their keys; equal keys by hash, so that arrival does not count. */
function sortedByKey(records: Uint32Array, n: number): Uint32Array {
  // High word and index fit one double's 53 bits: a sort without a comparator is ten times as fast.
  const rough = new Float64Array(n);
  for (let i = 0; i < n; i++) rough[i] = records[i * SIDE_WORDS + SIDE.key + 1]! * MAX_RUN_DOCUMENTS + i;
  rough.sort();
  const order = Uint32Array.from(rough, (x) => x % MAX_RUN_DOCUMENTS);
  const high = (i: number): number => records[i * SIDE_WORDS + SIDE.key + 1]!;
  for (let from = 0; from < n; ) {
    let to = from + 1;
    while (to < n && high(order[to]!) === high(order[from]!)) to++;
    if (to - from > 1) {
      order.subarray(from, to).sort((a, b) => compareKeys(records, a * SIDE_WORDS, records, b * SIDE_WORDS));
    }
    from = to;
  }
  return order;
}

/** Order of two side records by (key, hash, copy). */
export function compareKeys(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
  return (
    a[i + 1]! - b[j + 1]! ||
    a[i]! - b[j]! ||
    a[i + SIDE.hash + 1]! - b[j + SIDE.hash + 1]! ||
    a[i + SIDE.hash]! - b[j + SIDE.hash]! ||
    a[i + SIDE.copy]! - b[j + SIDE.copy]!
  );
}

/** An open side file. */
export class SideFile {
  readonly path: string;
  readonly file: BlockFile;
  readonly footer: SideFooter;
  readonly tokenWidth: 2 | 4;
  readonly endOfTextAppended: boolean;
  readonly keySeed: bigint;
  readonly documents: number;

  constructor(path: string) {
    this.path = path;
    this.file = new BlockFile(path, SIDE_FORMAT);
    try {
      const words = this.file.header;
      this.tokenWidth = words[FIELDS_AT] as 2 | 4;
      this.endOfTextAppended = words[FIELDS_AT + 1] === 1;
      this.keySeed = getBig(words, FIELDS_AT + 2);
      this.documents = getU64(words, FIELDS_AT + 4);
      const bytes = Buffer.alloc(getU64(words, FIELDS_AT + 8));
      this.file.read(getU64(words, FIELDS_AT + 6), bytes);
      this.footer = JSON.parse(bytes.toString('utf8')) as SideFooter;
      this.checkRuns();
    } catch (error) {
      this.file.close();
      throw error;
    }
  }

  close(): void {
    this.file.close();
  }

  private checkRuns(): void {
    const found = this.footer.runs.reduce((sum, run) => sum + run.documents, 0);
    if (found !== this.documents) {
      throw new IntegrityError('the runs do not add up', {
        file: this.path,
        offset: HEADER_BYTES,
        expected: `${this.documents} documents`,
        found: `${found}`,
      });
    }
  }
}
