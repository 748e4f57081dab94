import { unbrotliFile } from './brotli.ts';
import { ByteWindow } from './byte-window.ts';
import { bunzip2File, isBzip2 } from './bzip2.ts';
import { DamageError } from './damage.ts';
import { fileBytes, fileHead, type Piece } from './file-bytes.ts';
import { gunzipFile } from './gzip.ts';
import { unzstdFile } from './zstd.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'brotli';

/** Magic numbers of what is not read, so that the error can say so. */
const FOREIGN: readonly (readonly [string, readonly number[]])[] = [
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
];

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}

/**
 * What the first bytes of a file say of its compression (10 bytes are enough). Only Brotli has no magic number: there
 * the name decides.
 */
export function detectCompression(head: Uint8Array, file?: string): Compression {
  if (startsWith(head, [0x1f, 0x8b])) return 'gzip';
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd])) return 'zstd';
  // A zstd file may begin with a skippable frame: 0x184D2A50 to 0x184D2A5F.
  if (head.length >= 4 && (head[0]! & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18]))
    return 'zstd';
  if (isBzip2(head)) return 'bzip2';
  for (const [name, magic] of FOREIGN)
    if (startsWith(head, magic))
      throw new DamageError('unsupported-compression', 'compression not supported', {
        file,
        expected: 'plain, gzip, zstd, bzip2 or Brotli',
        found: name,
      });
  return file !== undefined && /\.br$/i.test(file) ? 'brotli' : 'none';
}

export function compressionOf(path: string): Compression {
  return detectCompression(fileHead(path, 10), path);
}

/**
 * The decompressed bytes of a file from decompressed offset `from` on. Damage is an InputError (file, decompressed
 * offset, expected, found), thrown after everything before it was yielded.
 */
export async function* decompressedBytes(
  path: string,
  size: number,
  from = 0,
  signal?: AbortSignal,
  lent = false,
): AsyncGenerator<Piece> {
  const compression = compressionOf(path);
  if (compression === 'none') {
    yield* fileBytes(path, from, size, signal);
    return;
  }
  const source = decompress(compression, path, size, signal, lent);
  let at = 0;
  for await (const piece of source) {
    const end = at + piece.bytes.length;
    if (end > from) yield at >= from ? piece : { bytes: piece.bytes.subarray(from - at), disk: piece.disk };
    at = end;
  }
}

/**
 * The same as a window of bytes that are only lent, for those who are done with one piece when they ask for more: what
 * was taken from the window is valid until the next piece is asked for.
 */
export function decompressedWindow(path: string, size: number, from = 0, signal?: AbortSignal): ByteWindow {
  return new ByteWindow(decompressedBytes(path, size, from, signal, true), from, true);
}

function decompress(
  compression: Exclude<Compression, 'none'>,
  path: string,
  size: number,
  signal: AbortSignal | undefined,
  lent: boolean,
): AsyncGenerator<Piece> {
  switch (compression) {
    case 'gzip':
      return gunzipFile(path, size, signal, lent);
    case 'zstd':
      return unzstdFile(path, size, signal);
    case 'bzip2':
      return bunzip2File(path, 0, size, signal);
    case 'brotli':
      return unbrotliFile(path, size, signal);
    default:
      return compression satisfies never;
  }
}
