import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CancelledError, InvariantError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import {
  type GeneratedToken,
  type GenerateSettings,
  generate,
  generateOptions,
} from '../../src/train/generate.ts';
import { candidates, draw, likeliest, samplingOptions } from '../../src/train/sampling.ts';
import { BigramSession, byteTokenizer, END_OF_TEXT } from './fakes.ts';

const options = (given: Record<string, unknown>) => samplingOptions.parse({ temperature: 1, ...given });
/** Probabilities 0.5, 0.25, 0.125, 0.125 for tokens 2, 0, 1, 3. */
const logits = Float32Array.from([0.25, 0.125, 0.5, 0.125], Math.log);
const none = new Set<number>();

function distribution(given: Record<string, unknown>, seen: ReadonlySet<number> = none) {
  return Object.fromEntries(
    candidates(logits, seen, options(given)).map(({ token, probability }) => [token, probability]),
  );
}
function expectDistribution(found: Record<string, number>, wanted: Record<number, number>) {
  expect(Object.keys(found).sort()).toEqual(Object.keys(wanted).sort());
  for (const [token, probability] of Object.entries(wanted)) expect(found[token]).toBeCloseTo(probability, 6);
}

describe('candidates', () => {
  it('is softmax at temperature 1', () =>
    expectDistribution(distribution({}), { 0: 1 / 4, 1: 1 / 8, 2: 1 / 2, 3: 1 / 8 }));
  it('squares probabilities at temperature 1/2', () =>
    // 16, 4, 1, 1 of 22
    expectDistribution(distribution({ temperature: 0.5 }), { 2: 16 / 22, 0: 4 / 22, 1: 1 / 22, 3: 1 / 22 }));
  it('takes the likeliest at temperature 0', () =>
    expectDistribution(distribution({ temperature: 0 }), { 2: 1 }));
  it('keeps the k likeliest, ties by id', () => {
    expectDistribution(distribution({ topK: 2 }), { 2: 2 / 3, 0: 1 / 3 });
    expectDistribution(distribution({ topK: 3 }), { 2: 4 / 7, 0: 2 / 7, 1: 1 / 7 });
    expectDistribution(distribution({ topK: 9 }), { 0: 1 / 4, 1: 1 / 8, 2: 1 / 2, 3: 1 / 8 });
  });
  it('keeps the fewest that hold p', () => {
    expectDistribution(distribution({ topP: 0.4 }), { 2: 1 });
    expectDistribution(distribution({ topP: 0.6 }), { 2: 2 / 3, 0: 1 / 3 });
    expectDistribution(distribution({ topP: 0.8 }), { 2: 4 / 7, 0: 2 / 7, 1: 1 / 7 });
    // Exactly p is enough.
    expect(candidates(new Float32Array(4), none, options({ topP: 0.5 }))).toHaveLength(2);
  });
  it('keeps those at least minP as likely as the likeliest', () => {
    expectDistribution(distribution({ minP: 0.4 }), { 2: 2 / 3, 0: 1 / 3 });
    expectDistribution(distribution({ minP: 0.6 }), { 2: 1 });
  });
  it('applies top-p to what top-k left', () =>
    // After top-k 2: 2/3, 1/3. 0.66 needs one, 0.67 both.
    [
      expectDistribution(distribution({ topK: 2, topP: 0.66 }), { 2: 1 }),
      expectDistribution(distribution({ topK: 2, topP: 0.67 }), { 2: 2 / 3, 0: 1 / 3 }),
    ]);
  it('divides positive logits of seen tokens by the penalty and multiplies negative ones', () => {
    const given = Float32Array.of(2, -1, 0.5);
    const found = candidates(given, new Set([0, 1]), options({ repetitionPenalty: 2 }));
    const weights = [Math.exp(1), Math.exp(-2), Math.exp(0.5)];
    const total = weights.reduce((a, b) => a + b, 0);
    for (const { token, probability } of found) expect(probability).toBeCloseTo(weights[token]! / total, 6);
  });
  it('always leaves a distribution', () => {
    const spec = fc.record({
      temperature: fc.double({ min: 0, max: 5, noNaN: true }),
      topK: fc.nat(10),
      topP: fc.double({ min: 0.001, max: 1, noNaN: true }),
      minP: fc.double({ min: 0, max: 1, noNaN: true }),
      repetitionPenalty: fc.double({ min: 0.1, max: 10, noNaN: true }),
    });
    const scores = fc.array(fc.float({ min: -80, max: 80, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(scores, spec, (given, chosen) => {
        const found = candidates(Float32Array.from(given), new Set([0]), chosen);
        expect(found.length).toBeGreaterThan(0);
        expect(found.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
      }),
      { seed: 13 },
    );
  });
});

describe('draw', () => {
  it('takes each token as often as its probability says', () => {
    const among = candidates(logits, none, options({}));
    const random = new Random(17);
    const counts = [0, 0, 0, 0];
    const n = 40_000;
    for (let i = 0; i < n; i++) counts[draw(among, random.next())]! += 1;
    const chi2 = [0.25, 0.125, 0.5, 0.125].reduce(
      (sum, p, i) => sum + (counts[i]! - n * p) ** 2 / (n * p),
      0,
    );
    // 3 degrees of freedom: 16.3 is passed once in 1,000 seeds.
    expect(chi2).toBeLessThan(16.3);
  });
  it('gives the last where rounding leaves the sum below the draw', () => {
    expect(
      draw(
        [
          { token: 4, probability: 0.5 },
          { token: 9, probability: 0.4999 },
        ],
        0.99999,
      ),
    ).toBe(9);
  });
});

/** A model that always says the same: after each token its successor in the text, which goes round. */
function parrot(text: string): BigramSession {
  const model = new BigramSession();
  model.table.fill(0);
  const tokens = [END_OF_TEXT, ...Buffer.from(text), END_OF_TEXT];
  for (let i = 0; i + 1 < tokens.length; i++) model.table[tokens[i]! * 257 + tokens[i + 1]!] = 20;
  return model;
}

function settingsOf(
  session: BigramSession,
  given: Record<string, unknown> = {},
  more: Partial<GenerateSettings> = {},
) {
  return {
    session,
    tokenizer: byteTokenizer,
    context: 8,
    prompt: '',
    options: generateOptions.parse({ temperature: 0, maxTokens: 40, ...given }),
    random: new Random(3),
    ...more,
  };
}

describe('generate', () => {
  it('writes from <|endoftext|> to <|endoftext|>', async () => {
    const { text, tokens, finish } = await generate(settingsOf(parrot('abcdefghijk')));
    expect({ text, finish }).toEqual({ text: 'abcdefghijk', finish: 'end-of-text' });
    expect(tokens).toEqual([...Buffer.from('abcdefghijk')]);
  });

  it("begins and ends where the model's own marks say", async () => {
    const model = parrot('abcdefghijk');
    const marks = { begin: 0x63, end: 0x68 };
    const { text, finish } = await generate(settingsOf(model, {}, { ...marks, prompt: 'd' }));
    expect(model.fed[0]!.slice(0, 2)).toEqual([0x63, 0x64]);
    expect({ text, finish }).toEqual({ text: 'efg', finish: 'end-of-text' });
  });

  it('goes on after the prompt, and ends after maxTokens', async () => {
    const { prompt, text, finish } = await generate(
      settingsOf(parrot('abcdefghijk'), { maxTokens: 3 }, { prompt: 'abc' }),
    );
    expect({ prompt, text, finish }).toEqual({ prompt: 'abc', text: 'def', finish: 'max-tokens' });
  });

  it('slides past the context by feeding the newer half anew', async () => {
    const model = parrot('abcdefghijklmnop');
    await generate(settingsOf(model, { maxTokens: 14 }));
    const fed = model.fed.map((tokens) =>
      Buffer.from(tokens.map((token) => (token === END_OF_TEXT ? 46 : token))).toString(),
    );
    expect(fed).toEqual(['.abcdefg', 'efghijkl', 'jklm']);
  });

  it('feeds only the end of a prompt that is longer than the context', async () => {
    const model = parrot('abcdefghijklmnop');
    const { text } = await generate(settingsOf(model, { maxTokens: 2 }, { prompt: 'abcdefghijk' }));
    expect(Buffer.from(model.fed[0]!).toString()).toBe('defghijk');
    expect(text).toBe('lm');
  });

  it('ends at a stop string that spans tokens, and never shows a part of it', async () => {
    const shown: string[] = [];
    const settings = settingsOf(
      parrot('abcdefg'),
      { stop: ['zzz', 'def'] },
      { onText: (text) => shown.push(text) },
    );
    const { text, finish } = await generate(settings);
    expect({ text, finish }).toEqual({ text: 'abc', finish: 'stop' });
    expect(shown.join('')).toBe('abc');
  });

  it('gives back what it held for a stop string that did not come', async () => {
    const shown: string[] = [];
    const settings = settingsOf(
      parrot('abcdefg'),
      { stop: ['dex', 'fgh'] },
      { onText: (text) => shown.push(text) },
    );
    expect((await generate(settings)).text).toBe('abcdefg');
    expect(shown).toEqual(['a', 'b', 'c', 'de', 'fg']);
  });

  it('leaves out what a token holds behind the stop string, half a character among it', async () => {
    const tokenBytes = (id: number) =>
      id === 0x63 ? Buffer.concat([Buffer.from('c;'), Buffer.of(0xf0)]) : Uint8Array.of(id);
    const settings = settingsOf(
      parrot('abcde'),
      { stop: ['c'] },
      { tokenizer: { ...byteTokenizer, tokenBytes } },
    );
    expect(await generate(settings)).toMatchObject({ text: 'ab', finish: 'stop' });
  });

  it('streams whole characters only, a byte-order mark among them', async () => {
    const shown: string[] = [];
    const settings = settingsOf(
      parrot('\ufeffa🐯é'),
      { maxTokens: 9 },
      { onText: (text) => shown.push(text) },
    );
    const { text } = await generate(settings);
    expect(shown).toEqual(['\ufeff', 'a', '🐯', '\ufffd']);
    expect(text).toBe(shown.join(''));
  });

  it('repeats itself for the same seed and not for another', async () => {
    const write = (seed: number) =>
      generate(
        settingsOf(
          new BigramSession(),
          { temperature: 1, stopAtEndOfText: false },
          { random: new Random(seed) },
        ),
      );
    expect((await write(1)).tokens).toEqual((await write(1)).tokens);
    expect((await write(1)).tokens).not.toEqual((await write(2)).tokens);
  });

  it("shows the model's own probabilities, whatever the sampling", async () => {
    const seen: GeneratedToken[] = [];
    const model = new BigramSession();
    await generate(
      settingsOf(
        model,
        { temperature: 3, topK: 7, maxTokens: 4 },
        { onToken: (token) => seen.push(token), topCount: 3 },
      ),
    );
    expect(seen.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    let previous = END_OF_TEXT;
    for (const { token, probability, top } of seen) {
      const weights = [...model.row(previous)].map(Math.exp);
      const total = weights.reduce((a, b) => a + b, 0);
      expect(probability).toBeCloseTo(weights[token]! / total, 6);
      expect(top.map((entry) => entry.probability)).toEqual(
        [...top.map((entry) => entry.probability)].sort((a, b) => b - a),
      );
      expect(top[0]!.probability).toBeCloseTo(Math.max(...weights) / total, 6);
      previous = token;
    }
    expect(likeliest(logits, 1)[0]!.token).toBe(2);
  });

  it('stops between tokens when told to', async () => {
    const controller = new AbortController();
    const settings = settingsOf(
      new BigramSession(),
      {},
      { signal: controller.signal, onToken: () => controller.abort() },
    );
    await expect(generate(settings)).rejects.toThrow(CancelledError);
  });

  it('refuses logits that are not finite', async () => {
    const model = new BigramSession();
    model.table[END_OF_TEXT * 257 + 5] = Number.NaN;
    await expect(generate(settingsOf(model))).rejects.toThrow(InvariantError);
  });
});
