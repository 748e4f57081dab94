import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { parquetWriteFile } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { wikiToText } from '../../src/ingest/wiki/markup.ts';
import { listFiles, type Outcome, put, readAll, readSlice, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();
const texts = (outcome: Outcome) => outcome.documents.map(({ text }) => text);
const reasons = (outcome: Outcome) => outcome.rejects.map(({ reason }) => reason);
const read = (options: object, limits = {}) => readAll({ inputs: [options] }, folder, limits);

/** Every file cut at every place gives what it gives whole, and goes on from every cursor. */
async function expectSplittable(options: object, step: number): Promise<void> {
  const [file] = await listFiles({ inputs: [options] }, folder);
  const whole = await readSlice(file!);
  for (let cut = step; cut < file!.size; cut += step) {
    const parts = [await readSlice(file!, 0, cut), await readSlice(file!, cut, file!.size)];
    expect(parts.flatMap(texts), `cut at ${cut}`).toEqual(texts(whole));
  }
  await expectResumes(options);
}

async function expectResumes(options: object): Promise<void> {
  const [file] = await listFiles({ inputs: [options] }, folder);
  const whole = await readSlice(file!, 0, file!.size, undefined, { batchDocuments: 1 });
  for (const { cursor, documents } of whole.cursors) {
    const rest = await readSlice(file!, 0, file!.size, cursor);
    expect(texts(rest)).toEqual(texts(whole).slice(documents));
  }
}

describe('CSV', () => {
  it('maps columns to fields, with quotes, line breaks and a BOM', async () => {
    put(
      folder,
      'a.csv',
      '\ufeffid,text,lang\r\n1,"one, ""two""\r\nand three",en\r\n\r\n2,vier,de\r\n3,a " in the middle,en\n',
    );
    const outcome = await read({ files: 'a.csv' });
    expect(texts(outcome)).toEqual(['one, "two"\r\nand three', 'vier', 'a " in the middle']);
    expect(outcome.documents.map(({ id, metadata }) => [id, metadata.lang])).toEqual([
      ['1', 'en'],
      ['2', 'de'],
      ['3', 'en'],
    ]);
    const bytes = readFileSync(join(folder, 'a.csv'));
    expect(bytes.subarray(outcome.documents[1]!.start, outcome.documents[1]!.end).toString()).toBe(
      '2,vier,de',
    );
    await expectResumes({ files: 'a.csv' });
  });

  it('takes tabs, other delimiters, and names for files without a header', async () => {
    put(folder, 'a.tsv', 'text\tn\none, two\t1\n');
    expect(texts(await read({ files: 'a.tsv' }))).toEqual(['one, two']);
    put(folder, 'b.csv', 'eins;1\nzwei;2\n');
    const options = { files: 'b.csv', delimiter: ';', columns: ['text', 'n'] };
    expect(texts(await read(options))).toEqual(['eins', 'zwei']);
    await expectResumes(options);
  });

  it('sets bad records aside, each alone, with its place', async () => {
    put(folder, 'bad.csv', 'id,text\n1,one\n2,two,too many\n3,"open\n4,four\n5,"quoted" no\n6,six\n');
    const outcome = await read({ files: 'bad.csv' });
    expect(texts(outcome)).toEqual(['one', 'four', 'six']);
    expect(outcome.rejects.map(({ reason, error }) => [reason, error.problem.offset])).toEqual([
      ['invalid-csv', 14],
      ['invalid-csv', 29],
      ['invalid-csv', 44],
    ]);
  });

  it('reads what csv-parse reads', async () => {
    const cell = fc.string({ unit: fc.constantFrom(...'ab",\n; ä'), maxLength: 8 });
    const rows = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 });
    const quote = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    await fc.assert(
      fc.asyncProperty(rows, async (values) => {
        const csv = `text,other\n${values.map((row) => row.map(quote).join(',')).join('\n')}\n`;
        put(folder, 'p.csv', csv);
        const expected = (parse(csv, { columns: true, skip_empty_lines: true }) as { text: string }[]).map(
          (row) => row.text,
        );
        expect(texts(await read({ files: 'p.csv' }))).toEqual(expected.filter((text) => text !== ''));
      }),
      { numRuns: 60 },
    );
  });
});

describe('Parquet', () => {
  const rows = 300;
  const column = (name: string, data: unknown[]) => ({ name, data });
  const write = (name: string, rowGroupSize: number) =>
    parquetWriteFile({
      filename: join(folder, name),
      rowGroupSize,
      columnData: [
        column(
          'content',
          Array.from({ length: rows }, (_, i) => (i === 7 ? '' : `text ${i} ${'x'.repeat(300)}`)),
        ),
        column(
          'key',
          Array.from({ length: rows }, (_, i) => BigInt(i)),
        ),
        column(
          'meta',
          Array.from({ length: rows }, (_, i) => ({ score: i / 2 })),
        ),
        column(
          'unused',
          Array.from({ length: rows }, (_, i) => `unused ${i}`),
        ),
      ] as never,
    });

  it('maps columns, reads only those asked for, and may be cut between row groups', async () => {
    write('a.parquet', 32);
    const fields = { text: 'content', id: 'key', metadata: ['meta.score'] };
    const outcome = await read({ files: 'a.parquet', fields });
    expect(outcome.documents.length).toBe(rows - 1);
    expect(reasons(outcome)).toEqual(['empty-text']);
    expect(outcome.documents[10]).toMatchObject({ id: '11', metadata: { 'meta.score': 5.5 } });
    expect(
      (await read({ files: 'a.parquet', fields: { text: 'content' } })).documents[0]!.metadata,
    ).toMatchObject({
      key: 0,
      unused: 'unused 0',
    });
    await expectSplittable({ files: 'a.parquet', fields }, 3001);
  });

  it('says which column is missing, and where a file is damaged', async () => {
    write('b.parquet', 100);
    expect((await read({ files: 'b.parquet' })).rejects[0]!.error.message).toMatch(
      /column 'text'.*content, key/s,
    );
    const bytes = readFileSync(join(folder, 'b.parquet'));
    put(folder, 'cut.parquet', bytes.subarray(0, bytes.length - 100));
    expect(reasons(await read({ files: 'cut.parquet' }))).toEqual(['corrupt-input']);
    const flipped = Buffer.from(bytes);
    flipped.fill(0xff, 4, 60);
    put(folder, 'flipped.parquet', flipped);
    const outcome = await read({ files: 'flipped.parquet', fields: { text: 'content' } });
    expect(reasons(outcome)).toContain('corrupt-input');
    // The other row groups are read.
    expect(outcome.documents.length).toBe(200);
  });
});

describe('compressions', () => {
  const lines = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ text: `line ${i} of some text` }));
  const jsonl = Buffer.from(lines.join('\n'));

  it('Brotli is told by its name, read as a stream, and damage is located', async () => {
    const packed = brotliCompressSync(jsonl);
    put(folder, 'a.jsonl.br', packed);
    expect((await read({ files: 'a.jsonl.br' })).documents.length).toBe(3000);
    put(folder, 'cut.jsonl.br', packed.subarray(0, packed.length >> 1));
    const cut = await read({ files: 'cut.jsonl.br' });
    expect(reasons(cut)).toEqual(['truncated-input']);
    expect(cut.documents.length).toBeGreaterThan(100);
  });

  // Made by bzip2 1.0.8: printf '{"text":"one"}\n{"text":"two"}\n' | bzip2 -9, twice.
  const BZ2 = Buffer.from(
    'QlpoOTFBWSZTWWrOF2cAAA1ZgAAQEAAAEAIBhMogADEA000CVNHqbSepBihWNmWLyhWlZDh8XckU4UJBqzhdnA==',
    'base64',
  );

  it('bzip2 is told by its content, in one stream or several', async () => {
    const made = BZ2;
    put(folder, 'a.data', made);
    put(folder, 'b.data', Buffer.concat([made, made]));
    const one = await read({ files: 'a.data', format: 'jsonl' });
    const two = await read({ files: 'b.data', format: 'jsonl' });
    expect(texts(one)).toEqual(['one', 'two']);
    expect(texts(two)).toEqual(['one', 'two', 'one', 'two']);
    put(folder, 'c.data', made.subarray(0, made.length - 8));
    expect(reasons(await read({ files: 'c.data', format: 'jsonl' }))).toEqual(['truncated-input']);
    const flipped = Buffer.from(made);
    flipped[24]! ^= 4;
    put(folder, 'd.data', flipped);
    expect(reasons(await read({ files: 'd.data', format: 'jsonl' }))).toEqual(['corrupt-input']);
  });
});

describe('mbox', () => {
  it('parts mails, unquotes ">From ", and may be cut anywhere', async () => {
    const mail = (n: number, body: string) =>
      `From someone@example.org Mon Jan  1 00:00:00 2024\nSubject: mail ${n}\nMessage-ID: <${n}@x>\n\n${body}\n`;
    put(
      folder,
      'a.mbox',
      `${mail(1, 'first\n>From here on\nFrom in a line')}\n${mail(2, `second ${'words '.repeat(12_000)}`)}\n${mail(3, 'third')}`,
    );
    const outcome = await read({ files: 'a.mbox' });
    expect(outcome.documents.map(({ metadata }) => metadata.subject)).toEqual(['mail 1', 'mail 2', 'mail 3']);
    expect(texts(outcome)[0]).toBe('first\nFrom here on\nFrom in a line');
    await expectSplittable({ files: 'a.mbox' }, 4999);
    put(folder, 'no.mbox', 'Subject: x\n\ny\n');
    expect(reasons(await read({ files: 'no.mbox' }))).toEqual(['not-mbox']);
  });
});

describe('HTML files', () => {
  it('give their own text, and all of it where asked', async () => {
    mkdirSync(join(folder, 'site'), { recursive: true });
    const prose = 'The committee met on Tuesday, and after a long debate it agreed to publish the report.';
    put(folder, 'site/a.html', `<title>T</title><nav><a href=/>Home</a></nav><p>${prose}</p>`);
    put(folder, 'site/b.htm', '<ul><li><a href=/>only</a><li><a href=/>links</a></ul>');
    const outcome = await read({ files: 'site/**' });
    expect(texts(outcome)).toEqual([prose]);
    expect(outcome.documents[0]!.metadata).toMatchObject({ title: 'T', charset: 'utf-8' });
    expect(reasons(outcome)).toEqual(['empty-text']);
    expect(texts(await read({ files: 'site/**', extract: 'all' }))).toEqual([
      `Home\n\n${prose}`,
      '- only\n- links',
    ]);
  });
});

const page = (id: number, title: string, text: string, more = '<ns>0</ns>') =>
  `  <page>\n    <title>${title}</title>\n    ${more}\n    <id>${id}</id>\n    <revision>\n      <id>9</id>\n      <timestamp>2024-01-01T00:00:00Z</timestamp>\n      <text bytes="1" xml:space="preserve">${text}</text>\n    </revision>\n  </page>\n`;

describe('Wikipedia dumps', () => {
  const dump = `<mediawiki>\n<siteinfo></siteinfo>\n${page(1, 'One &amp; all', "'''One''' is a [[number|natural number]].")}${page(2, 'Two', '#REDIRECT [[One]]', '<ns>0</ns><redirect title="One" />')}${page(3, 'Talk:One', 'chat', '<ns>1</ns>')}${Array.from({ length: 300 }, (_, i) => page(10 + i, `Page ${i}`, `Text of page ${i}. ${createHash('sha256').update(String(i)).digest('hex').repeat(4)}`)).join('')}</mediawiki>\n`;

  it('give the articles, plain and cut anywhere', async () => {
    put(folder, 'testwiki-2024-pages-articles.xml', dump);
    const outcome = await read({ files: 'testwiki-2024-pages-articles.xml' });
    expect(outcome.rejects).toEqual([]);
    expect(outcome.documents.length).toBe(301);
    expect(outcome.documents[0]).toMatchObject({
      id: 'testwiki-2024-pages-articles.xml#1',
      text: 'One is a natural number.',
      metadata: { title: 'One & all', pageId: '1', timestamp: '2024-01-01T00:00:00Z' },
    });
    await expectSplittable({ files: 'testwiki-2024-pages-articles.xml' }, 14_983);
    put(folder, 'testwiki-pages-articles.xml.gz', gzipSync(dump));
    expect((await read({ files: 'testwiki-pages-articles.xml.gz' })).documents.length).toBe(301);
  });
});

describe('wiki markup', () => {
  it.each([
    ["'''Bold''' and ''italic''", 'Bold and italic'],
    ['{{Infobox|a={{b|c}}\n|d=[[e]]}}Text{{cite}}.', 'Text.'],
    ['a [[b]] [[c|d]] [[File:x.png|thumb|a [[nested]] caption]] [[Category:Y]]e', 'a b d e'],
    ['{| class="x"\n! a\n|-\n| b {{c}}\n|}\nafter', 'after'],
    ['x<ref name="a">no</ref>y<ref name=b />z', 'xyz'],
    ['== One ==\nText.\n=== Empty ===\n== Two ==\nMore.', 'One\n\nText.\n\nTwo\n\nMore.'],
    ['Text.\n== References ==\n* a\n== Next ==\nb', 'Text.\n\nNext\n\nb'],
    ['* a\n** b\n# c\n: d', '- a\n  - b\n- c\nd'],
    ['[http://x.org label] and [http://y.org]', 'label and'],
    ['a &amp;nbsp; b &lt;i&gt;', 'a &nbsp; b <i>'],
    ["<nowiki>[[not]] a ''link''</nowiki>", "[[not]] a ''link''"],
    ['<!-- no -->yes', 'yes'],
    ['unclosed {{ template and [[link', 'unclosed {{ template and [[link'],
    ['{{{{a}}}}b', 'b'],
  ])('%j', (markup, text) => {
    expect(wikiToText(markup)).toBe(text);
  });

  it('takes any text in bounded time', () => {
    for (const part of ['{{', '[[', '{|', '}}', ']]', "'''", '== a\n', '<ref', '<!--', '[http://x ']) {
      const start = performance.now();
      wikiToText(part.repeat(300_000 / part.length));
      expect(performance.now() - start, part).toBeLessThan(20_000);
    }
  });
});
