import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteInterner } from '../../src/shard/byte-interner.ts';
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
  const many = new ByteInterner(new GrowingBytes());
  for (let i = 0; i < 20_000; i++) expect(many.index(Buffer.from(`https://example.org/${i}`))).toBe(i);
  for (let i = 0; i < 20_000; i += 7) expect(many.index(Buffer.from(`https://example.org/${i}`))).toBe(i);
});
