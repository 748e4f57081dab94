import { resolve } from 'node:path';
import pc from 'picocolors';
import { ConfigurationError } from '../core/errors.ts';
import { ensureFolder } from '../core/files.ts';
import { bytes, count, duration } from '../core/format.ts';
import { setOptions } from '../core/pipeline-file.ts';
import { lockRunFolder } from '../execute/run-folder.ts';
import { type CrawlReport, crawl } from '../ingest/crawl/crawl.ts';
import { type CrawlOptions, crawlOptions } from '../ingest/crawl/options.ts';
import { onInterrupt } from './interrupt.ts';

export interface CrawlCommandOptions {
  readonly out: string;
  readonly sitemap: readonly string[];
  readonly set: readonly string[];
  readonly refresh?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const PROGRESS_INTERVAL_MS = { terminal: 250, plain: 10_000 };

/** `provender crawl`: into a folder of WARC files; the same command goes on where it was. Gives the exit code: 1 where nothing was captured. */
export async function crawlCommand(seeds: readonly string[], options: CrawlCommandOptions): Promise<number> {
  const settings = parseOptions(seeds, options);
  const folder = resolve(options.out);
  await ensureFolder(folder);
  const release = await lockRunFolder(folder);
  const aborter = new AbortController();
  const interrupt = onInterrupt(() => aborter.abort());
  const show = options.quiet || options.json ? undefined : progressLine(process.stderr);
  try {
    const report = await crawl({
      folder,
      options: settings,
      signal: aborter.signal,
      onProgress: show?.update,
    });
    show?.end();
    process.stdout.write(
      options.json ? `${JSON.stringify(report)}\n` : `${reportLines(report, options.out).join('\n')}\n`,
    );
    // Nothing captured is hardly ever what was meant.
    return report.pages > 0 ? 0 : 1;
  } finally {
    show?.end();
    interrupt.release();
    await release();
  }
}

function parseOptions(seeds: readonly string[], options: CrawlCommandOptions): CrawlOptions {
  const given = {
    seeds: [...seeds],
    sitemaps: [...options.sitemap],
    ...(options.refresh ? { refresh: true } : {}),
  };
  const settings = setOptions('crawl', crawlOptions, options.set, given);
  if (settings.seeds.length + settings.sitemaps.length === 0)
    throw new ConfigurationError('nothing to begin with', { expected: 'a URL, or --sitemap URL' });
  return settings;
}

function progressLine(stream: NodeJS.WriteStream): {
  update: (report: Omit<CrawlReport, 'seconds' | 'complete'>, active: number) => void;
  end: () => void;
} {
  const terminal = stream.isTTY === true;
  const interval = terminal ? PROGRESS_INTERVAL_MS.terminal : PROGRESS_INTERVAL_MS.plain;
  let last = performance.now();
  let shown = false;
  return {
    update(report, active) {
      const now = performance.now();
      if (now - last < interval) return;
      last = now;
      const line = `  ${count(report.pages)} pages, ${bytes(report.bytes)}, ${count(report.left)} to go, ${active} under way`;
      stream.write(terminal ? `\r\u001b[2K${line}` : `${line}\n`);
      shown = terminal;
    },
    end() {
      if (shown) stream.write('\r\u001b[2K');
      shown = false;
    },
  };
}

function reportLines(report: CrawlReport, out: string): string[] {
  const { pages, outcomes, refused, left, complete, seconds } = report;
  const lines = [
    `${pc.bold(count(pages))} pages, ${bytes(report.bytes)}, in ${duration(seconds)} -> ${out}`,
    '',
    ...table('what became of the URLs', outcomes),
  ];
  if (Object.keys(refused).length) lines.push('', ...table('links that were not followed', refused));
  if (outcomes['forbidden-address'])
    lines.push('', 'addresses that are not public are refused: -s allowPrivateAddresses=true allows them');
  if (!complete) lines.push('', `${count(left)} URLs are left (maxPages)`);
  lines.push('', `read them: { files: '${out}/*.warc.gz' }`);
  return lines;
}

function table(title: string, counts: Readonly<Record<string, number>>): string[] {
  const rows = Object.entries(counts).sort(([a, i], [b, j]) => j - i || (a < b ? -1 : 1));
  const width = Math.max(...rows.map(([name]) => name.length), 0);
  return [
    pc.dim(title),
    ...rows.map(([name, times]) => `  ${name.padEnd(width)}  ${count(times).padStart(9)}`),
  ];
}
