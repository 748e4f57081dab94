import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { digestOf } from '../../src/core/hash.ts';
import { writeReceipt } from '../../src/report/receipt.ts';
import { dayName, dayNumber, labelled, languageName, languageNumber } from '../../src/shard/labels.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { renderCard } from '../../src/shard/receipt/card.ts';
import { makeReceipt, type RunFacts } from '../../src/shard/receipt/receipt.ts';
import { removeDocuments } from '../../src/shard/remove.ts';
import { ShardTracer } from '../../src/shard/trace.ts';
import { build, makeDocuments, newFolder, type TestDocument } from './make-shards.ts';

/** Documents with dates, languages and URLs in their metadata, as the step `shard` takes them in. */
function datedDocuments(): TestDocument[] {
  return makeDocuments(120, 91).map((document, i) => {
    const metadata = {
      ...(i % 4 ? { date: `20${10 + (i % 7)}-0${1 + (i % 9)}-11T10:00:00Z` } : {}),
      ...(i % 3 ? { language: i % 2 ? 'en' : 'de' } : {}),
      ...(i % 5 === 0 ? { url: `https://site-${i % 10}.example/page/${i}` } : {}),
    };
    return { ...document, row: labelled({ ...document.row, metadata }) };
  });
}

const FACTS: RunFacts = {
  name: 'a | test',
  pipeline: 'f00d',
  seed: 1,
  corpora: new Map([['alpha', { title: 'Alpha', origin: 'made\nup', licence: 'CC0 1.0', digest: 'abc' }]]),
  read: { documents: 200, bytes: 5000 },
  refused: [{ step: 'length', reason: 'too-short', documents: 80, bytes: 900 }],
  units: [{ unit: 'shard', outputDigest: 'beef' }],
};

describe('what a shard keeps of metadata', () => {
  it('languages survive as numbers', () => {
    for (const tag of ['en', 'zh-hant', 'x', 'abcdefghij', 'qaa', 'sr-latn-rs'])
      expect(languageName(languageNumber(tag)!)).toBe(tag);
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9-]{1,10}$/), (tag) => {
        const number = languageNumber(tag)!;
        expect(Number.isSafeInteger(number)).toBe(true);
        expect(languageName(number)).toBe(tag);
      }),
    );
    expect(languageNumber('EN_us')).toBe(languageNumber('en-us'));
    expect(languageNumber('much too long')).toBeUndefined();
  });

  it('dates are days in UTC, whatever the zone of the machine', () => {
    const known: [string | number, string | undefined][] = [
      [1851, '1851-01-01'],
      ['2002-08-22', '2002-08-22'],
      ['2002-08-22T23:30:00-05:00', '2002-08-23'],
      ['2002-08-22T23:30:00', '2002-08-22'],
      ['2002-08', '2002-08-01'],
      ['Thu, 22 Aug 2002 18:26:25 +0700', '2002-08-22'],
      ['1790', '1790-01-01'],
      ['20020822', undefined],
      ['22 Aug 2002', undefined],
      ['2002-13-45', undefined],
      [17, undefined],
      ['soon', undefined],
    ];
    for (const [date, day] of known) {
      const number = dayNumber(date);
      expect([date, number === undefined ? undefined : dayName(number)]).toEqual([date, day]);
    }
  });

  it('a URL stays beside the file, and finds and removes its documents', async () => {
    const documents = datedDocuments();
    const { folder } = await build(documents, { shardTokens: 400 });
    const tracer = await ShardTracer.open(folder);
    const wanted = 'https://site-5.example/page/15';
    const [place, ...others] = tracer.find({ source: wanted });
    expect(others).toEqual([]);
    expect(place!.document).toMatchObject({ id: 'dé-15', url: wanted });
    const original = makeDocuments(120, 91)[15]!.row.source;
    expect(place!.document.source).toBe(original);
    const bySource = tracer.find({ source: 'books/one.txt' });
    expect(bySource.length).toBe(
      makeDocuments(120, 91).filter(({ row }) => row.source === 'books/one.txt').length,
    );
    await tracer.close();
    const { documents: removed } = await removeDocuments(folder, { sources: [wanted], reason: 'a takedown' });
    expect(removed).toBe(1);
  });
});

describe('the receipt', () => {
  it('counts what the shards hold, by corpus, source, language and year', async () => {
    const documents = datedDocuments();
    const { folder, index } = await build(documents, { shardTokens: 400 });
    const receipt = await makeReceipt(folder, FACTS);
    const { digest, ...rest } = receipt;
    expect(digestOf(rest)).toBe(digest);
    const counted = (name: (document: TestDocument, i: number) => string) => {
      const sums: Record<string, [number, number]> = {};
      documents.forEach((document, i) => {
        const sum = (sums[name(document, i)] ??= [0, 0]);
        if (document.row.split !== 'train') return;
        sum[0]++;
        sum[1] += document.tokens.length + 1;
      });
      return sums;
    };
    const told = (all: readonly { name: string; train: { documents: number; tokens: number } }[]) =>
      Object.fromEntries(all.map(({ name, train }) => [name, [train.documents, train.tokens]]));
    const { contents } = receipt;
    expect(told(receipt.corpora)).toEqual(counted(({ row }) => row.corpus));
    expect(told(contents.languages)).toEqual(counted((_, i) => (i % 3 ? (i % 2 ? 'en' : 'de') : 'unknown')));
    expect(told(contents.years)).toEqual(counted((_, i) => (i % 4 ? `20${10 + (i % 7)}` : 'unknown')));
    expect(told(contents.sources)).toEqual(
      counted((_, i) => (i % 5 === 0 ? `site-${i % 10}.example` : i % 2 ? 'example.org' : 'books')),
    );
    expect(contents.others).toMatchObject({ sources: 0 });
    const dates = documents
      .map((_, i) => (i % 4 ? `20${10 + (i % 7)}-0${1 + (i % 9)}-11` : ''))
      .filter(Boolean);
    expect([contents.oldest, contents.newest]).toEqual([dates.sort()[0], dates.sort().at(-1)]);
    expect(receipt.digests.files.length).toBe(
      index.splits.train.shards.length + index.splits['held-out'].shards.length,
    );
    expect(receipt.corpora.map(({ terms }) => terms?.licence ?? null)).toEqual(['CC0 1.0', null, null]);
  });

  it('is the same for the same shards, and tells of removals', async () => {
    const { folder } = await build(datedDocuments(), { shardTokens: 400 });
    const other = await build(datedDocuments(), { shardTokens: 400, parts: 3 });
    const receipt = await makeReceipt(folder, FACTS);
    expect(await makeReceipt(other.folder, FACTS)).toEqual(receipt);
    await removeDocuments(folder, { sources: ['books/one.txt'], reason: 'asked for' });
    const after = await makeReceipt(folder, FACTS);
    expect(after.digest).not.toBe(receipt.digest);
    expect(after.removals).toMatchObject([{ reason: 'asked for' }]);
    expect(after.contents.sources.map(({ name }) => name)).not.toContain('books');
  });

  it('is a dataset card whose header is YAML and whose tables hold', async () => {
    const { folder } = await build(datedDocuments(), { shardTokens: 400 });
    const card = renderCard(await makeReceipt(folder, FACTS), { parquet: true });
    const [, header, body] = /^---\n(.*?)\n---\n(.*)$/s.exec(card)!;
    expect(parse(header!)).toEqual({
      pretty_name: 'a | test',
      license: 'other',
      license_name: 'see-corpora',
      language: ['de', 'en'],
      size_categories: ['n<1K'],
      task_categories: ['text-generation'],
      tags: ['provender', 'tokenized'],
      configs: [
        {
          config_name: 'default',
          data_files: [
            { split: 'train', path: 'data/train-*.parquet' },
            { split: 'validation', path: 'data/validation-*.parquet' },
          ],
        },
      ],
    });
    expect(body).toContain('# a \\| test');
    expect(body).toContain('| CC0 1.0 | made up |');
    expect(body).toContain('| length | too-short | 80 | 900 B |');
    for (const block of body!.split('\n\n').filter((text) => text.startsWith('|'))) {
      const columns = block
        .trim()
        .split('\n')
        .map((row) => row.replaceAll('\\|', '').split('|').length);
      expect(new Set(columns).size).toBe(1);
    }
  });

  it('is written beside shards that no run made', async () => {
    const { folder } = await build(makeDocuments(50, 92));
    const to = newFolder();
    const receipt = await writeReceipt(folder, undefined, to);
    expect(JSON.parse(readFileSync(join(to, 'receipt.json'), 'utf8'))).toEqual(receipt);
    expect(receipt).toMatchObject({
      pipeline: null,
      contents: { oldest: null, years: [{ name: 'unknown' }] },
    });
    expect(readFileSync(join(to, 'README.md'), 'utf8')).not.toContain('## Years');
    const loader = await ShardLoader.open(folder, { split: 'train', context: 8, rows: 1, orderSeed: 0 });
    expect(receipt.splits.train.tokens).toBe(loader.tokens);
    await loader.close();
  });
});
