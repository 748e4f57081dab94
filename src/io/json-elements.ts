import { pick } from 'stream-json/filters/pick.js';
import { jsonParser, type Token } from 'stream-json/parser.js';
import { streamArray } from 'stream-json/streamers/stream-array.js';
import { firstInvalidUtf8, isUtf8 } from './utf8.ts';

/** An element of the array and its half-open byte range; for one that is not an object or array, where it ends at most. */
export interface JsonElement {
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
  /** Offset of the first byte in the range that is not UTF-8, or -1. */
  readonly invalidUtf8: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Offsets of the braces and brackets outside strings, in order: what stream-json's tokens do not tell. */
class Structure {
  /** How many were seen since the start; they are numbered so. */
  total = 0;
  private taken = 0;
  private dropped = 0;
  private offsets: number[] = [];
  /** Depth after each; -1 - depth where it closes something. */
  private depths: number[] = [];
  private depth = 0;
  private inString = false;
  private escaped = false;

  /** Adds those in `bytes`; the number of the first of them. */
  scan(bytes: Uint8Array, offset: number): number {
    const seen = this.taken - this.dropped;
    this.offsets = this.offsets.slice(seen);
    this.depths = this.depths.slice(seen);
    this.dropped = this.taken;
    let { inString, escaped } = this;
    for (let i = 0; i < bytes.length; i++) {
      const c = bytes[i]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (c === BACKSLASH) escaped = true;
        else if (c === QUOTE) inString = false;
      } else if (c === QUOTE) inString = true;
      else if (c === 0x7b || c === 0x5b) {
        this.offsets.push(offset + i);
        this.depths.push(++this.depth);
      } else if (c === 0x7d || c === 0x5d) {
        this.offsets.push(offset + i);
        this.depths.push(-1 - --this.depth);
      }
    }
    this.inString = inString;
    this.escaped = escaped;
    const first = this.total;
    this.total = this.dropped + this.offsets.length;
    return first;
  }

  at(number: number): { offset: number; depth: number; opens: boolean } {
    const depth = this.depths[number - this.dropped]!;
    const opens = depth >= 0;
    return { offset: this.offsets[number - this.dropped]!, depth: opens ? depth : -1 - depth, opens };
  }

  next(): number {
    return this.offsets[this.taken++ - this.dropped]!;
  }
}

/** What stream-json's functions give: nothing, one thing or many. */
function* each<T>(output: unknown): Generator<T> {
  if (typeof output === 'symbol' || output === undefined || output === null) return;
  const many = (output as { values?: unknown }).values;
  if (Array.isArray(many)) yield* many as T[];
  else yield output as T;
}

/**
 * The elements of an array in one JSON document, fed as bytes: of the document itself, or of the array at `path`
 * (`a.b`). stream-json parses; a scan beside it gives every element its bytes. `feed` throws stream-json's Error at
 * invalid JSON, after the elements before it were handed to `onElement`.
 */
export class JsonElements {
  /** Whether the array was found. */
  found = false;
  /** Whether the array is over. */
  done = false;
  /** Offset of the last brace or bracket that was parsed. */
  offset = 0;
  private readonly parse = jsonParser({ packValues: true, streamValues: false });
  private readonly select: ((token: Token) => unknown) | undefined;
  private readonly assemble = streamArray();
  private readonly structure = new Structure();
  private readonly open: number[] = [];
  private readonly onElement: (element: JsonElement) => void;
  private carry: Buffer = Buffer.alloc(0);
  private scanned = 0;
  private invalid: number[] = [];
  /** Depth of the array's own bracket, once found. */
  private depth = -1;

  constructor(path: string | undefined, onElement: (element: JsonElement) => void) {
    this.select = path === undefined ? undefined : pick({ filter: path, once: true });
    this.onElement = onElement;
  }

  /** Whether more input has no effect: at a path. Otherwise what follows the array is still checked. */
  get stopped(): boolean {
    return this.done && this.select !== undefined;
  }

  /** Bytes of the element that is not complete yet. */
  get pendingBytes(): number {
    const start = this.open[this.depth];
    return this.depth >= 0 && start !== undefined ? this.scanned - start : 0;
  }

  feed(bytes: Buffer, last: boolean): void {
    let chunk = this.carry.length ? Buffer.concat([this.carry, bytes]) : bytes;
    const keep = last ? 0 : incompleteTail(chunk);
    this.carry = Buffer.from(chunk.subarray(chunk.length - keep));
    chunk = chunk.subarray(0, chunk.length - keep);
    this.noteInvalid(chunk);
    const base = this.scanned;
    const first = this.structure.scan(chunk, base);
    this.scanned += chunk.length;
    let at = 0;
    for (let i = 0; first + i < this.structure.total && !this.stopped; i++) {
      const { offset, depth, opens } = this.structure.at(first + i);
      // An error in what is parsed at once takes its good tokens with it: so cut after each element.
      if (this.found ? opens || depth > this.depth : !opens) continue;
      const end = offset + 1 - base;
      this.parsePart(chunk.toString('utf8', at, end));
      at = end;
    }
    if (!this.stopped) this.parsePart(chunk.toString('utf8', at));
  }

  private parsePart(text: string): void {
    for (const token of each<Token>(this.parse(text))) {
      this.take(token);
      if (this.stopped) return;
    }
  }

  private noteInvalid(chunk: Buffer): void {
    if (isUtf8(chunk)) return;
    for (let at = 0; at < chunk.length; ) {
      const next = firstInvalidUtf8(chunk.subarray(at));
      if (next < 0) return;
      this.invalid.push(this.scanned + at + next);
      at += next + 1;
    }
  }

  private take(token: Token): void {
    if (this.done) return;
    let start = this.offset;
    let opens = false;
    switch (token.name) {
      case 'startObject':
      case 'startArray':
        opens = true;
        this.offset = this.structure.next();
        start = this.offset;
        this.open.push(start);
        break;
      case 'endObject':
      case 'endArray':
        this.offset = this.structure.next();
        start = this.open.pop()!;
        break;
      default:
        break;
    }
    for (const selected of this.select ? each<Token>(this.select(token)) : [token]) {
      if (!this.found) {
        this.found = true;
        if (opens) this.depth = this.open.length;
      }
      for (const item of each<{ value: unknown }>(this.assemble(selected))) this.emit(item.value, start);
    }
    if (this.depth >= 0 && this.open.length < this.depth) this.done = true;
  }

  private emit(value: unknown, start: number): void {
    const end = this.offset + 1;
    while (this.invalid.length && this.invalid[0]! < start) this.invalid.shift();
    const invalidUtf8 = this.invalid.length && this.invalid[0]! < end ? this.invalid[0]! : -1;
    this.onElement({ value, start, end, invalidUtf8 });
  }
}

/** Length of a UTF-8 sequence at the end of a chunk whose rest may be in the next: 0 to 3. */
function incompleteTail(chunk: Buffer): number {
  for (let k = 1; k <= 3 && k <= chunk.length; k++) {
    const byte = chunk[chunk.length - k]!;
    if ((byte & 0xc0) === 0x80) continue;
    const need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return need > k ? k : 0;
  }
  return 0;
}
