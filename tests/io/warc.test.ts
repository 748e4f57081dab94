import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, deflateRawSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBody, parseHttpResponse, unchunk } from '../../src/io/warc/http.ts';
import { listFiles, type Outcome, put, readAll, readSlice, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();
const data = join(import.meta.dirname, '../../../shared/data/warc');

function warc(
  type: string,
  content: string | Buffer,
  more: Record<string, string> = {},
  length?: number,
): Buffer {
  const headers = { 'WARC-Type': type, 'WARC-Target-URI': 'http://example.org/', ...more };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.from(content);
  return Buffer.concat([
    Buffer.from(`WARC/1.0\r\n${lines.join('')}Content-Length: ${length ?? bytes.length}\r\n\r\n`),
    bytes,
    Buffer.from('\r\n\r\n'),
  ]);
}
const http = (body: string | Buffer, headers = 'Content-Type: text/html\r\n', status = '200 OK') =>
  Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${headers}\r\n`), Buffer.from(body)]);
const page = (text: string, id: string) =>
  warc('response', http(`<p>${text}</p>`), {
    'WARC-Record-ID': `<urn:${id}>`,
    'Content-Type': 'application/http',
  });

async function read(bytes: Buffer, name = 'x.warc', options: object = {}): Promise<Outcome> {
  put(folder, name, bytes);
  return readAll({ inputs: [{ files: name, format: 'warc' }], ...options }, folder);
}
const texts = (outcome: Outcome) => outcome.documents.map((d) => d.text);
const reasons = (outcome: Outcome) => outcome.rejects.map((r) => r.reason);

describe('WARC', () => {
  it('makes a document of each page and text, and passes over what is none', async () => {
    const all = Buffer.concat([
      warc('warcinfo', 'software: x'),
      warc('request', 'GET / HTTP/1.1\r\n\r\n'),
      page('one', 'a'),
      warc('revisit', http('')),
      warc('conversion', 'plain t\u00e9xt', { 'Content-Type': 'text/plain' }),
      warc('resource', '<h1>res</h1>', { 'Content-Type': 'text/html' }),
    ]);
    for (const bytes of [all, gzipSync(all)]) {
      const outcome = await read(bytes);
      expect(outcome.rejects).toEqual([]);
      expect(texts(outcome)).toEqual(['one', 'plain t\u00e9xt', 'res']);
      expect(outcome.documents[0]).toMatchObject({
        id: 'urn:a',
        metadata: { url: 'http://example.org/', mime: 'text/html', status: 200, charset: 'utf-8' },
      });
      expect(outcome.consumed).toBe(bytes.length);
      const [{ start, end }] = outcome.documents as [Outcome['documents'][0]];
      expect(all.subarray(start, start + 8).toString()).toBe('WARC/1.0');
      expect(all.subarray(end, end + 4).toString()).toBe('\r\n\r\n');
    }
  });

  it('counts pages that are none, located', async () => {
    const outcome = await read(
      Buffer.concat([
        warc('response', http('gone', '', '404 Not Found')),
        warc('response', http('{}', 'Content-Type: application/json\r\n')),
        warc('response', 'no http at all', { 'Content-Type': 'application/http' }),
        warc('response', http('<script>x</script>')),
        page('good', 'b'),
      ]),
    );
    expect(texts(outcome)).toEqual(['good']);
    expect(reasons(outcome)).toEqual(['http-status', 'content-type', 'malformed-http', 'empty-text']);
    expect(outcome.rejects.map((r) => r.error.problem.record)).toEqual([0, 1, 2, 3]);
  });

  it('goes on after junk and lying lengths', async () => {
    const one = page('one', 'a');
    const two = page('two', 'b');
    for (const [bad, wanted] of [
      [Buffer.from('junk\nmore junk\r\n'), 'malformed-record'],
      [Buffer.from('WARC/1.0\r\nWARC-Type: response\r\n\r\n'), 'malformed-record'],
      [warc('response', http('long'), {}, 80), 'wrong-content-length'],
    ] as const) {
      const outcome = await read(Buffer.concat([one, bad, two]));
      expect(texts(outcome)).toEqual(['one', 'two']);
      expect(reasons(outcome)).toEqual([wanted]);
      expect(outcome.rejects[0]!.error.problem.offset).toBe(one.length);
    }
    // Too short: the record is what its header says, and what is left of it is no record.
    const short = warc('response', http('<p>short text</p>'), {}, http('<p>short').length);
    const outcome = await read(Buffer.concat([one, short, two]));
    expect([texts(outcome), reasons(outcome)]).toEqual([['one', 'short', 'two'], ['malformed-record']]);
    // Longer than all the rest, and than allowed.
    const long = await read(Buffer.concat([one, warc('response', http('long'), {}, 5000), two]));
    expect([texts(long), reasons(long)]).toEqual([['one', 'two'], ['wrong-content-length']]);
    const cut = await read(Buffer.concat([one, warc('response', http('last'), {}, 5000)]));
    expect([texts(cut), reasons(cut)]).toEqual([['one'], ['truncated-input']]);
    const large = await read(
      Buffer.concat([one, warc('response', http('x'.repeat(3_000_000))), two]),
      'large.warc',
      { maxRecordBytes: 1000 },
    );
    expect([texts(large), reasons(large)]).toEqual([['one', 'two'], ['record-too-large']]);
  });

  it('reads ARC', async () => {
    const info = '1 0 X\nURL IP-address Archive-date Content-type Archive-length\n';
    const body = http('<p>arc page</p>');
    const bytes = Buffer.concat([
      Buffer.from(`filedesc://x.arc 0.0.0.0 20050101000000 text/plain ${info.length}\n${info}\n`),
      Buffer.from(`http://example.org/ 192.0.2.1 20050102030405 text/html ${body.length}\n`),
      body,
      Buffer.from('\n'),
    ]);
    const outcome = await read(gzipSync(bytes), 'x.arc.gz');
    expect(texts(outcome)).toEqual(['arc page']);
    expect(outcome.documents[0]!.metadata).toMatchObject({
      url: 'http://example.org/',
      date: '2005-01-02T03:04:05Z',
    });
  });

  it('undoes the codings of HTTP, also where they are lied about', () => {
    const body = Buffer.from('hello '.repeat(100));
    const decode = (bytes: Buffer, headers: string) =>
      decodeBody(parseHttpResponse(http(bytes, headers))!, 10_000);
    const chunked = Buffer.concat([
      Buffer.from('c8;x=y\r\n'),
      body.subarray(0, 200),
      Buffer.from('\r\n190\r\n'),
      body.subarray(200),
      Buffer.from('\r\n0\r\n\r\n'),
    ]);
    expect(unchunk(chunked)).toEqual(body);
    for (const [bytes, headers] of [
      [chunked, 'Transfer-Encoding: chunked\r\n'],
      [body, 'Transfer-Encoding: chunked\r\n'],
      [gzipSync(body), 'Content-Encoding: gzip\r\n'],
      [body, 'Content-Encoding: gzip\r\n'],
      [deflateSync(body), 'Content-Encoding: deflate\r\n'],
      [deflateRawSync(body), 'Content-Encoding: deflate\r\n'],
      [brotliCompressSync(body), 'Content-Encoding: br\r\n'],
      [gzipSync(brotliCompressSync(body)), 'Content-Encoding: br, gzip\r\n'],
    ] as const)
      expect(decode(bytes, headers)).toEqual(body);
    const cut = decode(gzipSync(body).subarray(0, -12), 'Content-Encoding: gzip\r\n');
    expect(cut.length).toBeGreaterThan(0);
    expect(body.subarray(0, cut.length)).toEqual(cut);
    expect(() => decode(gzipSync(Buffer.alloc(20_000)), 'Content-Encoding: gzip\r\n')).toThrow();
  });

  it('goes on from every cursor as if it had never stopped', async () => {
    const junk = Buffer.from('junk\n');
    const parts = [page('a', '1'), junk, page('b', '2'), warc('request', 'x'), page('c', '3'), junk];
    const bytes = Buffer.concat(parts);
    for (const packed of [bytes, gzipSync(bytes), bytes.subarray(0, -40), gzipSync(bytes).subarray(0, -9)]) {
      put(folder, 'resume.warc', packed);
      const [file] = await listFiles({ inputs: [{ files: 'resume.warc' }] }, folder);
      for (const limits of [{ batchDocuments: 1 }, { batchDocuments: 2 }]) {
        const whole = await readSlice(file!, 0, file!.size, undefined, limits);
        expect(whole.cursors.length).toBeGreaterThan(2 - limits.batchDocuments);
        for (const at of whole.cursors) {
          const rest = await readSlice(file!, 0, file!.size, at.cursor, limits);
          expect(rest.documents.map((d) => d.id)).toEqual(
            whole.documents.slice(at.documents).map((d) => d.id),
          );
          expect(rest.rejects.map((r) => r.error.message)).toEqual(
            whole.rejects.slice(at.rejects).map((r) => r.error.message),
          );
          expect(at.consumed + rest.consumed).toBe(file!.size);
        }
      }
    }
  });
});

describe('damaged WARC', () => {
  const pages = ['one', 'two', 'three'].map((text) => page(text, text));
  const bytes = Buffer.concat(pages);
  const ends = pages.map((_, i) => Buffer.concat(pages.slice(0, i + 1)).length);

  it('cut at any byte: the pages before it, and a located error unless it falls between two', async () => {
    for (let length = 1; length < bytes.length; length++) {
      const outcome = await read(bytes.subarray(0, length));
      // A record is whole without the line ends after it.
      const whole = ends.filter((end) => end - 4 <= length).length;
      expect(texts(outcome)).toEqual(['one', 'two', 'three'].slice(0, whole));
      const between = ends.some((end) => length >= end - 4 && length <= end);
      expect(outcome.rejects.length).toBe(between ? 0 : 1);
      if (!between) expect(outcome.rejects[0]!.error.problem.offset).toBe([0, ...ends][whole]);
    }
  });

  it('cut at any byte of a gzip file by record', async () => {
    const members = pages.map((one) => gzipSync(one));
    const packed = Buffer.concat(members);
    const edges = members.map((_, i) => Buffer.concat(members.slice(0, i + 1)).length);
    for (let length = 2; length < packed.length; length++) {
      const outcome = await read(packed.subarray(0, length));
      const whole = edges.filter((end) => end <= length).length;
      expect(outcome.documents.length).toBeGreaterThanOrEqual(whole);
      expect(reasons(outcome)).toEqual(edges.includes(length) ? [] : ['truncated-input']);
    }
  });

  it('changed at random: no crash, no hang, and in gzip no silent loss', async () => {
    const packed = gzipSync(bytes);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (position, flip) => {
        const plain = Buffer.from(bytes);
        plain[position % plain.length]! ^= flip;
        const outcome = await read(plain);
        expect(outcome.documents.length + outcome.rejects.length).toBeGreaterThanOrEqual(2);
        const zipped = Buffer.from(packed);
        zipped[2 + (position % (zipped.length - 2))]! ^= flip;
        const other = await read(zipped);
        if (other.rejects.length === 0) expect(texts(other)).toEqual(['one', 'two', 'three']);
      }),
      { numRuns: 150 },
    );
  });
});

describe.skipIf(!existsSync(data))('the WARCs of shared/data (skipped where the folder is missing)', () => {
  it('are read to their ends', async () => {
    const found: Record<string, [number, string[]]> = {};
    for (const name of readdirSync(data)) {
      const outcome = await readAll({ inputs: [{ files: name, format: 'warc' }] }, data);
      found[name] = [outcome.documents.length, reasons(outcome)];
    }
    expect(found).toEqual({
      'clipped.warc.gz': [0, ['truncated-input']],
      // Three of its pages are nothing but links.
      'clueweb.warc.gz': [13, ['empty-text', 'empty-text', 'empty-text']],
      'example-bad-length.warc': [1, ['malformed-record']],
      'example-iana.org-chunked.warc': [1, []],
      'example-resource.warc.gz': [1, []],
      'example-url-agnostic-revisit.warc.gz': [0, []],
      'example-wget-bad-target-uri.warc.gz': [3, []],
      'example.warc.gz': [1, []],
      'post-test.warc.gz': [0, ['content-type', 'content-type', 'content-type']],
      'whirlwind.warc.gz': [1, []],
      'whirlwind.warc.wat.gz': [0, []],
      'whirlwind.warc.wet.gz': [1, []],
    });
  });

  it('give the text that Common Crawl has in its WET', async () => {
    const wet = await readAll({ inputs: [{ files: 'whirlwind.warc.wet.gz', format: 'warc' }] }, data);
    const raw = gunzipSync(readFileSync(join(data, 'whirlwind.warc.wet.gz'))).toString();
    expect(raw.includes(wet.documents[0]!.text)).toBe(true);
    expect(wet.documents[0]!.metadata.languages).toBe('spa');
  });
});
