import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SOURCE_BLOCK, sourceEntry } from '../../src/shard/format.ts';
import { GrowingBytes } from '../../src/shard/growable.ts';
import { STAGE_DOCUMENTS } from '../../src/shard/index-stage.ts';
import { SourceTable } from '../../src/shard/source-table.ts';

/** The plain twin: numbers by a Map, and what a shard is to hold of them. */
class Plain {
  readonly known = new Map<string, number>();
  readonly own: Buffer[] = [];
  readonly entries: { end: number; shared: number }[] = [];
  private whole: Uint8Array = Buffer.alloc(0);
  private end = 0;

  index(source: Buffer): number {
    const key = source.toString('latin1');
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const number = this.known.size;
    this.known.set(key, number);
    let shared = 0;
    if (number % SOURCE_BLOCK === 0) this.whole = source;
    else
      while (
        shared < Math.min(source.length, this.whole.length, 65_535) &&
        source[shared] === this.whole[shared]
      )
        shared++;
    this.own.push(source.subarray(shared));
    this.end += source.length - shared;
    this.entries.push({ end: this.end, shared });
    return number;
  }
}

function expectSame(table: SourceTable, strings: GrowingBytes, plain: Plain): void {
  expect(table.size).toBe(plain.known.size);
  expect(Buffer.from(strings.bytes()).equals(Buffer.concat(plain.own))).toBe(true);
  expect(plain.entries.map((_, i) => sourceEntry(table.entries.data, 2 * i))).toEqual(plain.entries);
  expect(table.entries.length).toBe(2 * plain.entries.length);
}

const source = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc
    .tuple(fc.constantFrom('https://example.org/', 'crawl/a.warc.gz\thttps://'), fc.string())
    .map((parts) => parts.join('')),
);

it('numbers sources as a Map does, keeps each once, and shares what they begin with', () => {
  fc.assert(
    fc.property(fc.array(source, { maxLength: 3000 }), fc.nat(STAGE_DOCUMENTS), (texts, cut) => {
      const strings = new GrowingBytes();
      const table = new SourceTable(strings);
      // What was there before is forgotten.
      table.index(Buffer.from('before'));
      table.clear();
      strings.length = 0;
      const plain = new Plain();
      const encoded = texts.map((text) => Buffer.from(text, 'utf8'));
      for (let from = 0, n = cut; from < encoded.length; from += n, n = 1 + ((n * 7) % STAGE_DOCUMENTS)) {
        const part = encoded.slice(from, from + n);
        const expected = part.map((bytes) => plain.index(bytes));
        if (n % 3 === 0) {
          expect(part.map((bytes) => table.index(bytes))).toEqual(expected);
          continue;
        }
        const out = new Uint32Array(3 * part.length);
        const lengths = Uint32Array.from(part, ({ length }) => length);
        table.indexAll(Buffer.concat(part), lengths, part.length, out, 3, 1);
        expect(part.map((_, k) => out[3 * k + 1])).toEqual(expected);
      }
      expectSame(table, strings, plain);
    }),
    { numRuns: 40 },
  );
});

it('its memory grows under it: many sources, and ones longer than it was', () => {
  const strings = new GrowingBytes();
  const table = new SourceTable(strings);
  const plain = new Plain();
  for (let i = 0; i < 60_000; i++) {
    const long = i % 9973 === 5 ? 'x'.repeat(70_000 + i) : '';
    const bytes = Buffer.from(`https://example.org/${long}${i % 50_000}`);
    expect(table.index(bytes)).toBe(plain.index(bytes));
  }
  expectSame(table, strings, plain);
});
