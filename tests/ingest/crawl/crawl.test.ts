import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type CrawlSettings, crawl } from '../../../src/ingest/crawl/crawl.ts';
import { crawlOptions } from '../../../src/ingest/crawl/options.ts';
import { ByteWindow } from '../../../src/io/byte-window.ts';
import { decompressedBytes } from '../../../src/io/compression.ts';
import { ArchiveReader, type ArchiveRecord } from '../../../src/io/warc/records.ts';
import { html, links, type Site, serve, traps, tree, withBomb } from './site.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'provender-crawl-'));
  cleanUp.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function site(...arguments_: Parameters<typeof serve>): Promise<Site> {
  const made = await serve(...arguments_);
  cleanUp.push(() => made.close());
  return made;
}

/** Only loopback is ever reached: everything else must be refused before a connection is made. */
function run(path: string, options: object, more: Partial<CrawlSettings> = {}) {
  return crawl({
    folder: path,
    options: crawlOptions.parse({ delay: 0, allowPrivateAddresses: true, retries: 1, ...options }),
    signal: new AbortController().signal,
    ...more,
  });
}

async function records(path: string): Promise<ArchiveRecord[]> {
  const found: ArchiveRecord[] = [];
  for (const name of readdirSync(path)
    .filter((one) => one.endsWith('.warc.gz'))
    .sort()) {
    const file = join(path, name);
    const window = new ByteWindow(decompressedBytes(file, readFileSync(file).length));
    const reader = new ArchiveReader(window, file, 1 << 28, (error) => {
      throw error;
    });
    for (let record = await reader.next(); record; record = await reader.next()) found.push(record);
    await window.close();
  }
  return found;
}

const uris = (all: readonly ArchiveRecord[], type: string) =>
  all.filter((one) => one.type === type).map(({ headers }) => headers.get('warc-target-uri')!);

describe('a crawl', () => {
  test('captures every page once, with its request, in WARC', async () => {
    const { origin, requests } = await site(tree(60));
    const path = folder();
    const report = await run(path, { seeds: [`${origin}/`], hostConcurrency: 4 });
    expect(report).toMatchObject({ pages: 60, complete: true, left: 0, outcomes: { page: 60 } });
    const all = await records(path);
    const pages = uris(all, 'response');
    expect(new Set(pages).size).toBe(60);
    expect(pages.length).toBe(60);
    expect(uris(all, 'request').length).toBe(60);
    expect(uris(all, 'metadata')).toEqual([`${origin}/robots.txt`]);
    expect(all[0]!.type).toBe('warcinfo');
    expect(requests.length).toBe(61);
    expect(requests[1]!.headers['user-agent']).toMatch(/^provender\//);
    // Complete: nothing is fetched again.
    expect(await run(path, { seeds: [`${origin}/`] })).toMatchObject({ pages: 60, complete: true });
    expect(requests.length).toBe(61);
  });

  test('ends, obeys and reports on a site full of traps', async () => {
    const counts = { busy: 0 };
    const { origin, requests } = await site(withBomb(traps(counts)));
    const path = folder();
    const report = await run(
      path,
      {
        seeds: [`${origin}/`],
        scope: 'any',
        maxDepth: 30,
        timeout: 1,
        maxBytes: 200_000,
        maxDecompressedBytes: 1 << 20,
        maxRedirects: 5,
        hostConcurrency: 4,
        // 127.0.0.1 is the test's own; the rest of what is not public stays forbidden.
        allowPrivateAddresses: false,
      },
      {
        guard: {
          resolve: async (host) => (host === 'metadata.invalid' ? ['169.254.169.254'] : []),
          connect: undefined,
        },
      },
    ).catch((error: unknown) => error);
    // With the guard on, not even the test's own server is reached: nothing but refusals.
    expect(report).toMatchObject({ pages: 0, outcomes: { 'forbidden-address': 1 } });
    expect(requests.length).toBe(0);
  });

  test('ends, obeys and reports on a site full of traps, once its own address is allowed', async () => {
    const counts = { busy: 0 };
    const { origin, requests } = await site(withBomb(traps(counts)));
    const path = folder();
    const report = await run(path, {
      seeds: [`${origin}/`],
      exclude: ['^http://(?:169\\.254|10\\.|\\[fe80|metadata)'],
      scope: 'any',
      maxDepth: 25,
      timeout: 1,
      maxBytes: 200_000,
      maxDecompressedBytes: 1 << 20,
      maxRedirects: 5,
      hostConcurrency: 4,
    });
    expect(report.complete).toBe(true);
    expect(report.outcomes).toMatchObject({
      robots: 1,
      'content-type': 1,
      'decompressed-too-large': 1,
      'too-many-redirects': 1,
      'status-404': 1,
    });
    expect(report.refused).toMatchObject({ excluded: 5, 'too-deep': 1 });
    const asked = requests.map(({ path: one }) => one);
    expect(asked).not.toContain('/private/secret');
    expect(asked).not.toContain('/never');
    // Both addresses of /ok are one page.
    expect(asked.filter((one) => one.startsWith('/ok'))).toEqual(['/ok']);
    expect(asked.filter((one) => one === '/loop/a').length).toBe(1);
    // 429 was asked again, not before the second that it wanted was over.
    const busy = requests.filter(({ path: one }) => one === '/busy');
    expect(busy.length).toBe(2);
    expect(busy[1]!.at - busy[0]!.at).toBeGreaterThan(950);
    const all = await records(path);
    const cut = Object.fromEntries(
      all
        .filter(({ headers }) => headers.has('warc-truncated'))
        .map(({ headers }) => [
          new URL(headers.get('warc-target-uri')!).pathname,
          headers.get('warc-truncated'),
        ]),
    );
    expect(cut).toEqual({ '/drip': 'time', '/long': 'length' });
    expect(uris(all, 'revisit').filter((uri) => uri.includes('/same/')).length).toBe(1);
  });

  test('never connects to an address that is not public, by link, name or redirect', async () => {
    const connected: string[] = [];
    const path = folder();
    const report = await run(
      path,
      {
        seeds: [
          'http://169.254.169.254/latest/',
          'http://10.0.0.1/',
          'http://[::1]/',
          'http://inside.example/',
          'http://localhost/',
        ],
        scope: 'any',
        allowPrivateAddresses: false,
        obeyRobots: false,
      },
      {
        guard: {
          resolve: async (host) => (host === 'inside.example' ? ['192.168.1.1'] : ['127.0.0.1']),
          connect: (target, callback) => {
            connected.push(target.hostname);
            callback(new Error('recorded'), null);
          },
        },
      },
    );
    expect(connected).toEqual([]);
    expect(report.outcomes).toEqual({ 'forbidden-address': 5 });
  });

  test('forbids everything where robots.txt times out, and waits as crawl-delay says', async () => {
    const silent = await site((_, response, path) => {
      if (path !== '/robots.txt') html(response, links('/a'));
    });
    const refused = await run(folder(), { seeds: [`${silent.origin}/`], timeout: 0.3, retries: 0 });
    expect(refused.outcomes).toEqual({ 'robots-unreachable': 1 });
    const slow = await site((_, response, path) => {
      if (path === '/robots.txt') response.writeHead(200).end('User-agent: provender\nCrawl-delay: 0.3\n');
      else html(response, links('/a', '/b'));
    });
    await run(folder(), { seeds: [`${slow.origin}/`] });
    const times = slow.requests.slice(1).map(({ at }) => at);
    expect(times.length).toBe(3);
    expect(times[2]! - times[1]!).toBeGreaterThan(280);
  });

  test('goes on where it was stopped, and cuts off what it did not know to be whole', async () => {
    const { origin, requests } = await site(tree(80));
    const path = folder();
    const controller = new AbortController();
    const first = run(
      path,
      { seeds: [`${origin}/`] },
      { signal: controller.signal, onProgress: ({ pages }) => pages === 25 && controller.abort() },
    );
    await expect(first).rejects.toThrow();
    const before = requests.length;
    // As a killed process leaves them: half a record, half a line.
    appendFileSync(join(path, 'crawl-00000.warc.gz'), Buffer.from('1f8b0800000000', 'hex'));
    appendFileSync(join(path, 'frontier.jsonl'), '{"done":{"url":"http');
    const report = await run(path, { seeds: [`${origin}/`] });
    expect(report).toMatchObject({ pages: 80, complete: true });
    const pages = uris(await records(path), 'response');
    expect(pages.length).toBe(80);
    expect(new Set(pages).size).toBe(80);
    // Nothing twice but robots.txt and at most what was under way.
    expect(requests.length).toBeLessThanOrEqual(81 + 1 + 1);
    expect(before).toBeGreaterThan(20);
  });

  test('fetches again what a disk lost', async () => {
    const { origin } = await site(tree(30));
    const path = folder();
    await run(path, { seeds: [`${origin}/`] });
    truncateSync(join(path, 'crawl-00000.warc.gz'), 4000);
    const report = await run(path, { seeds: [`${origin}/`] });
    expect(report).toMatchObject({ pages: 30, complete: true });
    const pages = uris(await records(path), 'response');
    expect(new Set(pages).size).toBe(30);
  });

  test('asks only for what changed on a refresh', async () => {
    const { origin, requests } = await site((request, response, path) => {
      if (path === '/robots.txt') return void response.writeHead(404).end();
      if (request.headers['if-none-match'] === '"1"') return void response.writeHead(304).end();
      return html(response, path === '/' ? links('/a') : '<p>A page.</p>', { etag: '"1"' });
    });
    const path = folder();
    await run(path, { seeds: [`${origin}/`] });
    const report = await run(path, { seeds: [`${origin}/`], refresh: true });
    expect(report).toMatchObject({ complete: true, pages: 2 });
    expect(requests.filter(({ headers }) => headers['if-none-match']).length).toBe(2);
    const revisits = (await records(path)).filter(({ type }) => type === 'revisit');
    expect(revisits.map(({ headers }) => headers.get('warc-profile'))).toEqual(
      Array(2).fill('http://netpreserve.org/warc/1.1/revisit/server-not-modified'),
    );
  });

  test('takes seeds from sitemaps, keeps to its scope and to maxPages', async () => {
    const { origin } = await site((_, response, path) => {
      if (path === '/robots.txt') return void response.writeHead(404).end();
      if (path === '/index.xml')
        return void response
          .writeHead(200, { 'content-type': 'application/xml' })
          .end(`<sitemapindex><sitemap><loc>http://${_.headers.host}/map.xml</loc></sitemap></sitemapindex>`);
      if (path === '/map.xml')
        return void response
          .writeHead(200, { 'content-type': 'application/xml' })
          .end(
            `<urlset>${Array.from({ length: 20 }, (_one, i) => `<url><loc>http://${_.headers.host}/docs/${i}</loc></url>`).join('')}<url><loc>http://other.invalid/</loc></url></urlset>`,
          );
      return html(response, links('/elsewhere', 'http://other.invalid/'));
    });
    const report = await run(folder(), { sitemaps: [`${origin}/index.xml`], include: ['/docs/'] });
    expect(report).toMatchObject({ pages: 20, complete: true });
    expect(report.refused).toMatchObject({ 'not-included': 40 });
    const limited = await run(folder(), {
      sitemaps: [`${origin}/index.xml`],
      maxPages: 7,
      hostConcurrency: 3,
    });
    expect(limited).toMatchObject({ pages: 7, complete: false });
    expect(limited.left).toBeGreaterThan(10);
  });
});
