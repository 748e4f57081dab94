import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { IntegrityError } from '../../core/errors.ts';
import { type Original, type WarcPosition, warcSize } from './warc-writer.ts';

export const JOURNAL = 'frontier.jsonl';

/** A URL that is to be fetched. */
export interface Task {
  readonly url: string;
  /** Links between a seed and it. */
  readonly depth: number;
  /** Redirects in a row that led to it. */
  readonly redirects: number;
}

/** What became of a URL: one line of the journal, with the links that were found. */
export interface Done extends Task {
  readonly outcome: string;
  readonly status?: number;
  /** Absent where nothing was written. */
  readonly position?: WarcPosition;
  readonly digest?: string;
  readonly date?: string;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly bytes?: number;
  readonly links?: readonly string[];
  /** Links that were not followed, by reason. */
  readonly refused?: Readonly<Record<string, number>>;
}

type Line =
  | { readonly add: readonly Task[] }
  | { readonly done: Done }
  | { readonly refresh: true }
  | { readonly complete: true };

/** URLs that were seen, by 64 bits of a hash: a set of JavaScript ends near 16.7 million entries, many do not. */
class SeenUrls {
  readonly #sets = Array.from({ length: 256 }, () => new Set<string>());

  /** Whether it is new. */
  add(url: string): boolean {
    const hash = createHash('sha1').update(url).digest();
    const set = this.#sets[hash[0]!]!;
    const key = hash.toString('latin1', 1, 9);
    if (set.has(key)) return false;
    set.add(key);
    return true;
  }
}

/**
 * The frontier on disk: a journal of what was found and what became of it, a line each. A line is written after the
 * capture it speaks of; a killed crawl replays the journal, cuts the WARC file where the last line says, and fetches
 * again only what was under way.
 */
export class Frontier {
  readonly #folder: string;
  readonly #descriptor: number;
  readonly #seen = new SeenUrls();
  readonly #tasks = new Map<string, Task>();
  readonly #done = new Map<string, Done>();
  readonly #originals = new Map<string, Original>();
  #position: WarcPosition = { file: 0, end: 0 };
  #complete = false;
  #lost = false;

  constructor(folder: string) {
    this.#folder = folder;
    const path = join(folder, JOURNAL);
    this.#descriptor = openSync(path, 'a+');
    const bytes = readFileSync(path);
    // A line that the end of the process cut off did not happen.
    const whole = bytes.lastIndexOf(0x0a) + 1;
    if (whole < bytes.length) ftruncateSync(this.#descriptor, whole);
    let offset = 0;
    for (const line of bytes.toString('utf8', 0, whole).split('\n')) {
      if (line !== '') this.#replay(parse(line, path, offset));
      offset += Buffer.byteLength(line) + 1;
    }
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** Where the WARC files end as far as the journal knows. */
  get position(): WarcPosition {
    return this.#position;
  }

  /** Everything that is still to be fetched, in the order in which it was found. */
  get pending(): Iterable<Task> {
    return this.#tasks.values();
  }

  get left(): number {
    return this.#tasks.size;
  }

  get outcomes(): Iterable<Done> {
    return this.#done.values();
  }

  /** What the last capture of a URL said, for a conditional request. */
  last(url: string): Done | undefined {
    return this.#done.get(url);
  }

  originalOf(digest: string): Original | undefined {
    return this.#originals.get(digest);
  }

  /** Takes in those that are new; gives them. */
  add(tasks: readonly Task[]): Task[] {
    const fresh = tasks.filter((task) => this.#take(task));
    if (fresh.length) this.#append({ add: fresh });
    return fresh;
  }

  /** Notes what became of a URL and takes in the links that are new; gives them. */
  finish(done: Done, links: readonly Task[]): Task[] {
    const fresh = links.filter((task) => this.#take(task));
    this.#append({ done: { ...done, links: fresh.map(({ url }) => url) } });
    this.#close(done);
    return fresh;
  }

  /** Asks for everything that was captured once more. */
  refresh(): void {
    this.#append({ refresh: true });
    this.#reopen();
  }

  end(): void {
    this.#lost = false;
    this.#append({ complete: true });
    this.#complete = true;
  }

  sync(): void {
    fdatasyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #replay(line: Line): void {
    if ('add' in line) for (const task of line.add) this.#take(task);
    else if ('refresh' in line) this.#reopen();
    else if ('complete' in line) this.#complete = !this.#lost;
    else {
      const { done } = line;
      const { position } = done;
      const redirected = done.outcome === 'redirect';
      for (const url of done.links ?? [])
        this.#take({
          url,
          depth: redirected ? done.depth : done.depth + 1,
          redirects: redirected ? done.redirects + 1 : 0,
        });
      // The disk lost what the journal speaks of (a power failure): it is fetched again.
      if (position && warcSize(this.#folder, position.file) < position.end) this.#lost = true;
      else this.#close(done);
    }
  }

  #take(task: Task): boolean {
    if (!this.#seen.add(task.url)) return false;
    this.#tasks.set(task.url, task);
    this.#complete = false;
    return true;
  }

  #close(done: Done): void {
    this.#tasks.delete(done.url);
    const { links: _, ...kept } = done;
    this.#done.set(done.url, kept);
    if (done.position) this.#position = done.position;
    if (done.digest && done.date && !this.#originals.has(done.digest))
      this.#originals.set(done.digest, { url: done.url, date: done.date, digest: done.digest });
  }

  #reopen(): void {
    this.#complete = false;
    for (const { url, depth, outcome } of this.#done.values())
      if (outcome === 'page' || outcome === 'not-modified')
        this.#tasks.set(url, { url, depth, redirects: 0 });
  }

  #append(line: Line): void {
    writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
  }
}

function parse(line: string, file: string, offset: number): Line {
  try {
    return JSON.parse(line) as Line;
  } catch (error) {
    throw new IntegrityError('the journal of the crawl is damaged', {
      file,
      offset,
      expected: 'a line of JSON',
      found: line.slice(0, 40),
      cause: error,
    });
  }
}
