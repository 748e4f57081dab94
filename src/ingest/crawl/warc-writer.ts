import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fdatasyncSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Fetched } from './fetch-url.ts';

/** Where in which file a capture ends: what lies after it is cut off when a crawl goes on. */
export interface WarcPosition {
  readonly file: number;
  readonly end: number;
}

/** An earlier capture with the same payload, or the one that the server says still holds. */
export interface Original {
  readonly url: string;
  readonly date: string;
  readonly digest: string;
}

/** Base 32 of the SHA-1 of bytes, with its name, as WARC files carry it. */
export function payloadDigest(bytes: Uint8Array): string {
  return `sha1:${base32(createHash('sha1').update(bytes).digest())}`;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

/** Writes WARC 1.1 (ISO 28500:2017), a gzip member a record, in files of at most about `maxBytes`. */
export class WarcWriter {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #info: string;
  #file: number;
  #descriptor: number;
  #end: number;

  /** Goes on at a position: what lies after it was not known to be whole. */
  constructor(folder: string, maxBytes: number, info: Readonly<Record<string, string>>, at: WarcPosition) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#info = Object.entries(info)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    this.#file = at.file;
    this.#end = at.end;
    this.#descriptor = openSync(this.pathOf(at.file), 'a');
    ftruncateSync(this.#descriptor, at.end);
    if (at.end === 0) this.#begin();
  }

  pathOf(file: number): string {
    return join(this.#folder, warcName(file));
  }

  get position(): WarcPosition {
    return { file: this.#file, end: this.#end };
  }

  /** Writes a request and its response, or a revisit where the payload is that of an earlier one. */
  capture(fetched: Fetched, original: Original | undefined): WarcPosition {
    if (this.#end >= this.#maxBytes) this.#next();
    const id = recordId();
    const common = {
      'WARC-Target-URI': fetched.url,
      'WARC-Date': dateOf(fetched.date),
      ...(fetched.address ? { 'WARC-IP-Address': fetched.address } : {}),
    };
    const head = responseHead(fetched);
    const notModified = fetched.status === 304;
    const revisit = original && {
      'WARC-Profile': `http://netpreserve.org/warc/1.1/revisit/${notModified ? 'server-not-modified' : 'identical-payload-digest'}`,
      'WARC-Refers-To-Target-URI': original.url,
      'WARC-Refers-To-Date': original.date,
    };
    const content = original ? head : Buffer.concat([head, fetched.body]);
    const response = record(
      {
        'WARC-Type': original ? 'revisit' : 'response',
        'WARC-Record-ID': id,
        ...common,
        'WARC-Payload-Digest': original?.digest ?? payloadDigest(fetched.body),
        ...revisit,
        ...(fetched.cut && !original ? { 'WARC-Truncated': fetched.cut } : {}),
        'Content-Type': 'application/http; msgtype=response',
      },
      content,
    );
    const request = record(
      {
        'WARC-Type': 'request',
        'WARC-Record-ID': recordId(),
        ...common,
        'WARC-Concurrent-To': id,
        'Content-Type': 'application/http; msgtype=request',
      },
      requestHead(fetched),
    );
    // One write: a killed process leaves both or, at the end of the file, a part that is cut off later.
    this.#write(Buffer.concat([request, response]));
    return this.position;
  }

  /** Keeps a response that is no page, such as a robots.txt: what was allowed when, for those who ask later. */
  note(fetched: Fetched): void {
    const headers = {
      'WARC-Type': 'metadata',
      'WARC-Record-ID': recordId(),
      'WARC-Target-URI': fetched.url,
      'WARC-Date': dateOf(fetched.date),
      ...(fetched.address ? { 'WARC-IP-Address': fetched.address } : {}),
      'Content-Type': 'application/http; msgtype=response',
    };
    this.#write(record(headers, Buffer.concat([responseHead(fetched), fetched.body])));
  }

  /** What was written is on the disk. */
  sync(): void {
    fdatasyncSync(this.#descriptor);
  }

  close(): void {
    this.sync();
    closeSync(this.#descriptor);
  }

  #begin(): void {
    const headers = {
      'WARC-Type': 'warcinfo',
      'WARC-Record-ID': recordId(),
      'WARC-Date': dateOf(new Date()),
      'WARC-Filename': warcName(this.#file),
      'Content-Type': 'application/warc-fields',
    };
    this.#write(record(headers, Buffer.from(this.#info)));
  }

  #next(): void {
    this.close();
    this.#file++;
    this.#end = 0;
    this.#descriptor = openSync(this.pathOf(this.#file), 'w');
    this.#begin();
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    this.#end += bytes.length;
  }
}

export function warcName(file: number): string {
  return `crawl-${String(file).padStart(5, '0')}.warc.gz`;
}

/** Length of a WARC file of the crawl; 0 where there is none. */
export function warcSize(folder: string, file: number): number {
  return statSync(join(folder, warcName(file)), { throwIfNoEntry: false })?.size ?? 0;
}

function recordId(): string {
  return `<urn:uuid:${randomUUID()}>`;
}

function dateOf(date: Date): string {
  return date.toISOString();
}

function record(headers: Readonly<Record<string, string>>, content: Buffer): Buffer {
  const head = `WARC/1.1\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}WARC-Block-Digest: ${payloadDigest(content)}\r\nContent-Length: ${content.length}\r\n\r\n`;
  return gzipSync(Buffer.concat([Buffer.from(head), content, Buffer.from('\r\n\r\n')]));
}

/** The status line and the fields as they came; the body here has no transfer coding any more, and says so. */
function responseHead({ status, headers }: Fetched): Buffer {
  const fields = headers.map(([name, value]) => {
    const kept = /^transfer-encoding$/i.test(name) ? `X-Orig-${name}` : name;
    return `${kept}: ${value}\r\n`;
  });
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fields.join('')}\r\n`, 'latin1');
}

function requestHead({ url, requestHeaders }: Fetched): Buffer {
  const { pathname, search } = new URL(url);
  const fields = requestHeaders.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1');
}
