import { gzipSync } from 'node:zlib';
import { FileWriter } from '../../core/files.ts';

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
  private readonly compression: JsonlCompression;
  private block = Buffer.allocUnsafe(BLOCK_BYTES + SLACK_BYTES);
  private bytes = 0;

  constructor(path: string, compression: JsonlCompression) {
    this.file = new FileWriter(path);
    this.compression = compression;
  }

  /** The promise need only be awaited where it is not undefined. */
  add(object: object): Promise<void> | undefined {
    this.put(JSON.stringify(object), 'utf8');
    return this.endLine();
  }

  /** The same of an object whose first member `text` is the empty string, for which `text`, UTF-8, is written. */
  addWithText(object: { readonly text: '' }, text: Uint8Array): Promise<void> | undefined {
    const line = JSON.stringify(object);
    const at = line.indexOf(NO_TEXT) + NO_TEXT.length - 2;
    this.put(line.slice(0, at), 'utf8');
    // A character a byte: JSON escapes ASCII only, so that the bytes come out as those of the text escaped. Decoding
    // and encoding UTF-8, in strings of two bytes a character, costs as much again.
    const { buffer, byteOffset, length } = text;
    this.put(JSON.stringify(Buffer.from(buffer, byteOffset, length).toString('latin1')), 'latin1');
    this.put(line.slice(at + 2), 'utf8');
    return this.endLine();
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.file.finishBeside();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
  }

  private put(text: string, encoding: 'utf8' | 'latin1'): void {
    this.reserve(encoding === 'utf8' ? text.length * 3 : text.length);
    this.bytes += this.block.write(text, this.bytes, encoding);
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
