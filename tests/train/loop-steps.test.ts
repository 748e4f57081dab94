import { copyFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, ConfigurationError, IntegrityError } from '../../src/core/errors.ts';
import type { JobOutcome } from '../../src/core/stage.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { loadTokenizer } from '../../src/tokenize/tokenizer.ts';
import type { Evaluation } from '../../src/train/checkpoint/receipt.ts';
import { checkpointFolder, newestReceipt } from '../../src/train/checkpoint/store.ts';
import { loadModel } from '../../src/train/model-folder.ts';
import { evaluateFromFolders, evaluateOptions, evaluateStep } from '../../src/train/steps/evaluate.ts';
import { generateFromFolder, generateStep, sampleOptions } from '../../src/train/steps/generate.ts';
import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { buildTinyCorpus, jobContext, TINY_RUN, tinyDocuments } from './loop-tiny-corpus.ts';

let root: string;
let folders: { shards: string; tokenizer: string };
let model: string;
let outcome: JobOutcome;

async function trainIn(
  folder: string,
  given: object = {},
  onReport?: (done: number, controller: AbortController) => void,
) {
  await mkdir(folder, { recursive: true });
  const { context, lines } = jobContext(folder, folders, onReport);
  return { outcome: await trainStep.run(trainOptions.parse({ ...TINY_RUN, ...given }), context), lines };
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-steps-'));
  folders = await buildTinyCorpus(root);
  model = join(root, 'model');
  ({ outcome } = await trainIn(model));
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/** For runs whose evaluations are not looked at closely. */
const brief = { evaluateEvery: 0, heldOut: { maxBytesPerCorpus: 500 } };

interface Summary {
  readonly firstLoss: number;
  readonly lastLoss: number;
  readonly heldOut: Record<'before' | 'after', { corpora: Record<string, Record<string, number>> }>;
}

/** Bits per byte by the definition: the logits of each prefix of each document, one row at a time. */
async function bitsByHand(corpus: string): Promise<number> {
  const { session, tokenizer, file } = await loadModel(model);
  const held = tinyDocuments().filter(
    (document) => document.split === 'held-out' && document.corpus === corpus,
  );
  let nats = 0;
  let bytes = 0;
  for (const { text } of held) {
    const tokens = tokenizer.encode(text);
    const sequence = [tokenizer.endOfText!, ...tokens];
    bytes += Buffer.byteLength(text as string);
    const decoder = await session.decoder();
    for (let t = 0; t < tokens.length; t++) {
      // Windows of 32 with a stride of 16: the first one in full, then half of each.
      const start = t < 32 ? 0 : Math.floor((t - 16) / 16) * 16;
      const { data } = await decoder.prefill(sequence.slice(start, t + 1));
      const top = Math.max(...data);
      nats += top + Math.log(data.reduce((sum, score) => sum + Math.exp(score - top), 0)) - data[tokens[t]!]!;
    }
    await decoder.release();
  }
  await session.release();
  expect(file.context).toBe(32);
  return nats / (Math.LN2 * bytes);
}

describe('the step train', () => {
  it('leaves a model, and figures by corpus that got better', async () => {
    expect([...outcome.files].sort()).toEqual([
      'metrics.jsonl',
      'model.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    const { firstLoss, lastLoss, heldOut, ...rest } = outcome.summary as unknown as Summary;
    expect(firstLoss).toBeGreaterThan(5);
    expect(lastLoss).toBeLessThan(4);
    // Embedding 300 x 32, positions 32 x 32, a block of 12,704, the last norm 64.
    const shape = 300 * 32 + 32 * 32 + (4 * 32 * 32 + 4 * 32 + 2 * 32 * 128 + 128 + 32 + 4 * 32) + 64;
    expect(rest).toMatchObject({ objective: 'causal', steps: 24, tokens: 24 * 4 * 32, parameters: shape });
    for (const corpus of ['farm', 'town']) {
      const [before, after] = [heldOut.before.corpora[corpus]!, heldOut.after.corpora[corpus]!];
      expect(after.bitsPerByte).toBeLessThan(before.bitsPerByte! - 0.5);
      expect(after.gzipBitsPerByte).toBe(before.gzipBitsPerByte);
      const texts = tinyDocuments().filter((d) => d.corpus === corpus && d.split === 'held-out');
      expect(after.bytes).toBe(texts.reduce((sum, { text }) => sum + Buffer.byteLength(text as string), 0));
    }
  });

  it('ends with the same files when stopped and started again', async () => {
    const stopped = join(root, 'stopped');
    const stop = (at: number) => (done: number, controller: AbortController) => {
      if (done === at) controller.abort();
    };
    await expect(trainIn(stopped, {}, stop(7))).rejects.toThrow(CancelledError);
    await expect(trainIn(stopped, {}, stop(16))).rejects.toThrow(CancelledError);
    const { outcome: again, lines } = await trainIn(stopped);
    expect(lines.join('\n')).toContain('going on from the checkpoint of step 16 of 24');
    for (const name of outcome.files) {
      expect((await readFile(join(stopped, name))).equals(await readFile(join(model, name))), name).toBe(
        true,
      );
    }
    // What a clock tells, and what each call did itself.
    const { tokensPerSecond: _, usage: __, resumedFrom, ...summary } = again.summary;
    const { tokensPerSecond: ___, usage, resumedFrom: ____, ...whole } = outcome.summary;
    expect(Object.keys(usage as object)).toContain('energyEstimate');
    expect(resumedFrom).toBe(16);
    expect(summary).toEqual(whole);
  });

  it('with device auto says what it took, notes it in checkpoints, and stays there when it goes on', async () => {
    const folder = join(root, 'auto');
    const given = { ...brief, steps: 8, engine: { device: 'auto' } };
    await expect(
      trainIn(folder, given, (done, controller) => {
        if (done === 6) controller.abort();
      }),
    ).rejects.toThrow(CancelledError);
    const receipt = await newestReceipt(checkpointFolder(folder));
    expect(receipt!.environment).toMatchObject({ engine: 'onnx', device: expect.stringMatching(/^[a-z]+$/) });
    const { lines } = await trainIn(folder, given);
    const chosen = lines.find((line) => line.startsWith('device auto'));
    expect(chosen).toMatch(
      new RegExp(`^device auto took ${receipt!.environment.device} .*as in the checkpoint`),
    );
    expect(lines.join('\n')).not.toContain('later bits may differ');
  });

  it('gives the same bits with gradients accumulated from run to run, and trains on every window alike', async () => {
    const given = {
      rows: 2,
      accumulate: 2,
      steps: 6,
      ...brief,
      checkpoint: { everySteps: 0, everySeconds: 0 },
    };
    const stop = (done: number, controller: AbortController) => done === 3 && controller.abort();
    await trainIn(join(root, 'a'), given);
    await expect(trainIn(join(root, 'b'), given, stop)).rejects.toThrow(CancelledError);
    await trainIn(join(root, 'b'), given);
    const weights = (name: string) => readFile(join(root, name, 'model.safetensors'));
    expect((await weights('a')).equals(await weights('b'))).toBe(true);
    // Two micro-batches of 2 windows are the same 4 windows as one of 4: losses agree but for rounding.
    const losses = async (folder: string) =>
      (await readFile(join(folder, 'metrics.jsonl'), 'utf8'))
        .split('\n')
        .flatMap((line) => (line.includes('"kind":"step"') ? [JSON.parse(line).loss as number] : []));
    const [accumulated, whole] = [await losses(join(root, 'a')), await losses(model)];
    expect(accumulated[0]).toBeCloseTo(whole[0]!, 5);
  });

  it('trains a masked model from the same shards, with a mask token added, and says its loss is no likelihood', async () => {
    const folder = join(root, 'masked');
    const given = {
      model: { ...TINY_RUN.model, family: 'bert' },
      objective: { kind: 'masked', probability: 0.25 },
      steps: 40,
      ...brief,
    };
    const { outcome: masked } = await trainIn(folder, given);
    const { heldOut } = masked.summary as unknown as {
      heldOut: Record<'before' | 'after', Record<string, unknown>>;
    };
    expect(heldOut.after).toMatchObject({ measure: 'masked-loss', comparable: false });
    const loss = (at: 'before' | 'after') =>
      (heldOut[at]!.corpora as Record<string, { lossPerToken: number; bitsPerByte: null }>).farm!;
    expect(loss('after').lossPerToken).toBeLessThan(loss('before').lossPerToken - 0.5);
    expect(loss('after').bitsPerByte).toBeNull();
    const { file, session } = await loadModel(folder);
    await session.release();
    expect(file).toMatchObject({ vocabulary: 301, maskToken: 300, tokenizer: { vocabularySize: 300 } });
    const evaluated = await evaluate(folder, { maxBytesPerCorpus: 131_072, seed: 3 });
    expect(evaluated.lines.join()).toMatch(/cannot be held against those of other models: a masked model/);
  });

  it('trains on shards that are still being written, bit for bit as afterwards, also read ahead by a worker', async () => {
    const packed = { packing: 'best-fit', objective: { kind: 'causal', documentMask: true }, steps: 70 };
    const given = { ...packed, ...brief, epochsInOrder: 1 };
    const weights = (folder: string) => readFile(join(folder, 'model.safetensors'));
    const { outcome: after } = await trainIn(join(root, 'replayed'), { ...given, prefetch: 2 });
    const names = (await readdir(folders.shards)).filter((name) => name.endsWith('.shard')).sort();
    const written = join(root, 'being-written');
    await mkdir(written);
    const pending = [...names.filter((name) => name.startsWith('train')), ...names, 'index.json'];
    const onReport = () => {
      const name = pending.shift();
      if (name) copyFileSync(join(folders.shards, name), join(written, name));
    };
    onReport();
    await mkdir(join(root, 'followed'));
    const { context, lines } = jobContext(join(root, 'followed'), { ...folders, shards: written }, onReport);
    const { summary } = await trainStep.run(
      trainOptions.parse({ ...TINY_RUN, ...given, follow: true }),
      context,
    );
    expect(lines.join()).toMatch(/on shards that are still being written/);
    expect(await weights(join(root, 'followed'))).toEqual(await weights(join(root, 'replayed')));
    expect(summary.tokens).toBe(after.summary.tokens);
    const [ours, theirs] = [summary, after.summary] as unknown as Summary[];
    expect(ours!.heldOut.after).toEqual(theirs!.heldOut.after);
    expect(ours!.heldOut.before).toBeUndefined();
    await trainIn(join(root, 'shuffled'), { ...given, epochsInOrder: 0 });
    expect(await weights(join(root, 'shuffled'))).not.toEqual(await weights(join(root, 'replayed')));
  });

  it('scores a prefix model as the causal one that it is with a prefix of one token', async () => {
    const { outcome: prefix } = await trainIn(join(root, 'prefix'), {
      objective: { kind: 'prefix' },
      steps: 2,
      ...brief,
    });
    const { before } = (prefix.summary as unknown as Summary).heldOut;
    expect(before).toMatchObject({ measure: 'bits-per-byte', comparable: true });
    // The same seed gives the same weights, and untrained ones know no objective.
    const { lossPerToken } = before.corpora.farm!;
    const causal = (outcome.summary as unknown as Summary).heldOut.before.corpora.farm!;
    expect(lossPerToken).toBeCloseTo(causal.lossPerToken!, 1);
  });

  it('says so where no documents are held out', async () => {
    const all = tinyDocuments().map((document) => ({ ...document, split: 'train' as const }));
    const folder = join(root, 'all');
    const { context, lines } = jobContext(folder, await buildTinyCorpus(folder, all));
    const { summary } = await trainStep.run(trainOptions.parse({ ...TINY_RUN, steps: 2 }), context);
    expect(lines.join()).toMatch(/hold out no documents/);
    expect((summary as unknown as Summary).heldOut.before).toBeUndefined();
  });

  it('refuses shards of another tokenizer, and a window longer than the context', async () => {
    const other = join(root, 'other-tokenizer');
    await mkdir(other);
    const json = JSON.parse(await readFile(join(folders.tokenizer, 'tokenizer.json'), 'utf8'));
    await writeFile(join(other, 'tokenizer.json'), JSON.stringify(json, null, 3));
    const { context } = jobContext(join(root, 'never'), { ...folders, tokenizer: other });
    const run = trainStep.run(trainOptions.parse(TINY_RUN), context);
    await expect(run).rejects.toThrow(ConfigurationError);
    await expect(run).rejects.toThrow(/the shards were encoded with another tokenizer/);
    await expect(trainIn(join(root, 'long'), { context: 64 })).rejects.toThrow(
      /longer than the model's context/,
    );
  });
});

async function evaluate(folder: string, given: object = {}) {
  const { context, lines } = jobContext(root, { ...folders, model: folder });
  const evaluation = await evaluateFromFolders(
    evaluateOptions.parse({ rows: 3, ...given }),
    { model: folder, shards: folders.shards },
    context,
  );
  return { evaluation, lines };
}

describe('the step evaluate', () => {
  it('gives bits per byte of the definition', async () => {
    const { evaluation } = await evaluate(model);
    expect(evaluation.corpora.town!.bitsPerByte).toBeCloseTo(await bitsByHand('town'), 4);
    const { heldOut } = outcome.summary as unknown as Summary;
    expect(evaluation.corpora.farm!.bitsPerByte).toBeCloseTo(heldOut.after.corpora.farm!.bitsPerByte!, 5);
  });

  it('does not depend on rows, nor on packing where positions are fed', async () => {
    const few = (await evaluate(model, { rows: 1 })).evaluation;
    const many = (await evaluate(model, { rows: 7 })).evaluation;
    expect(few.total.tokens).toBe(many.total.tokens);
    expect(few.total.nats).toBeCloseTo(many.total.nats, 2);
    const folder = join(root, 'document-mask');
    await trainIn(folder, { objective: { kind: 'causal', documentMask: true }, steps: 3, ...brief });
    const [one, seven] = [await evaluate(folder, { rows: 1 }), await evaluate(folder, { rows: 7 })];
    expect(one.evaluation.total.nats).toBeCloseTo(seven.evaluation.total.nats, 2);
  });

  it('writes evaluation.json', async () => {
    const folder = join(root, 'evaluation');
    await mkdir(folder);
    const { context } = jobContext(folder, { ...folders, model });
    const given = await evaluateStep.run(evaluateOptions.parse({ maxBytesPerCorpus: 1 }), context);
    expect(given.files).toEqual(['evaluation.json']);
    const written = JSON.parse(await readFile(join(folder, 'evaluation.json'), 'utf8')) as Evaluation;
    expect(written.corpora.farm!.documents).toBe(1);
    expect(given.summary.total).toEqual(written.total);
  });
});

describe('the step generate', () => {
  it('writes what the model has learned, the same for the same seed', async () => {
    const folder = join(root, 'samples');
    await mkdir(folder);
    const { context } = jobContext(folder, { ...folders, model });
    const options = sampleOptions.parse({
      prompts: ['', 'the cow'],
      count: 2,
      maxTokens: 80,
      temperature: 0.5,
    });
    const first = await generateStep.run(options, context);
    const samples = JSON.parse(await readFile(join(folder, 'samples.json'), 'utf8'));
    expect(samples.map((sample: { prompt: string }) => sample.prompt)).toEqual([
      '',
      '',
      'the cow',
      'the cow',
    ]);
    expect(samples[0].text).not.toBe(samples[1].text);
    expect((await generateStep.run(options, context)).summary.samples).toEqual(first.summary.samples);
    expect(samples.map((sample: { text: string }) => sample.text).join(' ')).toMatch(/and/);
  });

  it('greedily follows the likeliest token, past the context', async () => {
    const shown: string[] = [];
    const { context } = jobContext(root, {});
    const options = sampleOptions.parse({ temperature: 0, maxTokens: 100, stopAtEndOfText: false });
    const [sample] = await generateFromFolder(options, model, {
      ...context,
      onText: (text) => shown.push(text),
      onToken: ({ token, top, probability }) => {
        expect(token).toBe(top[0]!.token);
        expect(probability).toBe(top[0]!.probability);
      },
    });
    expect(sample!.tokens).toHaveLength(100);
    expect(shown.join('')).toBe(sample!.text);
  });
});

describe('loadModel', () => {
  it('refuses weights or a tokenizer that are not what model.json says', async () => {
    const copy = join(root, 'copy');
    await mkdir(copy);
    for (const name of await readdir(model)) {
      if (name.startsWith('model') || name.startsWith('tok'))
        await writeFile(join(copy, name), await readFile(join(model, name)));
    }
    const weights = await readFile(join(copy, 'model.safetensors'));
    weights[weights.length - 1]! ^= 1;
    await writeFile(join(copy, 'model.safetensors'), weights);
    await expect(loadModel(copy)).rejects.toThrow(
      /model\.safetensors: not the weights that model\.json speaks of/,
    );
    await writeFile(join(copy, 'tokenizer.json'), ' ', { flag: 'a' });
    await expect(loadModel(copy)).rejects.toThrow(/not the tokenizer that the model was trained with/);
    await writeFile(join(copy, 'model.json'), '{"format": 9}');
    await expect(loadModel(copy)).rejects.toThrow(IntegrityError);
    await expect(loadModel(root)).rejects.toThrow(ConfigurationError);
  });
});

describe('a tokenizer', () => {
  it('of the tiny corpus round-trips it, which the figures above rely on', async () => {
    const tokenizer = await loadTokenizer(join(folders.tokenizer, 'tokenizer.json'));
    const loader = await ShardLoader.open(folders.shards, {
      split: 'held-out',
      context: 32,
      rows: 1,
      orderSeed: 0,
    });
    const texts = new Map(tinyDocuments().map(({ id, text }) => [id, text]));
    let count = 0;
    for await (const { document, tokens } of loader.documents()) {
      expect(tokenizer.decode(tokens.subarray(0, -1))).toBe(texts.get(document.id));
      count += 1;
    }
    await loader.close();
    expect(count).toBe(12);
  });
});
