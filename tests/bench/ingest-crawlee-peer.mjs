// The same crawl by Crawlee's HttpCrawler: `ingest-crawlee-peer.mjs ORIGIN CONCURRENCY`, from a folder that has it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.cwd(), 'package.json'));
const { HttpCrawler, Configuration } = await import(pathToFileURL(require.resolve('@crawlee/http')));
const { load } = await import(pathToFileURL(require.resolve('cheerio')));

const [origin, concurrency] = process.argv.slice(2);
let pages = 0;
const crawler = new HttpCrawler(
  {
    minConcurrency: Number(concurrency),
    maxConcurrency: Number(concurrency),
    async requestHandler({ body, request, addRequests }) {
      pages++;
      const $ = load(body);
      const urls = $('a[href]')
        .map((_, a) => new URL($(a).attr('href'), request.url).href)
        .get();
      if (urls.length) await addRequests(urls);
    },
  },
  new Configuration({ persistStorage: true }),
);
const start = performance.now();
await crawler.run([`${origin}/`]);
console.log(JSON.stringify({ pages, seconds: (performance.now() - start) / 1000 }));
process.exit(0);
