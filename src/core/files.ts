import { randomBytes } from 'node:crypto';
import { closeSync, fsync, fsyncSync, openSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
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

/** Waits until what was written to a file is on the disk; `path` is for the error. */
export function syncFile(descriptor: number, path: string): void {
  try {
    fsyncSync(descriptor);
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

/** The same, beside other work. */
export async function syncFileBeside(descriptor: number, path: string): Promise<void> {
  try {
    await promisify(fsync)(descriptor);
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

/** A name beside `path` that no reader takes for the finished file. */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
}

export function isTemporaryName(name: string): boolean {
  return name.endsWith('.tmp');
}

/** Removes what writers that were killed left in a folder under temporary names; nobody else may write there. */
export async function removeTemporaries(folder: string): Promise<void> {
  try {
    for (const name of await readdir(folder))
      if (isTemporaryName(name)) await rm(join(folder, name), { recursive: true, force: true });
  } catch (error) {
    throw classifySystemError(error, { file: folder });
  }
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

/**
 * Makes a folder, and what is missing on the way to it, one level at a time: Node's recursive mkdir never returns where
 * making a folder says ENOENT though its parent is there, as under /proc.
 */
export async function ensureFolder(folder: string): Promise<string> {
  const missing: string[] = [];
  let at = resolve(folder);
  for (; (await fileSize(at)) === undefined && dirname(at) !== at; at = dirname(at)) missing.push(at);
  if (missing.length === 0 && !(await isFolder(at))) throw inTheWay(folder);
  for (const path of missing.reverse()) await makeFolder(path, folder);
  return folder;
}

/** One level on the way to `folder`; another process may make the same at the same time. */
async function makeFolder(path: string, folder: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await isFolder(path))) return;
    if (code === 'EEXIST' || code === 'ENOTDIR') throw inTheWay(folder, error);
    if (code !== 'ENOENT') throw classifySystemError(error, { file: folder });
    throw new ConfigurationError(`no folder can be made in ${dirname(path)}`, { file: folder, cause: error });
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function inTheWay(folder: string, cause?: unknown): ProvenderError {
  return new ConfigurationError('a file lies here or on the way', {
    file: folder,
    expected: 'a folder, or nothing',
    cause,
  });
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
      syncFile(this.descriptor, this.path);
    } finally {
      this.abandon();
    }
  }

  /** The same, but that the disk is waited for beside: at once the file is whole for whoever reads it. */
  async finishBeside(): Promise<void> {
    try {
      this.flush();
      await syncFileBeside(this.descriptor, this.path);
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
