import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { decompressedWindow } from '../../src/io/compression.ts';
import { ArchiveReader } from '../../src/io/warc/records.ts';
import { serve, tree } from '../ingest/crawl/site.ts';

const PAGES = 3000;
const KILLS = 10;

function start(folder: string, origin: string): ChildProcess {
  const script = join(import.meta.dirname, 'crawl-process.ts');
  return spawn(process.execPath, ['--import', 'tsx', script, folder, origin], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.on('exit', (code) => resolve(code)));

async function pagesOf(folder: string): Promise<string[]> {
  const path = join(folder, 'crawl-00000.warc.gz');
  const window = decompressedWindow(path, readFileSync(path).length);
  const reader = new ArchiveReader(window, path, 1 << 28, (error) => {
    throw error;
  });
  const pages: string[] = [];
  for (let record = await reader.next(); record; record = await reader.next()) {
    const uri = record.headers.get('warc-target-uri');
    if (record.type === 'response' && uri) pages.push(new URL(uri).pathname);
  }
  await window.close();
  return pages;
}

test('a crawl killed ten times comes to the pages of an undisturbed one, each once', async () => {
  const seed = Number(process.env.SEED ?? 1);
  const random = new Random(seed);
  const site = await serve(tree(PAGES));
  const folder = mkdtempSync(join(tmpdir(), 'provender-crawl-killed-'));
  try {
    let kills = 0;
    while (kills < KILLS) {
      const asked = site.requests.length;
      const child = start(folder, site.origin);
      const exit = ended(child);
      // Killed once it is under way, at a random moment.
      while (site.requests.length < asked + 40 && child.exitCode === null)
        await new Promise((r) => setTimeout(r, 5));
      await new Promise((r) => setTimeout(r, random.below(250)));
      child.kill('SIGKILL');
      if ((await exit) === 0) break;
      kills++;
    }
    expect(kills, `seed ${seed}`).toBeGreaterThan(2);
    expect(await ended(start(folder, site.origin))).toBe(0);
    const pages = await pagesOf(folder);
    expect(pages.length).toBe(PAGES);
    expect(new Set(pages).size).toBe(PAGES);
    const asked = site.requests.filter(({ path }) => path !== '/robots.txt');
    // At most what was under way at each kill is asked for again.
    expect(asked.length).toBeLessThanOrEqual(PAGES + kills * 8);
    console.log(`killed ${kills} times; ${asked.length - PAGES} of ${PAGES} pages were asked for again`);
  } finally {
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
