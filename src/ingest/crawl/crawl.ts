import { CancelledError } from '../../core/errors.ts';
import { ensureFolder } from '../../core/files.ts';
import { retryAfterOf } from '../../io/http/retry-after.ts';
import { decodeBody } from '../../io/warc/http.ts';
import { decodeHtml } from '../charset.ts';
import { parseParameters } from '../mail/headers.ts';
import type { GuardSettings } from './addresses.ts';
import { FetchError, type Fetched, Fetcher, headerOf } from './fetch-url.ts';
import { type Done, Frontier, type Task } from './frontier.ts';
import { linksOf } from './links.ts';
import type { CrawlOptions } from './options.ts';
import { fetchRules, type HostRules } from './robots.ts';
import { Hosts } from './schedule.ts';
import { readSitemap } from './sitemap.ts';
import { canonicalUrl, Scope, trapOf } from './urls.ts';
import { payloadDigest, WarcWriter } from './warc-writer.ts';

/** What a crawl came to, the earlier sessions of it included. */
export interface CrawlReport {
  /** Pages that were captured, revisits included. */
  readonly pages: number;
  readonly bytes: number;
  /** What became of each URL that was taken up: `page`, `redirect`, `status-404`, `timeout`, ... */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Links that were not followed, by reason: each time that one was met. */
  readonly refused: Readonly<Record<string, number>>;
  /** URLs that are left, where `maxPages` ended the crawl. */
  readonly left: number;
  readonly complete: boolean;
  readonly seconds: number;
}

export interface CrawlSettings {
  readonly folder: string;
  readonly options: CrawlOptions;
  readonly signal: AbortSignal;
  readonly onProgress?: (report: Omit<CrawlReport, 'seconds' | 'complete'>, active: number) => void;
  /** For tests: how names are resolved and what connects. */
  readonly guard?: Partial<Pick<GuardSettings, 'resolve' | 'connect'>>;
}

/** Statuses that say "not now". */
const BUSY = new Set([408, 425, 429, 500, 502, 503, 504]);
const FIRST_BACKOFF_MS = 500;
const SYNC_INTERVAL_MS = 2000;
const MAX_SITEMAPS = 1000;

/**
 * Crawls into a folder: WARC files and the frontier's journal. A crawl that was killed goes on; one that is complete
 * does nothing. Whatever a server does costs its own pages and no more; each URL's end is in the report.
 */
export async function crawl(settings: CrawlSettings): Promise<CrawlReport> {
  await ensureFolder(settings.folder);
  const frontier = new Frontier(settings.folder);
  const run = new Crawl(settings, frontier);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class Crawl {
  readonly #settings: CrawlSettings;
  readonly #options: CrawlOptions;
  readonly #frontier: Frontier;
  readonly #warc: WarcWriter;
  readonly #fetcher: Fetcher;
  readonly #scope: Scope;
  readonly #hosts: Hosts;
  readonly #rules = new Map<string, Promise<HostRules>>();
  readonly #pagesOfHost = new Map<string, number>();
  readonly #outcomes: Record<string, number> = Object.create(null) as Record<string, number>;
  readonly #refused: Record<string, number> = Object.create(null) as Record<string, number>;
  #pages = 0;
  #bytes = 0;
  #lastSync = 0;

  constructor(settings: CrawlSettings, frontier: Frontier) {
    const { options, folder, signal, guard } = settings;
    this.#settings = settings;
    this.#options = options;
    this.#frontier = frontier;
    this.#warc = new WarcWriter(
      folder,
      options.warcBytes,
      {
        software: 'provender',
        format: 'WARC File Format 1.1',
        robots: options.obeyRobots ? 'obey' : 'ignore',
        'http-header-user-agent': options.userAgent,
      },
      frontier.position,
    );
    this.#fetcher = new Fetcher(options, guard);
    this.#scope = new Scope(options);
    const room = () => options.maxPages - this.#pages;
    this.#hosts = new Hosts(options, signal, room, (task, attempt) => this.#visit(task, attempt));
    for (const done of frontier.outcomes) this.#count(done, 1);
  }

  async run(): Promise<CrawlReport> {
    const start = performance.now();
    const options = this.#options;
    for (const seed of options.seeds) this.#scope.addSeed(canonicalUrl(seed)!);
    for (const sitemap of options.sitemaps) this.#scope.addSeed(canonicalUrl(sitemap)!);
    const seeds = options.seeds.map((seed) => ({ url: canonicalUrl(seed)!, depth: 0, redirects: 0 }));
    this.#frontier.add(seeds);
    if (this.#frontier.complete && options.refresh) this.#frontier.refresh();
    if (!this.#frontier.complete) {
      for (const task of [...this.#frontier.pending]) this.#hosts.add(task);
      await this.#readSitemaps(options.sitemaps);
      await this.#hosts.idle();
      if (this.#settings.signal.aborted) throw new CancelledError();
      this.#warc.sync();
      // Where maxPages ended it, a larger one goes on.
      if (this.#frontier.left === 0) this.#frontier.end();
      this.#frontier.sync();
    }
    return {
      ...this.#report(),
      complete: this.#frontier.complete,
      seconds: (performance.now() - start) / 1000,
    };
  }

  async close(): Promise<void> {
    this.#hosts.stop();
    await this.#fetcher.close();
    this.#warc.close();
    this.#frontier.close();
  }

  #report(): Omit<CrawlReport, 'seconds' | 'complete'> {
    const { left } = this.#frontier;
    return { pages: this.#pages, bytes: this.#bytes, outcomes: this.#outcomes, refused: this.#refused, left };
  }

  /** Fetches a URL and notes what became of it; a number of milliseconds means "again, after so long". */
  async #visit(task: Task, attempt: number): Promise<number | undefined> {
    const { signal } = this.#settings;
    const { host, origin } = new URL(task.url);
    if ((this.#pagesOfHost.get(host) ?? 0) >= this.#options.maxPagesPerHost)
      return this.#finish({ ...task, outcome: 'host-limit' });
    const rules = await this.#rulesOf(origin);
    if (rules.unreachable) return this.#finish({ ...task, outcome: rules.unreachable.outcome });
    if (!rules.allows(task.url)) return this.#finish({ ...task, outcome: 'robots' });
    const before = this.#options.refresh ? this.#frontier.last(task.url) : undefined;
    try {
      const fetched = await this.#fetcher.fetch(task.url, signal, before);
      return this.#take(task, fetched, attempt);
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      if (error.retryable && attempt < this.#options.retries) return FIRST_BACKOFF_MS * 2 ** attempt;
      return this.#finish({ ...task, outcome: error.kind });
    }
  }

  #take(task: Task, fetched: Fetched, attempt: number): number | undefined {
    const { status, headers } = fetched;
    if (BUSY.has(status) && attempt < this.#options.retries) return this.#retryAfter(fetched, attempt);
    const validators = {
      etag: headerOf(headers, 'etag'),
      lastModified: headerOf(headers, 'last-modified'),
    };
    if (status === 304) {
      const last = this.#frontier.last(task.url);
      if (!last?.digest) return this.#finish({ ...task, outcome: 'status-304', status });
      const original = { url: task.url, date: last.date!, digest: last.digest };
      const position = this.#warc.capture(fetched, original);
      const { digest, date, etag, lastModified } = last;
      return this.#finish({
        ...task,
        outcome: 'not-modified',
        status,
        position,
        digest,
        date,
        etag: validators.etag ?? etag,
        lastModified: validators.lastModified ?? lastModified,
      });
    }
    if (fetched.cut === 'type') return this.#finish({ ...task, outcome: 'content-type', status });
    const digest = payloadDigest(fetched.body);
    const original = fetched.body.length ? this.#frontier.originalOf(digest) : undefined;
    const position = this.#warc.capture(fetched, original);
    const done = {
      ...task,
      status,
      position,
      digest: fetched.body.length ? digest : undefined,
      date: fetched.date.toISOString(),
      bytes: fetched.body.length,
      ...validators,
    };
    if (status >= 300 && status < 400) return this.#redirect(done, headers);
    if (status < 200 || status > 299) return this.#finish({ ...done, outcome: `status-${status}` });
    const found = this.#linksIn(task, fetched);
    return this.#finish({ ...done, outcome: found.outcome }, found.links, found.refused);
  }

  #retryAfter({ headers }: Fetched, attempt: number): number {
    const wait = retryAfterOf(headerOf(headers, 'retry-after')) ?? FIRST_BACKOFF_MS * 2 ** attempt;
    return Math.min(wait, this.#options.maxCrawlDelay * 1000);
  }

  #redirect(done: Omit<Done, 'outcome'>, headers: Fetched['headers']): undefined {
    const location = headerOf(headers, 'location');
    const url = location === undefined ? undefined : canonicalUrl(location, done.url);
    if (url === undefined) return this.#finish({ ...done, outcome: 'bad-redirect' });
    if (done.redirects >= this.#options.maxRedirects)
      return this.#finish({ ...done, outcome: 'too-many-redirects' });
    const refused: Record<string, number> = {};
    const reason = trapOf(url) ?? this.#scope.refusal(url);
    if (reason !== undefined) refused[reason] = 1;
    const target = { url, depth: done.depth, redirects: done.redirects + 1 };
    return this.#finish({ ...done, outcome: 'redirect' }, reason === undefined ? [target] : [], refused);
  }

  #linksIn(
    task: Task,
    fetched: Fetched,
  ): { outcome: string; links: Task[]; refused: Record<string, number> } {
    const refused: Record<string, number> = Object.create(null) as Record<string, number>;
    const { value: type, parameters } = parseParameters(headerOf(fetched.headers, 'content-type') ?? '');
    if (type !== '' && !/^(?:text\/html|application\/xhtml\+xml)$/.test(type))
      return { outcome: 'page', links: [], refused };
    const fields = new Map<string, string[]>();
    for (const [name, value] of fetched.headers) {
      const key = name.toLowerCase();
      if (key !== 'transfer-encoding') fields.set(key, [...(fields.get(key) ?? []), value]);
    }
    let body: Buffer;
    try {
      const response = { status: fetched.status, headers: fields, body: fetched.body };
      body = decodeBody(response, this.#options.maxDecompressedBytes);
    } catch {
      return { outcome: 'decompressed-too-large', links: [], refused };
    }
    const links: Task[] = [];
    const { text } = decodeHtml(body, parameters.get('charset'), true);
    for (const url of linksOf(text, task.url)) {
      const reason =
        task.depth >= this.#options.maxDepth ? 'too-deep' : (trapOf(url) ?? this.#scope.refusal(url));
      if (reason === undefined) links.push({ url, depth: task.depth + 1, redirects: 0 });
      else refused[reason] = (refused[reason] ?? 0) + 1;
    }
    return { outcome: 'page', links, refused };
  }

  #finish(
    done: Done,
    links: readonly Task[] = [],
    refused: Readonly<Record<string, number>> = {},
  ): undefined {
    const line = Object.keys(refused).length ? { ...done, refused } : done;
    const earlier = this.#frontier.last(done.url);
    if (earlier) this.#count(earlier, -1);
    for (const task of this.#frontier.finish(line, links)) this.#hosts.add(task);
    this.#count(line, 1);
    const now = performance.now();
    if (now - this.#lastSync > SYNC_INTERVAL_MS) {
      this.#lastSync = now;
      this.#warc.sync();
      this.#frontier.sync();
    }
    this.#settings.onProgress?.(this.#report(), this.#hosts.active);
    return undefined;
  }

  /** Counts what became of a URL; with -1 takes back what an earlier visit came to. */
  #count(done: Done, sign: 1 | -1): void {
    const add = (counts: Record<string, number>, name: string, by: number): void => {
      counts[name] = (counts[name] ?? 0) + by;
      if (counts[name] === 0) delete counts[name];
    };
    add(this.#outcomes, done.outcome, sign);
    this.#bytes += sign * (done.bytes ?? 0);
    for (const [reason, times] of Object.entries(done.refused ?? {}))
      add(this.#refused, reason, sign * times);
    if (done.outcome !== 'page' && done.outcome !== 'not-modified') return;
    this.#pages += sign;
    const { host } = new URL(done.url);
    this.#pagesOfHost.set(host, (this.#pagesOfHost.get(host) ?? 0) + sign);
  }

  #rulesOf(origin: string): Promise<HostRules> {
    let rules = this.#rules.get(origin);
    if (!rules) {
      rules = this.#fetchRules(origin);
      this.#rules.set(origin, rules);
    }
    return rules;
  }

  async #fetchRules(origin: string): Promise<HostRules> {
    const { signal } = this.#settings;
    for (let attempt = 0; ; attempt++) {
      const { rules, responses } = await fetchRules(origin, this.#fetcher, this.#options, signal);
      if (rules.unreachable?.retryable && attempt < this.#options.retries && !signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, FIRST_BACKOFF_MS * 2 ** attempt));
        continue;
      }
      for (const response of responses) this.#warc.note(response);
      if (rules.crawlDelay !== undefined) this.#hosts.setDelay(new URL(origin).host, rules.crawlDelay);
      if (this.#options.robotsSitemaps) await this.#readSitemaps(rules.sitemaps);
      return rules;
    }
  }

  /** Adds the pages of sitemaps, and of those that they name, as seeds. */
  async #readSitemaps(urls: readonly string[]): Promise<void> {
    const queue = [...urls];
    const seen = new Set(queue);
    for (let url = queue.shift(); url !== undefined && seen.size <= MAX_SITEMAPS; url = queue.shift()) {
      try {
        const { body, status } = await this.#fetcher.fetch(url, this.#settings.signal, {}, true);
        if (status !== 200) throw new Error(`status ${status}`);
        const { pages, sitemaps } = readSitemap(body, url);
        const tasks = pages
          .filter((page) => (trapOf(page) ?? this.#scope.refusal(page)) === undefined)
          .map((page) => ({ url: page, depth: 0, redirects: 0 }));
        for (const task of this.#frontier.add(tasks)) this.#hosts.add(task);
        for (const sitemap of sitemaps) {
          if (seen.has(sitemap)) continue;
          seen.add(sitemap);
          queue.push(sitemap);
        }
      } catch (error) {
        if (this.#settings.signal.aborted) throw error;
        this.#refused['bad-sitemap'] = (this.#refused['bad-sitemap'] ?? 0) + 1;
      }
    }
  }
}
