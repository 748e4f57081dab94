import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { DocumentBatch } from '../../src/core/batch.ts';
import {
  addDocuments,
  DIMENSIONS,
  emptyStatistics,
  lengthClass,
  mergeStatistics,
  ordered,
  type Statistics,
} from '../../src/quality/statistics.ts';
import { PipelineFolder } from '../execute/pipeline-folder.ts';

const FIELDS = { urlField: 'url', languageField: 'language' };

interface Text {
  readonly text: string;
  readonly corpus: string;
  readonly url?: string;
  readonly language?: string;
}

function batchOf(texts: readonly Text[]): DocumentBatch {
  return DocumentBatch.from(
    texts.map(({ text, corpus, ...metadata }, i) => ({
      id: `${i}`,
      corpus,
      source: 's',
      start: 0,
      end: 1,
      text,
      metadata: JSON.parse(JSON.stringify(metadata)) as Record<string, string>,
    })),
  );
}

function statisticsOf(texts: readonly Text[]): Statistics {
  const all = emptyStatistics(DIMENSIONS);
  addDocuments(all, batchOf(texts), FIELDS);
  return all;
}

const anyText: fc.Arbitrary<Text> = fc.record(
  {
    text: fc.string({ unit: 'grapheme', maxLength: 80 }),
    corpus: fc.constantFrom('a', 'constructor', '__proto__'),
    url: fc.constantFrom('https://x.example/a', 'http://y.example:80/b?c', 'no url'),
    language: fc.constantFrom('en', 'de'),
  },
  { requiredKeys: ['text', 'corpus'] },
);

describe('statistics', () => {
  it('count what is there', () => {
    const { total, by } = statisticsOf([
      { text: 'two words\n', corpus: 'a', url: 'https://www.x.example/p', language: 'en' },
      { text: 'äöü 😀\nthird', corpus: 'b' },
      { text: '', corpus: 'b' },
    ]);
    expect(total).toMatchObject({ documents: 3, bytes: 10 + 17, characters: 10 + 11, words: 5, lines: 3 });
    expect(by.domain!['www.x.example']).toMatchObject({ documents: 1, words: 2, lines: 1 });
    expect(by.domain!['']!.documents).toBe(2);
    expect(by.language!.en!.documents).toBe(1);
    expect(by.corpus!.b).toMatchObject({ documents: 2, lines: 2 });
    expect(Object.keys(by.length!).sort()).toEqual(['0', '2-3']);
    expect([0, 1, 2, 3, 4, 127, 128].map(lengthClass)).toEqual([
      '0',
      '1',
      '2-3',
      '2-3',
      '4-7',
      '64-127',
      '128-255',
    ]);
  });

  it('merge: those of parts are those of the whole, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 20 }), fc.nat(20), (texts, cut) => {
        const merged = emptyStatistics(DIMENSIONS);
        for (const part of [texts.slice(cut), texts.slice(0, cut)])
          mergeStatistics(merged, JSON.parse(JSON.stringify(ordered(statisticsOf(part)))) as Statistics);
        expect(JSON.stringify(ordered(merged))).toBe(JSON.stringify(ordered(statisticsOf(texts))));
        for (const groups of Object.values(merged.by))
          expect(Object.values(groups).reduce((sum, { documents }) => sum + documents, 0)).toBe(texts.length);
      }),
    );
  });

  describe('as a step', () => {
    const folder = new PipelineFolder();
    afterAll(() => folder.remove());

    it('leaves the same file whatever the partitions, and passes every document on', async () => {
      const texts = fc
        .sample(anyText, { numRuns: 200, seed: 7 })
        .map((one, i) => ({ ...one, text: `${i} ${one.text}` }));
      folder.write('a.jsonl', texts.map((one) => JSON.stringify(one)).join('\n'));
      const files: string[] = [];
      for (const [name, run] of [
        ['one', '{ workers: 1 }'],
        ['many', '{ workers: 3, batchDocuments: 5, partitionBytes: 70000, partBytes: 3000 }'],
      ]) {
        const yaml = `
name: counted
run: ${run}
steps:
  - read: { inputs: [{ files: [a.jsonl], fields: { corpus: corpus } }] }
  - stats: { file: out/${name}.json }
  - length
`;
        const { summary } = await folder.go(yaml, [], { runFolder: join(folder.path, `run-${name}`) });
        expect(summary.steps[2]!.tally!.in.documents).toBe(200);
        expect(summary.steps[1]!.outcome).toMatchObject({ documents: 200 });
        files.push(readFileSync(join(folder.path, `out/${name}.json`), 'utf8'));
      }
      expect(files[1]).toBe(files[0]);
      expect((JSON.parse(files[0]!) as Statistics).total.documents).toBe(200);
    });
  });
});
