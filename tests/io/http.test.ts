import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { CancelledError, ConfigurationError } from '../../src/core/errors.ts';
import { pipeline } from '../../src/core/pipeline.ts';
import { planPipeline } from '../../src/execute/plan.ts';
import { dryRun, runPlan } from '../../src/execute/run.ts';
import { TransferError } from '../../src/io/http/client.ts';
import { cached, cachePath, download } from '../../src/io/http/downloads.ts';
import { readStep } from '../../src/io/steps/read.ts';
import { stepTable } from '../../src/step-table.ts';
import { serve } from '../ingest/crawl/site.ts';
import { listFiles, put, readAll, signal, temporaryFolder } from './helpers.ts';

interface Served {
  body: Buffer;
  /** Answered instead, once each, before the file itself is. */
  statuses?: number[];
  /** Lengths after which the connections are cut, one a request. */
  cuts?: number[];
  /** Every answer ends here, whatever its Content-Length says. */
  short?: number;
  noRanges?: boolean;
  noValidators?: boolean;
  lastModified?: string;
}

const files = new Map<string, Served>();
const tagOf = (body: Buffer) => `"${createHash('sha256').update(body).digest('hex').slice(0, 12)}"`;

/** A file server with validators, conditional requests and ranges, which fails as it is told. */
const site = await serve((request, response, path) => {
  const file = files.get(path.split('?')[0]!);
  if (!file) return void response.writeHead(404).end('no such file');
  const status = file.statuses?.shift();
  if (status !== undefined)
    return void response.writeHead(status, { 'retry-after': '0', location: '/plain.jsonl' }).end();
  const { body } = file;
  const validators: Record<string, string> = file.noValidators ? {} : { etag: tagOf(body) };
  if (file.lastModified) validators['last-modified'] = file.lastModified;
  if (request.headers['if-none-match'] === validators.etag && validators.etag)
    return void response.writeHead(304, validators).end();
  const from = file.noRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (from > 0 && from >= body.length) return void response.writeHead(416).end();
  const length = { 'content-length': String(body.length - from) };
  const range = from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { ...validators, ...length, ...range });
  const end = file.short ?? file.cuts?.shift() ?? body.length;
  if (end >= body.length) return void response.end(body.subarray(from));
  response.write(body.subarray(from, Math.max(from, end)), () =>
    setTimeout(() => response.socket?.end(), 50),
  );
});
afterAll(() => site.close());

beforeEach(() => {
  site.requests.length = 0;
  files.clear();
});

const jsonl = (from: number, to: number) =>
  Buffer.from(
    Array.from({ length: to - from }, (_, i) => `{"id":"d${from + i}","text":"text ${from + i}"}\n`).join(''),
  );
const url = (name: string) => `${site.origin}/${name}`;
const serveFile = (name: string, file: Served) => files.set(`/${name}`, file);
const RANGE = expect.stringMatching(/^bytes=[1-9]\d*-$/);
const startOf = (range: string | undefined) => /\d+/.exec(range!)![0];
const ranges = () => site.requests.map(({ headers }) => headers.range);
/** The bytes that a download left, and the names beside it. */
const get = async (folder: string, name: string, more: object = {}) => {
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const places = await download([url(name)], folder, { signal, say, firstWait: 1, ...more });
  return { bytes: readFileSync(places.get(url(name))!), said };
};
const kept = (folder: string) => {
  const downloads = join(folder, '.provender', 'downloads');
  return existsSync(downloads) ? readdirSync(downloads).sort() : [];
};

describe('read from URLs', () => {
  test('beside paths, in their order, plain and gzipped; the source is the URL', async () => {
    const folder = temporaryFolder();
    put(folder, 'here.jsonl', jsonl(0, 2));
    serveFile('plain.jsonl', { body: jsonl(2, 4) });
    serveFile('deep/zipped.jsonl.gz', { body: gzipSync(jsonl(4, 6)) });
    const names = [url('plain.jsonl?token=1#part'), 'here.jsonl', url('deep/{zipped,zipped}.jsonl.gz')];
    const { documents, rejects } = await readAll({ inputs: [{ files: names }] }, folder);
    expect(rejects).toEqual([]);
    expect(documents.map(({ id, source, text }) => [id, source, text])).toEqual([
      ['d2', url('plain.jsonl?token=1'), 'text 2'],
      ['d3', url('plain.jsonl?token=1'), 'text 3'],
      ['d0', 'here.jsonl', 'text 0'],
      ['d1', 'here.jsonl', 'text 1'],
      ['d4', url('deep/zipped.jsonl.gz'), 'text 4'],
      ['d5', url('deep/zipped.jsonl.gz'), 'text 5'],
    ]);
    // Two files and what is known of them: no part is left.
    expect(kept(folder)).toHaveLength(4);
    expect(site.requests[0]!.headers['accept-encoding']).toBe('identity');
  });

  test('says what is wrong with a name before it fetches', async () => {
    const folder = temporaryFolder();
    const refused = async (name: string) => {
      const error = await listFiles({ inputs: [{ files: name }] }, folder).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(ConfigurationError);
      return (error as Error).message;
    };
    expect(await refused('s3://bucket/x.jsonl')).toContain('expected http:// or https://');
    expect(await refused('http://me:secret@127.0.0.1/x.jsonl')).toMatch(
      /^127\.0\.0\.1\/x\.jsonl: a URL with/,
    );
    expect(await refused(url('download'))).toContain('the name does not tell the format');
    expect(site.requests).toEqual([]);
  });

  test('a file that is not there is an error with its status and its URL', async () => {
    const folder = temporaryFolder();
    const error = await get(folder, 'gone.jsonl').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as Error).message).toBe(
      `${url('gone.jsonl')}: cannot be fetched; expected status 200; found 404 Not Found`,
    );
    expect(site.requests).toHaveLength(1);
    expect(kept(folder)).toEqual([]);
  });

  test('redirects are followed, and the source stays what was asked for', async () => {
    const folder = temporaryFolder();
    serveFile('plain.jsonl', { body: jsonl(0, 1) });
    serveFile('moved.jsonl', { body: Buffer.alloc(0), statuses: [302] });
    const { documents } = await readAll({ inputs: [{ files: url('moved.jsonl') }] }, folder);
    expect(documents.map(({ source }) => source)).toEqual([url('moved.jsonl')]);
  });
});

describe('a download', () => {
  const body = jsonl(0, 20_000);

  test('that is interrupted goes on where it was', async () => {
    const folder = temporaryFolder();
    serveFile('x.jsonl', { body, cuts: [100_000, 300_000] });
    const { bytes, said } = await get(folder, 'x.jsonl');
    expect(bytes.equals(body)).toBe(true);
    // How much of what was sent comes through before the end of a connection is not said.
    expect(ranges()).toEqual([undefined, RANGE, RANGE]);
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(new RegExp(`expected ${body.length} bytes; found ${startOf(ranges()[1])} bytes`));
  });

  test('that was given up goes on in a later run, but not with bytes of another version', async () => {
    const folder = temporaryFolder();
    serveFile('x.jsonl', { body, short: 100_000 });
    await expect(get(folder, 'x.jsonl')).rejects.toThrow(TransferError);
    expect(kept(folder)).toEqual([expect.stringMatching(/x\.jsonl\..*\.part$/)]);
    site.requests.length = 0;
    serveFile('x.jsonl', { body });
    expect((await get(folder, 'x.jsonl')).bytes.equals(body)).toBe(true);
    expect(ranges()).toEqual([RANGE]);

    serveFile('y.jsonl', { body, short: 100_000 });
    await expect(get(folder, 'y.jsonl')).rejects.toThrow(TransferError);
    site.requests.length = 0;
    const other = Buffer.from(body.toString().replaceAll('text', 'TEXT'));
    serveFile('y.jsonl', { body: other });
    expect((await get(folder, 'y.jsonl')).bytes.equals(other)).toBe(true);
    expect(ranges()).toEqual([RANGE, undefined]);
  });

  test('takes over what a killed process left, and nothing of one that lives', async () => {
    const folder = temporaryFolder();
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    for (const [owner, range] of [
      [process.ppid, undefined],
      [dead, RANGE],
    ] as const) {
      serveFile('x.jsonl', { body, short: 100_000 });
      await expect(get(folder, 'x.jsonl')).rejects.toThrow(TransferError);
      const [part] = kept(folder).filter((name) => name.includes(`.${process.pid}-`));
      const other = part!.replace(`.${process.pid}-`, `.${owner}-`);
      renameSync(
        join(folder, '.provender', 'downloads', part!),
        join(folder, '.provender', 'downloads', other),
      );
      site.requests.length = 0;
      serveFile('x.jsonl', { body });
      expect((await get(folder, 'x.jsonl')).bytes.equals(body)).toBe(true);
      expect(ranges()).toEqual([range]);
      expect(kept(folder).includes(other)).toBe(range === undefined);
      rmSync(cachePath(url('x.jsonl'), folder));
    }
  });

  test('begins again where the server has no ranges, or does not say which version it is', async () => {
    for (const more of [{ noRanges: true }, { noValidators: true }]) {
      const folder = temporaryFolder();
      serveFile('x.jsonl', { body, cuts: [100_000], ...more });
      expect((await get(folder, 'x.jsonl')).bytes.equals(body)).toBe(true);
    }
  });

  test('that is shorter than its Content-Length each time is an error that counts the bytes', async () => {
    const folder = temporaryFolder();
    serveFile('x.jsonl', { body, short: 70_000, noRanges: true });
    const error = await get(folder, 'x.jsonl').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TransferError);
    const said = `${url('x.jsonl')}: the download broke off; expected ${body.length} bytes; found `;
    expect((error as Error).message.slice(0, said.length)).toBe(said);
    expect(Number.parseInt((error as Error).message.slice(said.length), 10)).toBeLessThanOrEqual(70_000);
    expect(site.requests).toHaveLength(5);
    expect(await cached([url('x.jsonl')], folder)).toEqual(new Map());
  });

  test('is tried again after answers that may pass', async () => {
    const folder = temporaryFolder();
    serveFile('x.jsonl', { body, statuses: [503, 429, 500] });
    expect((await get(folder, 'x.jsonl')).bytes.equals(body)).toBe(true);
    expect(site.requests).toHaveLength(4);
    serveFile('x.jsonl', { body, statuses: [503, 503, 503, 503, 503, 503] });
    await expect(get(temporaryFolder(), 'x.jsonl')).rejects.toThrow('found 503 Service Unavailable');
  });

  test('is made once; later it is asked whether it changed', async () => {
    const folder = temporaryFolder();
    serveFile('x.jsonl', { body, lastModified: 'Wed, 21 Oct 2015 07:28:00 GMT' });
    await get(folder, 'x.jsonl');
    const { mtimeMs } = statSync(cachePath(url('x.jsonl'), folder));
    await get(folder, 'x.jsonl');
    expect(site.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, tagOf(body)]);
    expect(site.requests[1]!.headers['if-modified-since']).toBe('Wed, 21 Oct 2015 07:28:00 GMT');
    expect(statSync(cachePath(url('x.jsonl'), folder)).mtimeMs).toBe(mtimeMs);
    const other = jsonl(5, 9);
    serveFile('x.jsonl', { body: other });
    expect((await get(folder, 'x.jsonl')).bytes.equals(other)).toBe(true);
    // Cut on the disk: not what was fetched.
    put(
      join(folder, '.provender', 'downloads'),
      cachePath(url('x.jsonl'), folder).split('/').at(-1)!,
      'short',
    );
    expect((await get(folder, 'x.jsonl')).bytes.equals(other)).toBe(true);
  });

  test('of a server that cannot be reached is read as it was, which is said', async () => {
    const folder = temporaryFolder();
    const away = await serve(
      (_, response) => void response.writeHead(200, { etag: '"1"' }).end('{"text":"a"}\n'),
    );
    const settings = { signal, firstWait: 1 };
    await download([`${away.origin}/x.jsonl`], folder, settings);
    await away.close();
    const said: string[] = [];
    const places = await download([`${away.origin}/x.jsonl`], folder, {
      ...settings,
      say: (line) => void said.push(line),
    });
    expect(readFileSync([...places.values()][0]!, 'utf8')).toBe('{"text":"a"}\n');
    expect(said).toEqual([expect.stringMatching(/cannot be reached.*; reading what was fetched before$/)]);
    await expect(download([`${away.origin}/y.jsonl`], folder, settings)).rejects.toThrow('cannot be reached');
  });

  test('ends with the run that asked for it, and leaves what it has', async () => {
    const folder = temporaryFolder();
    const slow = await serve((_, response) => {
      response.writeHead(200, { etag: '"1"', 'content-length': '1000' }).write('x'.repeat(500));
    });
    const stop = new AbortController();
    const fetching = download([`${slow.origin}/x.txt`], folder, { signal: stop.signal });
    while (!kept(folder).some((name) => name.endsWith('.part'))) await new Promise((go) => setTimeout(go, 5));
    setTimeout(() => stop.abort(), 20);
    await expect(fetching).rejects.toThrow(CancelledError);
    await slow.close();
    expect(kept(folder)).toEqual([expect.stringMatching(/\.part$/)]);
  });
});

test('a run goes by the content: fetched again for a change alone, and a dry run fetches nothing', async () => {
  const folder = temporaryFolder();
  serveFile('x.jsonl', { body: jsonl(0, 50) });
  const plan = await planPipeline(
    pipeline('fetched')
      .step(readStep, { inputs: [{ files: url('x.jsonl') }] })
      .spec(folder),
    stepTable,
  );
  const settings = { runFolder: join(folder, 'run') };
  expect((await dryRun(plan, settings))[0]!.decision.runs).toBe(true);
  expect(site.requests).toEqual([]);
  await runPlan(plan, settings);
  const again = await runPlan(plan, settings);
  expect(again.nothingToDo).toBe(true);
  const asked = site.requests.length;
  expect((await dryRun(plan, settings))[0]!.decision.runs).toBe(false);
  expect(site.requests).toHaveLength(asked);
  serveFile('x.jsonl', { body: jsonl(50, 100) });
  expect((await runPlan(plan, settings)).nothingToDo).toBe(false);
});
