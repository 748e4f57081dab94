import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openObjective } from '../../../src/train/objectives/registry.ts';
import { uniform } from '../graph/finite-differences.ts';

/** Windows of tokens 10, 11, ..., with a special token 2 wherever `special` says so. */
function windows(rows: number, width: number, segments?: readonly number[], special: readonly number[] = []) {
  const count = rows * width;
  const tokens = Int32Array.from({ length: count }, (_, i) => (special.includes(i) ? 2 : 10 + i));
  const none = new Int32Array(count);
  return {
    rows,
    width,
    tokens,
    segments: segments === undefined ? none : Int32Array.from(segments),
    positions: none,
    documentIndex: none,
    documents: [],
  };
}

const values = (array: { data: ArrayLike<number> } | undefined) => Array.from(array!.data);

describe('causal', () => {
  it('pairs each token with the next', () => {
    const objective = openObjective({ kind: 'causal' }, { vocabulary: 99, length: 3 });
    const inputs = objective.inputs(windows(2, 4), uniform(1));
    expect(values(inputs.tokens)).toEqual([10, 11, 12, 14, 15, 16]);
    expect(values(inputs.targets)).toEqual([11, 12, 13, 15, 16, 17]);
    expect(values(inputs.order)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(values(inputs.lossWeight)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(inputs.position).toBeUndefined();
    expect(Object.keys(inputs).toSorted()).toEqual(Object.keys(objective.inputSpecs).toSorted());
  });

  it('with document masks counts positions from each document and predicts none across', () => {
    const objective = openObjective({ kind: 'causal', documentMask: true }, { vocabulary: 99, length: 4 });
    const inputs = objective.inputs(windows(2, 5, [0, 0, 1, 1, 1, 0, 1, 2, 2, 3]), uniform(1));
    expect(values(inputs.segment)).toEqual([0, 0, 1, 1, 0, 1, 2, 2]);
    expect(values(inputs.position)).toEqual([0, 1, 0, 1, 0, 0, 0, 1]);
    expect(values(inputs.lossWeight)).toEqual([1, 0, 1, 1, 0, 0, 1, 0]);
  });

  it('refuses windows without a last target', () => {
    const objective = openObjective({ kind: 'causal' }, { vocabulary: 99, length: 4 });
    expect(() => objective.inputs(windows(1, 4), uniform(1))).toThrow('expected at least 5 tokens; found 4');
  });
});

describe('masked', () => {
  const context = { vocabulary: 5000, length: 40, maskToken: 3, specialTokens: [2, 3] };

  it('predicts a fixed number of different positions, never special ones, and weighs just those', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.uniqueArray(fc.integer({ min: 0, max: 79 }), { maxLength: 80 }),
        (seed, special) => {
          const objective = openObjective({ kind: 'masked' }, context);
          const batch = windows(2, 40, undefined, special);
          const { tokens, targets, lossWeight, targetIndex } = objective.inputs(batch, uniform(seed, [0, 1]));
          expect(values(targets)).toEqual([...batch.tokens]);
          const index = values(targetIndex);
          expect(new Set(index).size).toBe(12);
          for (let i = 0; i < 80; i++) {
            const predicted = lossWeight!.data[i] === 1;
            if (special.includes(i) || !index.includes(i)) expect(predicted).toBe(false);
            if (!predicted) expect(tokens!.data[i]).toBe(targets!.data[i]);
          }
          for (const row of [0, 1]) {
            const candidates = 40 - special.filter((i) => Math.floor(i / 40) === row).length;
            const weight = values(lossWeight)
              .slice(row * 40, row * 40 + 40)
              .reduce((a, b) => a + b, 0);
            expect(weight).toBe(Math.min(6, candidates));
          }
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  it('hides 80 %, replaces 10 % and leaves 10 %, evenly over positions and anew with each draw', () => {
    const objective = openObjective({ kind: 'masked' }, context);
    const draw = uniform(8, [0, 1]);
    const counts = { hidden: 0, kept: 0, replaced: 0 };
    const byPosition = new Array<number>(40).fill(0);
    for (let round = 0; round < 500; round++) {
      const { tokens, targets, targetIndex } = objective.inputs(windows(1, 40), draw);
      for (const i of values(targetIndex)) {
        byPosition[i]!++;
        const token = tokens!.data[i];
        if (token === 3) counts.hidden++;
        else if (token === targets!.data[i]) counts.kept++;
        else counts.replaced++;
      }
    }
    // 3,000 draws: four standard deviations are 88 of 2,400 and 66 of 300; of 75 a position, 33.
    expect(Math.abs(counts.hidden - 2400)).toBeLessThan(88);
    expect(Math.abs(counts.kept - 300)).toBeLessThan(66);
    expect(Math.abs(counts.replaced - 300)).toBeLessThan(66);
    for (const count of byPosition) expect(Math.abs(count - 75)).toBeLessThan(33);
  });

  it('is refused without a mask token', () => {
    expect(() => openObjective({ kind: 'masked' }, { vocabulary: 9, length: 4 })).toThrow(
      'needs a tokenizer with a mask token',
    );
  });
});

describe('masking whole words', () => {
  // Tokens of text are 10 and more; those divisible by 3 begin a word.
  const startsWord = (token: number) => token % 3 === 0;
  const context = { vocabulary: 5000, length: 40, maskToken: 3, specialTokens: [2, 3], startsWord };
  const options = { kind: 'masked', wholeWords: true, probability: 0.25 } as const;

  it('predicts all of a word or nothing of it, no more than the share, and nearly that', () => {
    const objective = openObjective(options, context);
    let predicted = 0;
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 80, maxLength: 80 }),
        (seed, letters) => {
          const batch = {
            ...windows(2, 40),
            tokens: Int32Array.from(letters, (n) => (n === 0 ? 2 : 10 + n)),
          };
          const { lossWeight, targetIndex } = objective.inputs(batch, uniform(seed, [0, 1]));
          expect(new Set(targetIndex!.data).size).toBe(20);
          for (let row = 0; row < 2; row++) {
            // By the letters: words of the row as a text, and whether each letter is predicted.
            const text = [...batch.tokens.subarray(row * 40, row * 40 + 40)]
              .map((token) => (token === 2 ? '_' : startsWord(token) ? 'A' : 'a'))
              .join('');
            const weights = values(lossWeight).slice(row * 40, row * 40 + 40);
            for (const word of text.matchAll(/_|[Aa]a*/g)) {
              const mine = weights.slice(word.index, word.index + word[0].length);
              expect(new Set(mine).size).toBe(1);
              if (word[0] === '_') expect(mine).toEqual([0]);
            }
            const count = weights.reduce((a, b) => a + b, 0);
            expect(count).toBeLessThanOrEqual(10);
            predicted += count;
          }
        },
      ),
      { seed: 5, numRuns: 100 },
    );
    expect(predicted / 2000).toBeGreaterThan(0.9);
  });

  it('is refused where nobody says where words begin', () => {
    expect(() => openObjective(options, { ...context, startsWord: undefined })).toThrow(/where words begin/);
  });
});

describe('prefix', () => {
  it('shows the prefix to itself and predicts what follows it', () => {
    const objective = openObjective({ kind: 'prefix' }, { vocabulary: 99, length: 5 });
    const draws = [0.3, 0.99];
    const inputs = objective.inputs(windows(2, 6), () => draws.shift()!);
    expect(values(inputs.order)).toEqual([0, 0, 2, 3, 4, 0, 0, 0, 0, 4]);
    expect(values(inputs.lossWeight)).toEqual([0, 1, 1, 1, 1, 0, 0, 0, 1, 1]);
    expect(values(inputs.targets).slice(0, 5)).toEqual([11, 12, 13, 14, 15]);
  });

  it('keeps the prefix between the fractions', () => {
    const objective = openObjective(
      { kind: 'prefix', minFraction: 0.5, maxFraction: 0.75 },
      { vocabulary: 99, length: 8 },
    );
    const lengths = new Set<number>();
    const draw = uniform(3, [0, 1]);
    for (let round = 0; round < 100; round++) {
      const { order } = objective.inputs(windows(1, 9), draw);
      lengths.add(values(order).filter((place) => place === 0).length);
    }
    expect([...lengths].toSorted()).toEqual([4, 5, 6]);
  });
});

describe('next sentence', () => {
  const context = { vocabulary: 5000, length: 13, maskToken: 3, classToken: 1, separatorToken: 2 };

  it('joins two halves of a window, or a half of another, between its marks', () => {
    const objective = openObjective({ kind: 'next-sentence' }, context);
    const batch = windows(4, 14);
    let random = 0;
    const draw = uniform(6, [0, 1]);
    for (let round = 0; round < 50; round++) {
      const inputs = objective.inputs(batch, draw);
      for (let row = 0; row < 4; row++) {
        const target = values(inputs.targets).slice(row * 13, row * 13 + 13);
        const from = inputs.isRandom!.data[row] === 0 ? row : Math.floor((target[7]! - 10) / 14);
        if (inputs.isRandom!.data[row] === 1) {
          random += 1;
          expect(from).not.toBe(row);
        }
        const text = (source: number, start: number) =>
          Array.from({ length: 5 }, (_, i) => 10 + source * 14 + start + i);
        expect(target).toEqual([1, ...text(row, 0), 2, ...text(from, 5), 2]);
        expect(values(inputs.tokenType).slice(row * 13, row * 13 + 13)).toEqual([
          0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1,
        ]);
        for (const mark of [0, 6, 12]) expect(inputs.lossWeight!.data[row * 13 + mark]).toBe(0);
      }
    }
    // 200 draws: four standard deviations are 28.
    expect(Math.abs(random - 100)).toBeLessThan(28);
  });

  it('says where its targets stand in the windows, and lets nothing see padding', () => {
    const objective = openObjective({ kind: 'next-sentence' }, context);
    const segments = Array.from({ length: 3 * 14 }, (_, i) => (i % 14 >= 8 ? -1 : 0));
    const batch = windows(3, 14, segments);
    for (let round = 0; round < 20; round++) {
      const inputs = objective.inputs(batch, uniform(round, [0, 1]));
      const places = objective.targetPlaces!(batch, uniform(round, [0, 1]));
      for (const [at, place] of places.entries()) {
        const mark = [0, 6, 12].includes(at % 13);
        expect(place < 0).toBe(mark);
        if (mark) continue;
        expect(inputs.targets!.data[at]).toBe(batch.tokens[place]);
        expect(inputs.segment!.data[at]).toBe(place % 14 >= 8 ? 1 : 0);
        if (place % 14 >= 8) expect(inputs.lossWeight!.data[at]).toBe(0);
      }
    }
  });
});
