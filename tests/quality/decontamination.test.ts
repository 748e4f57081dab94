import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetWriteFile } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { minhashDedupOptions, resolveMinhash } from '../../src/dedup/minhash-options.ts';
import { foldedWords, shingleHashes } from '../../src/dedup/twin.ts';
import { NgramIndexBuilder } from '../../src/quality/decontamination/build.ts';
import {
  evaluationSetSchema,
  readEvaluationSet,
  textAt,
} from '../../src/quality/decontamination/evaluation-sets.ts';
import { readNgramIndex, writeNgramIndex } from '../../src/quality/decontamination/index-file.ts';
import { NgramMatcher, overlapsOf } from '../../src/quality/decontamination/match.ts';
import { NgramHasher, type Tokenization } from '../../src/quality/decontamination/ngrams.ts';
import { type ContaminatedDocument, readContamination } from '../../src/quality/decontamination/report.ts';
import { PipelineFolder } from '../execute/pipeline-folder.ts';

const GSM8K = '../shared/data/jsonl/gsm8k-test.jsonl.gz';
const bytes = (text: string) => Buffer.from(text);

function hashes(text: string, n: number, tokenization: Tokenization): bigint[] {
  const found: bigint[] = [];
  new NgramHasher(n, tokenization).run(bytes(text), (words, count, first) => {
    expect(first).toBe(found.length);
    for (let i = 0; i < count; i++) found.push((BigInt(words[2 * i + 1]!) << 32n) | BigInt(words[2 * i]!));
  });
  return found;
}

describe('n-grams', () => {
  const texts = fc
    .array(
      fc.constantFrom('Ships', ' ', ', ', 'Ärger', '漢字', '\n', '12', '😀', "don't", 'x', '\u0301', '-'),
    )
    .map((parts) => parts.join(''));
  it('are hashed as the plain twin hashes them', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 6 }), fc.boolean(), (text, n, characters) => {
        const tokenization = characters ? 'characters' : 'words';
        const parameters = {
          ...resolveMinhash(minhashDedupOptions.parse({})),
          shingleSize: n,
          splitter: tokenization,
        } as Parameters<typeof shingleHashes>[1];
        const plain = shingleHashes(text, parameters);
        const isShort = !characters && foldedWords(text).length < n;
        const mine = hashes(text, n, tokenization);
        if (isShort) expect(mine).toEqual([]);
        else if (mine.length > 0 || plain.length > 1) expect(mine).toEqual(plain);
      }),
      { numRuns: 200 },
    );
  });
  it('of a long text do not depend on where chunks end', () => {
    const random = new Random('chunks');
    const words = Array.from({ length: 40_000 }, () => `w${random.below(500)}ß`);
    const whole = hashes(words.join(' '), 13, 'words');
    expect(whole.length).toBe(words.length - 12);
    for (const at of [0, 9000, 20_001, words.length - 13])
      expect(whole[at]).toBe(hashes(words.slice(at, at + 13).join('\n'), 13, 'words')[0]);
  });
});

describe('index', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'provender-ngrams-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('finds what brute force finds, after it was written and read', async () => {
    const random = new Random('index');
    const text = (length: number) => Array.from({ length }, () => 'abcdefgh'[random.below(8)]).join(' ');
    const examples = Array.from({ length: 60 }, () => text(random.below(12)));
    const builder = new NgramIndexBuilder(4, 'words');
    examples.forEach((example, i) => {
      builder.add({ set: 's', name: `${i}` }, bytes(example));
    });
    const path = join(folder, 'index');
    await writeNgramIndex(path, builder.finish().parts);
    const index = readNgramIndex(path);
    const matcher = new NgramMatcher(index);
    const grams = (s: string) => {
      const words = s.split(' ').filter(Boolean);
      return new Set(words.slice(3).map((_, i) => words.slice(i, i + 4).join(' ')));
    };
    expect(index.ngrams).toBe(new Set(examples.flatMap((example) => [...grams(example)])).size);
    expect(builder.shortExamples).toBe(examples.filter((example) => grams(example).size === 0).length);
    for (let k = 0; k < 200; k++) {
      const document = text(1 + random.below(20));
      const mine = grams(document);
      const expected = examples
        .map((example, i) => ({
          example: i,
          ngrams: [...grams(example)].filter((gram) => mine.has(gram)).length,
        }))
        .filter(({ ngrams }) => ngrams > 0);
      const found = overlapsOf(index, matcher.hits(bytes(document)));
      const plain = found
        .map(({ example, ngrams }) => ({ example, ngrams }))
        .sort((a, b) => a.example - b.example);
      expect(plain).toEqual(expected);
      for (const { example, share, ngrams } of found)
        expect(share).toBe(ngrams / grams(examples[example]!).size);
    }
  });

  it('is refused with a place where it is damaged', async () => {
    const builder = new NgramIndexBuilder(2, 'words');
    builder.add({ set: 's', name: 'e' }, bytes('one two three'));
    const path = join(folder, 'index');
    await writeNgramIndex(path, builder.finish().parts);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 5) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x41;
      // The last eight bytes of the header hold nothing.
      if (at >= 56 && at < 64) continue;
      writeFileSync(path, damaged);
      expect(() => readNgramIndex(path), `byte ${at}`).toThrow(/index.*expected/);
    }
    writeFileSync(path, whole.subarray(0, whole.length - 1));
    expect(() => readNgramIndex(path)).toThrow(/another size/);
  });

  it('takes sets from JSONL and Parquet, nested fields and lists included', async () => {
    const rows = [
      { question: 'Which one?', choices: { text: ['red', 'green'] } },
      { question: 'And now?', choices: { text: ['blue'] } },
    ];
    writeFileSync(join(folder, 'set.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    parquetWriteFile({
      filename: join(folder, 'set.parquet'),
      columnData: [
        { name: 'question', data: rows.map(({ question }) => question), type: 'STRING' },
        { name: 'choices', data: rows.map(({ choices }) => choices), type: 'JSON' },
      ],
    });
    for (const files of ['set.jsonl', 'set.parquet']) {
      const set = evaluationSetSchema.parse({ files, fields: ['question', 'choices.text'] });
      const found = [];
      for await (const example of readEvaluationSet(set, folder, new AbortController().signal))
        found.push(example);
      expect(found).toEqual([
        { set: 'set', name: `${files}#0`, text: 'Which one? red green' },
        { set: 'set', name: `${files}#1`, text: 'And now? blue' },
      ]);
    }
    expect(textAt({ a: { b: [1, 'x', { c: 'y' }] } }, 'a.b')).toBe('1 x y');
    expect(textAt({ a: 1 }, 'a.b')).toBe('');
  });
});

const random = new Random('documents');
const FILLER =
  'river stone light morning water road house window small green walked slowly under bridge old'.split(' ');
const filler = (length: number) =>
  Array.from({ length }, () => FILLER[random.below(FILLER.length)]).join(' ');

describe.skipIf(!existsSync(GSM8K))('decontaminate', () => {
  let folder: PipelineFolder;
  beforeEach(() => {
    folder = new PipelineFolder();
  });
  afterEach(() => folder.remove());

  /** 400 documents; every 25th has the question of an example, in other case and punctuation. */
  function plant(): Map<string, number> {
    const examples = gunzipSync(readFileSync(GSM8K)).toString().trim().split('\n');
    const planted = new Map<string, number>();
    const lines: string[] = [];
    for (let i = 0; i < 400; i++) {
      let text = filler(60);
      if (i % 25 === 0) {
        const { question } = JSON.parse(examples[i]!) as { question: string };
        planted.set(`d${i}`, i);
        text = `${text}\n${question.toUpperCase().replaceAll(',', ' -- ')}\n${filler(30)}`;
      }
      lines.push(JSON.stringify({ id: `d${i}`, text }));
    }
    folder.write('in.jsonl', lines.join('\n'));
    folder.write('gsm8k-test.jsonl.gz', readFileSync(GSM8K));
    return planted;
  }
  const yaml = (options: string, run = '') => `name: t
run: {partitionBytes: 65536, partBytes: 20000${run}}
steps:
  - read: {inputs: [{files: in.jsonl}]}
  - index-evaluation: {sets: [{files: gsm8k-test.jsonl.gz, fields: [question, answer]}]}
  - decontaminate: ${options}
  - write: {folder: out, format: jsonl, compression: none}
`;
  function report(): ContaminatedDocument[] {
    const units = join(folder.run, 'units');
    const name = readdirSync(units).find(
      (unit) => unit.endsWith('decontaminate') && existsSync(join(units, unit, 'artifact')),
    );
    return [...readContamination(join(units, name!, 'artifact'))];
  }

  it('drops exactly the documents in which examples were planted, and says which', async () => {
    const planted = plant();
    const { summary } = await folder.go(yaml('{}'));
    const { tally } = summary.steps.find(({ name }) => name === 'decontaminate')!;
    expect(tally!.drops).toEqual({ contaminated: { documents: planted.size, bytes: expect.any(Number) } });
    const lines = report();
    expect(lines.map(({ id, matches }) => [id, matches[0]!.example])).toEqual(
      [...planted].map(([id, example]) => [id, `gsm8k-test.jsonl.gz#${example}`]),
    );
    for (const { matches, contaminated } of lines) {
      expect(contaminated).toBe(true);
      expect(matches[0]!.text.split(' ')).toHaveLength(13);
    }
    // Neither the number of workers nor where partitions end changes the report.
    const before = JSON.stringify(lines);
    rmSync(folder.run, { recursive: true });
    await folder.go(yaml('{}', ', workers: 2').replace('65536', '1000000'));
    expect(JSON.stringify(report())).toBe(before);
  });

  it('only marks where it is asked to, and by thresholds', async () => {
    const planted = plant();
    const { summary } = await folder.go(yaml('{mode: mark, minShare: 0.2}'));
    const step = summary.steps.find(({ name }) => name === 'decontaminate')!;
    expect(step.tally!.out.documents).toBe(400);
    const lines = report();
    const over = lines.filter(({ matches }) => matches.some(({ ngrams, of }) => ngrams / of >= 0.2));
    expect(over.length).toBeGreaterThan(0);
    expect(lines.filter(({ contaminated }) => contaminated)).toEqual(over);
    expect(lines.length).toBe(planted.size);
    const out = readdirSync(join(folder.path, 'out')).filter((name) => name.endsWith('.jsonl'));
    const rows = out.flatMap((name) =>
      readFileSync(join(folder.path, 'out', name), 'utf8')
        .trim()
        .split('\n'),
    );
    expect(rows.filter((row) => row.includes('contaminatedBy')).length).toBe(over.length);
  });

  it('counts nothing that more documents have than common speech may', async () => {
    plant();
    const examples = gunzipSync(readFileSync(GSM8K)).toString().trim().split('\n');
    const { question } = JSON.parse(examples[3]!) as { question: string };
    const lines = readFileSync(join(folder.path, 'in.jsonl'), 'utf8').split('\n');
    for (let i = 1; i <= 5; i++)
      lines[i] = JSON.stringify({ id: `d${i}`, text: `${filler(40)} ${question}` });
    folder.write('in.jsonl', lines.join('\n'));
    await folder.go(yaml('{maxDocuments: 4}'));
    expect(report().some(({ id }) => /^d[1-5]$/.test(id))).toBe(false);
    await folder.go(yaml('{maxDocuments: 5}'));
    expect(report().filter(({ id }) => /^d[1-5]$/.test(id)).length).toBe(5);
  });
});

describe('held-out-overlap', () => {
  it('drops training documents that have a passage of a held-out one, and no others', async () => {
    const folder = new PipelineFolder();
    try {
      const texts = Array.from({ length: 200 }, (_, i) => `${filler(40)} number ${i} ${filler(20)}`);
      folder.write('in.jsonl', texts.map((text, i) => JSON.stringify({ id: `d${i}`, text })).join('\n'));
      const base =
        'name: t\nsteps:\n  - read: {inputs: [{files: in.jsonl}]}\n  - hold-out: {fraction: 0.1}\n';
      const heldOut = new Set<string>();
      await folder.go(`${base}  - held-out-overlap: {}\n`);
      const { browse } = await import('../../src/report/browse.ts');
      for await (const { document } of browse(folder.run, { step: 'hold-out', limit: 1000 }))
        if (document.split === 'held-out') heldOut.add(document.id);
      expect(heldOut.size).toBeGreaterThan(5);
      const victims = [...Array(200).keys()].filter((i) => !heldOut.has(`d${i}`) && i % 20 === 7);
      const source = Number([...heldOut][0]!.slice(1));
      const passage = texts[source]!.split(' ').slice(30, 50).join(' ');
      for (const i of victims) texts[i] = `${texts[i]} ${passage} end`;
      folder.write('in.jsonl', texts.map((text, i) => JSON.stringify({ id: `d${i}`, text })).join('\n'));
      await folder.go(`${base}  - held-out-overlap: {}\n`);
      const refused: string[] = [];
      for await (const { document, refusal } of browse(folder.run, {
        step: 'held-out-overlap',
        refused: true,
        limit: 1000,
      })) {
        refused.push(document.id);
        expect(refusal).toMatchObject({ reason: 'overlaps-held-out', detail: `local d${source}` });
      }
      expect(refused.sort()).toEqual(victims.map((i) => `d${i}`).sort());
    } finally {
      folder.remove();
    }
  });
});
