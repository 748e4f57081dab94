import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DocumentBatch } from '../../src/core/batch.ts';
import type { NewDocument } from '../../src/core/document.ts';
import { IntegrityError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import type { Barrier } from '../../src/core/stage.ts';
import { BloomFilter } from '../../src/dedup/bloom-filter.ts';
import { ngramDedup, ngramDedupOptions } from '../../src/dedup/ngram-dedup.ts';
import { paragraphDedup, paragraphDedupOptions } from '../../src/dedup/paragraph-dedup.ts';
import { RankBuckets } from '../../src/dedup/rank-buckets.ts';
import { sentenceDedup, sentenceDedupOptions } from '../../src/dedup/sentence-dedup.ts';
import { byteUnits } from '../../src/dedup/split-lines.ts';
import { document, jobContext, runBarrier, scratch, tapParts } from './harness.ts';

const LOOSE = { minBytesLeft: 0, minWordsLeft: 0 };
const paragraphs = (more: Record<string, unknown> = {}) =>
  paragraphDedupOptions.parse({ ...LOOSE, minBytes: 1, ...more });

function lines(text: string, unit: 'line' | 'paragraph'): [string, string][] {
  const bytes = Buffer.from(text);
  return [...byteUnits(bytes, unit)].map(({ start, end, next }) => [
    bytes.toString('utf8', start, end),
    bytes.toString('utf8', end, next),
  ]);
}

describe('byteUnits', () => {
  it('splits at newlines, or at empty lines, and gives what goes with each', () => {
    expect(lines('', 'line')).toEqual([]);
    expect(lines('\n \n', 'line')).toEqual([]);
    expect(lines(' a \n\nb\nc', 'line')).toEqual([
      ['a', ' \n\n'],
      ['b', '\n'],
      ['c', ''],
    ]);
    expect(lines('a\nb\n\nc\n\n\n\nd\n', 'paragraph')).toEqual([
      ['a\nb', '\n\n'],
      ['c', '\n\n\n\n'],
      ['d', '\n'],
    ]);
  });

  it('loses no byte that is not white space', () => {
    const random = new Random('units');
    for (let trial = 0; trial < 300; trial++) {
      const text = Array.from({ length: random.below(30) }, () => 'ab \n\n\n'[random.below(6)]).join('');
      for (const unit of ['line', 'paragraph'] as const) {
        const found = lines(text, unit);
        expect(
          found
            .map(([own]) => own)
            .join('')
            .replace(/\s/g, ''),
        ).toBe(text.replace(/\s/g, ''));
        if (unit === 'line')
          expect(found.map(([own]) => own)).toEqual(
            text
              .split('\n')
              .map((x) => x.trim())
              .filter(Boolean),
          );
        else
          expect(found.map(([own]) => own)).toEqual(
            text
              .split(/\n{2,}/)
              .map((x) => x.trim())
              .filter(Boolean),
          );
      }
    }
  });
});

describe('BloomFilter', () => {
  it('never forgets a key, and takes others for seen as often as it says', () => {
    const random = new Random('bloom');
    for (const rate of [0.1, 0.01, 0.001]) {
      const filter = new BloomFilter(20_000, rate);
      const keys = Array.from({ length: 20_000 }, () => [random.uint32(), random.uint32()] as const);
      for (const [low, high] of keys) filter.add(low, high);
      expect(keys.every(([low, high]) => filter.has(low, high))).toBe(true);
      let wrong = 0;
      const trials = 100_000;
      for (let i = 0; i < trials; i++) if (filter.has(random.uint32(), random.uint32())) wrong++;
      const deviation = Math.sqrt(trials * rate * (1 - rate));
      expect(Math.abs(wrong - trials * rate)).toBeLessThan(4 * deviation + 0.1 * trials * rate);
      expect(filter.rate).toBeGreaterThan(rate * 0.8);
      expect(filter.rate).toBeLessThan(rate * 1.2);
      expect(filter.bytes * 8).toBeLessThan(20_000 * (-Math.log(rate) / Math.LN2 ** 2) + 100);
    }
  });
});

const MENU = 'Home | About us | Contact | Imprint';
const site: NewDocument[] = [
  document('a', `${MENU}\n\nThe first page says this.\n\n${MENU}\n`),
  document('b', `${MENU}\n\nThe second page says that.\n\n${MENU}`),
  document('c', `The third page has none.`),
  document('d', ''),
  document('e', 'word'),
  document('f', `word\n\n${MENU}`),
];

describe('RankBuckets', () => {
  it('gives the records back by rank', () => {
    const random = new Random('buckets');
    // As many bytes as five buckets have.
    const buckets = new RankBuckets(join(scratch(), 'ranks'), 10_000, 5 * (1 << 26));
    expect(buckets.count).toBe(5);
    const order = Array.from({ length: 10_000 }, (_, i) => i).sort(() => random.next() - 0.5);
    for (const rank of order) buckets.add(Uint32Array.from({ length: 1 + (rank % 7) }, (_, i) => rank + i));
    const found = [0, 1, 2, 3, 4].flatMap((bucket) => buckets.sorted(bucket));
    expect(found.map((record) => record[0])).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    expect(
      found.every(
        (record) =>
          record.length === 1 + (record[0]! % 7) && record.at(-1) === record[0]! + record.length - 1,
      ),
    ).toBe(true);
    buckets.dispose();
  });
});

describe('paragraph-dedup', () => {
  it.each(['exact', 'bloom'])('keeps one of each paragraph: %s', async (method) => {
    const { texts, summary, counts } = await runBarrier(
      paragraphDedup.barrier,
      paragraphs({ method, keep: 'earliest', falsePositiveRate: 1e-6 }),
      [site],
    );
    expect([...texts]).toEqual([
      ['a', `${MENU}\n\nThe first page says this.\n\n`],
      ['b', 'The second page says that.\n\n'],
      ['c', 'The third page has none.'],
      ['d', ''],
      ['e', 'word'],
      ['f', ''],
    ]);
    expect(summary).toMatchObject({ documents: 6, method, units: 10, keys: 10, duplicateUnits: 5 });
    expect(counts).toMatchObject({ 'documents-with-spans': 3, 'edited-documents': 3 });
  });

  it('prefers held-out documents, which stay as they are, and counts what goes for them', async () => {
    for (const method of ['exact', 'bloom']) {
      const held = document('h', `${MENU}\n\nHeld out.\n\n${MENU}`, { split: 'held-out' });
      const { texts, counts } = await runBarrier(paragraphDedup.barrier, paragraphs({ method }), [
        site,
        [held],
      ]);
      expect(texts.get('h')).toBe(held.text);
      for (const id of ['a', 'b', 'f']) expect(texts.get(id)).not.toContain('Home');
      expect(counts['span-bytes-of-held-out']).toBeGreaterThan(4 * MENU.length);
    }
  });

  it('finds the same in many passes over a small table', async () => {
    const random = new Random('passes');
    const many = Array.from({ length: 40 }, (_, i) =>
      document(`d${i}`, Array.from({ length: 4000 }, () => random.below(100_000).toString(36)).join('\n')),
    );
    const run = async (memoryMiB: number) => {
      const options = paragraphs({ unit: 'line', keep: 'earliest', memoryMiB });
      const { texts, summary } = await runBarrier(paragraphDedup.barrier, options, [many]);
      return { left: [...texts.values()].join('\n').split('\n').filter(Boolean), passes: summary.passes };
    };
    const one = await run(64);
    const four = await run(1);
    expect(one.passes).toBe(1);
    expect(four.passes).toBe(3);
    expect(four.left).toEqual(one.left);
    expect(one.left).toEqual([...new Set(many.flatMap(({ text }) => (text as string).split('\n')))]);
  });

  it('can look past case and punctuation, leave short ones, and leave repeats inside a document', async () => {
    const pair = [document('x', 'SAME, same!\nagain\nagain'), document('y', 'same same\n}\n}\nother')];
    const run = async (more: Record<string, unknown>) => {
      const options = paragraphs({ unit: 'line', keep: 'earliest', ...more });
      const { texts } = await runBarrier(paragraphDedup.barrier, options, [pair]);
      return [...texts.values()];
    };
    expect(await run({})).toEqual(['SAME, same!\nagain\n', 'same same\n}\nother']);
    expect(await run({ by: 'normalized-text' })).toEqual(['SAME, same!\nagain\n', '}\nother']);
    expect(await run({ minBytes: 2 })).toEqual(['SAME, same!\nagain\n', 'same same\n}\n}\nother']);
    expect(await run({ withinDocument: false })).toEqual([
      'SAME, same!\nagain\nagain',
      'same same\n}\n}\nother',
    ]);
  });
});

describe('sentence-dedup', () => {
  it('removes runs of three sentences that occurred before, as the simplified text says', async () => {
    const shared = 'It was a dark night. The rain fell in torrents. A wind swept up the streets. ';
    const options = sentenceDedupOptions.parse({ ...LOOSE, keep: 'earliest' });
    const { texts } = await runBarrier(sentenceDedup.barrier, options, [
      [
        document('a', `One begins. ${shared}And ends — so.`),
        document('b', `Zwei fängt an. ${shared.toUpperCase()}Ünd endet anders.`),
        document('c', 'It was a dark night. The rain fell in torrents. Other things happened.'),
        document('d', 'Two only. Sentences.'),
      ],
    ]);
    expect(texts.get('a')).toContain(shared);
    expect(texts.get('b')).toBe('Zwei fängt an. Ünd endet anders.');
    expect(texts.get('c')).toContain('dark night');
    expect(texts.get('d')).toBe('Two only. Sentences.');
  });

  it('drops a document that is left with too few words', async () => {
    const text = Array.from({ length: 8 }, (_, i) => `Sentence number ${'x'.repeat(i)} of it is this.`).join(
      ' ',
    );
    const { refused } = await runBarrier(
      sentenceDedup.barrier,
      sentenceDedupOptions.parse({ keep: 'earliest' }),
      [[document('a', text), document('b', `${text} And one more.`)]],
    );
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({ id: 'b', drop: { reason: 'too-few-words-left', threshold: 50 } });
  });
});

describe('ngram-dedup', () => {
  const words = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ');
  const run = async (documents: NewDocument[], more: Record<string, unknown> = {}) => {
    const options = ngramDedupOptions.parse({ ...LOOSE, keep: 'earliest', falsePositiveRate: 1e-6, ...more });
    return (await runBarrier(ngramDedup.barrier, options, [documents])).texts;
  };

  it.each(['exact', 'bloom'])(
    'removes a line of whose 13-grams more than 0.8 came before: %s',
    async (method) => {
      const texts = await run(
        [
          document('a', words(0, 112)),
          // 100 n-grams: 81 of them seen, then 80.
          document('b', `${words(0, 93)} ${words(900, 919)}`),
          document('c', `${words(0, 92)} ${words(800, 820)}\n${words(0, 12)}\nw0 w1`),
          document('d', `${words(0, 12)}\nw0 w1`),
        ],
        { method },
      );
      expect(texts.get('b')).toBe('');
      expect(texts.get('c')).toBe(`${words(0, 92)} ${words(800, 820)}\n${words(0, 12)}\nw0 w1`);
      // Fewer than 13 words are one n-gram; fewer than 3 words stay.
      expect(texts.get('d')).toBe('w0 w1');
    },
  );

  it('agrees with a plain reading by sets, in both methods, on random texts', async () => {
    const random = new Random('ngrams');
    const sentence = () =>
      Array.from({ length: 4 + random.below(30) }, () => `v${random.below(12)}`).join(' ');
    const pool = Array.from({ length: 10 }, sentence);
    const documents = Array.from({ length: 40 }, (_, i) =>
      document(
        `d${i}`,
        Array.from({ length: 1 + random.below(4) }, () =>
          random.below(2) ? sentence() : `${pool[random.below(10)]} ${sentence()}`,
        ).join('\n'),
      ),
    );
    const seen = new Set<string>();
    const expected = documents.map(({ id, text }) => {
      const kept = (text as string).split('\n').filter((line) => {
        const all = line.split(' ');
        const size = Math.min(5, all.length);
        const grams = Array.from({ length: all.length - size + 1 }, (_, k) =>
          all.slice(k, k + size).join(' '),
        );
        const share = grams.filter((gram) => seen.has(gram)).length / grams.length;
        for (const gram of grams) seen.add(gram);
        return share <= 0.4;
      });
      return [id, kept.join('\n')];
    });
    for (const method of ['exact', 'bloom']) {
      const texts = await run(documents, { method, n: 5, overlap: 0.4 });
      expect([...texts].map(([id, text]) => [id, text.replace(/\n$/, '')])).toEqual(expected);
    }
    expect(expected.some(([, text], i) => text !== documents[i]!.text)).toBe(true);
  });
});

describe('steps on units', () => {
  const random = new Random('steps');
  const pool = Array.from({ length: 30 }, () =>
    Array.from({ length: 3 + random.below(15) }, () => `word${random.below(50)}`).join(' '),
  );
  const corpus = Array.from({ length: 300 }, (_, i) =>
    document(
      `d${i}`,
      Array.from({ length: random.below(6) }, () => `${pool[random.below(30)]}. `).join('\n\n'),
      i % 10 === 0 ? { split: 'held-out' } : {},
    ),
  );
  const steps: [string, Barrier<never, DocumentBatch>, (more: object) => unknown][] = [
    ['paragraph-dedup', paragraphDedup.barrier as never, (more) => paragraphs({ ...more })],
    [
      'sentence-dedup',
      sentenceDedup.barrier as never,
      (more) => sentenceDedupOptions.parse({ ...LOOSE, ...more }),
    ],
    [
      'ngram-dedup',
      ngramDedup.barrier as never,
      (more) => ngramDedupOptions.parse({ ...LOOSE, n: 3, ...more }),
    ],
  ];

  it.each(steps)('%s does not depend on order, cut or memory', async (_kind, barrier, parse) => {
    for (const method of ['exact', 'bloom']) {
      const run = async (parts: NewDocument[][], more = {}) => {
        const { texts } = await runBarrier(barrier, parse({ method, ...more }) as never, parts);
        return [...texts].sort();
      };
      const once = await run([corpus]);
      expect(once.some(([id, text]) => text !== corpus[Number(id.slice(1))]!.text)).toBe(true);
      for (const { id, text, split } of corpus)
        if (split === 'held-out') expect(once.find(([own]) => own === id)![1]).toBe(text);
      expect(await run([[...corpus].reverse()])).toEqual(once);
      expect(await run([corpus.slice(200), corpus.slice(0, 50), [], corpus.slice(50, 200)])).toEqual(once);
      expect(await run([corpus], { memoryMiB: 1 })).toEqual(once);
    }
  });

  it.each(steps)('%s finds damage before it is used', async (_kind, barrier, parse) => {
    const folder = scratch();
    const options = parse({}) as never;
    const sides = await tapParts(barrier, options, [corpus.slice(0, 20), corpus.slice(20, 30)], folder);
    const { path } = sides[1]!;
    const bytes = readFileSync(path);
    const job = join(folder, 'job');
    mkdirSync(job);
    for (let trial = 0; trial < 12; trial++) {
      const damaged = Buffer.from(bytes);
      damaged[random.below(bytes.length)]! ^= 1 << random.below(8);
      writeFileSync(path, damaged);
      await expect(barrier.reduce(options, sides, jobContext(job))).rejects.toThrow(IntegrityError);
      writeFileSync(path, bytes);
      truncateSync(path, random.below(bytes.length));
      await expect(barrier.reduce(options, sides, jobContext(job))).rejects.toThrow(IntegrityError);
    }
  });

  it.each(steps)('%s does with many identical documents', async (_kind, barrier, parse) => {
    const text = 'The same words are in all of these documents. They are many. And they are equal.';
    const copies = Array.from({ length: 3000 }, (_, i) => document(`copy${i}`, text));
    const { texts, refused } = await runBarrier(barrier, parse({ minBytesLeft: 1 }) as never, [copies]);
    expect([...texts.values()]).toEqual([text]);
    expect(refused).toHaveLength(2999);
    expect(refused.every(({ drop }) => drop.reason === 'too-few-bytes-left')).toBe(true);
  });
});
