import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/train/engines/engine.ts';
import { openEngine } from '../../../src/train/engines/registry.ts';
import { programInputs } from '../../../src/train/graph/program.ts';
import { resolveModel } from '../../../src/train/model/options.ts';
import { openObjective } from '../../../src/train/objectives/registry.ts';
import { openSession } from '../../../src/train/open-session.ts';
import { openOptimizer } from '../../../src/train/optimizers/registry.ts';
import { ProgramSession } from '../../../src/train/programs/session.ts';
import type { NamedArrays } from '../../../src/train/session.ts';
import { uniform } from '../graph/finite-differences.ts';
import { goldenMasked, goldenState, goldenWindows, rows, tiny } from './formulas.ts';

const objective = openObjective({ kind: 'causal' }, { vocabulary: tiny.vocabulary, length: tiny.context });
const llama = { family: 'llama', keyValueHeads: 2, queryKeyNorm: true } as const;
const settings = { learningRate: 0.01 };

async function open(model: object = {}, threads = 2) {
  const session = await openSession({
    model: { ...tiny, ...model },
    objective,
    batch: { rows, length: tiny.context },
    engine: { threads },
    random: (name) => uniform(name.length, [0, 1]),
  });
  await session.load(goldenState(await session.state()));
  return session;
}

const batch = (step: number) => objective.inputs(goldenWindows(step), Math.random);

/** Rows [from, to) of every input. */
function rowsOf(inputs: NamedArrays, from: number, to: number): NamedArrays {
  const part = Object.entries(inputs).map(([name, { shape, data }]) => {
    const each = shape[1]!;
    return [name, { shape: [to - from, each], data: data.slice(from * each, to * each) }];
  });
  return Object.fromEntries(part);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((x, y) => Math.max(x, y), 0);
}

describe('a step', () => {
  it('over micro-batches of unequal weight equals one over the whole batch', async () => {
    const [whole, parts] = [await open(), await open()];
    const inputs = batch(0);
    inputs.lossWeight!.data.fill(0, 5, 9);
    for (let update = 1; update <= 3; update++) {
      const one = await whole.step([inputs], { update, ...settings });
      const two = await parts.step([rowsOf(inputs, 0, 1), rowsOf(inputs, 1, 3)], { update, ...settings });
      expect(two.loss).toBeCloseTo(one.loss, 5);
      expect(two.gradientNorm).toBeCloseTo(one.gradientNorm, 4);
      expect(two.tokenLoss.map(({ length }) => length)).toEqual([tiny.context, 2 * tiny.context]);
      expect(
        largestDifference(
          two.tokenLoss.flatMap((part) => [...part]),
          one.tokenLoss[0]!,
        ),
      ).toBeLessThan(1e-4);
    }
    const [a, b] = [await whole.state(), await parts.state()];
    // Not the parameters: a key's bias changes nothing, so its gradient is noise, which Adam makes full steps of.
    for (const [name, { data }] of a.moments) {
      expect(largestDifference(data, b.moments.get(name)!.data), name).toBeLessThan(1e-4);
    }
    await whole.release();
    await parts.release();
  });

  it('reports the weighted mean of the token losses, which are 0 where the weight is', async () => {
    const session = await open();
    const inputs = batch(0);
    inputs.lossWeight!.data.fill(0.5, 0, 8).fill(0, 8, 12);
    const before = await session.loss(inputs);
    const { loss, tokenLoss } = await session.step([inputs], { update: 1, ...settings });
    expect(largestDifference(tokenLoss[0]!, before)).toBeLessThan(1e-5);
    expect([...tokenLoss[0]!.subarray(8, 12)]).toEqual([0, 0, 0, 0]);
    const weights = inputs.lossWeight!.data as Float32Array;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mean = tokenLoss[0]!.reduce((sum, nats, i) => sum + nats * weights[i]!, 0) / total;
    expect(loss).toBeCloseTo(mean, 5);
    await session.release();
  });

  it.each([1, 2])(
    'is bit-identical from run to run at %i threads, and after a state is loaded',
    async (threads) => {
      const first = await open({}, threads);
      for (let update = 1; update <= 3; update++) await first.step([batch(update)], { update, ...settings });
      const middle = await first.state();
      const final = await first.step([batch(4)], { update: 4, ...settings });
      const second = await open({}, threads);
      await second.load(middle);
      const again = await second.step([batch(4)], { update: 4, ...settings });
      expect(again).toEqual(final);
      expect(await second.state()).toEqual(await first.state());
      expect(middle).not.toEqual(await first.state());
      await first.release();
      await second.release();
    },
  );

  it('on the host leaves what a program leaves', async () => {
    const engine = await openEngine({ threads: 1 });
    expect(engine.prefersHostUpdates).toBe(true);
    const parts = {
      shape: resolveModel(tiny),
      objective,
      // Nothing is clipped: the two sum up the norm in different orders.
      optimizer: openOptimizer({ clipNorm: 1e9 }),
      batch: { rows, length: tiny.context },
      random: (name: string) => uniform(name.length, [0, 1]),
    };
    const onHost = await ProgramSession.open({ ...parts, engine });
    const byProgram = await ProgramSession.open({
      ...parts,
      engine: { ...engine, prefersHostUpdates: false },
    });
    for (let update = 1; update <= 4; update++) {
      const inputs = batch(update);
      const one = await onHost.step([inputs], { update, ...settings });
      const other = await byProgram.step([inputs], { update, ...settings });
      expect(one.gradientNorm).toBeCloseTo(other.gradientNorm, 5);
      expect({ ...one, gradientNorm: 0 }).toEqual({ ...other, gradientNorm: 0 });
      expect(await onHost.state()).toEqual(await byProgram.state());
    }
    for (let update = 5; update <= 8; update++) {
      const inputs = batch(update);
      const microBatches = [rowsOf(inputs, 0, 1), rowsOf(inputs, 1, 2), rowsOf(inputs, 2, 3)];
      const one = await onHost.step(microBatches, { update, ...settings });
      const other = await byProgram.step(microBatches, { update, ...settings });
      // A program adds to the sum within a product, the host after it.
      expect(one.gradientNorm).toBeCloseTo(other.gradientNorm, 4);
      expect(one.loss).toBeCloseTo(other.loss, 4);
    }
    for (const session of [onHost, byProgram]) await session.release();
  });

  it('masks nothing while every token sees its whole row, which changes no bit', async () => {
    const engine = await openEngine({ threads: 1 });
    const compiled: string[] = [];
    const released: string[] = [];
    const watched: Engine = {
      ...engine,
      async compile(program) {
        const isMasked = programInputs(program).has('segment');
        const name = isMasked ? program.name : `open ${program.name}`;
        compiled.push(name);
        const runnable = await engine.compile(program);
        return {
          run: (given, into) => runnable.run(given, into),
          release: () => {
            released.push(name);
            return runnable.release();
          },
        };
      },
    };
    const masked = openObjective(
      { kind: 'masked', probability: 0.19 },
      { vocabulary: tiny.vocabulary, length: tiny.context, maskToken: 0 },
    );
    const parts = {
      shape: resolveModel({ ...tiny, family: 'bert' }),
      objective: masked,
      optimizer: openOptimizer(),
      batch: { rows, length: tiny.context },
      random: (name: string) => uniform(name.length, [0, 1]),
      engine: watched,
    };
    /** A last row of which the first half does not see the second. */
    const padded = (step: number) => {
      const { segment, ...inputs } = goldenMasked(step);
      const data = Int32Array.from(segment!.data).fill(1, -tiny.context / 2);
      return { ...inputs, segment: { shape: segment!.shape, data } };
    };
    const session = await ProgramSession.open(parts);
    const still = await ProgramSession.open(parts);
    const learningRate = 0.01;
    // Without a rate the padded step leaves the weights: from here on this session masks.
    const before = await still.state();
    await still.step([padded(0)], { update: 1, learningRate: 0 });
    await still.load(before);
    expect(compiled).toEqual(['gradient']);
    for (let update = 1; update <= 4; update++) {
      const inputs = update === 3 ? padded(update) : goldenMasked(update);
      expect(await session.step([inputs], { update, learningRate })).toEqual(
        await still.step([inputs], { update, learningRate }),
      );
      expect(await session.state()).toEqual(await still.state());
    }
    expect(compiled).toEqual(['gradient', 'open gradient', 'gradient']);
    expect(released).toEqual(['open gradient']);
    for (const each of [session, still]) await each.release();
  });

  it('whose loss is not finite is skipped and leaves everything as it was', async () => {
    const session = await open();
    await session.step([batch(0)], { update: 1, ...settings });
    const before = await session.state();
    const poisoned = batch(1);
    poisoned.lossWeight!.data[3] = Number.NaN;
    for (const microBatches of [[poisoned], [batch(2), poisoned]]) {
      const result = await session.step(microBatches, { update: 2, ...settings });
      expect(result.skipped).toBe(true);
      expect(await session.state()).toEqual(before);
    }
    const healthy = await session.step([batch(1)], { update: 2, ...settings });
    expect(healthy.skipped).toBe(false);
    expect(await session.state()).not.toEqual(before);
    await session.release();
  });
});

describe('generation', () => {
  it.each([
    ['gpt2', {}],
    ['llama, grouped, with norms on queries and keys', llama],
  ])('with the cache gives the logits of whole rows: %s', async (_, model) => {
    const session = await open(model);
    const inputs = rowsOf(batch(0), 0, 1);
    const { data: expected } = await session.logits(inputs);
    const tokens = [...inputs.tokens!.data];
    const rowOf = (position: number) => expected.subarray(position * 61, (position + 1) * 61);
    for (const prompt of [1, 5, tiny.context]) {
      const decoder = await session.decoder();
      const first = await decoder.prefill(tokens.slice(0, prompt));
      expect(largestDifference(first.data, rowOf(prompt - 1))).toBeLessThan(1e-5);
      for (let position = prompt; position < tokens.length; position++) {
        const { data } = await decoder.decode(tokens[position]!);
        expect(largestDifference(data, rowOf(position)), `position ${position}`).toBeLessThan(1e-5);
      }
      await expect(decoder.decode(0)).rejects.toThrow("the model's context of 16 tokens is full");
      await decoder.release();
    }
    await session.release();
  });

  it('starts shorter prompts in a shorter program than the context', async () => {
    const session = await open({ context: 40 });
    const tokens = Array.from({ length: 40 }, (_, i) => (i * 7) % tiny.vocabulary);
    const whole = { shape: [1, 40], data: Int32Array.from(tokens) };
    const order = { shape: [1, 40], data: Int32Array.from(tokens.keys()) };
    const segment = { shape: [1, 40], data: new Int32Array(40) };
    const { data: expected } = await session.logits({ tokens: whole, order, segment });
    const decoder = await session.decoder();
    await decoder.prefill(tokens.slice(0, 20));
    for (let i = 20; i < 40; i++) {
      const { data } = await decoder.decode(tokens[i]!);
      expect(largestDifference(data, expected.subarray(i * 61, (i + 1) * 61))).toBeLessThan(1e-5);
    }
    await session.release();
  });

  it('goes on by the parameters as they are now', async () => {
    const session = await open();
    const decoder = await session.decoder();
    const inputs = rowsOf(batch(0), 0, 1);
    const tokens = [...inputs.tokens!.data];
    const decoded = async () => {
      await decoder.prefill(tokens.slice(0, 3));
      return (await decoder.decode(tokens[3]!)).data;
    };
    const before = await decoded();
    await session.step([batch(1)], { update: 1, ...settings });
    const { data } = await session.logits(inputs);
    expect(largestDifference(await decoded(), data.subarray(3 * 61, 4 * 61))).toBeLessThan(1e-5);
    expect(largestDifference(await decoded(), before)).toBeGreaterThan(1e-3);
    await session.load(goldenState(await session.state()));
    expect([...(await decoded())]).toEqual([...before]);
    await decoder.release();
    await session.release();
  });

  it('is refused for an encoder', async () => {
    const session = await open({ family: 'bert' });
    await expect(session.decoder()).rejects.toThrow('a bert model is an encoder: it cannot generate');
    await session.release();
  });
});

describe('document masks', () => {
  it('give each document the losses it has alone', async () => {
    const masked = openObjective(
      { kind: 'causal', documentMask: true },
      { vocabulary: tiny.vocabulary, length: tiny.context },
    );
    const session = await openSession({
      model: tiny,
      objective: masked,
      batch: { rows, length: tiny.context },
      random: (name) => uniform(name.length, [0, 1]),
    });
    const windows = goldenWindows(0, [0, 6]);
    const together = await session.loss(masked.inputs(windows, Math.random));
    const alone = { ...windows, tokens: windows.tokens.slice(), segments: goldenWindows(0).segments };
    for (let row = 0; row < rows; row++) {
      alone.tokens.copyWithin(row * 17, row * 17 + 6, row * 17 + 17);
    }
    const second = await session.loss(masked.inputs(alone, Math.random));
    for (let row = 0; row < rows; row++) {
      const [start, length] = [row * tiny.context, tiny.context - 6];
      const ours = together.subarray(start + 6, start + 6 + length);
      expect(largestDifference(ours, second.subarray(start, start + length))).toBeLessThan(1e-5);
      expect(together[start + 5]).toBe(0);
    }
    await session.release();
  });
});

describe('what does not fit', () => {
  it('is refused before the step', async () => {
    const session = await open();
    const inputs = batch(0);
    inputs.tokens!.data[4] = 61;
    await expect(session.step([inputs], { update: 1, ...settings })).rejects.toThrow(
      "a token does not fit the model's vocabulary; expected an id from 0 to 60; found 61",
    );
    const state = await session.state();
    const without = new Map([...state.parameters].slice(1));
    await expect(session.load({ ...state, parameters: without })).rejects.toThrow('embedding.token');
    const other = await open({ width: 64 });
    await expect(other.load(state)).rejects.toThrow('the state does not fit this model');
    await expect(open({ context: 8 })).rejects.toThrow('at most 8 tokens; found 16');
    await expect(open({ heads: 5 })).rejects.toThrow('model.heads: 5 does not divide model.width 32');
    await session.release();
    await other.release();
  });
});
