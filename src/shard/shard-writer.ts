import { rename } from 'node:fs/promises';
import { temporaryName } from '../core/files.ts';
import { hex } from './block-file.ts';
import { BlockFileWriter } from './block-writer.ts';
import { type DocumentIndex, giveIndex, takeIndex } from './document-index.ts';
import {
  encodeShardHeader,
  RECORD,
  RECORD_WORDS,
  SHARD_FORMAT,
  type ShardSplit,
  tokenWidthOf,
} from './format.ts';
import type { GroupMemory } from './group-memory.ts';
import type { Counts } from './shard-set.ts';
import { asBytes, getU64 } from './u64.ts';

/** What all shards of a set have in common. */
export interface ShardSetting {
  readonly tokenizerDigest: string;
  readonly vocabularySize: number;
  /** The id that ends every document already, or undefined. */
  readonly endOfText: number | undefined;
  readonly corpora: readonly string[];
  /** Names of the signal columns. */
  readonly signals: readonly string[];
}

/** One document on its way into a shard. */
export interface ShardRow {
  /** Tokens as they lie in the shard: u16 or u32, little-endian. */
  tokenBytes: Uint8Array;
  tokens: number;
  /** XXH64 of corpus, zero byte and id, as two words. */
  hashLow: number;
  hashHigh: number;
  id: Uint8Array;
  source: Uint8Array;
  corpus: number;
  copy: number;
  start: number;
  end: number;
  textBytes: number;
  /** signals[0 .. 2 * signalCount): index of a signal column, value. */
  signals: Float64Array;
  signalCount: number;
}

/** A finished shard as index.json lists it. */
export interface ShardEntry {
  readonly file: string;
  readonly tokens: number;
  readonly documents: number;
  readonly textBytes: number;
  /** XXH64 of the header, which covers every other byte of the file. */
  readonly digest: string;
}

/** Keeps a shard's index, held in memory while it is written, under about 2 GB. */
export const MAX_DOCUMENTS = 1 << 23;

/** Writes one shard: tokens as they come, the index of its documents from memory at the end. */
export class ShardWriter {
  private readonly file: BlockFileWriter;
  private readonly setting: ShardSetting;
  private readonly split: ShardSplit;
  private readonly shard: number;
  private readonly index: DocumentIndex;
  private readonly memory: GroupMemory | undefined;
  private textBytes = 0;
  tokens = 0;
  /** By index into the setting's corpora, as far as there are documents. */
  readonly counts: Counts[] = [];

  /** `memory`: what it writes from, where documents come in groups; one that no other shard is written from. */
  constructor(path: string, split: ShardSplit, shard: number, setting: ShardSetting, memory?: GroupMemory) {
    this.file = new BlockFileWriter(path, SHARD_FORMAT, memory?.writerBuffers);
    this.memory = memory;
    this.setting = setting;
    this.split = split;
    this.shard = shard;
    this.index = takeIndex(setting.signals.length);
  }

  add(row: ShardRow): void {
    this.file.add(row.tokenBytes);
    this.tokens += row.tokens;
    this.index.add(row, this.tokens);
    this.count(row.corpus, row.tokens, row.textBytes);
  }

  /**
   * Adds documents of the group in the memory that it writes from: some of [from, to), as many as it says. None where the
   * next has an id too long for this; it must be added by itself.
   */
  addGroup(from: number, to: number): number {
    const { file, index, memory, setting } = this;
    const { stage } = memory!;
    const width = tokenWidthOf(setting.vocabularySize);
    const n = memory!.fit(from, to);
    // The tokens first: what is told of a document lies behind them, and is then in the caches (0.15 us a document).
    memory!.gather(file, from, from + n, width);
    stage.begin(this.tokens, index.ids.length);
    memory!.index(from, from + n, width);
    index.append(stage, n);
    for (let i = 0; i < n; i++) {
      const end = getU64(stage.ends, 2 * i);
      const at = i * RECORD_WORDS;
      const textBytes = getU64(stage.records, at + RECORD.textBytes);
      this.count(stage.records[at + RECORD.corpus]!, end - this.tokens, textBytes);
      this.tokens = end;
    }
    return n;
  }

  private count(corpus: number, tokens: number, textBytes: number): void {
    const { counts } = this;
    while (counts.length <= corpus) counts.push({ documents: 0, tokens: 0, bytes: 0 });
    const sum = counts[corpus]!;
    sum.documents++;
    sum.tokens += tokens;
    sum.bytes += textBytes;
    this.textBytes += textBytes;
  }

  get documents(): number {
    return this.index.documents;
  }

  async finish(): Promise<Omit<ShardEntry, 'file'>> {
    const entry = await this.complete();
    await this.sync();
    return entry;
  }

  /** The first half of `finish`: the memory it writes from may serve the next shard, while `sync` waits for the disk. */
  async complete(): Promise<Omit<ShardEntry, 'file'>> {
    const { file, setting, index } = this;
    const names = Buffer.from(JSON.stringify({ corpora: setting.corpora, signals: setting.signals }));
    file.align(8);
    const endsAt = file.bodyBytes;
    file.add(index.ends.bytes());
    const recordsAt = file.bodyBytes;
    file.add(index.records.bytes());
    const sourcesAt = file.bodyBytes;
    file.add(index.sources.entries.bytes());
    const signalsAt = file.bodyBytes;
    for (const column of index.columns) file.add(asBytes(column.subarray(0, index.documents)));
    const stringsAt = file.bodyBytes;
    file.add(index.ids.bytes());
    file.add(index.sourceStrings.bytes());
    const stringsBytes = file.bodyBytes - stringsAt;
    file.align(8);
    const namesAt = file.bodyBytes;
    file.add(names);
    const { tokens, documents, textBytes } = this;
    const digest = await file.complete((words) =>
      encodeShardHeader(
        {
          shard: this.shard,
          split: this.split,
          tokenWidth: tokenWidthOf(setting.vocabularySize),
          tokens,
          documents,
          textBytes,
          endOfText: setting.endOfText,
          vocabularySize: setting.vocabularySize,
          corpora: setting.corpora.length,
          signals: setting.signals.length,
          sources: index.sources.size,
          tokenizerDigest: setting.tokenizerDigest,
          endsAt,
          recordsAt,
          sourcesAt,
          signalsAt,
          stringsAt,
          stringsBytes,
          sourceStringsAt: stringsAt + index.ids.length,
          namesAt,
          namesBytes: names.length,
        },
        words,
      ),
    );
    giveIndex(index);
    return { tokens, documents, textBytes, digest: hex(digest) };
  }

  sync(): Promise<void> {
    return this.file.sync();
  }

  abandon(): void {
    this.file.abandon();
  }
}

export function shardFileName(split: ShardSplit, shard: number): string {
  return `${split}-${String(shard).padStart(5, '0')}.shard`;
}

/** Writes documents of one split to shards of about `shardTokens` tokens; a document never straddles two. */
export class ShardSetWriter {
  readonly entries: ShardEntry[] = [];
  private readonly folder: string;
  private readonly split: ShardSplit;
  private readonly setting: ShardSetting;
  private readonly shardTokens: number;
  private open: { writer: ShardWriter; temporary: string } | undefined;

  constructor(folder: string, split: ShardSplit, setting: ShardSetting, shardTokens: number) {
    this.folder = folder;
    this.split = split;
    this.setting = setting;
    this.shardTokens = shardTokens;
  }

  /** True where the next `tokens` tokens go to a new shard: `await rotate()` first. */
  needsRotation(tokens: number): boolean {
    if (this.open === undefined) return true;
    const { writer } = this.open;
    return writer.tokens + tokens > this.shardTokens || writer.documents >= MAX_DOCUMENTS;
  }

  async rotate(): Promise<void> {
    await this.seal();
    const path = `${this.folder}/${shardFileName(this.split, this.entries.length)}`;
    const temporary = temporaryName(path);
    const writer = new ShardWriter(temporary, this.split, this.entries.length, this.setting);
    this.open = { writer, temporary };
  }

  /** Call after `needsRotation` said no, or after `rotate`. */
  add(row: ShardRow): void {
    this.open!.writer.add(row);
  }

  async finish(): Promise<readonly ShardEntry[]> {
    await this.seal();
    return this.entries;
  }

  abandon(): void {
    this.open?.writer.abandon();
    this.open = undefined;
  }

  private async seal(): Promise<void> {
    if (!this.open) return;
    const { writer, temporary } = this.open;
    this.open = undefined;
    const file = shardFileName(this.split, this.entries.length);
    const entry = await writer.finish();
    await rename(temporary, `${this.folder}/${file}`);
    this.entries.push({ file, ...entry });
  }
}
