import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { NewDocument } from '../../src/core/document.ts';
import { IntegrityError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { digestOf } from '../../src/dedup/block-file.ts';
import { orderDocuments } from '../../src/dedup/document-order.ts';
import { RepeatFinder, type RepeatOptions } from '../../src/dedup/find-repeats.ts';
import { coveredPlainly } from '../../src/dedup/repeats-twin.ts';
import { closeSides, openSides, Pace } from '../../src/dedup/side-files.ts';
import { SideTextWriter } from '../../src/dedup/side-texts.ts';
import { SpanReader } from '../../src/dedup/span-file.ts';
import { insideCharacters } from '../../src/dedup/span-removal.ts';
import { substringDedup, substringDedupOptions } from '../../src/dedup/substring-dedup.ts';
import { document, jobContext, runBarrier, scratch, stageContext, tapParts } from './harness.ts';

interface Found {
  readonly covered: Uint8Array[];
  readonly ranks: number[];
  readonly counts: RepeatFinder['counts'];
}

/** Runs the finder over documents in parts; covered symbols by document, 2 where a held-out one has them too. */
async function find(
  documents: readonly { symbols: Uint8Array | Uint32Array; heldOut?: boolean }[],
  options: Partial<RepeatOptions> & { length: number },
  partSize = 7,
): Promise<Found> {
  const folder = scratch();
  const digest = digestOf('test');
  const symbolBytes = documents[0]!.symbols.BYTES_PER_ELEMENT as 1 | 4;
  const files = [];
  for (let from = 0, part = 0; from < documents.length; from += partSize, part++) {
    const path = join(folder, `side-${part}`);
    const writer = new SideTextWriter(path, 'test', digest, symbolBytes);
    const own = documents.slice(from, from + partSize);
    own.forEach(({ symbols, heldOut }, i) => {
      const row = DocumentBatch.from([document(`d${from + i}`, '', heldOut ? { split: 'held-out' } : {})])
        .rows[0]!;
      writer.add(row, 0, new Uint8Array(symbols.buffer, symbols.byteOffset, symbols.byteLength));
    });
    await writer.finish();
    files.push({ path, partition: part, part: 0, firstDocument: from, documents: own.length });
  }
  const { sides } = openSides(files, 'test', digest);
  const context = jobContext(folder);
  const pace = new Pace(context, 1);
  const order = await orderDocuments(sides, documents.length, false, pace);
  const finder = new RepeatFinder(
    sides,
    order,
    { symbolBytes, keepCopies: 'first', withinDocument: true, memory: 1 << 20, ...options },
    { folder, random: new Random(1), pace },
  );
  try {
    await finder.find();
    const covered = documents.map(({ symbols }) => new Uint8Array(symbols.length));
    for (const { document: at, bounds, inHeldOut } of finder.ranges())
      for (const [i, held] of inHeldOut.entries())
        covered[at]!.fill(held ? 2 : 1, bounds[2 * i], bounds[2 * i + 1]);
    return { covered, ranks: [...order.rank], counts: finder.counts };
  } finally {
    finder.dispose();
    closeSides(sides);
  }
}

/** Texts that share stretches: pieces of a common pool, runs of one symbol, and noise. */
function texts(random: Random, n: number, alphabet: number, tokens: boolean): (Uint8Array | Uint32Array)[] {
  const noise = (length: number) => Array.from({ length }, () => random.below(alphabet));
  const pool = Array.from({ length: 6 }, () => noise(5 + random.below(40)));
  return Array.from({ length: n }, () => {
    const symbols: number[] = [];
    for (let k = random.below(8); k > 0; k--) {
      const kind = random.below(4);
      if (kind === 0) symbols.push(...noise(random.below(30)));
      else if (kind === 1) symbols.push(...new Array<number>(random.below(60)).fill(random.below(2)));
      else symbols.push(...pool[random.below(pool.length)]!);
    }
    return tokens ? Uint32Array.from(symbols, (s) => s * 1000) : Uint8Array.from(symbols);
  });
}

describe('RepeatFinder', () => {
  it.each([
    ['bytes', 'first', true],
    ['bytes', 'first', false],
    ['bytes', 'none', true],
    ['bytes', 'none', false],
    ['tokens', 'first', true],
    ['tokens', 'none', false],
  ] as const)(
    'finds what its plain twin finds: %s, %s, within a document %s',
    async (of, keepCopies, within) => {
      for (let trial = 0; trial < 8; trial++) {
        const random = new Random(`twin/${of}/${keepCopies}/${within}/${trial}`);
        const length = 4 + random.below(17);
        const documents = texts(random, 20, 2 + random.below(4), of === 'tokens').map((symbols, i) => ({
          symbols,
          heldOut: i % 6 === 5,
        }));
        const { covered, ranks } = await find(documents, {
          length,
          keepCopies,
          withinDocument: within,
        });
        const plain = coveredPlainly(
          documents.map(({ symbols, heldOut }, i) => ({ symbols, heldOut, rank: ranks[i]! })),
          length,
          keepCopies,
          within,
        );
        const bits = (all: Uint8Array[]) =>
          all.map((one) => Buffer.from(one.map((x) => (x > 0 ? 1 : 0))).toString('hex'));
        expect(bits(covered), `length ${length}, ${random.path}`).toEqual(bits(plain));
        // A whole range counts as in a held-out document where one of its windows does.
        expect(covered.every((own, i) => own.every((code, at) => code >= plain[i]![at]!))).toBe(true);
        expect(covered.some((own) => own.includes(2))).toBe(plain.some((own) => own.includes(2)));
      }
    },
  );

  it('finds the same in many passes over a small table', async () => {
    const random = new Random('passes');
    const documents = Array.from({ length: 30 }, () => ({
      symbols: Uint8Array.from({ length: 600 }, () => random.below(200)),
    }));
    for (let i = 10; i < 30; i++)
      documents[i]!.symbols.set(documents[i - 10]!.symbols.subarray(100, 500), 50);
    const wide = await find(documents, { length: 50 });
    const narrow = await find(documents, { length: 50, memory: 12 * 1024 });
    expect(wide.counts.passes).toBe(1);
    expect(narrow.counts.passes).toBeGreaterThan(5);
    expect(narrow.covered).toEqual(wide.covered);
    const plain = coveredPlainly(
      documents.map(({ symbols }, i) => ({ symbols, heldOut: false, rank: wide.ranks[i]! })),
      50,
      'first',
      true,
    );
    expect(wide.covered).toEqual(plain);
    expect(wide.counts.repeated).toBeGreaterThanOrEqual(20 * 351);
  });

  it('reduces a run of one symbol to one of it, and a repeated line to one line', async () => {
    const line = Buffer.from('the same line, over and over\n');
    const { covered } = await find(
      [
        { symbols: new Uint8Array(100_000).fill(97) },
        { symbols: Buffer.concat(new Array<Buffer>(5000).fill(line)) },
      ],
      { length: 100 },
    );
    expect(covered[0]!.indexOf(1)).toBe(1);
    expect(covered[0]!.subarray(1).every((x) => x === 1)).toBe(true);
    expect(covered[1]!.indexOf(1)).toBe(line.length);
    expect(covered[1]!.subarray(line.length).every((x) => x === 1)).toBe(true);
  });

  it('goes through a document of many blocks', async () => {
    const random = new Random('long');
    const long = Buffer.alloc(5_000_000);
    for (let i = 0; i < long.length; i += 4) long.writeUInt32LE(random.uint32(), i);
    // A repeat across the border of two blocks, and one at the very end.
    long.copyWithin((1 << 22) - 70, 1000, 1150);
    long.copyWithin(long.length - 100, 5000, 5100);
    const { covered } = await find([{ symbols: long }, { symbols: long.subarray(4_500_000, 4_500_300) }], {
      length: 100,
    });
    const [first, second] = covered as [Uint8Array, Uint8Array];
    // Whichever document comes first keeps its stretch.
    const inFirst = first.subarray(4_500_000, 4_500_300).every((x) => x === 1);
    const inSecond = second.every((x) => x === 1);
    expect([inFirst, inSecond].filter(Boolean)).toHaveLength(1);
    expect(first.reduce((sum, x) => sum + x, 0)).toBe(150 + 100 + (inFirst ? 300 : 0));
    expect(first.subarray((1 << 22) - 70, (1 << 22) + 80).every((x) => x === 1)).toBe(true);
  });
});

const options = (more: Record<string, unknown> = {}) =>
  substringDedupOptions.parse({ minLength: 40, minBytesLeft: 0, ...more });
const BOILERPLATE = 'This website uses cookies, and cookies use this website: accept them all. ';

describe('substring-dedup', () => {
  const corpus: NewDocument[] = [
    document('a', `The first text says something. ${BOILERPLATE}And it ends here.`),
    document('b', `Another text, of other words! ${BOILERPLATE}`),
    document('c', ''),
    document('d', 'word'),
    document('e', `${BOILERPLATE}Ünïcödé is what the third one has, é at the very edge: é`),
    document('h', `Held out: ${BOILERPLATE}`, { split: 'held-out' }),
  ];

  it('cuts what a held-out document has out of all others, and leaves held-out documents alone', async () => {
    const { texts, summary, kept, counts } = await runBarrier(substringDedup.barrier, options(), [corpus]);
    expect(texts.get('h')).toBe(`Held out: ${BOILERPLATE}`);
    expect(texts.get('a')).toBe('The first text says something.And it ends here.');
    expect(texts.get('c')).toBe('');
    expect(texts.get('d')).toBe('word');
    expect(summary).toMatchObject({ documents: 6, documentsWithSpans: 3, spans: 3, passes: 1 });
    expect(kept.find(({ id }) => id === 'a')!.signals).toMatchObject({
      'substring-dedup.spans': 1,
      'substring-dedup.bytes': BOILERPLATE.length + 1,
    });
    expect(counts).toMatchObject({
      'documents-with-spans': 3,
      spans: 3,
      'spans-of-held-out': 3,
      'edited-documents': 3,
    });
  });

  it('keeps one copy, and which does not depend on the order or the cut of the input', async () => {
    const training = corpus.filter(({ id }) => id !== 'h');
    const run = async (parts: NewDocument[][]) => {
      const { texts } = await runBarrier(substringDedup.barrier, options(), parts);
      return [...texts].sort();
    };
    const once = await run([training]);
    expect(once.filter(([, text]) => text.includes(BOILERPLATE.trim()))).toHaveLength(1);
    expect(await run([[...training].reverse()])).toEqual(once);
    expect(await run(training.map((one) => [one]))).toEqual(once);
    expect(await run([training.slice(3), training.slice(0, 3)])).toEqual(once);
  });

  it('can remove every copy, mark them only, or drop the documents that have them', async () => {
    const training = corpus.filter(({ id }) => id !== 'h');
    const all = await runBarrier(substringDedup.barrier, options({ copies: 'remove-all' }), [training]);
    expect([...all.texts.values()].some((text) => text.includes('cookies'))).toBe(false);
    const marked = await runBarrier(substringDedup.barrier, options({ action: 'mark' }), [training]);
    expect([...marked.texts]).toEqual(training.map(({ id, text }) => [id, text]));
    const spans = new SpanReader(marked.folder);
    const documents = [...spans].map(({ document: i, starts, ends }) => [
      training[i]!.id,
      [...starts].map((start, k) => [start, ends[k]]),
    ]);
    spans.close();
    expect(documents).toHaveLength(2);
    for (const [id, ranges] of documents)
      expect(marked.metadata.get(id as string)).toEqual({ 'substring-dedup': ranges });
    const dropped = await runBarrier(
      substringDedup.barrier,
      options({ action: 'drop', maxDuplicateShare: 0.5 }),
      [[...training, document('f', BOILERPLATE)]],
    );
    expect(dropped.kept.length + dropped.refused.length).toBe(training.length + 1);
    for (const { drop } of dropped.refused) {
      expect(drop.reason).toBe('too-many-duplicate-spans');
      expect(drop.value).toBeGreaterThan(0.5);
      expect(drop.threshold).toBe(0.5);
    }
    expect(dropped.refused.length).toBeGreaterThan(0);
  });

  it('drops a document of which too little is left', async () => {
    const { refused } = await runBarrier(substringDedup.barrier, options({ minBytesLeft: 20 }), [
      [
        document('x', BOILERPLATE),
        document('h', BOILERPLATE, { split: 'held-out' }),
        document('short', 'short'),
      ],
    ]);
    expect(refused).toEqual([
      {
        id: 'x',
        drop: { keep: false, reason: 'too-few-bytes-left', value: 0, threshold: 20, detail: undefined },
      },
    ]);
  });

  it('never cuts a character', () => {
    const text = new TextEncoder().encode('aé漢😀b');
    for (let from = 0; from <= text.length; from++) {
      for (let to = from; to <= text.length; to++) {
        const [start, end] = insideCharacters(text, from, to);
        expect(start).toBeGreaterThanOrEqual(from);
        expect(end).toBeLessThanOrEqual(to);
        const left = Buffer.concat([text.subarray(0, start), text.subarray(Math.max(start, end))]);
        expect(left.toString('utf8')).not.toContain('\ufffd');
      }
    }
  });

  it('keeps one of many identical documents, whole, and of a document of repetitions one', async () => {
    const copies = Array.from({ length: 5_000 }, (_, i) =>
      document(`copy${i}`, `${BOILERPLATE}${BOILERPLATE}`),
    );
    const { texts, refused, summary } = await runBarrier(
      substringDedup.barrier,
      options({ minBytesLeft: 10 }),
      [copies],
    );
    expect([...texts.values()]).toEqual([BOILERPLATE]);
    expect(refused).toHaveLength(4_999);
    expect(summary).toMatchObject({ documents: 5_000, documentsWithSpans: 5_000 });
  });

  it('finds damage in a side file before it is used', async () => {
    const folder = scratch();
    const sides = await tapParts(
      substringDedup.barrier,
      options(),
      [corpus.slice(0, 3), corpus.slice(3)],
      folder,
    );
    const bytes = readFileSync(sides[0]!.path);
    const job = join(folder, 'job');
    mkdirSync(job);
    const random = new Random('damage');
    const reduce = () => substringDedup.barrier.reduce(options(), sides, jobContext(job));
    for (let trial = 0; trial < 40; trial++) {
      const damaged = Buffer.from(bytes);
      damaged[random.below(bytes.length)]! ^= 1 << random.below(8);
      writeFileSync(sides[0]!.path, damaged);
      await expect(reduce()).rejects.toThrow(IntegrityError);
      writeFileSync(sides[0]!.path, bytes);
      truncateSync(sides[0]!.path, random.below(bytes.length));
      await expect(reduce()).rejects.toThrow(IntegrityError);
    }
    writeFileSync(sides[0]!.path, bytes);
    const { files } = await reduce();
    const artifact = join(job, files[0]!);
    const good = readFileSync(artifact);
    for (let trial = 0; trial < 40; trial++) {
      const damaged = Buffer.from(good);
      damaged[random.below(good.length)]! ^= 1 << random.below(8);
      writeFileSync(artifact, damaged);
      const apply = async () => {
        const stage = await substringDedup.barrier.apply!(options(), {
          ...stageContext(),
          outcome: job,
          firstDocument: 0,
        });
        try {
          await stage.process(DocumentBatch.from(corpus));
        } finally {
          await stage.close?.();
        }
      };
      await expect(apply()).rejects.toThrow(IntegrityError);
    }
  });
});

describe('substring-dedup over tokens', () => {
  const tokenizer = '../shared/data/tokenizers/gpt-neo-tokenizer.json.gz';
  it.skipIf(!existsSync(tokenizer))('cuts runs of tokens, between tokens', async () => {
    const shared = 'The quick brown fox jumps over the lazy dog, and naïve cafés serve 漢字 to him all day.';
    const documents = [
      document('a', `First of all: ${shared} That was it.`),
      document('b', `Second: ${shared} And on it goes.`),
      document('c', 'Nothing of that is in here.'),
      document('d', ''),
    ];
    const tokens = options({ tokenizer: resolve(tokenizer), minLength: 12, keep: 'earliest' });
    const { texts, summary } = await runBarrier(substringDedup.barrier, tokens, [documents]);
    expect(texts.get('a')).toBe(documents[0]!.text);
    expect(texts.get('b')).toBe('Second And on it goes.');
    expect(texts.get('c')).toBe(documents[2]!.text);
    expect(summary).toMatchObject({ documents: 4, spans: 1, documentsWithSpans: 1 });
    expect(summary.tokens).toBeLessThan(100);
  });
});
