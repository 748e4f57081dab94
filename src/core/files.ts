import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  ConfigurationError,
  classifySystemError,
  IntegrityError,
  type ProvenderError,
  ResourceError,
} from './errors.ts';

/** Makes a rename or a new name in `folder` survive a power cut. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A name beside `path` that no reader takes for the finished file. */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
}

export function isTemporaryName(name: string): boolean {
  return name.endsWith('.tmp');
}

/** Writes a whole file so that it is either all there, synced, or not there. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw classifySystemError(error, { file: path });
  }
}

export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 1)}\n`);
}

/** The parsed file, or undefined where there is none. */
export async function readJsonIfThere<T>(path: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw classifySystemError(error, { file: path });
  }
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new IntegrityError('damaged JSON file', {
      file: path,
      expected: 'valid JSON',
      found: (error as Error).message,
      cause: error,
    });
  }
}

/** Puts a finished, synced temporary file in its place. The folder is synced by the caller, once for several files. */
export async function commitFile(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
}

export async function ensureFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw await folderError(error, folder);
  }
  return folder;
}

/** Why a folder could not be made: of a read-only parent a recursive mkdir says ENOENT, of a file in the way EEXIST. */
async function folderError(error: unknown, folder: string): Promise<ProvenderError> {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST' || code === 'ENOTDIR')
    return new ConfigurationError('a file lies here or on the way', {
      file: folder,
      expected: 'a folder, or nothing',
      cause: error,
    });
  if (code !== 'ENOENT') return classifySystemError(error, { file: folder });
  // The same again without `recursive`, where its message is the true one: in the nearest folder that is there.
  let at = resolve(folder);
  while (dirname(at) !== at && (await fileSize(dirname(at))) === undefined) at = dirname(at);
  const plain = await mkdir(at).then(
    () => error,
    (second: unknown) => second,
  );
  if ((plain as NodeJS.ErrnoException).code !== 'ENOENT') return classifySystemError(plain, { file: folder });
  return new ConfigurationError('no folder can be made here', { file: folder, cause: error });
}

export async function removeIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw classifySystemError(error, { file: path });
  });
}

export async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
}

/** Bytes that an unprivileged process may still write where `folder` lies, or would lie if it were made. */
export async function freeBytes(folder: string): Promise<number> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(at) === at)
        throw classifySystemError(error, { file: at });
    }
  }
}

/** Throws where less than `bytes` is free. */
export async function requireFree(folder: string, bytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free < bytes) {
    throw new ResourceError('not enough free disk', {
      file: folder,
      expected: `${bytes} bytes free`,
      found: `${free}`,
    });
  }
}

/** Sequential writer with a large buffer: few, large writes; the caller renames after `finish`. */
export class FileWriter {
  readonly path: string;
  private readonly descriptor: number;
  private readonly buffer: Uint8Array;
  private isClosed = false;
  private used = 0;
  private flushed = 0;

  constructor(path: string, bufferBytes = 1 << 20) {
    this.path = path;
    this.buffer = new Uint8Array(bufferBytes);
    try {
      this.descriptor = openSync(path, 'w');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
  }

  /** Bytes given so far. */
  get size(): number {
    return this.flushed + this.used;
  }

  add(bytes: Uint8Array): void {
    if (this.used + bytes.length > this.buffer.length) this.flush();
    if (bytes.length >= this.buffer.length) {
      this.put(bytes);
    } else {
      this.buffer.set(bytes, this.used);
      this.used += bytes.length;
    }
  }

  /** Flushes, syncs to the disk, closes. */
  finish(): void {
    try {
      this.flush();
      fsyncSync(this.descriptor);
    } catch (error) {
      throw classifySystemError(error, { file: this.path });
    } finally {
      this.abandon();
    }
  }

  /** Closes without finishing. After `finish`, failed or not, it does nothing: the descriptor may be another file's by then. */
  abandon(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    closeSync(this.descriptor);
  }

  private flush(): void {
    if (this.used === 0) return;
    const bytes = this.buffer.subarray(0, this.used);
    this.used = 0;
    this.put(bytes);
  }

  private put(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.descriptor, bytes, at);
    } catch (error) {
      throw classifySystemError(error, { file: this.path });
    }
    this.flushed += bytes.length;
  }
}
