// A crawl in a process of its own, to be killed: `crawl-process.ts FOLDER ORIGIN`.
import { crawl } from '../../src/ingest/crawl/crawl.ts';
import { crawlOptions } from '../../src/ingest/crawl/options.ts';

const [folder, origin] = process.argv.slice(2);
const options = crawlOptions.parse({
  seeds: [`${origin}/`],
  delay: 0,
  hostConcurrency: 8,
  allowPrivateAddresses: true,
});
await crawl({ folder: folder!, options, signal: new AbortController().signal });
