import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError, classifySystemError, InputError } from '../../core/errors.ts';
import type { ShardSplit } from '../format.ts';
import type { ImportedDocument, ImportSource } from './source.ts';

const CHUNK_TOKENS = 1 << 20;

/** Raw little-endian tokens of a file, behind a header or none. */
export class TokenFile {
  readonly path: string;
  readonly tokens: number;
  readonly width: 2 | 4;
  private readonly descriptor: number;
  private readonly headerBytes: number;

  /** Throws InputError where the file does not hold whole tokens. */
  constructor(path: string, width: 2 | 4, headerBytes = 0) {
    this.path = path;
    this.width = width;
    this.headerBytes = headerBytes;
    try {
      this.descriptor = openSync(path, 'r');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
    const bytes = fstatSync(this.descriptor).size - headerBytes;
    this.tokens = bytes / width;
    if (Number.isInteger(this.tokens) && bytes >= 0) return;
    this.close();
    throw new InputError('the file does not hold whole tokens', {
      ...{ file: path, expected: `${headerBytes} bytes and a multiple of ${width}` },
      found: `${bytes + headerBytes} bytes`,
    });
  }

  /** The first bytes of the file. */
  header(): Buffer {
    const header = Buffer.alloc(this.headerBytes);
    this.pread(header, 0);
    return header;
  }

  /** Tokens [from, to). */
  read(from: number, to: number): Uint32Array {
    if (!(from >= 0 && from <= to && to <= this.tokens)) {
      throw new InputError('a range of tokens is not in the file', {
        ...{ file: this.path, expected: `within 0 to ${this.tokens}`, found: `${from} to ${to}` },
      });
    }
    const n = to - from;
    const raw = new Uint8Array(n * this.width);
    this.pread(raw, this.headerBytes + from * this.width);
    return this.width === 4 ? new Uint32Array(raw.buffer) : Uint32Array.from(new Uint16Array(raw.buffer));
  }

  /** Where token `at` begins in the file. */
  offset(at: number): number {
    return this.headerBytes + at * this.width;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private pread(into: Uint8Array, position: number): void {
    for (let got = 0; got < into.length; ) {
      const n = readSync(this.descriptor, into, got, into.length - got, position + got);
      if (n === 0) throw new InputError('the file ends early', { file: this.path, offset: position + got });
      got += n;
    }
  }
}

/** A run of tokens and where it begins: what a stream of documents is made of. */
export interface TokenChunk {
  readonly source: string;
  readonly offset: number;
  readonly width: number;
  readonly tokens: Uint32Array;
}

export function* chunksOf(file: TokenFile, source: string): Generator<TokenChunk> {
  for (let from = 0; from < file.tokens; from += CHUNK_TOKENS) {
    const tokens = file.read(from, Math.min(file.tokens, from + CHUNK_TOKENS));
    yield { source, offset: file.offset(from), width: file.width, tokens };
  }
}

/**
 * Documents of a stream of tokens that the end-of-text token parts: it comes `after` each document, or `before`.
 * Documents may run over from chunk to chunk and from file to file. An empty stretch is a document of no tokens; what
 * follows the last mark (or comes before the first one) is a document where it has tokens.
 */
export function* splitDocuments(
  chunks: Iterable<TokenChunk>,
  { endOfText }: ImportSource,
  mark: 'before' | 'after',
  splitOf: (name: string) => ShardSplit,
): Generator<ImportedDocument> {
  if (endOfText === undefined) {
    throw new ConfigurationError('the format parts documents by <|endoftext|>, which the tokenizer lacks');
  }
  let pieces: Uint32Array[] = [];
  let begun: { source: string; at: number } | undefined;
  let number = 0;
  let marked = false;
  const take = (end: number): ImportedDocument => {
    const { source, at } = begun!;
    const tokens = joined(pieces);
    pieces = [];
    begun = undefined;
    const range = [at, Math.max(at, end)] as const;
    return { split: splitOf(source), id: `${source}#${number++}`, source, range, tokens };
  };
  let last = 0;
  for (const { source, offset, width, tokens } of chunks) {
    for (let from = 0; from < tokens.length; ) {
      const found = tokens.indexOf(endOfText, from);
      const to = found < 0 ? tokens.length : found;
      begun ??= { source, at: offset + from * width };
      if (to > from) pieces.push(tokens.slice(from, to));
      if (found >= 0) {
        if (mark === 'after' || marked || pieces.length > 0) yield take(offset + to * width);
        begun = mark === 'before' ? { source, at: offset + (to + 1) * width } : undefined;
        marked = true;
      }
      from = to + 1;
    }
    last = offset + tokens.length * width;
  }
  if (pieces.length > 0 || (mark === 'before' && marked)) yield take(last);
}

function joined(pieces: readonly Uint32Array[]): Uint32Array {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Opens each of `names` in turn, and closes it. */
export function* openEach(
  folder: string,
  names: readonly string[],
  width: 2 | 4,
  headerBytes = 0,
): Generator<{ name: string; file: TokenFile }> {
  for (const name of names) {
    const file = new TokenFile(join(folder, name), width, headerBytes);
    try {
      yield { name, file };
    } finally {
      file.close();
    }
  }
}
