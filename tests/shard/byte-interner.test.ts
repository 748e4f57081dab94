import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteInterner, sourceHash } from '../../src/shard/byte-interner.ts';
import { GrowingBytes } from '../../src/shard/growable.ts';
import { getU64 } from '../../src/shard/u64.ts';

it('numbers byte strings as a Map of strings does, and keeps each once', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 3000 }), (texts) => {
      const strings = new GrowingBytes();
      const interner = new ByteInterner(strings);
      const known = new Map<string, number>();
      for (const text of texts) {
        const bytes = Buffer.from(text, 'utf8');
        const key = bytes.toString('latin1');
        if (!known.has(key)) known.set(key, known.size);
        expect(interner.index(bytes)).toBe(known.get(key));
      }
      expect(interner.size).toBe(known.size);
      for (const [key, i] of known) {
        const at = getU64(interner.entries.data, 4 * i);
        const bytes = strings.data.subarray(at, at + getU64(interner.entries.data, 4 * i + 2));
        expect(Buffer.from(bytes).toString('latin1')).toBe(key);
      }
    }),
    { numRuns: 30 },
  );
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 3000 }), fc.nat(1000), (texts, cut) => {
      const one = new ByteInterner(new GrowingBytes());
      const strings = new GrowingBytes();
      const all = new ByteInterner(strings);
      const encoded = texts.map((text) => Buffer.from(text, 'utf8'));
      const numbers = encoded.map((bytes) => one.index(bytes));
      const found: number[] = [];
      for (const part of [encoded.slice(0, cut), encoded.slice(cut)]) {
        const known = part.flatMap((bytes) => [bytes.length, sourceHash(bytes, 0, bytes.length)]);
        const out = new Uint32Array(3 * part.length);
        all.indexAll(Buffer.concat(part), Uint32Array.from(known), part.length, out, 3, 1);
        for (let k = 0; k < part.length; k++) found.push(out[3 * k + 1]!);
      }
      expect(found).toEqual(numbers);
      expect(all.entries.bytes()).toEqual(one.entries.bytes());
      expect(strings.length).toBe(
        [...new Set(texts)].reduce((sum, text) => sum + Buffer.byteLength(text), 0),
      );
    }),
    { numRuns: 30 },
  );
  const many = new ByteInterner(new GrowingBytes());
  for (let i = 0; i < 20_000; i++) expect(many.index(Buffer.from(`https://example.org/${i}`))).toBe(i);
  for (let i = 0; i < 20_000; i += 7) expect(many.index(Buffer.from(`https://example.org/${i}`))).toBe(i);
});
