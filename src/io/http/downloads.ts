import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { CancelledError, ConfigurationError, classifySystemError } from '../../core/errors.ts';
import { ensureFolder, readJsonIfThere, requireFree, syncFolder, writeJsonAtomic } from '../../core/files.ts';
import { sha256 } from '../../core/hash.ts';
import { type Answer, discard, HttpClient, TransferError } from './client.ts';
import { claimPart, dropPart, leavePart, newPart, type Part } from './parts.ts';

/** Failures in a row, none of which brought a byte more, until a download is given up. */
const ATTEMPTS = 5;
/** Where what was fetched before can be read instead. */
const ATTEMPTS_WITH_COPY = 2;
const FIRST_WAIT_MS = 500;
/** How many files are fetched at once. */
const CONCURRENCY = 4;
/** A download that takes a while is announced. */
const LARGE_BYTES = 64 << 20;

export interface DownloadSettings {
  readonly signal: AbortSignal;
  say?(line: string): void;
  /** Milliseconds before the first retry; each later one waits twice as long. */
  readonly firstWait?: number;
}

/** What is known of a file that was fetched whole: beside it, as JSON. */
interface Fetched {
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly size: number;
}

/** Where the bytes of a URL are kept: `.provender/downloads` in the base folder, which may be removed at any time. */
export function cachePath(url: string, baseFolder: string): string {
  // The ending stays: it tells Brotli. Other bytes than these would be another system's trouble.
  const name = basename(new URL(url).pathname).replace(/[^\w.-]/g, '_');
  return join(baseFolder, '.provender', 'downloads', `${sha256(url)}-${name.slice(-60) || 'index'}`);
}

/** Whether the file at `path` is what was fetched from `url`, whole. */
async function fetchedBefore(url: string, path: string): Promise<Fetched | undefined> {
  const known = await readJsonIfThere<Fetched>(`${path}.json`).catch(() => undefined);
  const size = known && (await stat(path).catch(() => undefined))?.size;
  return known && known.url === url && known.size === size ? known : undefined;
}

/** Those of the URLs whose files are there, with the files' paths: nothing is fetched. */
export async function cached(urls: readonly string[], baseFolder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const url of urls) {
    const path = cachePath(url, baseFolder);
    if (await fetchedBefore(url, path)) found.set(url, path);
  }
  return found;
}

/**
 * Fetches what is not there or has changed on its server; gives the files' paths. What was broken off goes on where
 * the server has the same version still. A copy whose server cannot be reached is read as it is, which is said.
 * Throws ConfigurationError (the server refuses: status), TransientError, ResourceError, CancelledError.
 */
export async function download(
  urls: readonly string[],
  baseFolder: string,
  settings: DownloadSettings,
): Promise<Map<string, string>> {
  const client = new HttpClient();
  // The first failure stops the others.
  const stopper = new AbortController();
  const signal = AbortSignal.any([settings.signal, stopper.signal]);
  const limit = pLimit(CONCURRENCY);
  const one = async (url: string): Promise<[string, string]> => {
    const path = cachePath(url, baseFolder);
    await ensureFolder(dirname(path));
    await new Download(url, path, client, { ...settings, signal }).run();
    return [url, path];
  };
  try {
    const all = urls.map((url) =>
      limit(() => one(url)).catch((error: unknown) => {
        stopper.abort(error);
        throw error;
      }),
    );
    const settled = await Promise.allSettled(all);
    if (settings.signal.aborted) throw new CancelledError();
    if (stopper.signal.aborted) throw stopper.signal.reason;
    return new Map(settled.map((result) => (result as PromiseFulfilledResult<[string, string]>).value));
  } finally {
    await client.close();
  }
}

class Download {
  readonly #url: string;
  readonly #path: string;
  readonly #client: HttpClient;
  readonly #settings: DownloadSettings;
  #part: Part | undefined;
  /** Whether the last request brought bytes that follow those which were there. */
  #wentOn = false;
  #announced = false;

  constructor(url: string, path: string, client: HttpClient, settings: DownloadSettings) {
    this.#url = url;
    this.#path = path;
    this.#client = client;
    this.#settings = settings;
  }

  get #folder(): string {
    return dirname(this.#path);
  }

  get #name(): string {
    return basename(this.#path);
  }

  async run(): Promise<void> {
    const copy = await fetchedBefore(this.#url, this.#path);
    this.#part = await claimPart(this.#folder, this.#name);
    try {
      await this.#retried(copy);
    } catch (error) {
      if (this.#settings.signal.aborted) throw new CancelledError();
      if (!copy || !(error instanceof TransferError)) throw error;
      this.#settings.say?.(`${error.message}; reading what was fetched before`);
    } finally {
      if (this.#part) leavePart(this.#part.path);
    }
  }

  async #retried(copy: Fetched | undefined): Promise<void> {
    const { signal, say, firstWait = FIRST_WAIT_MS } = this.#settings;
    const attempts = copy ? ATTEMPTS_WITH_COPY : ATTEMPTS;
    for (let failures = 0; ; ) {
      if (signal.aborted) throw new CancelledError();
      this.#wentOn = false;
      try {
        // An answer that does not fit what is there is no failure: the part is dropped, and all is asked for.
        while (!(await this.#attempt(copy)));
        return;
      } catch (error) {
        if (!(error instanceof TransferError) || signal.aborted) throw error;
        failures = this.#wentOn ? 1 : failures + 1;
        if (failures >= attempts) throw error;
        if (!copy) say?.(`${error.message}; trying again`);
        await sleep(error.wait ?? firstWait * 2 ** (failures - 1), undefined, { signal });
      }
    }
  }

  /** One request. True when the file is in its place; false where the part was of another version. */
  async #attempt(copy: Fetched | undefined): Promise<boolean> {
    const part = this.#part;
    const headers: Record<string, string> = {};
    if (copy?.etag) headers['if-none-match'] = copy.etag;
    if (copy?.lastModified) headers['if-modified-since'] = copy.lastModified;
    if (part?.size) headers.range = `bytes=${part.size}-`;
    const answer = await this.#client.get(this.#url, headers, this.#settings.signal);
    if (answer.status === 304 && copy) {
      discard(answer.body);
      await this.#dropPart();
      return true;
    }
    if (answer.status === 200) {
      const tag = versionTag(answer, answer.length);
      await this.#dropPart();
      this.#part = { path: newPart(this.#folder, this.#name, tag), tag, size: 0 };
      await this.#receive(answer, answer.length);
      return true;
    }
    if (answer.status === 206 && part && this.#goesOn(answer, part)) {
      await this.#receive(answer, answer.range!.total);
      return true;
    }
    discard(answer.body);
    await this.#dropPart();
    if (part?.size) return false;
    throw new ConfigurationError('cannot be fetched', {
      file: this.#url,
      expected: 'status 200',
      found: String(answer.status),
    });
  }

  #goesOn(answer: Answer, part: Part): boolean {
    const { range, etag, lastModified } = answer;
    // A weak tag alone may be of other bytes (RFC 9110, 8.8.1).
    if (lastModified === undefined && (etag === undefined || etag.startsWith('W/'))) return false;
    if (range?.start !== part.size) return false;
    return versionTag(answer, range.total) === part.tag;
  }

  async #dropPart(): Promise<void> {
    if (this.#part) await dropPart(this.#part.path);
    this.#part = undefined;
  }

  /** Appends the body to the part, and puts the file in its place when it is whole. */
  async #receive(answer: Answer, total: number | undefined): Promise<void> {
    const { path, size } = this.#part!;
    let handle: FileHandle | undefined;
    try {
      if (total !== undefined) {
        await requireFree(this.#folder, total - size);
        this.#announce(total);
      }
      handle = await open(path, 'a');
      await this.#append(answer.body, handle, total);
      await handle.sync();
    } catch (error) {
      discard(answer.body);
      if (this.#settings.signal.aborted) throw new CancelledError();
      throw classifySystemError(error, { file: path });
    } finally {
      await handle?.close();
    }
    await this.#commit(answer);
  }

  async #append(body: Answer['body'], handle: FileHandle, total: number | undefined): Promise<void> {
    const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const resumed = this.#part!.size > 0;
    for (;;) {
      const next = await pieces.next().catch((error: Error) => {
        throw this.#brokeOff(total, error);
      });
      if (next.done) break;
      await handle.appendFile(next.value);
      this.#wentOn ||= resumed;
      this.#part = { ...this.#part!, size: this.#part!.size + next.value.length };
    }
    if (total !== undefined && this.#part!.size !== total) throw this.#brokeOff(total);
  }

  #brokeOff(total: number | undefined, cause?: Error): TransferError {
    return new TransferError('the download broke off', {
      file: this.#url,
      expected: total === undefined ? undefined : `${total} bytes`,
      found: `${this.#part!.size} bytes${cause ? ` (${cause.message})` : ''}`,
      cause,
    });
  }

  /** What is known goes first and comes last: a kill in between costs a download, never a wrong version. */
  async #commit({ etag, lastModified }: Answer): Promise<void> {
    const { path, size } = this.#part!;
    const known: Fetched = { url: this.#url, etag, lastModified, size };
    try {
      await rm(`${this.#path}.json`, { force: true });
      syncFolder(this.#folder);
      await rename(path, this.#path);
      syncFolder(this.#folder);
    } catch (error) {
      throw classifySystemError(error, { file: this.#path });
    }
    leavePart(path);
    this.#part = undefined;
    await writeJsonAtomic(`${this.#path}.json`, known);
  }

  #announce(total: number): void {
    if (total < LARGE_BYTES || this.#announced) return;
    this.#announced = true;
    this.#settings.say?.(`fetching ${this.#url} (${Math.round(total / 1e6)} MB)`);
  }
}

/** Of what a server says about a version: without any of it two are never the same. */
function versionTag({ etag, lastModified }: Answer, total: number | undefined): string {
  return sha256(JSON.stringify([etag ?? null, lastModified ?? null, total ?? null])).slice(0, 16);
}
