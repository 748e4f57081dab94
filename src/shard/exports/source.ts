import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CancelledError, ConfigurationError } from '../../core/errors.ts';
import { commitFile, FileWriter, removeIfThere, syncFolder, temporaryName } from '../../core/files.ts';
import type { ShardDocument } from '../batch.ts';
import type { ShardSplit } from '../format.ts';
import { eachShard, type ShardIndex } from '../shard-set.ts';

/** One document on its way out. */
export interface ExportDocument {
  readonly document: ShardDocument;
  /** Tokens as they lie in the shard, u16 or u32 by the width of the set; valid until the next document. */
  readonly bytes: Uint8Array;
  readonly tokens: number;
}

export interface ExportOptions {
  /** Begins the names of files, where a format has such. */
  readonly name: string;
  /** Tokens a file, in formats whose files are of a certain size. */
  readonly fileTokens: number;
  /** Tokens a sample, where a format can hold windows instead of documents. */
  readonly windowTokens?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What an exporter reads. */
export class ExportSource {
  readonly folder: string;
  readonly index: ShardIndex;
  /** Bytes a token in the shards. */
  readonly width: 2 | 4;
  private readonly signal: AbortSignal | undefined;

  constructor(folder: string, index: ShardIndex, signal?: AbortSignal) {
    this.folder = folder;
    this.index = index;
    this.width = index.tokenizer.vocabularySize <= 65536 ? 2 : 4;
    this.signal = signal;
  }

  /** Documents of a split in shard order; every block that is read has been checked. */
  *documents(split: ShardSplit): Generator<ExportDocument> {
    for (let shard = 0; shard < this.index.splits[split].shards.length; shard++) {
      yield* this.shardDocuments(split, shard);
    }
  }

  *shardDocuments(split: ShardSplit, number: number): Generator<ExportDocument> {
    const { index, folder } = this;
    const entry = index.splits[split].shards[number]!;
    const one = {
      ...index,
      splits: { ...index.splits, [split]: { ...index.splits[split], shards: [entry] } },
    };
    for (const { shard } of eachShard(folder, one, [split], 'touch')) {
      for (let i = 0; i < shard.header.documents; i++) {
        if (i % 1024 === 0 && this.signal?.aborted) throw new CancelledError();
        const start = shard.starts[i]!;
        const tokens = shard.starts[i + 1]! - start;
        yield { document: shard.document(i), bytes: shard.tokenBytes(start, tokens), tokens };
      }
    }
  }

  /** The end-of-text token; throws ConfigurationError where the tokenizer has none. */
  endOfText(format: string): number {
    const id = this.index.tokenizer.endOfText ?? this.index.tokenizer.specialTokens['<|endoftext|>'];
    if (id === undefined) {
      throw new ConfigurationError(
        `${format} separates documents by <|endoftext|>, which the tokenizer lacks`,
      );
    }
    return id;
  }

  /** `tokens` as they lie in the shards. */
  encode(...tokens: number[]): Uint8Array {
    const array = this.width === 2 ? Uint16Array.from(tokens) : Uint32Array.from(tokens);
    return new Uint8Array(array.buffer);
  }

  /** The tokens of a document without the end-of-text token that was appended to it. */
  bare({ bytes }: ExportDocument): Uint8Array {
    return this.index.tokenizer.endOfText === null ? bytes : bytes.subarray(0, bytes.length - this.width);
  }
}

/** Writes files under temporary names, and renames them when all are whole. */
export class ExportFolder {
  readonly files: string[] = [];
  private readonly folder: string;
  private readonly pending: { temporary: string; path: string; writer: FileWriter | undefined }[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A writer for `name` (with folders, if any). */
  create(name: string): FileWriter {
    const { temporary, path } = this.claim(name);
    const writer = new FileWriter(temporary);
    this.pending.push({ temporary, path, writer });
    return writer;
  }

  /** For those who write a file themselves: the path to write to. */
  claimFile(name: string): string {
    const claimed = this.claim(name);
    this.pending.push({ ...claimed, writer: undefined });
    return claimed.temporary;
  }

  write(name: string, data: string | Uint8Array): void {
    const writer = this.create(name);
    writer.add(typeof data === 'string' ? Buffer.from(data, 'utf8') : data);
    writer.finish();
  }

  async commit(): Promise<readonly string[]> {
    for (const { temporary, path } of this.pending) await commitFile(temporary, path);
    for (const folder of new Set(this.pending.map(({ path }) => dirname(path)))) syncFolder(folder);
    this.pending.length = 0;
    return this.files;
  }

  async discard(): Promise<void> {
    for (const { temporary, writer } of this.pending) {
      writer?.abandon();
      await removeIfThere(temporary);
    }
  }

  private claim(name: string): { temporary: string; path: string } {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    this.files.push(name);
    return { temporary: temporaryName(path), path };
  }
}
