// Crawling a local site of 2,000 pages with politeness off: pages a second, the site in a process of its own. Crawlee
// is installed beside the other peers on the first call.
import { execFileSync, fork } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { crawl as crawlOurs } from '../../dist/ingest/crawl/crawl.js';
import { crawlOptions } from '../../dist/ingest/crawl/options.js';
import { median } from './peers.mjs';

const PAGES = 2000;
const ROUNDS = 3;
const CONCURRENCY = 16;
const CRAWLEE = '3.18.1';

function startSite() {
  const child = fork(new URL('./ingest-crawl-site.mjs', import.meta.url), [String(PAGES)]);
  return new Promise((done) =>
    child.once('message', (port) => done({ child, origin: `http://127.0.0.1:${port}` })),
  );
}

function crawleeFolder() {
  const folder = resolve('.venv/crawlee');
  if (existsSync(join(folder, 'node_modules/@crawlee/http'))) return folder;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
    const install = [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      `@crawlee/http@${CRAWLEE}`,
      'cheerio',
    ];
    execFileSync('npm', install, { cwd: folder, stdio: 'ignore' });
    return folder;
  } catch {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
}

async function ours(origin) {
  const folder = mkdtempSync(join(tmpdir(), 'crawl-'));
  const options = crawlOptions.parse({
    seeds: [`${origin}/`],
    delay: 0,
    hostConcurrency: CONCURRENCY,
    concurrency: CONCURRENCY,
    allowPrivateAddresses: true,
    obeyRobots: false,
  });
  const start = performance.now();
  try {
    const { pages } = await crawlOurs({ folder, options, signal: new AbortController().signal });
    return { pages, seconds: (performance.now() - start) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In a process of its own: Crawlee keeps its state for the life of one. */
function crawlee(folder, origin) {
  const storage = mkdtempSync(join(tmpdir(), 'crawlee-'));
  try {
    const script = resolve('tests/bench/ingest-crawlee-peer.mjs');
    const output = execFileSync(process.execPath, [script, origin, String(CONCURRENCY)], {
      cwd: folder,
      env: {
        ...process.env,
        CRAWLEE_STORAGE_DIR: storage,
        CRAWLEE_LOG_LEVEL: 'OFF',
        NODE_PATH: join(folder, 'node_modules'),
      },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(output.toString().trim().split('\n').at(-1));
  } finally {
    rmSync(storage, { recursive: true, force: true });
  }
}

export async function crawl() {
  const { child, origin } = await startSite();
  const peer = crawleeFolder();
  try {
    const times = { ours: [], crawlee: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, one] of [
        ['ours', () => ours(origin)],
        ...(peer ? [['crawlee', () => crawlee(peer, origin)]] : []),
      ]) {
        const { pages, seconds } = await one();
        if (pages !== PAGES) throw new Error(`${name} found ${pages} of ${PAGES} pages`);
        times[name].push(seconds);
      }
    }
    const value = PAGES / median(times.ours);
    const row = { area: 'ingest', case: 'crawl', unit: 'pages/s', ours: value, peers: {}, ratio: {} };
    if (times.crawlee.length) {
      row.peers['@crawlee/http'] = PAGES / median(times.crawlee);
      row.ratio['@crawlee/http'] = value / row.peers['@crawlee/http'];
    }
    return row;
  } finally {
    child.kill();
  }
}
