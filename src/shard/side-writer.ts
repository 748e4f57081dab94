import type { DocumentRow } from '../core/batch.ts';
import { BucketFile, type SideSetting } from './bucket-file.ts';
import {
  type Bodies,
  type BucketMemory,
  STAGE_DOCUMENTS,
  STAGE_SIGNALS,
  STAGE_TEXT,
} from './bucket-memory.ts';
import { bySplit, SHARD_SPLITS, type ShardSplit, wholeSource } from './format.ts';
import { NameHasher } from './kernel.ts';
import type { Counts } from './shard-set.ts';
import {
  bucketOf,
  corpusOf,
  packCorpus,
  packSignals,
  SIDE,
  SIDE_WORDS,
  SIGNAL_BYTES,
  type SideFile,
  shapeOf,
  sharedOf,
  sideOf,
  sourceIn,
} from './side-file.ts';
import { Names, Shapes } from './side-names.ts';
import { getU64, setBig, setU64 } from './u64.ts';

let hasher: NameHasher | undefined;

/** Deals documents into buckets by split and the first bits of their shuffle keys, and writes each bucket in large pieces. */
export class SideWriter {
  private readonly buckets: BucketFile;
  private readonly setting: SideSetting;
  private readonly level: number;
  private readonly corpora = new Names();
  private readonly signals = new Names();
  private readonly shapes = new Shapes(this.signals);
  /** Of the side files that documents are taken from: their shapes as shapes of this one. */
  private readonly shapesOf = new Map<SideFile, number[]>();
  private readonly counts: Record<ShardSplit, Counts[]> = bySplit(() => []);
  private readonly memory: BucketMemory;
  private readonly hasher: NameHasher;
  /** Of the document that is added by itself. */
  private readonly values: number[] = [];
  /** The name hashed last, and where in it the id begins. */
  private name: Uint8Array = new Uint8Array(0);
  private idAt = 0;
  /** Corpora that the kernel knows by name, the first ones. */
  private namedCorpora = 0;

  /** `chunkBytes`: a multiple of 4, of bodies that a bucket collects before they are written. */
  constructor(path: string, setting: SideSetting, chunkBytes?: number) {
    this.buckets = new BucketFile(path, setting, chunkBytes);
    this.setting = setting;
    this.level = setting.level ?? 0;
    this.memory = this.buckets.memory;
    hasher ??= new NameHasher();
    this.hasher = hasher;
  }

  /**
   * Adds the documents of a batch: document i has tokens[offsets[i] .. offsets[i + 1]) and `textBytes(i)` bytes of text. All
   * but the tokens goes through the kernel, so that nothing but strings is done for each document in JavaScript: what is
   * told of a document beside its tokens took a quarter of the time of dealing it out, one by one.
   */
  addAll(
    rows: readonly DocumentRow[],
    textBytes: (i: number) => number,
    tokens: Uint32Array,
    offsets: ArrayLike<number>,
  ): void {
    for (let i = 0; i < rows.length; ) {
      const n = this.stage(rows, i, textBytes, offsets);
      if (n === 0) {
        this.add(rows[i]!, textBytes(i), tokens, offsets[i]!, offsets[i + 1]!);
        i++;
        continue;
      }
      this.deal(n, tokens, offsets, i);
      i += n;
    }
  }

  /** Adds tokens[start .. end) of document `row`, whose text has `textBytes` bytes. */
  add(row: DocumentRow, textBytes: number, tokens: Uint32Array, start: number, end: number): void {
    const { tokenWidth, endOfText } = this.setting;
    const signals = this.shapes.read(row.signals, this.values, 0);
    const shape = this.shapes.found;
    const n = end - start + (endOfText === undefined ? 0 : 1);
    const idBytes = this.hashName(row.corpus, row.id);
    const bucket = bucketOf(this.hasher.hashes[1]!, this.level, row.split);
    const source = encoder.encode(row.source);
    const before = n * tokenWidth + signals * SIGNAL_BYTES + idBytes;
    const place = this.buckets.begin(bucket, before, source);
    const { at, bodies, body, shared } = place;
    let used = body + this.putTokens(bodies, body, tokens, start, end);
    for (let k = 0; k < signals; k++, used += SIGNAL_BYTES)
      bodies.view.setFloat64(used, this.values[k]!, true);
    for (let i = 0; i < idBytes; i++) bodies.bytes[used + i] = this.name[this.idAt + i]!;
    bodies.bytes.set(source.subarray(shared), used + idBytes);
    const words = this.memory.records;
    const corpus = this.corpusOf(row.corpus);
    for (let i = 0; i < 4; i++) words[at + SIDE.key + i] = this.hasher.hashes[i]!;
    words[at + SIDE.tokens] = n;
    words[at + SIDE.corpus] = packCorpus(corpus, row.split);
    words[at + SIDE.idBytes] = idBytes;
    words[at + SIDE.sourceBytes] = source.length - shared;
    setU64(words, at + SIDE.sourceStart, row.start);
    setU64(words, at + SIDE.sourceEnd, row.end);
    setU64(words, at + SIDE.textBytes, textBytes);
    words[at + SIDE.signals] = packSignals(shape, shared);
    words[at + SIDE.copy] = 0;
    this.tally(row.split, corpus, n, textBytes);
    this.buckets.end(bucket, place, before + source.length - shared);
  }

  /**
   * Adds a document of another side file, as copy `copy` under the key `key`. `first`: the source of its extent's first
   * document.
   */
  addFrom(
    from: SideFile,
    record: Uint32Array,
    body: Uint8Array,
    first: Uint8Array,
    copy: number,
    key: bigint,
  ): void {
    const split = sideOf(record[SIDE.corpus]!);
    const bucket = bucketOf(Number(key >> 32n), this.level, split);
    const before = sourceIn(record, 0, from);
    const own = body.subarray(before);
    const source = wholeSource(first, sharedOf(record[SIDE.signals]!), own);
    const place = this.buckets.begin(bucket, before, source);
    const { at, bodies, shared } = place;
    const words = this.memory.records;
    words.set(record.subarray(0, SIDE_WORDS), at);
    setBig(words, at + SIDE.key, key);
    words[at + SIDE.copy] = copy;
    const corpus = this.corpusOf(from.footer.corpora[corpusOf(record[SIDE.corpus]!)]!);
    words[at + SIDE.corpus] = packCorpus(corpus, split);
    words[at + SIDE.sourceBytes] = source.length - shared;
    words[at + SIDE.signals] = packSignals(this.shapeFrom(from, shapeOf(record[SIDE.signals]!)), shared);
    bodies.bytes.set(body.subarray(0, before), place.body);
    bodies.bytes.set(source.subarray(shared), place.body + before);
    this.tally(split, corpus, record[SIDE.tokens]!, getU64(record, SIDE.textBytes));
    this.buckets.end(bucket, place, before + source.length - shared);
  }

  async finish(): Promise<void> {
    const { validation, ...counts } = this.counts;
    const hasValidation = validation.some(({ documents }) => documents > 0);
    await this.buckets.finish({
      corpora: this.corpora.list,
      signals: this.signals.list,
      shapes: this.shapes.list,
      counts: hasValidation ? { ...counts, validation } : counts,
    });
  }

  abandon(): void {
    this.buckets.abandon();
  }

  /** Puts documents from number `first` on on the stage; gives how many there was room for. */
  private stage(
    rows: readonly DocumentRow[],
    first: number,
    textBytes: (i: number) => number,
    offsets: ArrayLike<number>,
  ): number {
    const { memory, setting } = this;
    const words = memory.staged;
    const more = setting.endOfText === undefined ? 0 : 1;
    const last = Math.min(rows.length, first + STAGE_DOCUMENTS);
    let [text, signals, i] = ['', 0, first];
    for (; i < last; i++) {
      const row = rows[i]!;
      const chars = row.id.length + row.source.length;
      const n = offsets[i + 1]! - offsets[i]! + more;
      const count = this.shapes.read(row.signals, memory.values, signals);
      const end = signals + count;
      const most = n * setting.tokenWidth + count * SIGNAL_BYTES + 3 * chars;
      if (most > memory.chunkBytes || end > STAGE_SIGNALS || 3 * (text.length + chars) > STAGE_TEXT) break;
      const corpus = this.corpusOf(row.corpus);
      if (corpus >= this.namedCorpora) break;
      text += row.id + row.source;
      const at = (i - first) * SIDE_WORDS;
      words[at + SIDE.tokens] = n;
      words[at + SIDE.corpus] = packCorpus(corpus, row.split);
      words[at + SIDE.idBytes] = row.id.length;
      words[at + SIDE.sourceBytes] = row.source.length;
      setU64(words, at + SIDE.sourceStart, row.start);
      setU64(words, at + SIDE.sourceEnd, row.end);
      const bytes = textBytes(i);
      setU64(words, at + SIDE.textBytes, bytes);
      words[at + SIDE.signals] = this.shapes.found;
      words[at + SIDE.copy] = count;
      this.tally(row.split, corpus, n, bytes);
      signals = end;
    }
    // All strings at once; where some are not ASCII their bytes are others than they were taken to be.
    if (encoder.encodeInto(text, memory.texts).written > text.length) this.stageTexts(rows, first, i);
    return i - first;
  }

  /** The ids and sources of rows [first, to), one by one, and how many bytes each has. */
  private stageTexts(rows: readonly DocumentRow[], first: number, to: number): void {
    const { staged, texts } = this.memory;
    let used = 0;
    const put = (text: string): number => {
      const bytes = putText(texts, used, text);
      used += bytes;
      return bytes;
    };
    for (let i = first; i < to; i++) {
      const at = (i - first) * SIDE_WORDS;
      staged[at + SIDE.idBytes] = put(rows[i]!.id);
      staged[at + SIDE.sourceBytes] = put(rows[i]!.source);
    }
  }

  /** Deals out the `n` documents on the stage, the first of which is number `first` of the batch. */
  private deal(n: number, tokens: Uint32Array, offsets: ArrayLike<number>, first: number): void {
    const { memory, setting } = this;
    const { tokenWidth } = setting;
    const into = tokenWidth === 2 ? memory.bodies.narrow : memory.bodies.wide;
    memory.beginStage();
    for (let from = 0; from < n; ) {
      const to = memory.deal(from, n);
      for (let k = from; k < to; k++) {
        const i = first + k;
        // Narrows in one loop of the engine, which the kernel could not better: it would have to be given a copy.
        into.set(tokens.subarray(offsets[i]!, offsets[i + 1]!), memory.placeOf(k) / tokenWidth);
      }
      if (to < n) this.buckets.flush(memory.full);
      from = to;
    }
    this.buckets.documents += n;
  }

  /** The number of a corpus; the kernel is told its name as long as it has room for names. */
  private corpusOf(name: string): number {
    const index = this.corpora.index(name);
    if (index === this.namedCorpora && this.memory.addCorpus(index, name)) this.namedCorpora++;
    return index;
  }

  /** A shape of another side file as one of this. */
  private shapeFrom(from: SideFile, shape: number): number {
    let known = this.shapesOf.get(from);
    if (!known) {
      const { shapes, signals } = from.footer;
      known = shapes.map((numbers) => this.shapes.index(numbers.map((i) => signals[i]!)));
      this.shapesOf.set(from, known);
    }
    return known[shape]!;
  }

  private putTokens(bodies: Bodies, body: number, tokens: Uint32Array, start: number, end: number): number {
    const { tokenWidth, endOfText } = this.setting;
    const into = tokenWidth === 2 ? bodies.narrow : bodies.wide;
    const at = body / tokenWidth;
    // Narrows in one loop of the engine: a loop of our own took seven times as long.
    into.set(tokens.subarray(start, end), at);
    if (endOfText === undefined) return (end - start) * tokenWidth;
    into[at + end - start] = endOfText;
    return (end - start + 1) * tokenWidth;
  }

  /** Hashes corpus, zero byte and id; gives the bytes of the id. */
  private hashName(corpus: string, id: string): number {
    const { hasher } = this;
    const name = hasher.name(3 * (corpus.length + id.length) + 1);
    this.idAt = putText(name, 0, corpus) + 1;
    name[this.idAt - 1] = 0;
    const idBytes = putText(name, this.idAt, id);
    hasher.hash(name, this.idAt + idBytes, this.setting.keySeed);
    this.name = name;
    return idBytes;
  }

  private tally(split: ShardSplit, corpus: number, tokens: number, bytes: number): void {
    while (this.counts.train.length <= corpus) {
      for (const side of SHARD_SPLITS) this.counts[side].push({ documents: 0, tokens: 0, bytes: 0 });
    }
    const counts = this.counts[split][corpus]!;
    counts.documents++;
    counts.tokens += tokens;
    counts.bytes += bytes;
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
