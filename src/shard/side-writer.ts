import type { DocumentRow } from '../core/batch.ts';
import { FIELDS_AT } from './block-file.ts';
import { BlockFileWriter } from './block-writer.ts';
import type { ShardSplit } from './format.ts';
import { NameHasher } from './kernel.ts';
import type { Counts } from './shard-set.ts';
import {
  bodyBytesOf,
  compareKeys,
  HELD_OUT_BIT,
  SIDE,
  SIDE_FORMAT,
  SIDE_WORDS,
  SIGNAL_BYTES,
  type SideFile,
  type SideFooter,
  type SideRun,
} from './side-file.ts';
import { asBytes, getU64, setBig, setU64 } from './u64.ts';

export interface SideSetting {
  readonly tokenizerDigest: string;
  readonly tokenWidth: 2 | 4;
  /** The id to append to every document. */
  readonly endOfText: number | undefined;
  readonly keySeed: bigint;
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

/** Memory of one run: records, and bodies at multiples of 4 bytes, so that tokens are put there as numbers. */
class RunMemory {
  records = new Uint32Array(SIDE_WORDS << 12);
  bodyStarts = new Float64Array(1 << 12);
  bodies!: Buffer;
  narrow!: Uint16Array;
  wide!: Uint32Array;
  view!: DataView;

  constructor() {
    this.setBodies(1 << 20);
  }

  /** Room for `bytes` of bodies, of which the first `used` are kept. */
  reserve(bytes: number, used: number): void {
    if (bytes <= this.bodies.length) return;
    const { bodies } = this;
    this.setBodies(Math.max(bytes, 2 * bodies.length));
    bodies.copy(this.bodies, 0, 0, used);
  }

  /** Room for one record more after `documents`. */
  reserveRecord(documents: number): void {
    if (documents < this.bodyStarts.length) return;
    const records = new Uint32Array(2 * this.records.length);
    records.set(this.records);
    this.records = records;
    const starts = new Float64Array(2 * documents);
    starts.set(this.bodyStarts);
    this.bodyStarts = starts;
  }

  private setBodies(bytes: number): void {
    const whole = Math.ceil(bytes / 4) * 4;
    this.bodies = Buffer.allocUnsafeSlow(whole);
    const { buffer, byteOffset } = this.bodies;
    this.narrow = new Uint16Array(buffer, byteOffset, whole / 2);
    this.wide = new Uint32Array(buffer, byteOffset, whole / 4);
    this.view = new DataView(buffer, byteOffset, whole);
  }
}

/** Parts follow each other in a worker: the next takes over the memory of the last. */
let spareMemory: RunMemory | undefined;
let hasher: NameHasher | undefined;

/** Collects documents, sorts them by shuffle key a run at a time, and writes them. Holds one run in memory. */
export class SideWriter {
  private readonly file: BlockFileWriter;
  private readonly setting: SideSetting;
  private readonly runBytes: number;
  private readonly corpora = new Names();
  private readonly signals = new Names();
  private readonly counts: Record<ShardSplit, Counts[]> = { train: [], 'held-out': [] };
  private readonly runs: SideRun[] = [];
  private readonly memory: RunMemory;
  private readonly hasher: NameHasher;
  private used = 0;
  private documents = 0;
  private total = 0;

  constructor(path: string, setting: SideSetting, runBytes = RUN_BYTES) {
    this.file = new BlockFileWriter(path, SIDE_FORMAT);
    this.setting = setting;
    this.runBytes = runBytes;
    this.memory = spareMemory ?? new RunMemory();
    spareMemory = undefined;
    hasher ??= new NameHasher();
    this.hasher = hasher;
  }

  /** Adds tokens[start .. end) of document `row`, whose text has `textBytes` bytes. */
  add(row: DocumentRow, textBytes: number, tokens: Uint32Array, start: number, end: number): void {
    const { tokenWidth, endOfText } = this.setting;
    const names = Object.keys(row.signals);
    const n = end - start + (endOfText === undefined ? 0 : 1);
    const room = n * tokenWidth + names.length * SIGNAL_BYTES;
    const at = this.begin(room + 3 * (row.id.length + row.source.length));
    const words = this.memory.records;
    const body = this.used;
    this.putTokens(tokens, start, end);
    for (const name of names) this.putSignal(name, row.signals[name]!);
    const idAt = this.used;
    words[at + SIDE.idBytes] = this.putString(row.id);
    words[at + SIDE.sourceBytes] = this.putString(row.source);
    this.putHashes(words, at, row.corpus, idAt);
    const corpus = this.corpora.index(row.corpus);
    words[at + SIDE.tokens] = n;
    words[at + SIDE.corpus] = corpus | (row.split === 'held-out' ? HELD_OUT_BIT : 0);
    setU64(words, at + SIDE.sourceStart, row.start);
    setU64(words, at + SIDE.sourceEnd, row.end);
    setU64(words, at + SIDE.textBytes, textBytes);
    words[at + SIDE.signals] = names.length;
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
    const { records } = this.memory;
    records.set(words, at);
    setBig(records, at + SIDE.key, key);
    records[at + SIDE.copy] = copy;
    this.memory.bodies.set(body, start);
    this.used += body.length;
    const split = words[SIDE.corpus]! & HELD_OUT_BIT ? 'held-out' : 'train';
    const corpus = words[SIDE.corpus]! & ~HELD_OUT_BIT;
    this.tally(split, corpus, words[SIDE.tokens]!, getU64(words, SIDE.textBytes));
    this.end(start);
  }

  async finish(): Promise<void> {
    this.flushRun();
    spareMemory = this.memory;
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
    this.used = (this.used + 3) & ~3;
    this.memory.reserve(this.used + bytes, this.used);
    this.memory.reserveRecord(this.documents);
    return this.documents * SIDE_WORDS;
  }

  private end(bodyStart: number): void {
    this.memory.bodyStarts[this.documents++] = bodyStart;
    this.total++;
  }

  private putTokens(tokens: Uint32Array, start: number, end: number): void {
    const { tokenWidth, endOfText } = this.setting;
    const into = tokenWidth === 2 ? this.memory.narrow : this.memory.wide;
    const at = this.used / tokenWidth;
    // Narrows in one loop of the engine: a loop of our own took seven times as long.
    into.set(tokens.subarray(start, end), at);
    this.used += (end - start) * tokenWidth;
    if (endOfText === undefined) return;
    into[at + end - start] = endOfText;
    this.used += tokenWidth;
  }

  private putSignal(name: string, value: number): void {
    const { view } = this.memory;
    view.setUint32(this.used, this.signals.index(name), true);
    view.setFloat64(this.used + 4, value, true);
    this.used += SIGNAL_BYTES;
  }

  private putString(value: string): number {
    const bytes = putText(this.memory.bodies, this.used, value);
    this.used += bytes;
    return bytes;
  }

  /** Key and hash of a document of `corpus` whose id begins at `idAt` of the bodies. */
  private putHashes(words: Uint32Array, at: number, corpus: string, idAt: number): void {
    const { hasher } = this;
    const idBytes = words[at + SIDE.idBytes]!;
    const name = hasher.name(3 * corpus.length + 1 + idBytes);
    let length = putText(name, 0, corpus);
    name[length++] = 0;
    const { bodies } = this.memory;
    for (let i = 0; i < idBytes; i++) name[length + i] = bodies[idAt + i]!;
    hasher.hash(length + idBytes, this.setting.keySeed);
    for (let i = 0; i < 4; i++) words[at + SIDE.key + i] = hasher.hashes[i]!;
  }

  private tally(split: ShardSplit, corpus: number, tokens: number, bytes: number): void {
    while (this.counts.train.length <= corpus) {
      for (const side of ['train', 'held-out'] as const)
        this.counts[side].push({ documents: 0, tokens: 0, bytes: 0 });
    }
    const counts = this.counts[split][corpus]!;
    counts.documents++;
    counts.tokens += tokens;
    counts.bytes += bytes;
  }

  private flushRun(): void {
    if (this.documents === 0) return;
    const { file, setting } = this;
    const { records, bodies, bodyStarts } = this.memory;
    const order = sortedByKey(records, this.documents);
    file.align(SIDE_WORDS * 4);
    const recordsAt = file.bodyBytes;
    for (const i of order) file.add(asBytes(records.subarray(i * SIDE_WORDS, (i + 1) * SIDE_WORDS)));
    const bodiesAt = file.bodyBytes;
    for (const i of order) {
      const start = bodyStarts[i]!;
      file.add(bodies.subarray(start, start + bodyBytesOf(records, i * SIDE_WORDS, setting.tokenWidth)));
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

const encoder = new TextEncoder();

/** Writes UTF-8 and gives its bytes. For short ASCII, which names mostly are, a call to the engine's encoder costs more. */
function putText(into: Uint8Array, at: number, text: string): number {
  const n = text.length;
  let i = 0;
  if (n <= 256) {
    for (; i < n; i++) {
      const c = text.charCodeAt(i);
      if (c > 0x7f) break;
      into[at + i] = c;
    }
  }
  return i === n ? n : encoder.encodeInto(text, into.subarray(at)).written;
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
