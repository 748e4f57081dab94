/** Corpora on which only what one objective shows can lower the loss. */

import { describe, expect, it } from 'vitest';
import type { ModelOptions } from '../../../src/train/model/options.ts';
import { type ObjectiveOptions, openObjective } from '../../../src/train/objectives/registry.ts';
import { openSession } from '../../../src/train/open-session.ts';
import { uniform } from '../graph/finite-differences.ts';

const [vocabulary, length, rows] = [16, 16, 32];
const special = { maskToken: 0, classToken: 1, separatorToken: 2, specialTokens: [1, 2] };
const model = { layers: 1, width: 32, heads: 2, context: length, vocabulary } as const;
/** Tokens 3 to 15 are text. */
const letters = vocabulary - 3;

type Corpus = (draw: () => number) => (place: number, before: number) => number;

const letter = (draw: () => number) => 3 + Math.floor(draw() * letters);

/** Pairs of a random letter and the letter that follows from it: nothing before it tells the first. */
const pairs: Corpus = (draw) => (place, before) =>
  place % 2 === 0 ? letter(draw) : 3 + ((before * 5) % letters);

/** Each letter follows from the one before. */
const chain: Corpus = (draw) => (place, before) =>
  place === 0 ? letter(draw) : 3 + ((before * 5 + 1) % letters);

function windows(corpus: Corpus, draw: () => number) {
  const width = length + 1;
  const tokens = new Int32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const next = corpus(draw);
    for (let place = 0; place < width; place++) {
      const i = row * width + place;
      tokens[i] = next(place, tokens[i - 1] ?? 0);
    }
  }
  const none = new Int32Array(tokens.length);
  return { rows, width, tokens, segments: none, positions: none, documentIndex: none, documents: [] };
}

/** Mean of the last 20 losses, and of the metrics, over as many steps as given. */
async function train(
  options: ObjectiveOptions,
  corpus: Corpus,
  family: ModelOptions['family'],
  steps: number,
) {
  const objective = openObjective(options, { vocabulary, length, ...special });
  const session = await openSession({
    model: { ...model, family },
    objective,
    optimizer: { weightDecay: 0 },
    batch: { rows, length },
    engine: { threads: 1 },
    random: (name) => uniform(name.length + 1, [0, 1]),
  });
  const draw = uniform(17, [0, 1]);
  const last: { loss: number; nextSentence: number; right: number }[] = [];
  for (let update = 1; update <= steps; update++) {
    const inputs = objective.inputs(windows(corpus, draw), draw);
    const { loss, metrics } = await session.step([inputs], { update, learningRate: 0.01 });
    const { nextSentenceLoss: nextSentence = 0, nextSentenceAccuracy: right = 0 } = metrics ?? {};
    if (update > steps - 20) last.push({ loss, nextSentence, right });
  }
  await session.release();
  const mean = (of: (entry: (typeof last)[number]) => number) =>
    last.reduce((sum, e) => sum + of(e), 0) / last.length;
  return {
    loss: mean((entry) => entry.loss),
    nextSentence: mean((entry) => entry.nextSentence),
    right: mean((entry) => entry.right),
  };
}

const chance = Math.log(letters);

describe('what an objective shows is what lowers its loss', () => {
  it('causal: the token before', async () => {
    expect((await train({ kind: 'causal' }, chain, 'gpt2', 120)).loss).toBeLessThan(0.1 * chance);
  });

  it('masked: the token after, which the causal objective cannot see', async () => {
    // Half of all tokens are the first of a pair: a causal loss of half of chance is the least there is.
    const causal = await train({ kind: 'causal' }, pairs, 'gpt2', 120);
    expect(causal.loss).toBeGreaterThan(0.45 * chance);
    expect(causal.loss).toBeLessThan(0.6 * chance);
    // With one token in four masked, a partner is hidden as often as that (in four fifths of the cases).
    const masked = await train({ kind: 'masked', probability: 0.25 }, pairs, 'gpt2', 300);
    expect(masked.loss).toBeLessThan(0.4 * chance);
  });

  it('prefix: what comes before, predicted after the prefix alone', async () => {
    // The first 8 letters are random, the others a chain: inside a prefix of 8 nothing can be learned.
    const half: Corpus = (draw) => (place, before) =>
      place < 8 ? letter(draw) : 3 + ((before * 5 + 1) % letters);
    const prefix = await train({ kind: 'prefix', minFraction: 0.5, maxFraction: 0.5 }, half, 'gpt2', 120);
    expect(prefix.loss).toBeLessThan(0.15 * chance);
    const causal = await train({ kind: 'causal' }, half, 'gpt2', 120);
    expect(causal.loss).toBeGreaterThan(0.4 * chance);
  });

  it('next sentence: whether the second half belongs to the first', async () => {
    // A window repeats one letter, so that halves of two windows differ; on random letters there is nothing to see.
    const same: Corpus = (draw) => (place, before) => (place === 0 ? letter(draw) : before);
    const random: Corpus = (draw) => () => letter(draw);
    const options = { kind: 'next-sentence', probability: 0.125 } as const;
    const seen = await train(options, same, 'bert', 300);
    // Two windows have the same letter by chance one time in 13.
    expect(seen.nextSentence).toBeLessThan(0.75 * Math.LN2);
    expect(seen.right).toBeGreaterThan(0.75);
    expect(seen.right).toBeLessThanOrEqual(1);
    const unseen = await train(options, random, 'bert', 60);
    expect(unseen.nextSentence).toBeGreaterThan(0.9 * Math.LN2);
    expect(Math.abs(unseen.right - 0.5)).toBeLessThan(0.15);
  });
});
