import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CancelledError, ConfigurationError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { cutDocument, type EvaluateSettings, evaluate, packPieces } from '../../src/train/evaluate.ts';
import { HeldOutSet } from '../../src/train/held-out.ts';
import { addLossByGroup, lossByDocument } from '../../src/train/loss-groups.ts';
import type { NamedArrays } from '../../src/train/session.ts';
import {
  BigramSession,
  byteTokenizer,
  END_OF_TEXT,
  FakeLoader,
  fakeDocument,
  fakeObjective,
} from './fakes.ts';

const verse = 'Tyger Tyger, burning bright, / In the forests of the night; 🐯 '.repeat(9);
const texts = [
  fakeDocument('verse', 'long', verse),
  fakeDocument('prose', 'short', 'Call me Ishmael.'),
  fakeDocument('prose', 'empty', ''),
  fakeDocument('prose', 'window', 'exactly 16 bytes'),
  fakeDocument('prose', 'more', 'exactly 17 bytes!'),
  fakeDocument('prose', 'tiny', 'abc'),
  fakeDocument('prose', 'tinier', 'de'),
];
const PROSE_BYTES = 16 + 0 + 16 + 17 + 3 + 2;

const choose = (documents = texts, cap?: number) =>
  HeldOutSet.choose(new FakeLoader(documents, 1, 1), byteTokenizer, cap);

async function settingsOf(session: EvaluateSettings['session'], more: Partial<EvaluateSettings> = {}) {
  return {
    session,
    objective: fakeObjective,
    heldOut: await choose(),
    context: 16,
    rows: 3,
    specialTokens: new Set([END_OF_TEXT]),
    random: new Random(5),
    ...more,
  };
}

/** The definition, by a plain loop: -log2 P(byte | the byte before it, <|endoftext|> at first) over bytes. */
function bitsByHand(model: BigramSession, documents: typeof texts): number {
  let bits = 0;
  let bytes = 0;
  for (const { tokens } of documents) {
    let previous = END_OF_TEXT;
    for (const token of tokens.subarray(0, -1)) {
      const row = [...model.row(previous)];
      const total = row.reduce((sum, score) => sum + Math.exp(score), 0);
      bits -= Math.log2(Math.exp(row[token]!) / total);
      previous = token;
      bytes += 1;
    }
  }
  return bits / bytes;
}

describe('evaluate', () => {
  it.each([1, 5, 8, 16])('gives the bits per byte of the definition, stride %i', async (stride) => {
    const model = new BigramSession(undefined, 3);
    const { corpora, total, measure, comparable } = await evaluate(await settingsOf(model, { stride }));
    expect({ measure, comparable }).toEqual({ measure: 'bits-per-byte', comparable: true });
    const prose = texts.filter(({ document }) => document.corpus === 'prose');
    expect(corpora.verse!.bitsPerByte).toBeCloseTo(bitsByHand(model, [texts[0]!]), 6);
    expect(corpora.prose!.bitsPerByte).toBeCloseTo(bitsByHand(model, prose), 6);
    expect(total.bitsPerByte).toBeCloseTo(bitsByHand(model, texts), 6);
    expect(corpora.verse).toMatchObject({
      documents: 1,
      bytes: Buffer.byteLength(verse),
      tokens: Buffer.byteLength(verse),
    });
    expect(corpora.prose).toMatchObject({ documents: 6, bytes: PROSE_BYTES, tokens: PROSE_BYTES });
    expect(corpora.prose!.lossPerToken * PROSE_BYTES).toBeCloseTo(corpora.prose!.nats, 9);
  });

  it('packs pieces into rows, each as if it were alone, whatever the inputs of the objective are', async () => {
    const model = new BigramSession(undefined, 3);
    let batches = 0;
    const session = {
      loss: async (inputs: NamedArrays) => {
        batches += 1;
        for (const row of [0, 16, 32]) expect(inputs.position!.data[row]).toBe(0);
        return model.loss(inputs);
      },
    };
    const objective = { ...fakeObjective, inputSpecs: {} };
    const { total } = await evaluate(await settingsOf(session, { objective }));
    expect(total.bitsPerByte).toBeCloseTo(bitsByHand(model, texts), 6);
    const pieces = texts.flatMap(({ tokens }) => cutDocument(tokens.length - 1, 16, 8));
    expect(batches).toBeLessThan(Math.ceil(pieces.length / 3));
  });

  it('says a uniform model needs log2 of the vocabulary for each byte', async () => {
    const model = new BigramSession();
    model.table.fill(0);
    const { total } = await evaluate(await settingsOf(model));
    expect(total.bitsPerByte).toBeCloseTo(Math.log2(257), 5);
  });

  it('feeds each piece as a segment of its own from position 0, with the context that the stride promises', async () => {
    const seen = new Map<string, number>();
    const session = {
      async loss(inputs: NamedArrays) {
        const at = (name: string) => inputs[name]!.data;
        const [rows, length] = inputs.tokens!.shape as [number, number];
        expect(rows).toBe(3);
        for (let i = 0; i < rows * length; i++) {
          const first = i % length === 0 || at('segment')[i] !== at('segment')[i - 1];
          expect(at('position')[i]).toBe(first ? 0 : at('position')[i - 1]! + 1);
          expect(at('order')[i]).toBe(i % length);
          if (!first && at('lossWeight')[i] !== 0) expect(at('tokens')[i]).toBe(at('targets')[i - 1]);
          if (at('lossWeight')[i] === 0) continue;
          // A target that is not at the beginning of its document has at least context - stride tokens before it.
          const begins = at('tokens')[i - at('position')[i]!] === END_OF_TEXT;
          if (!begins) expect(at('position')[i]).toBeGreaterThanOrEqual(length - 6);
          const key = `${at('targets')[i]}`;
          seen.set(key, (seen.get(key) ?? 0) + 1);
        }
        return new Float32Array(rows * length);
      },
    };
    await evaluate(await settingsOf(session, { stride: 6 }));
    const expected = new Map<string, number>();
    for (const { tokens } of texts) {
      for (const token of tokens.subarray(0, -1))
        expected.set(`${token}`, (expected.get(`${token}`) ?? 0) + 1);
    }
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(expected));
  });

  it('puts what gzip -9 makes of the same text beside it', async () => {
    const { corpora } = await evaluate(await settingsOf(new BigramSession()));
    const gzip = execFileSync('gzip', ['-9', '-n', '-c'], { input: verse });
    const bits = (gzip.length * 8) / Buffer.byteLength(verse);
    // zlib and gzip need not choose the same matches; they differ by a few bytes at most.
    expect(Math.abs(corpora.verse!.gzipBitsPerByte - bits) / bits).toBeLessThan(0.02);
  });

  it('leaves special tokens inside a document unscored', async () => {
    const document = fakeDocument('a', 'x', 'abcd');
    document.tokens[2] = END_OF_TEXT;
    const model = new BigramSession();
    const heldOut = await choose([document]);
    const { corpora, inexactDocuments, comparable } = await evaluate(await settingsOf(model, { heldOut }));
    expect(corpora.a!.tokens).toBe(3);
    const [a, b, , d] = Buffer.from('abcd');
    const nats = model.nats(END_OF_TEXT, a!) + model.nats(a!, b!) + model.nats(END_OF_TEXT, d!);
    expect(corpora.a!.nats).toBeCloseTo(nats, 5);
    // The tokens no longer spell out the text's 4 bytes: that is said.
    expect({ inexactDocuments, comparable }).toEqual({ inexactDocuments: 1, comparable: false });
  });

  it('stops between two batches when told to', async () => {
    const controller = new AbortController();
    const settings = await settingsOf(new BigramSession(), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(evaluate(settings)).rejects.toThrow(CancelledError);
  });

  it('reports progress up to all targets', async () => {
    const reports: number[][] = [];
    await evaluate(await settingsOf(new BigramSession(), { onProgress: (...at) => reports.push(at) }));
    expect(reports.at(-1)![0]).toBe(Buffer.byteLength(verse) + PROSE_BYTES);
    expect(reports.every(([done], i) => i === 0 || done! > reports[i - 1]![0]!)).toBe(true);
  });

  it('scores masked models by masked loss, the same masks each time, and calls it not comparable', async () => {
    const masked = {
      kind: 'masked',
      inputSpecs: {},
      inputs(batch: Parameters<typeof fakeObjective.inputs>[0], draw: () => number): NamedArrays {
        const { rows, width } = batch;
        const shape = [rows, width - 1];
        const at = (i: number) => batch.tokens[Math.floor(i / (width - 1)) * width + (i % (width - 1))]!;
        const targets = Int32Array.from({ length: rows * (width - 1) }, (_, i) => at(i));
        const lossWeight = Float32Array.from(targets, () => (draw() < 0.3 ? 1 : 0));
        return {
          tokens: { shape, data: targets },
          targets: { shape, data: targets },
          lossWeight: { shape, data: lossWeight },
        };
      },
    };
    const model = new BigramSession();
    const settings = await settingsOf(model, { objective: masked });
    const first = await evaluate(settings);
    expect(first).toMatchObject({ measure: 'masked-loss', comparable: false });
    expect(first.total.bitsPerByte).toBeNull();
    const scored = first.total.tokens;
    const bytes = texts.reduce((sum, { document }) => sum + document.bytes, 0);
    expect(scored).toBeGreaterThan(bytes * 0.2);
    expect(scored).toBeLessThan(bytes * 0.4);
    expect(first.corpora.prose!.tokens + first.corpora.verse!.tokens).toBe(scored);
    expect(await evaluate(settings)).toEqual(first);
    const otherMasks = await evaluate({ ...settings, random: new Random(6) });
    expect(otherMasks.total.nats).not.toBe(first.total.nats);
  });
});

describe('masked evaluation', () => {
  it('scores every token of the text once where all are masked, whatever the batch', async () => {
    const masked = {
      kind: 'masked',
      inputSpecs: {},
      inputs(batch: Parameters<typeof fakeObjective.inputs>[0], draw: () => number): NamedArrays {
        const { targets, tokens } = fakeObjective.inputs(batch, draw) as Record<string, NamedArrays[string]>;
        const lossWeight = { shape: targets!.shape, data: new Float32Array(targets!.data.length).fill(1) };
        // The token itself is the target, as in masking.
        return { tokens: tokens!, targets: tokens!, lossWeight };
      },
    };
    for (const rows of [1, 3, 50]) {
      const settings = await settingsOf(new BigramSession(), { objective: masked, rows });
      const { corpora } = await evaluate(settings);
      expect(corpora.verse!.tokens).toBe(Buffer.byteLength(verse));
      expect(corpora.prose!.tokens).toBe(PROSE_BYTES);
    }
  });
});

describe('addLossByGroup', () => {
  it.each([0, 1] as const)('gives each loss to the document of its target, %i places further', (offset) => {
    const batch = {
      rows: 2,
      width: 4,
      tokens: new Int32Array(8),
      segments: new Int32Array(8),
      positions: new Int32Array(8),
      documentIndex: Int32Array.of(0, 0, 1, 1, 1, 2, 2, 2),
      documents: ['a', 'b', 'a'].map((corpus, i) => fakeDocument(corpus, `${i}`, '').document),
    };
    const sums = new Map([['b', { nats: 100, tokens: 1 }]]);
    // Row 0: 1, 2, 4; row 1: 8, 16 (left out), 32.
    const losses = Float32Array.of(1, 2, 4, 8, 16, 32);
    const byDocument = lossByDocument(batch, losses, [1, 1, 1, 1, 0, 1], offset);
    addLossByGroup(sums, batch.documents, byDocument, ({ corpus }) => corpus);
    const wanted =
      offset === 0
        ? { a: [1 + 2 + 32, 3], b: [100 + 4 + 8, 3] }
        : { a: [1 + 8 + 32, 3], b: [100 + 2 + 4, 3] };
    const found = [...sums].map(([name, { nats, tokens }]) => [name, [nats, tokens]]);
    expect(Object.fromEntries(found)).toEqual(wanted);
  });
});

describe('cutDocument', () => {
  it('scores every target once, in windows no longer than the context', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 40 }), fc.nat(39), (tokens, context, s) => {
        const stride = 1 + (s % context);
        const times = new Array(tokens).fill(0);
        for (const { start, end, skip } of cutDocument(tokens, context, stride)) {
          expect(end - start).toBeLessThanOrEqual(context);
          if (start > 0) expect(skip).toBe(context - stride);
          for (let t = start + skip; t < end; t++) times[t] += 1;
        }
        expect(times.every((count) => count === 1)).toBe(true);
      }),
      { seed: 11 },
    );
  });
});

describe('packPieces', () => {
  it('keeps every piece, and no row is longer than the context', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 });
    fc.assert(
      fc.property(lengths, (all) => {
        const pieces = all.map((length, id) => ({ id, start: 3, end: 3 + length }));
        const rows = packPieces(pieces, 30);
        expect(
          rows
            .flat()
            .map(({ id }) => id)
            .sort((a, b) => a - b),
        ).toEqual(pieces.map(({ id }) => id));
        const sums = rows.map((row) => row.reduce((sum, { start, end }) => sum + end - start, 0));
        expect(sums.every((sum) => sum <= 30)).toBe(true);
        // First fit: never two rows that would go into one.
        expect(sums.filter((sum) => sum <= 15).length).toBeLessThanOrEqual(1);
      }),
      { seed: 12 },
    );
  });
});

describe('HeldOutSet', () => {
  const many = Array.from({ length: 40 }, (_, i) =>
    fakeDocument(i % 4 === 0 ? 'rare' : 'common', `d${i}`, 'x'.repeat(10 + i)),
  );
  const idsOf = async (set: HeldOutSet) => {
    const ids: string[] = [];
    for await (const { id } of set.documents()) ids.push(id);
    return ids;
  };

  it('chooses by hash, whatever the order, within the cap', async () => {
    const ids = await idsOf(await choose(many, 200));
    expect((await idsOf(await choose([...many].reverse(), 200))).sort()).toEqual([...ids].sort());
    for (const corpus of ['rare', 'common']) {
      const bytes = many
        .filter(({ document }) => document.corpus === corpus && ids.includes(document.id))
        .map(({ document }) => document.bytes);
      const sum = bytes.reduce((a, b) => a + b, 0);
      expect(sum).toBeLessThanOrEqual(200);
      expect(sum).toBeGreaterThan(150);
    }
    expect(ids).not.toEqual(many.slice(0, ids.length).map(({ document }) => document.id));
  });

  it('takes one document a corpus even where it alone passes the cap, and all without one', async () => {
    expect(await idsOf(await choose(many, 1))).toHaveLength(2);
    expect(await idsOf(await choose(many))).toHaveLength(40);
  });

  it('needs an end-of-text token', async () => {
    const tokenizer = { ...byteTokenizer, endOfText: undefined };
    await expect(HeldOutSet.choose(new FakeLoader(many, 1, 1), tokenizer)).rejects.toThrow(
      ConfigurationError,
    );
  });
});
