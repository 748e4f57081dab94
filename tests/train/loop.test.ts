import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CancelledError, ConfigurationError, DivergenceError, ResourceError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { evaluate } from '../../src/train/evaluate.ts';
import { HeldOutSet } from '../../src/train/held-out.ts';
import { type TrainSettings, train } from '../../src/train/loop.ts';
import { loopOptions } from '../../src/train/loop-options.ts';
import {
  BigramSession,
  byteTokenizer,
  END_OF_TEXT,
  FakeLoader,
  fakeDocument,
  fakeObjective,
} from './fakes.ts';

const STEPS = 12;
const texts = [
  fakeDocument('prose', 'a', 'the rain in spain stays mainly in the plain. '.repeat(4)),
  fakeDocument('verse', 'b', 'tyger tyger, burning bright, in the forests of the night '.repeat(4)),
];
const heldOutTexts = [
  fakeDocument('prose', 'h', 'in the plain it rains'),
  fakeDocument('verse', 'i', 'bright'),
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-loop-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Given {
  readonly options?: Record<string, unknown>;
  readonly session?: BigramSession;
  readonly stopAfter?: number;
  readonly identity?: Record<string, unknown>;
  readonly folder?: string;
}

async function settingsFor(given: Given, lines: string[], reports: unknown[][]): Promise<TrainSettings> {
  const options = loopOptions.parse({
    steps: STEPS,
    accumulate: 2,
    schedule: { learningRate: 2, warmupSteps: 3 },
    evaluateEvery: 5,
    checkpoint: { everySteps: 4, everySeconds: 0, keepLast: 2 },
    ...given.options,
  });
  const session = given.session ?? new BigramSession();
  const heldOut = await HeldOutSet.choose(new FakeLoader(heldOutTexts, 1, 1), byteTokenizer);
  const controller = new AbortController();
  return {
    options,
    loader: new FakeLoader(texts, 2, 16),
    session,
    objective: fakeObjective,
    identity: given.identity ?? { shards: { digest: 'd1' }, model: { width: 8 } },
    corpusTokens: () =>
      Object.fromEntries(texts.map(({ document, tokens }) => [document.corpus, tokens.length])),
    evaluate: () =>
      evaluate({
        session,
        objective: fakeObjective,
        heldOut,
        context: 16,
        rows: 2,
        specialTokens: new Set([END_OF_TEXT]),
        random: new Random(1),
        signal: controller.signal,
      }),
    folder: given.folder ?? folder,
    random: new Random(7),
    progress: {
      report: (done, total, note) => {
        reports.push([done, total, note]);
        if (done === given.stopAfter) controller.abort();
      },
    },
    signal: controller.signal,
    say: (line) => lines.push(line),
  };
}

async function run(given: Given = {}) {
  const lines: string[] = [];
  const reports: unknown[][] = [];
  const settings = await settingsFor(given, lines, reports);
  const result = await train(settings);
  return { result, lines, reports, session: settings.session as BigramSession };
}

const metricsOf = (where: string) => readFile(join(where, 'metrics.jsonl'), 'utf8');
const checkpoints = async () => (await readdir(join(folder, 'checkpoints'))).sort();
const digest = (values: Float32Array) =>
  createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
const linesOf = async (kind: string) =>
  (await metricsOf(folder))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, never>)
    .filter((line) => line.kind === kind);

describe('train', () => {
  it('lowers the loss and writes a line for each step and evaluation', async () => {
    const { result, reports } = await run();
    const steps = await linesOf('step');
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
    expect((await linesOf('evaluation')).map(({ step }) => step)).toEqual([0, 5, 10, 12]);
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss - 0.5);
    expect(steps[0]!.learningRate).toBeCloseTo(2 / 3, 12);
    const { before, last } = result.receipt.evaluations;
    expect(last!.result.total.bitsPerByte).toBeLessThan(before!.result.total.bitsPerByte!);
    expect(reports.at(-1)!.slice(0, 2)).toEqual([STEPS, STEPS]);
    expect(reports.at(-1)![2]).toMatch(/^loss \d\.\d\d {2}[\d,]+ tokens\/s$/);
  });

  it('splits the loss by corpus so that the parts make up the whole', async () => {
    await run();
    for (const { loss, byCorpus } of await linesOf('step')) {
      const parts = Object.values(byCorpus as Record<string, { loss: number; tokens: number }>);
      const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
      // 2 micro-batches of 2 x 16 targets, of each of which the objective leaves one out.
      expect(tokens).toBe(62);
      const mean = parts.reduce((sum, part) => sum + part.loss * part.tokens, 0) / tokens;
      expect(mean).toBeCloseTo(loss, 5);
    }
  });

  it('counts tokens and epochs by corpus', async () => {
    const { result } = await run();
    const { tokens, tokensByCorpus, epochsByCorpus } = result.receipt;
    expect(tokens).toBe(STEPS * 64);
    expect(tokensByCorpus.prose! + tokensByCorpus.verse!).toBe(tokens);
    expect(epochsByCorpus.prose).toBeCloseTo(tokensByCorpus.prose! / texts[0]!.tokens.length, 12);
  });

  it.each([1, 4, 5, 6, 11])(
    'ends with the same bits when stopped after step %i and started again',
    async (stopAfter) => {
      const undisturbed = join(folder, 'undisturbed');
      const whole = await run({ folder: undisturbed });
      const stopped = join(folder, 'stopped');
      const session = new BigramSession();
      await expect(run({ folder: stopped, stopAfter, session })).rejects.toThrow(CancelledError);
      expect(session.steps).toBe(stopAfter);
      // Another start of the weights: they must come from the checkpoint.
      const again = await run({ folder: stopped, session: new BigramSession(undefined, 99) });
      expect(again.session.steps).toBe(STEPS - stopAfter);
      expect(again.result.resumedFrom).toBe(stopAfter);
      expect(digest(again.session.table)).toBe(digest(whole.session.table));
      expect(await metricsOf(stopped)).toBe(await metricsOf(undisturbed));
      expect(again.result.receipt).toEqual(whole.result.receipt);
    },
  );

  it('goes on bit-exactly from an older checkpoint when later steps were lost without warning', async () => {
    const whole = await run({ folder: join(folder, 'undisturbed') });
    // As after a power cut: the log ran ahead of the last checkpoint, and the newest folder is damaged.
    await run({ folder: join(folder, 'cut') });
    const store = join(folder, 'cut', 'checkpoints');
    expect((await readdir(store)).sort()).toEqual(['step-000000010', 'step-000000012']);
    await truncate(join(store, 'step-000000012', 'weights.safetensors'), 1000);
    await writeFile(join(folder, 'cut', 'metrics.jsonl'), '{"half": ', { flag: 'a' });
    const again = await run({ folder: join(folder, 'cut'), session: new BigramSession(undefined, 99) });
    expect(again.lines[0]).toMatch(
      /step 12 is damaged and set aside .*weights\.safetensors.*264\d\d\d bytes; found 1000/,
    );
    expect(again.session.steps).toBe(2);
    expect(digest(again.session.table)).toBe(digest(whole.session.table));
    expect(await metricsOf(join(folder, 'cut'))).toBe(await metricsOf(join(folder, 'undisturbed')));
  });

  it('does nothing but answer when all steps are done', async () => {
    const first = await run();
    const second = await run();
    expect(second.session.steps).toBe(0);
    expect(second.result.tokensPerSecond).toBeUndefined();
    expect(second.result.receipt).toEqual(first.result.receipt);
  });

  it('keeps the last checkpoints and the best one', async () => {
    // The rate is so high that the loss on held-out text is best early.
    await run({
      options: {
        schedule: { learningRate: 60, warmupSteps: 0, kind: 'constant' },
        checkpoint: { everySteps: 1, keepLast: 2 },
        stability: { spikeNats: 1000 },
        evaluateEvery: 1,
      },
    });
    const evaluations = await linesOf('evaluation');
    const values = evaluations.slice(1).map((line) => (line.total as { bitsPerByte: number }).bitsPerByte);
    const best = 1 + values.indexOf(Math.min(...values));
    expect(best).toBeLessThan(STEPS - 1);
    const names = [best, STEPS - 1, STEPS].map((step) => `step-${String(step).padStart(9, '0')}`);
    expect(await checkpoints()).toEqual(names);
  });

  it('refuses a checkpoint of other data or options and names the field', async () => {
    await expect(run({ stopAfter: 4 })).rejects.toThrow(CancelledError);
    const other = run({ identity: { shards: { digest: 'd2' }, model: { width: 8 } } });
    await expect(other).rejects.toThrow(ConfigurationError);
    await expect(other).rejects.toThrow(
      /shards\.digest differs; expected "d1" as in the checkpoint; found "d2"/,
    );
    const faster = run({ options: { schedule: { learningRate: 3, warmupSteps: 3 } } });
    await expect(faster).rejects.toThrow(/training\.schedule\.learningRate differs/);
    // When checkpoints are written changes no weight.
    await run({ options: { checkpoint: { everySteps: 1 } } });
  });

  it('stops at a loss that is not finite, naming the documents, and leaves the last checkpoint', async () => {
    const session = new BigramSession();
    session.failAt.add(6);
    const failed = run({ session });
    await expect(failed).rejects.toThrow(DivergenceError);
    await expect(failed).rejects.toThrow(
      /^step 6: the loss or its gradient is not finite\. Training stops; [^\n]*\n {2}(prose: a|verse: b), \d\.\d\d nats a token over \d+ tokens; (prose|verse)\.txt, bytes 0 to \d+\n/,
    );
    expect(await checkpoints()).toEqual(['step-000000004', 'step-000000005']);
  });

  it('passes over as many of them as it is told to', async () => {
    const session = new BigramSession();
    session.failAt.add(6);
    const { result, lines } = await run({
      session,
      options: { stability: { onTrouble: 'skip', maxSkippedSteps: 1 } },
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^step 6: the loss or its gradient is not finite; its update is left out/);
    expect((await linesOf('trouble')).map(({ step, what, action }) => [step, what, action])).toEqual([
      [6, 'not finite', 'skip'],
    ]);
    expect(result.receipt).toMatchObject({ step: STEPS, updates: STEPS - 1 });
    const skipped = (await linesOf('step')).filter((line) => line.skipped);
    expect(skipped.map(({ step, loss }) => [step, loss])).toEqual([[6, null]]);
  });

  it.each([
    ['the engine', () => Promise.reject(new ResourceError('program step: out of memory; take fewer rows'))],
    ['this process', async () => new Float64Array(2 ** 52) as never],
  ])('says at which step the memory of %s was full, and goes on bit-exactly from there', async (_, fail) => {
    const undisturbed = join(folder, 'undisturbed');
    const whole = await run({ folder: undisturbed });
    const session = new BigramSession();
    const step = session.step.bind(session);
    session.step = (inputs, settings) => (settings.update === 7 ? fail() : step(inputs, settings));
    const stopped = join(folder, 'stopped');
    const failed = run({ session, folder: stopped });
    await expect(failed).rejects.toThrow(ResourceError);
    await expect(failed).rejects.toThrow(/^step 7: .*out of memory.*; the last checkpoint stands$/);
    const again = await run({ folder: stopped });
    expect(again.result.resumedFrom).toBeGreaterThanOrEqual(4);
    expect(digest(again.session.table)).toBe(digest(whole.session.table));
    expect(await metricsOf(stopped)).toBe(await metricsOf(undisturbed));
  });

  it('stops where the loss on held-out text is not finite', async () => {
    const session = new BigramSession();
    const loss = session.loss.bind(session);
    session.loss = async (inputs) =>
      session.steps === 5 ? (await loss(inputs)).fill(Number.NaN) : loss(inputs);
    await expect(run({ session })).rejects.toThrow(/step 5: the loss on held-out text is not finite/);
    expect(await checkpoints()).toEqual(['step-000000004']);
  });

  it('keeps a log that was changed and begins another', async () => {
    await expect(run({ stopAfter: 4 })).rejects.toThrow(CancelledError);
    await writeFile(join(folder, 'metrics.jsonl'), 'x', { flag: 'r+' });
    const { lines } = await run();
    expect(lines.join()).toMatch(/metrics\.jsonl is not what the checkpoint knows/);
    expect(await readFile(join(folder, 'metrics.jsonl.damaged'), 'utf8')).toMatch(/^x/);
    expect((await linesOf('step')).map(({ step }) => step)[0]).toBe(5);
  });
});
