import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonElement, JsonElements } from '../../src/io/json-elements.ts';
import { listFiles, put, readAll, readSlice, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();
const texts = (documents: readonly { text: string }[]) => documents.map((d) => d.text);

describe('elements of a JSON array', () => {
  it('are what JSON.parse finds, in any portions, at their bytes', () => {
    const element = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom({ 'a"]}': '\\"}{[' }, [[], {}], '\\', '"', { text: '\u4e16\ud83d\ude00' }),
    );
    const space = fc.constantFrom('', ' ', '\n\t');
    fc.assert(
      fc.property(
        fc.array(element, { maxLength: 6 }),
        space,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (values, gap, step, nested) => {
          const array = `[${values.map((value) => gap + JSON.stringify(value) + gap).join(',')}]`;
          const bytes = Buffer.from(
            nested ? `{"x":[{"a":{"b":1}}],"a":{"c":[1],"b":${array}},"z":2}` : array,
          );
          const found: JsonElement[] = [];
          const elements = new JsonElements(nested ? 'a.b' : undefined, (one) => found.push(one));
          for (let at = 0; at < bytes.length && !elements.done; at += step)
            elements.feed(bytes.subarray(at, at + step), at + step >= bytes.length);
          expect(elements.done).toBe(true);
          expect(found.map((one) => one.value)).toEqual(JSON.parse(JSON.stringify(values)));
          for (const { value, start, end, invalidUtf8 } of found) {
            expect(invalidUtf8).toBe(-1);
            if (typeof value === 'object' && value !== null)
              expect(JSON.parse(bytes.toString('utf8', start, end))).toEqual(value);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('format json', () => {
  it('reads an object as one record, named after its file', async () => {
    put(folder, 'one.json', '\ufeff{"text":"hello","n":1}');
    const { documents } = await readAll({ inputs: [{ files: 'one.json' }] }, folder);
    expect(documents).toMatchObject([
      { id: 'one.json', text: 'hello', metadata: { n: 1 }, start: 0, end: 25 },
    ]);
  });

  it('reads arrays, at the top and at a path, plain and compressed', async () => {
    const records = Array.from({ length: 3000 }, (_, i) => ({
      text: `text ${i} \u00fc`,
      id: i,
      deep: { list: [i] },
    }));
    put(folder, 'top.json', JSON.stringify(records, null, 1));
    put(folder, 'path.json.gz', gzipSync(JSON.stringify({ other: [1], data: { items: records }, rest: {} })));
    for (const input of [{ files: 'top.json' }, { files: 'path.json.gz', path: 'data.items' }]) {
      const { documents, rejects, consumed } = await readAll({ inputs: [input] }, folder, {
        batchDocuments: 700,
      });
      expect(rejects).toEqual([]);
      expect(texts(documents)).toEqual(records.map((r) => r.text));
      expect(documents.map((d) => d.id)).toEqual(records.map((r) => String(r.id)));
      const [file] = await listFiles({ inputs: [input] }, folder);
      expect(consumed).toBe(file!.size);
    }
  });

  it('goes on from every cursor as if it had never stopped', async () => {
    const records = Array.from({ length: 50 }, (_, i) => (i % 7 === 3 ? { no: i } : { text: `text ${i}` }));
    put(folder, 'resume.json', JSON.stringify(records));
    const [file] = await listFiles({ inputs: [{ files: 'resume.json' }] }, folder);
    const whole = await readSlice(file!, 0, file!.size, undefined, { batchDocuments: 4 });
    expect(whole.documents).toHaveLength(43);
    expect(whole.rejects.map((r) => r.reason)).toEqual(new Array(7).fill('missing-text'));
    expect(whole.cursors.length).toBe(11);
    for (const at of whole.cursors) {
      const rest = await readSlice(file!, 0, file!.size, at.cursor, { batchDocuments: 4 });
      expect(rest.documents.map((d) => [d.id, d.text])).toEqual(
        whole.documents.slice(at.documents).map((d) => [d.id, d.text]),
      );
      expect(rest.rejects.map((r) => r.error.message)).toEqual(
        whole.rejects.slice(at.rejects).map((r) => r.error.message),
      );
      expect(at.consumed + rest.consumed).toBe(file!.size);
    }
  });

  it('sets bad elements aside at their bytes', async () => {
    const content = Buffer.concat([
      Buffer.from('[{"text":"a"}, 17, {"txt":1}, {"text":"'),
      Buffer.from([0xe9]),
      Buffer.from('"}, {"text":"b"}]'),
    ]);
    put(folder, 'bad.json', content);
    const { documents, rejects } = await readAll({ inputs: [{ files: 'bad.json' }] }, folder);
    expect(texts(documents)).toEqual(['a', 'b']);
    expect(rejects.map((r) => [r.reason, r.error.problem.record, r.error.problem.offset])).toEqual([
      ['not-an-object', 1, 12],
      ['missing-text', 2, 19],
      ['invalid-utf-8', 3, 39],
    ]);
    const replaced = await readAll({ inputs: [{ files: 'bad.json' }], onInvalidUtf8: 'replace' }, folder);
    expect(texts(replaced.documents)).toEqual(['a', '\ufffd', 'b']);
  });

  it.each([
    ['[{"text":"a"},{"text":"b"},{"text": oops}]', undefined, 'invalid-json', ['a', 'b']],
    ['[{"text":"a"},{"text":"b"}', undefined, 'truncated-input', ['a', 'b']],
    ['[{"text":"a"},{"text":"b', undefined, 'truncated-input', ['a']],
    ['[{"text":"a"}] [{"text":"b"}]', undefined, 'invalid-json', ['a']],
    ['{"text":"a"', undefined, 'invalid-json', []],
    ['{"text":"a"}{"text":"b"}', undefined, 'invalid-json', []],
    ['{"a":{"c":[{"text":"x"}]}}', 'a.b', 'missing-path', []],
    ['{"a":{"b":{"text":"x"}}}', 'a.b', 'not-an-array', []],
    ['[]', undefined, 'empty-file', []],
    ['  \n', undefined, 'empty-file', []],
  ])('%s at %s: %s', async (content, path, reason, wanted) => {
    put(folder, 'case.json', content);
    const { documents, rejects } = await readAll({ inputs: [{ files: 'case.json', path }] }, folder);
    expect(texts(documents)).toEqual(wanted);
    expect(rejects.map((r) => r.reason)).toEqual([reason]);
    expect(rejects[0]!.error.message.includes('case.json')).toBe(true);
  });

  it('keeps the elements before the cut of a compressed document', async () => {
    const packed = gzipSync(
      JSON.stringify(Array.from({ length: 2000 }, (_, i) => ({ text: `${i * 7919}` }))),
    );
    put(folder, 'cut.json.gz', packed.subarray(0, packed.length - 1000));
    const { documents, rejects } = await readAll({ inputs: [{ files: 'cut.json.gz' }] }, folder);
    expect(documents.length).toBeGreaterThan(1000);
    expect(texts(documents)).toEqual(Array.from({ length: documents.length }, (_, i) => `${i * 7919}`));
    expect(rejects.map((r) => r.reason)).toEqual(['truncated-input']);
  });

  it('stops at an element that is larger than allowed, and says so', async () => {
    put(
      folder,
      'large.json',
      JSON.stringify([{ text: 'a' }, { text: 'x'.repeat(2_000_000) }, { text: 'b' }]),
    );
    const { documents, rejects } = await readAll(
      { inputs: [{ files: 'large.json' }], maxRecordBytes: 1000 },
      folder,
    );
    expect(texts(documents)).toEqual(['a']);
    expect(rejects.map((r) => r.reason)).toEqual(['record-too-large']);
    expect(rejects[0]!.error.message).toMatch(/the rest of the file is not read/);
  });
});
