import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InputFile } from '../../src/core/stage.ts';
import { listFiles, put, readAll, readSlice, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();

/** A file as the planner would hold it, splittable whatever its size. */
async function only(options: object, more: object = {}): Promise<InputFile> {
  const files = await listFiles({ inputs: [options], ...more }, folder);
  expect(files).toHaveLength(1);
  return files[0]!;
}

const texts = (documents: readonly { text: string }[]) => documents.map((d) => d.text);
const reasons = (rejects: readonly { reason: string }[]) => rejects.map((r) => r.reason);

describe('JSONL', () => {
  it('maps fields and gives every document its bytes', async () => {
    const lines = [
      '{"text":"one","id":"a","lang":"en","metadata":{"score":0.5}}',
      '{"id":7,"text":"zwei \u00fc"}',
      '{"text":"three"}',
    ];
    const content = lines.join('\n');
    put(folder, 'plain.jsonl', content);
    const { documents, rejects, consumed } = await readAll(
      { inputs: [{ files: 'plain.jsonl', corpus: 'mine' }] },
      folder,
    );
    expect(rejects).toEqual([]);
    expect(documents.map((d) => d.id)).toEqual([
      'a',
      '7',
      `plain.jsonl#${Buffer.byteLength(lines[0]! + lines[1]!) + 2}`,
    ]);
    expect(documents.map((d) => d.metadata)).toEqual([{ lang: 'en', score: 0.5 }, {}, {}]);
    expect(new Set(documents.map((d) => d.corpus))).toEqual(new Set(['mine']));
    const bytes = Buffer.from(content);
    expect(documents.map((d) => bytes.subarray(d.start, d.end).toString())).toEqual(lines);
    expect(consumed).toBe(bytes.length);
  });

  it('reaches into objects, takes the corpus and the group from fields, and picks metadata', async () => {
    put(folder, 'deep.jsonl', '{"a":{"b":"text"},"k":"x","src":"web","g":3,"more":1,"other":2}\n');
    const fields = { text: 'a.b', id: 'k', corpus: 'src', group: 'g', metadata: ['more', 'gone'] };
    const { documents } = await readAll({ inputs: [{ files: 'deep.jsonl', fields }] }, folder);
    const [{ id, text, corpus, group, metadata }] = documents as [(typeof documents)[0]];
    expect({ id, text, corpus, group, metadata }).toEqual({
      id: 'x',
      text: 'text',
      corpus: 'web',
      group: '3',
      metadata: { more: 1 },
    });
  });

  it('means what JSON.parse means, whatever is escaped and whatever is not ASCII', async () => {
    const word = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('\u00e9', '\\u00e9', '\ud83d\ude00', '\u0080', '\\'),
    );
    const record = fc.record({
      text: fc.tuple(word, fc.constant('x')).map((w) => w.join('')),
      id: word,
      '\u00e9': fc.jsonValue(),
      m: word,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(record, fc.boolean()), { minLength: 1, maxLength: 5 }),
        async (records) => {
          const lines = records.map(([one, escaped]) => {
            const json = JSON.stringify(one);
            const code = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
            return escaped ? json.replace(/[\u0080-\uffff]/g, code) : json;
          });
          put(folder, 'means.jsonl', lines.join('\n'));
          const { documents } = await readAll(
            { inputs: [{ files: 'means.jsonl', corpus: '\u00fc' }] },
            folder,
          );
          // Lone surrogates cannot be UTF-8: they come out as U+FFFD.
          expect(documents.map((d) => d.text)).toEqual(
            records.map(([one]) => Buffer.from(one.text).toString()),
          );
          const metadata = lines.map((line) => {
            const { text: _text, id: _id, ...rest } = JSON.parse(Buffer.from(line).toString());
            return rest;
          });
          expect(documents.map((d) => d.metadata)).toEqual(metadata);
          for (const [i, d] of documents.entries()) {
            const { id } = JSON.parse(Buffer.from(lines[i]!).toString()) as { id: string };
            expect(d.id).toBe(id === '' ? `means.jsonl#${d.start}` : id);
            expect(d.corpus).toBe('\u00fc');
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('sets bad lines aside, located, and goes on', async () => {
    const lines = [
      Buffer.from('{"text":"good"}'),
      Buffer.from('{"text":"broken"'),
      Buffer.from('{"txt":"no text"}'),
      Buffer.from('{"text":""}'),
      Buffer.from('[1,2]'),
      Buffer.concat([Buffer.from('{"text":"bad '), Buffer.from([0xff]), Buffer.from('"}')]),
      Buffer.from('   '),
      Buffer.from('{"text":"last"}'),
    ];
    const content = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
    put(folder, 'bad.jsonl', content);
    const { documents, rejects } = await readAll({ inputs: [{ files: 'bad.jsonl' }] }, folder);
    expect(texts(documents)).toEqual(['good', 'last']);
    expect(reasons(rejects)).toEqual([
      'invalid-json',
      'missing-text',
      'empty-text',
      'not-an-object',
      'invalid-utf-8',
    ]);
    expect(rejects.map((r) => r.bytes)).toEqual(lines.slice(1, 6).map((line) => line.length));
    const offsets = lines.map((_, i) => lines.slice(0, i).reduce((sum, line) => sum + line.length + 1, 0));
    expect(rejects.map((r) => r.error.problem.offset)).toEqual([...offsets.slice(1, 5), offsets[5]! + 13]);
    expect(rejects.map((r) => r.error.problem.record)).toEqual([1, 2, 3, 4, 5]);
    for (const { error } of rejects) expect(error.problem.file).toBe(join(folder, 'bad.jsonl'));
  });

  it('replaces invalid UTF-8 where that is asked for', async () => {
    put(
      folder,
      'replace.jsonl',
      Buffer.concat([Buffer.from('{"text":"a'), Buffer.from([0xff, 0xfe]), Buffer.from('b"}')]),
    );
    const { documents, rejects } = await readAll(
      { inputs: [{ files: 'replace.jsonl' }], onInvalidUtf8: 'replace' },
      folder,
    );
    expect(rejects).toEqual([]);
    expect(texts(documents)).toEqual(['a\ufffd\ufffdb']);
  });

  it('takes CRLF, a BOM and a last line without its end', async () => {
    put(folder, 'crlf.jsonl', '\ufeff{"text":"one"}\r\n{"text":"two"}\r\n\r\n{"text":"three"}');
    const { documents, rejects } = await readAll({ inputs: [{ files: 'crlf.jsonl' }] }, folder);
    expect(rejects).toEqual([]);
    expect(texts(documents)).toEqual(['one', 'two', 'three']);
    expect(documents.map((d) => [d.start, d.end])).toEqual([
      [3, 17],
      [19, 33],
      [37, 53],
    ]);
  });

  it('sets a record aside that is too large, wherever it lies', async () => {
    const big = `{"text":"${'x'.repeat(300)}"}`;
    const bigger = `{"text":"${'y'.repeat(3_000_000)}"}`;
    put(folder, 'large.jsonl', `{"text":"a"}\n${big}\n{"text":"b"}\n${bigger}\n{"text":"c"}\n${bigger}`);
    const { documents, rejects } = await readAll(
      { inputs: [{ files: 'large.jsonl' }], maxRecordBytes: 100 },
      folder,
    );
    expect(texts(documents)).toEqual(['a', 'b', 'c']);
    expect(reasons(rejects)).toEqual(['record-too-large', 'record-too-large', 'record-too-large']);
    expect(rejects.map((r) => r.bytes)).toEqual([big.length, bigger.length, bigger.length]);
    expect(rejects.map((r) => r.error.problem.offset)).toEqual([
      13,
      13 + big.length + 1 + 13,
      13 + big.length + 1 + 13 + bigger.length + 1 + 13,
    ]);
  });
});

describe('text', () => {
  it('is a document by file, without its BOM, in its own bytes', async () => {
    put(folder, 'whole.txt', '\ufeffLine one\r\nline two\n');
    const { documents } = await readAll({ inputs: [{ files: 'whole.txt' }] }, folder);
    expect(documents).toMatchObject([
      { id: 'whole.txt', source: 'whole.txt', start: 3, end: 22, text: 'Line one\r\nline two\n' },
    ]);
  });

  it('is cut by line, paragraph or separator', async () => {
    put(folder, 'cut.txt', '\n\nfirst\nstill first\r\n \t\r\nsecond\n\n\n\nthird');
    const read = (more: object) => readAll({ inputs: [{ files: 'cut.txt', ...more }] }, folder);
    const lines = await read({ unit: 'line' });
    expect(texts(lines.documents)).toEqual(['first', 'still first', 'second', 'third']);
    const paragraphs = await read({ unit: 'paragraph' });
    expect(texts(paragraphs.documents)).toEqual(['first\nstill first', 'second', 'third']);
    expect(paragraphs.documents.map((d) => [d.start, d.end])).toEqual([
      [2, 19],
      [25, 31],
      [35, 40],
    ]);
    put(folder, 'stories.txt', 'one<|endoftext|>\ntwo\nlines\n<|endoftext|>\n<|endoftext|>three');
    const stories = await readAll({ inputs: [{ files: 'stories.txt', separator: '<|endoftext|>' }] }, folder);
    expect(texts(stories.documents)).toEqual(['one', '\ntwo\nlines\n', 'three']);
  });

  it('rejects invalid UTF-8 at its byte', async () => {
    put(folder, 'latin.txt', Buffer.from('na\u00efve', 'latin1'));
    const { documents, rejects } = await readAll({ inputs: [{ files: 'latin.txt' }] }, folder);
    expect(documents).toEqual([]);
    expect(reasons(rejects)).toEqual(['invalid-utf-8']);
    expect(rejects[0]!.error.problem.offset).toBe(2);
  });

  it('sets a paragraph aside that is too large', async () => {
    put(folder, 'longp.txt', `a\n\n${'line\n'.repeat(100)}\nb\n\n${'z'.repeat(3_000_000)}\nz\n\nc`);
    const { documents, rejects } = await readAll(
      { inputs: [{ files: 'longp.txt', unit: 'paragraph' }], maxRecordBytes: 50 },
      folder,
    );
    expect(texts(documents)).toEqual(['a', 'b', 'c']);
    expect(rejects.map((r) => [r.reason, r.bytes])).toEqual([
      ['record-too-large', 500],
      ['record-too-large', 3_000_003],
    ]);
  });
});

describe('inputs', () => {
  it('counts an empty file, whatever its format', async () => {
    for (const name of ['empty.txt', 'empty.jsonl', 'empty.json', 'empty.eml']) put(folder, name, '');
    put(folder, 'blank.jsonl', ' \n\n');
    put(folder, 'empty.jsonl.gz', gzipSync(''));
    const files = ['empty.*', 'blank.jsonl'];
    const { documents, rejects } = await readAll({ inputs: [{ files }] }, folder);
    expect(documents).toEqual([]);
    expect(reasons(rejects)).toEqual(new Array(6).fill('empty-file'));
    const paths = rejects.map((r) => r.error.problem.file);
    expect(new Set(paths).size).toBe(6);
  });

  it('names what is missing', async () => {
    const list = (files: string | string[]) => listFiles({ inputs: [{ files }] }, folder);
    await expect(list('nowhere/x.jsonl')).rejects.toThrow(`${folder}/nowhere/x.jsonl: input not found`);
    await expect(list('nowhere/*.jsonl')).rejects.toThrow(`${folder}/nowhere/*.jsonl: no file matches`);
    await expect(list(folder)).rejects.toThrow('input is a folder');
    put(folder, 'what.bin', 'x');
    await expect(list('what.bin')).rejects.toThrow(
      /what\.bin: the name does not tell the format; expected `format`/,
    );
  });

  it('refuses options that do not belong together', async () => {
    const list = (input: object) => listFiles({ inputs: [input] }, folder);
    await expect(list({})).rejects.toThrow(/give `corpus` \(a card\) or `files`/);
    await expect(list({ corpus: 'sotu', unit: 'line' })).rejects.toThrow(/only with `files`/);
    await expect(list({ files: 'a.txt', folders: ['x'] })).rejects.toThrow(/only without `files`/);
    await expect(list({ files: 'a.txt', uint: 'line' })).rejects.toThrow(/Unrecognized key/);
  });

  it('lists in a stable order, numbers by value, each file once', async () => {
    mkdirSync(join(folder, 'tree/sub/.hidden'), { recursive: true });
    for (const name of ['p10.txt', 'p9.txt', 'a.md', 'sub/p1.txt', 'sub/.hidden/p.txt', 'skip.csv'])
      put(folder, join('tree', name), 'x');
    const files = await listFiles({ inputs: [{ files: ['tree/p9.txt', 'tree/**/*.{txt,md}'] }] }, folder);
    expect(files.map((file) => file.spec.source)).toEqual([
      'tree/p9.txt',
      'tree/a.md',
      'tree/p10.txt',
      'tree/sub/p1.txt',
    ]);
    expect(files[0]).toMatchObject({ size: 1, splittable: false });
  });

  it('lets plain files of records be cut, others not', async () => {
    const line = `${JSON.stringify({ text: 'x'.repeat(99) })}\n`.repeat(1000);
    put(folder, 'big.jsonl', line);
    put(folder, 'big.jsonl.gz', gzipSync(line, { level: 0 }));
    put(folder, 'big.txt', line);
    const splittable = async (input: object) => (await only(input)).splittable;
    expect(await splittable({ files: 'big.jsonl' })).toBe(true);
    expect(await splittable({ files: 'big.jsonl.gz' })).toBe(false);
    expect(await splittable({ files: 'big.txt' })).toBe(false);
    expect(await splittable({ files: 'big.txt', unit: 'line' })).toBe(true);
    expect(await splittable({ files: 'big.txt', unit: 'paragraph' })).toBe(false);
    expect(await splittable({ files: 'big.txt', separator: '<|endoftext|>' })).toBe(true);
    expect(await splittable({ files: 'big.txt', separator: '----' })).toBe(false);
  });

  it('says that a file was cut short while it was read', async () => {
    put(folder, 'shrinks.jsonl', '{"text":"a"}\n');
    const file = { ...(await only({ files: 'shrinks.jsonl' })), size: 100 };
    await expect(readSlice(file)).rejects.toThrow(/became shorter.*expected 100 bytes; found 13 bytes/);
  });
});

/** Files of every kind of trouble, small enough to be cut at every byte. */
const line = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => JSON.stringify({ text })),
  fc.constantFrom('x'.repeat(40), '', ' ', '\r', '{"text":', '[]', '{"text":"\u00e9\u4e16"}\r'),
);
const jsonl = fc
  .tuple(fc.boolean(), fc.array(line, { maxLength: 8 }), fc.boolean())
  .map(([bom, lines, end]) => (bom ? '\ufeff' : '') + lines.join('\n') + (end ? '\n' : ''));
const separated = fc
  .array(fc.constantFrom('a', 'y'.repeat(40), 'ab', '<|', '|>', '<|e|>', '\n', ' ', '\u00fc'), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));

const facts = (outcome: { documents: readonly { id: string; text: string; start: number; end: number }[] }) =>
  outcome.documents.map((d) => [d.id, d.text, d.start, d.end]);
const faults = (outcome: {
  rejects: readonly { reason: string; bytes: number; error: Error & { problem: { offset?: number } } }[];
}) => outcome.rejects.map((r) => [r.reason, r.bytes, r.error.problem.offset]);

describe('slices and cursors', () => {
  const kinds: [string, fc.Arbitrary<string>, object][] = [
    ['jsonl', jsonl, { format: 'jsonl' }],
    ['lines', jsonl, { format: 'text', unit: 'line' }],
    ['separator', separated, { format: 'text', separator: '<|e|>' }],
  ];

  it.each(kinds)('%s: the slices of any cut are together the whole', async (kind, content, options) => {
    await fc.assert(
      fc.asyncProperty(content, async (text) => {
        put(folder, `cut-${kind}`, text);
        const file = await only({ files: `cut-${kind}`, ...options }, { maxRecordBytes: 30 });
        if (file.size === 0) return;
        const whole = await readSlice(file);
        expect(whole.consumed).toBe(file.size);
        for (let cut = 1; cut < file.size; cut++) {
          const left = await readSlice(file, 0, cut);
          const right = await readSlice(file, cut, file.size);
          expect([...facts(left), ...facts(right)]).toEqual(facts(whole));
          const both = [...faults(left), ...faults(right)];
          // A file of white space alone is an empty file only as a whole.
          if (!reasons(whole.rejects).includes('empty-file')) expect(both).toEqual(faults(whole));
          expect(left.consumed + right.consumed).toBe(file.size);
        }
      }),
      { numRuns: 25 },
    );
  });

  const resumable: [string, fc.Arbitrary<string>, object][] = [
    ...kinds,
    ['paragraphs', jsonl, { format: 'text', unit: 'paragraph' }],
  ];
  const packings: [string, (text: string) => Buffer][] = [
    ['plain', (text) => Buffer.from(text)],
    ['gzip', (text) => gzipSync(text)],
  ];
  it.each(resumable)(
    '%s: a reader goes on from every cursor as if it had never stopped',
    async (kind, content, options) => {
      await fc.assert(
        fc.asyncProperty(
          content,
          fc.constantFrom(...packings),
          fc.integer({ min: 1, max: 3 }),
          async (text, [, pack], n) => {
            put(folder, `resume-${kind}`, pack(text));
            const file = await only({ files: `resume-${kind}`, ...options }, { maxRecordBytes: 30 });
            const limits = { batchDocuments: n };
            const whole = await readSlice(file, 0, file.size, undefined, limits);
            for (const at of whole.cursors) {
              const rest = await readSlice(file, 0, file.size, at.cursor, limits);
              expect(facts(rest)).toEqual(facts(whole).slice(at.documents));
              expect(faults(rest)).toEqual(faults(whole).slice(at.rejects));
              expect(rest.rejects.map((r) => r.error.message)).toEqual(
                whole.rejects.slice(at.rejects).map((r) => r.error.message),
              );
              expect(at.consumed + rest.consumed).toBe(file.size);
            }
          },
        ),
        { numRuns: 40 },
      );
    },
  );
});
