import { gzipSync } from 'node:zlib';
import { compress } from '@mongodb-js/zstd';
import type { DocumentBatch } from '../../core/batch.ts';
import { FileWriter } from '../../core/files.ts';
import type { Sink } from '../../core/stage.ts';
import { type Layout, layOut } from './layouts.ts';

/** Each block becomes a gzip member or zstd frame of its own: readers may start at any, and writing needs no state. */
const BLOCK_BYTES = 4 << 20;

export type JsonlCompression = 'none' | 'gzip' | 'zstd';

/** Writes objects as JSON lines. What it writes depends on the objects alone, not on when they come. */
export class JsonLines {
  private readonly file: FileWriter;
  private readonly compression: JsonlCompression;
  private lines: Buffer[] = [];
  private bytes = 0;

  constructor(path: string, compression: JsonlCompression) {
    this.file = new FileWriter(path);
    this.compression = compression;
  }

  /** The promise need only be awaited where it is not undefined. */
  add(object: object): Promise<void> | undefined {
    const line = Buffer.from(`${JSON.stringify(object)}\n`);
    this.lines.push(line);
    this.bytes += line.length;
    return this.bytes >= BLOCK_BYTES ? this.flush() : undefined;
  }

  async finish(): Promise<void> {
    await this.flush();
    this.file.finish();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
  }

  private async flush(): Promise<void> {
    if (this.bytes === 0) return;
    const block = Buffer.concat(this.lines, this.bytes);
    this.lines = [];
    this.bytes = 0;
    if (this.compression === 'gzip') this.file.add(gzipSync(block));
    else if (this.compression === 'zstd') this.file.add(await compress(block, 3));
    else this.file.add(block);
  }
}

/** Writes documents as JSON lines. What it writes depends on the documents alone, not on how they are batched. */
export class JsonlSink implements Sink<DocumentBatch> {
  private readonly lines: JsonLines;
  private readonly layout: Layout;

  constructor(path: string, layout: Layout, compression: JsonlCompression) {
    this.lines = new JsonLines(path, compression);
    this.layout = layout;
  }

  async add(batch: DocumentBatch): Promise<void> {
    for (let i = 0; i < batch.length; i++) {
      const full = this.lines.add(layOut(this.layout, batch, i));
      if (full) await full;
    }
  }

  finish(): Promise<void> {
    return this.lines.finish();
  }

  abandon(): Promise<void> {
    return this.lines.abandon();
  }
}
