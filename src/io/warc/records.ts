import { InputError } from '../../core/errors.ts';
import type { ByteWindow } from '../byte-window.ts';
import { DamageError } from '../damage.ts';
import { BadRecord } from '../fields.ts';

/** Longer header blocks are no record's. */
const MAX_HEADER_BYTES = 64 * 1024;

/** A record of a WARC (ISO 28500) or ARC file. */
export interface ArchiveRecord {
  /** `response`, `conversion`, ...; every ARC record but the first is a `response`. */
  readonly type: string;
  /** Names in lower case; the last of a repeated name. */
  readonly headers: ReadonlyMap<string, string>;
  /** The block, valid until the next record is asked for: undefined where it is larger than allowed. */
  readonly content: Buffer | undefined;
  readonly contentBytes: number;
  /** Half-open range of the whole record in the decompressed file. */
  readonly start: number;
  readonly end: number;
}

interface Header {
  readonly type: string;
  readonly headers: Map<string, string>;
  readonly length: number;
  /** Bytes of the header itself, its empty line included. */
  readonly size: number;
}

/** Two line ends and what begins a record. */
const FOLLOWING_BYTES = 9;
const NEXT_RECORD = Buffer.from('\nWARC/');
const VERSION = /^WARC\/[01]\.\d+\r?\n/;
/** ARC, version 1: URL, address, date, type and length; version 2 has five more fields before the length. */
const ARC_LINE = /^(\S+) (\S+) (\d{8,14}) (\S+)(?: \S+){0,5} (\d+)\r?\n/;

/** Whether these bytes begin with the header of a record. */
export function beginsRecord(bytes: Buffer): boolean {
  return (
    VERSION.test(bytes.toString('latin1', 0, 20)) ||
    ARC_LINE.test(bytes.toString('latin1', 0, Math.min(bytes.length, 4096)))
  );
}

export class ArchiveReader {
  private readonly window: ByteWindow;
  private readonly file: string;
  private readonly maxBytes: number;
  private readonly onBad: (error: BadRecord | DamageError, bytes: number) => void;
  private readonly placeOf: (offset: number) => number;

  /** `placeOf` gives the offset that errors name for one in the window. `onBad` hears of every stretch of bytes that is no record, with its place; reading goes on after it. */
  constructor(
    window: ByteWindow,
    file: string,
    maxBytes: number,
    onBad: (error: BadRecord | DamageError, bytes: number) => void,
    placeOf: (offset: number) => number = (offset) => offset,
  ) {
    this.window = window;
    this.file = file;
    this.maxBytes = maxBytes;
    this.onBad = onBad;
    this.placeOf = placeOf;
  }

  /** The next record, or undefined at the end. Throws the stream's DamageError where that cannot go on. */
  async next(): Promise<ArchiveRecord | undefined> {
    const { window } = this;
    while (await this.skipNewlines()) {
      const start = window.offset;
      const header = await this.header();
      if (header) return this.content(header, start);
      await this.resync(start);
    }
    if (window.damage) throw window.damage;
    return undefined;
  }

  private async skipNewlines(): Promise<boolean> {
    const { window } = this;
    while (await window.need(1)) {
      const { buffer } = window;
      const at = lineEnds(buffer);
      window.drop(at);
      if (at < buffer.length) return true;
    }
    return false;
  }

  private async header(): Promise<Header | undefined> {
    const { window } = this;
    if (this.beginsWarc()) return this.warcHeader();
    await window.need(512);
    if (this.beginsWarc()) return this.warcHeader();
    await window.need(MAX_HEADER_BYTES);
    const line = window.buffer.toString('latin1', 0, MAX_HEADER_BYTES);
    const match = ARC_LINE.exec(line);
    if (!match) return undefined;
    const [whole, url, address, date, mime, length] = match;
    const type = url!.startsWith('filedesc://') ? 'warcinfo' : 'response';
    const headers = new Map([
      ['warc-target-uri', url!],
      ['warc-ip-address', address!],
      ['warc-date', arcDate(date!)],
      ['content-type', type === 'warcinfo' ? mime! : 'application/http; msgtype=response'],
    ]);
    return { type, headers, length: Number(length), size: whole!.length };
  }

  private beginsWarc(): boolean {
    return VERSION.test(this.window.buffer.toString('latin1', 0, 512));
  }

  private async warcHeader(): Promise<Header | undefined> {
    const { window } = this;
    // A small record has no 4,096 bytes: what follows it would be joined to it.
    let end = headerEnd(window.buffer, Math.min(window.buffer.length, MAX_HEADER_BYTES));
    for (let wanted = 4096; end < 0; wanted *= 4) {
      const more = await window.need(wanted);
      end = headerEnd(window.buffer, Math.min(window.buffer.length, MAX_HEADER_BYTES));
      if (!more || wanted > MAX_HEADER_BYTES) break;
    }
    if (end < 0) return undefined;
    const headers = new Map<string, string>();
    let name = '';
    // Header values are UTF-8 (ISO 28500, 4).
    for (const line of window.buffer.toString('utf8', 0, end).split(/\r?\n/).slice(1)) {
      const colon = line.indexOf(':');
      if (/^[ \t]/.test(line) && name !== '') headers.set(name, `${headers.get(name)} ${line.trim()}`);
      else if (colon > 0) {
        name = line.slice(0, colon).trim().toLowerCase();
        headers.set(name, line.slice(colon + 1).trim());
      }
    }
    const length = headers.get('content-length') ?? '';
    if (!/^\d{1,15}$/.test(length)) return undefined;
    return {
      type: (headers.get('warc-type') ?? '').toLowerCase(),
      headers,
      length: Number(length),
      size: end,
    };
  }

  /**
   * The block as long as the header says. Where neither the end nor a record follows, and a record begins inside, the
   * length lies; what follows a block and is no record is for the next call to report.
   */
  private async content(header: Header, start: number): Promise<ArchiveRecord | undefined> {
    const { window } = this;
    const { headers, type, length, size } = header;
    window.drop(size);
    if (length > this.maxBytes) {
      const skipped = await window.skip(length);
      if (skipped < length) throw this.cutOff(start, size + skipped, size + length);
      return { type, headers, content: undefined, contentBytes: length, start, end: window.offset };
    }
    const whole = await window.need(length);
    const inside = whole && (await this.followedByRecord(length)) ? -1 : this.recordInside(length);
    if (whole && inside < 0) {
      const content = window.buffer.subarray(0, length);
      window.drop(length);
      return { type, headers, content, contentBytes: length, start, end: window.offset };
    }
    if (inside < 0) throw this.cutOff(start, size + window.buffer.length, size + length);
    const problem = new InputError('wrong Content-Length', {
      file: this.file,
      offset: this.placeOf(start),
      expected: `${length} bytes of content`,
      found: `another record after ${inside} bytes`,
    });
    window.drop(inside);
    this.onBad(new BadRecord('wrong-content-length', problem), window.offset - start);
    return this.next();
  }

  /** Where in the next `length` bytes a line begins a record, or -1. */
  private recordInside(length: number): number {
    return this.window.buffer.subarray(0, length).indexOf(NEXT_RECORD) + 1 || -1;
  }

  /** Whether after `length` bytes there is the end, or line ends and a record. */
  private async followedByRecord(length: number): Promise<boolean> {
    const { window } = this;
    for (let at = length; at - length <= 4096; ) {
      const next = await window.peek(at, FOLLOWING_BYTES);
      const ends = lineEnds(next);
      at += ends;
      if (ends < next.length) {
        const begin = next.length - ends < 5 ? await window.peek(at, 5) : next.subarray(ends, ends + 5);
        if (begin.toString('latin1') === 'WARC/') return true;
        return ARC_LINE.test((await window.peek(at, 4096)).toString('latin1'));
      }
      if (next.length < FOLLOWING_BYTES) return true;
    }
    return false;
  }

  private async toNextRecord(): Promise<void> {
    const { window } = this;
    for (;;) {
      const found = window.buffer.indexOf(NEXT_RECORD);
      if (found >= 0) {
        window.drop(found + 1);
        return;
      }
      const keep = Math.min(window.buffer.length, NEXT_RECORD.length - 1);
      window.drop(window.buffer.length - keep);
      if (!(await window.need(keep + 1))) {
        window.drop(keep);
        return;
      }
    }
  }

  /** Goes on at the next line that begins a record, and says what lay before it. */
  private async resync(start: number): Promise<void> {
    const { window } = this;
    const found = JSON.stringify(window.buffer.toString('latin1', 0, 40));
    await this.toNextRecord();
    if (window.damage && window.buffer.length === 0) throw window.damage;
    const problem = new InputError('no record', {
      file: this.file,
      offset: this.placeOf(start),
      expected: 'the header of a WARC or ARC record',
      found,
    });
    this.onBad(new BadRecord('malformed-record', problem), window.offset - start);
  }

  private cutOff(start: number, found: number, expected: number): DamageError {
    if (this.window.damage) return this.window.damage;
    return new DamageError('truncated-input', 'record cut off', {
      file: this.file,
      offset: this.placeOf(start),
      expected: `a record of ${expected} bytes`,
      found: `the end of the file after ${found}`,
    });
  }
}

/** How many bytes at the front are those of line ends. */
function lineEnds(buffer: Buffer): number {
  let at = 0;
  while (at < buffer.length && (buffer[at] === 0x0a || buffer[at] === 0x0d)) at++;
  return at;
}

/** Where the empty line that ends a header ends, or -1. */
function headerEnd(buffer: Buffer, limit: number): number {
  for (let at = buffer.indexOf(0x0a); at >= 0 && at < limit; at = buffer.indexOf(0x0a, at + 1)) {
    if (buffer[at + 1] === 0x0a) return at + 2;
    if (buffer[at + 1] === 0x0d && buffer[at + 2] === 0x0a) return at + 3;
  }
  return -1;
}

function arcDate(digits: string): string {
  const padded = digits.padEnd(14, '0');
  const part = (from: number, to: number) => padded.slice(from, to);
  return `${part(0, 4)}-${part(4, 6)}-${part(6, 8)}T${part(8, 10)}:${part(10, 12)}:${part(12, 14)}Z`;
}
