import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonLines } from '../../src/io/writers/json-lines.ts';
import { temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();
let count = 0;

async function written(objects: readonly { id: string; text: string }[], apart: boolean): Promise<Buffer> {
  const path = join(folder, `${count++}.jsonl`);
  const lines = new JsonLines(path, 'none');
  for (const object of objects)
    await (apart ? lines.addWithText({ ...object, text: '' }, Buffer.from(object.text)) : lines.add(object));
  await lines.finish();
  return readFileSync(path);
}

describe('JSON lines', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '"text":""',
      '\\"text\\":\\"\\"',
      '\u2028',
      '\ufeff',
      '\u0000\u001f\u007f\u0080\u009f',
      'é',
      '漢字',
    ),
  );
  const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));

  it('are those of JSON.stringify where the text comes as bytes, whatever stands before and behind it', async () => {
    const objects = fc.array(fc.record({ id: text, text, more: text }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(objects, async (list) => {
        const expected = list.map((object) => `${JSON.stringify(object)}\n`).join('');
        expect((await written(list, true)).toString()).toBe(expected);
        expect((await written(list, false)).toString()).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('may be longer than a block', async () => {
    const list = [3, 5_000_000, 100, 9_000_000, 1].map((n, i) => ({ id: `${i}`, text: 'ä"'.repeat(n) }));
    const bytes = await written(list, true);
    expect(bytes.equals(await written(list, false))).toBe(true);
    expect(
      bytes
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).text.length),
    ).toEqual(list.map(({ text: { length } }) => length));
  });
});
