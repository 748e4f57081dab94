/**
 * What a training run writes down: `metrics.jsonl`, a function of data, options and seed alone, and `timings.jsonl`,
 * which holds every figure of a clock. A resumed run cuts the first back to its checkpoint, so that it ends byte for
 * byte as that of a run that was never stopped.
 */

import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  writeSync,
} from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { CancelledError, classifySystemError } from '../core/errors.ts';

/** How much of a log belongs to a checkpoint. */
export interface LogMark {
  readonly bytes: number;
  readonly sha256: string;
}

/** Lines of JSON, appended. The running digest lets a checkpoint name exactly what was written before it. */
export class JsonLinesLog {
  readonly path: string;
  private readonly descriptor: number;
  private readonly hash: Hash;
  private size: number;

  private constructor(path: string, descriptor: number, size: number, hash: Hash) {
    this.path = path;
    this.descriptor = descriptor;
    this.size = size;
    this.hash = hash;
  }

  /**
   * Opens a log and cuts it back to `mark`; without one it starts empty. Where the file does not begin with what the
   * mark names, it is kept as `PATH.damaged` with a line through `say`, and a new one is begun: a lost log is no
   * reason to lose the training.
   */
  static async open(
    path: string,
    mark: LogMark | undefined,
    say: (line: string) => void,
  ): Promise<JsonLinesLog> {
    try {
      let size = mark?.bytes ?? 0;
      let hash = await hashPrefix(path, size);
      if (mark !== undefined && hash.copy().digest('hex') !== mark.sha256) {
        const aside = `${path}.damaged`;
        if (existsSync(path)) await rename(path, aside);
        say(`${path} is not what the checkpoint knows; it is kept as ${aside}, and a new one begins`);
        size = 0;
        hash = createHash('sha256');
      }
      const descriptor = openSync(path, existsSync(path) ? 'r+' : 'w+');
      ftruncateSync(descriptor, size);
      return new JsonLinesLog(path, descriptor, size, hash);
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
  }

  /** Opens a log of clock figures, of which nothing is ever cut off. */
  static async continue(path: string): Promise<JsonLinesLog> {
    try {
      const descriptor = openSync(path, existsSync(path) ? 'r+' : 'w+');
      return new JsonLinesLog(path, descriptor, fstatSync(descriptor).size, createHash('sha256'));
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  add(line: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.descriptor, bytes, at, bytes.length - at, this.size + at);
      }
    } catch (error) {
      throw classifySystemError(error, { file: this.path });
    }
    this.size += bytes.length;
    this.hash.update(bytes);
  }

  /** Syncs what was written, and names it. */
  mark(): LogMark {
    fsyncSync(this.descriptor);
    return { bytes: this.size, sha256: this.hash.copy().digest('hex') };
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

async function hashPrefix(path: string, bytes: number): Promise<Hash> {
  const hash = createHash('sha256');
  const size = await stat(path).then(
    (info) => info.size,
    () => 0,
  );
  if (bytes === 0 || size < bytes) return hash;
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk as Buffer);
  return hash;
}

/**
 * Rates over the last steps: a mean over the whole run would hide that it slows down. The first step, which compiles
 * the program, is left out as soon as there is another.
 */
export class RateMeter {
  private readonly spans: { tokens: number; milliseconds: number }[] = [];
  private readonly window: number;
  private steps = 0;

  constructor(window = 20) {
    this.window = window;
  }

  add(tokens: number, milliseconds: number): void {
    if (this.steps++ === 1) this.spans.length = 0;
    this.spans.push({ tokens, milliseconds });
    if (this.spans.length > this.window) this.spans.shift();
  }

  /** Tokens per second; 0 before the first step. */
  get rate(): number {
    const tokens = this.spans.reduce((sum, span) => sum + span.tokens, 0);
    const milliseconds = this.spans.reduce((sum, span) => sum + span.milliseconds, 0);
    return milliseconds === 0 ? 0 : (tokens * 1000) / milliseconds;
  }
}

/** Lets messages in, an abort among them: a step of the engine holds the event loop. */
export async function pause(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  if (signal?.aborted) throw new CancelledError('stopped between two batches');
}
