import { type BrotliDecompress, constants, createBrotliDecompress } from 'node:zlib';
import { damagedStream } from './damage.ts';
import { fileBytes, type Piece } from './file-bytes.ts';

const CHUNK_BYTES = 256 * 1024;
/** Brotli expands without bound: what one step may give waits in memory. */
const INPUT_BYTES = 16 * 1024;

/** The decompressed bytes of a Brotli file (RFC 7932). */
export async function* unbrotliFile(path: string, size: number, signal?: AbortSignal): AsyncGenerator<Piece> {
  const decoder = createBrotliDecompress({
    chunkSize: CHUNK_BYTES,
    flush: constants.BROTLI_OPERATION_FLUSH,
  });
  let output: Buffer[] = [];
  let failure: Error | undefined;
  let ended = false;
  let seen = 0;
  let good = 0;
  decoder.on('data', (bytes: Buffer) => output.push(bytes));
  decoder.on('end', () => {
    ended = true;
  });
  const failed = new Promise<void>((resolve) => {
    decoder.on('error', (error) => {
      failure = error;
      resolve();
    });
  });
  const take = function* (disk: number): Generator<Piece> {
    const taken = output;
    output = [];
    for (const bytes of taken) {
      seen += bytes.length;
      yield { bytes, disk };
    }
  };
  try {
    for await (const { bytes, disk } of fileBytes(path, 0, size, signal, INPUT_BYTES)) {
      await Promise.race([write(decoder, bytes), failed]);
      yield* take(disk);
      if (failure || ended) break;
      good = disk;
    }
    if (!failure && !ended) {
      await Promise.race([finish(decoder), failed]);
      yield* take(size);
    }
    if (failure) {
      const truncated = (failure as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
      throw damagedStream('Brotli stream', truncated, failure, { file: path, offset: seen, disk: good });
    }
  } finally {
    decoder.destroy();
  }
}

function write(decoder: BrotliDecompress, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => decoder.write(bytes, () => resolve()));
}

function finish(decoder: BrotliDecompress): Promise<void> {
  return new Promise((resolve) => {
    decoder.once('end', resolve);
    decoder.end();
  });
}
