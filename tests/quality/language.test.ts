import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { language } from '../../src/quality/judges/language.ts';
import { LanguageIdentifier } from '../../src/quality/language/model.ts';
import { paragraphRanges } from '../../src/quality/language/paragraphs.ts';
import { PipelineFolder } from '../execute/pipeline-folder.ts';

const ENGLISH =
  'The weather was fine this morning, and everyone in the village walked down to the river before breakfast.';
const GERMAN =
  'Das Wetter war heute Morgen schön, und alle im Dorf gingen vor dem Frühstück hinunter zum Fluss.';

function judge(text: string, given: unknown) {
  const options = language.options.parse(given);
  const identifier = LanguageIdentifier.open();
  const view = viewOf(text);
  const values = language.judge.measure(view, options, identifier);
  return {
    values: Array.from(values),
    names: language.judge.describe!(values, options, identifier, view),
    verdict: language.judge.decide(values, options),
  };
}

describe('language', () => {
  it('keeps what is surely in one language, by default whichever', () => {
    expect(judge(ENGLISH, {})).toMatchObject({ names: { language: 'en' }, verdict: { keep: true } });
    expect(judge(GERMAN, {})).toMatchObject({ names: { language: 'de' }, verdict: { keep: true } });
    expect(judge('', {}).verdict).toMatchObject({ reason: 'unsure-language', threshold: 0.65 });
  });
  it('drops unwanted and unsure languages, with the probability', () => {
    const german = judge(GERMAN, { languages: ['en', 'fr'] });
    expect(german.verdict).toMatchObject({ reason: 'unwanted-language', value: 0, threshold: 1 });
    const strict = judge(ENGLISH, { minProbability: 0.9999 });
    expect(strict.values[0]).toBeGreaterThan(0.9);
    expect(strict.verdict).toMatchObject({ reason: 'unsure-language', threshold: 0.9999 });
    expect(judge(ENGLISH, { minProbability: strict.values[0] }).verdict.keep).toBe(true);
  });
  it('measures the share of paragraphs in the own language', () => {
    const text = `${ENGLISH}\n\n${ENGLISH}\n \t\n${GERMAN}\n\nok\n`;
    const mixed = judge(text, { paragraphs: true, minMainShare: 0.9, minProbability: 0.1 });
    const size = (s: string) => Buffer.byteLength(s);
    const germanBytes = size(GERMAN) + 4;
    expect(mixed.values[2]).toBeCloseTo((2 * size(ENGLISH)) / (2 * size(ENGLISH) + germanBytes), 12);
    expect(Object.keys(mixed.names['language-shares'] as object)).toEqual(['en', 'de']);
    expect(mixed.verdict).toMatchObject({ reason: 'mixed-languages', threshold: 0.9 });
    expect(judge(text, { minMainShare: 0.9, minProbability: 0.1 }).verdict.keep).toBe(true);
  });
  it('finds the ranges of paragraphs', () => {
    const text = Buffer.from('\n a\nb\n\n\t\nc\n\n');
    expect(paragraphRanges(text).map(({ start, end }) => text.toString('utf8', start, end))).toEqual([
      ' a\nb',
      'c',
    ]);
    expect(paragraphRanges(Buffer.from(' \n'))).toEqual([]);
  });
});

describe('in a pipeline', () => {
  let folder: PipelineFolder;
  beforeEach(() => {
    folder = new PipelineFolder();
  });
  afterEach(() => folder.remove());

  it('drops by language, and what stays carries code and signals', async () => {
    const lines = [ENGLISH, GERMAN, ENGLISH, '0 1 2'].map((text, i) => JSON.stringify({ id: `${i}`, text }));
    folder.write('in.jsonl', lines.join('\n'));
    const { summary } = await folder.go(
      `name: t\nsteps:\n  - read: {inputs: [{files: in.jsonl}]}\n  - language: {languages: [en]}\n  - write: {folder: out, format: jsonl, compression: none}\n`,
    );
    const tally = summary.steps.find(({ name }) => name === 'language')!.tally!;
    const reasons = Object.keys(tally.drops).sort();
    expect(tally.out.documents).toBe(2);
    expect(reasons.length).toBeGreaterThan(0);
    expect(Object.keys(tally.histograms)).toEqual([
      'language.probability',
      'language.wanted',
      'language.main-share',
    ]);
    const { readFileSync, readdirSync } = await import('node:fs');
    const out = readdirSync(`${folder.path}/out`).filter((name) => name.includes('.jsonl'));
    const rows = out.flatMap((name) => readFileSync(`${folder.path}/out/${name}`, 'utf8').trim().split('\n'));
    expect(rows.length).toBe(2);
    for (const row of rows) {
      expect(row).toContain('"language":"en"');
      expect(row).toContain('language.probability');
    }
  });
});
