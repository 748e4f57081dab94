import { gzipSync } from 'node:zlib';
import { FileWriter } from '../../core/files.ts';
import { ESCAPED_AT_ONCE, jsonKernel } from '../json-kernel.ts';

/** Each block becomes a gzip member or zstd frame of its own: readers may start at any, and writing needs no state. */
const BLOCK_BYTES = 4 << 20;
/** Room that a block has for the line that ends it, before it grows. */
const SLACK_BYTES = 1 << 18;
/** Where the text of a line is put in. No string of JSON holds it: its quotes have a backslash before them. */
const NO_TEXT = '"text":""';

export type JsonlCompression = 'none' | 'gzip' | 'zstd';

/** Writes objects as JSON lines. What it writes depends on the objects alone, not on when they come. */
export class JsonLines {
  private readonly file: FileWriter;
  private readonly kernel = jsonKernel();
  private readonly compression: JsonlCompression;
  private block = Buffer.allocUnsafe(BLOCK_BYTES + SLACK_BYTES);
  private bytes = 0;

  constructor(path: string, compression: JsonlCompression) {
    this.file = new FileWriter(path);
    this.compression = compression;
  }

  /** The promise need only be awaited where it is not undefined. */
  add(object: object): Promise<void> | undefined {
    this.put(JSON.stringify(object));
    return this.endLine();
  }

  /** The same of an object whose first member `text` is the empty string, for which `text`, valid UTF-8, is written. */
  addWithText(object: { readonly text: '' }, text: Uint8Array): Promise<void> | undefined {
    const line = JSON.stringify(object);
    const at = line.indexOf(NO_TEXT) + NO_TEXT.length - 1;
    this.put(line.slice(0, at));
    for (let from = 0; from < text.length; from += ESCAPED_AT_ONCE)
      this.putBytes(this.kernel.escape(text.subarray(from, from + ESCAPED_AT_ONCE)));
    this.put(line.slice(at));
    return this.endLine();
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.file.finishBeside();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
  }

  private put(text: string): void {
    this.reserve(text.length * 3);
    this.bytes += this.block.write(text, this.bytes);
  }

  private putBytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.block.set(bytes, this.bytes);
    this.bytes += bytes.length;
  }

  private reserve(more: number): void {
    const need = this.bytes + more + 1;
    if (need <= this.block.length) return;
    const grown = Buffer.allocUnsafe(Math.max(need, this.block.length * 2));
    this.block.copy(grown, 0, 0, this.bytes);
    this.block = grown;
  }

  private endLine(): Promise<void> | undefined {
    this.block[this.bytes++] = 10;
    return this.bytes >= BLOCK_BYTES ? this.flush() : undefined;
  }

  private async flush(): Promise<void> {
    if (this.bytes === 0) return;
    const block = this.block.subarray(0, this.bytes);
    this.bytes = 0;
    if (this.compression === 'gzip') this.file.add(gzipSync(block));
    else if (this.compression === 'zstd') {
      // Loaded where it is wanted, so that other workers start fast.
      const { compress } = await import('@mongodb-js/zstd');
      this.file.add(await compress(block, 3));
    } else this.file.add(block);
  }
}
