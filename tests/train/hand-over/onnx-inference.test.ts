/** The inference file in ONNX Runtime against the session, whose losses are held against PyTorch elsewhere. */

import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { inferenceModel } from '../../../src/train/hand-over/onnx-inference.ts';
import type { ModelShape } from '../../../src/train/model/options.ts';
import { tiny } from '../model/formulas.ts';
import { expectClose, kinds, openTiny, sessionInputs, shapeOf } from './models.ts';

const ROWS = 2;
const LENGTH = 12;
const { vocabulary } = tiny;
const tokens = Int32Array.from({ length: ROWS * LENGTH }, (_, i) => (i * i * 7 + 5 * i + 3) % vocabulary);

const integers = (values: ArrayLike<number>, shape: number[]) =>
  new Tensor('int64', BigInt64Array.from(Array.from(values), BigInt), shape);

/** The rows' tokens from `from` to `to`, [rows, to - from]. */
const columns = (from: number, to: number) =>
  Int32Array.from({ length: ROWS * (to - from) }, (_, i) => {
    const width = to - from;
    return tokens[Math.floor(i / width) * LENGTH + from + (i % width)]!;
  });

async function open(shape: ModelShape, name: string) {
  const session = await openTiny(kinds[name]!, ROWS);
  const { parameters } = await session.state();
  const wanted = (await session.logits(sessionInputs(shape, tokens, ROWS))).data as Float32Array;
  await session.release();
  const model = inferenceModel(shape, parameters);
  return { onnx: await InferenceSession.create(model, { logSeverityLevel: 3 }), wanted };
}

/** Feeds of a decoder with `pad` unseen tokens on the left of every row. */
function decoderFeeds(
  shape: ModelShape,
  ids: Int32Array,
  past: { length: number; pad: number; caches: Record<string, Tensor> },
) {
  const width = ids.length / ROWS;
  const total = past.length + width;
  const mask = Int32Array.from({ length: ROWS * total }, (_, i) => Number(i % total >= past.pad));
  const positions = Int32Array.from({ length: ROWS * width }, (_, i) =>
    Math.max(0, past.length + (i % width) - past.pad),
  );
  const feeds: Record<string, Tensor> = {
    input_ids: integers(ids, [ROWS, width]),
    attention_mask: integers(mask, [ROWS, total]),
    position_ids: integers(positions, [ROWS, width]),
  };
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const part of ['key', 'value']) {
      const empty = [ROWS, shape.keyValueHeads, 0, shape.width / shape.heads];
      feeds[`past_key_values.${layer}.${part}`] =
        past.caches[`present.${layer}.${part}`] ?? new Tensor('float32', new Float32Array(0), empty);
    }
  }
  return feeds;
}

const decoders = Object.keys(kinds).filter((name) => !name.startsWith('bert'));

describe('a decoder as an ONNX file', () => {
  it.each(decoders)('%s: whole rows, and token by token over the cache behind padding', async (name) => {
    const shape = shapeOf(kinds[name]!);
    const { onnx, wanted } = await open(shape, name);
    const whole = await onnx.run(decoderFeeds(shape, tokens, { length: 0, pad: 0, caches: {} }));
    expect(whole.logits!.dims).toEqual([ROWS, LENGTH, vocabulary]);
    expectClose(whole.logits!.data as Float32Array, wanted, 1e-4);
    const pad = 3;
    const prompt = 7;
    const padded = new Int32Array(ROWS * (pad + prompt)).fill(9);
    for (let row = 0; row < ROWS; row++)
      padded.set(columns(0, prompt).subarray(row * prompt, (row + 1) * prompt), row * (pad + prompt) + pad);
    let caches: Record<string, Tensor> = {};
    let length = 0;
    const feed = async (ids: Int32Array) => {
      const { logits, ...present } = await onnx.run(decoderFeeds(shape, ids, { length, pad, caches }));
      caches = present as Record<string, Tensor>;
      length += ids.length / ROWS;
      return logits!;
    };
    const check = (logits: Tensor, place: number) => {
      const width = logits.dims[1]!;
      for (let row = 0; row < ROWS; row++) {
        const found = (logits.data as Float32Array).subarray(
          ((row + 1) * width - 1) * vocabulary,
          (row + 1) * width * vocabulary,
        );
        const at = (row * LENGTH + place) * vocabulary;
        expectClose(found, wanted.subarray(at, at + vocabulary), 1e-4, `row ${row}, place ${place}`);
      }
    };
    check(await feed(padded), prompt - 1);
    for (let place = prompt; place < LENGTH; place++) check(await feed(columns(place, place + 1)), place);
    expect(caches['present.1.value']!.dims).toEqual([
      ROWS,
      shape.keyValueHeads,
      pad + LENGTH,
      tiny.width / tiny.heads,
    ]);
  });

  it('has the inputs and outputs that runtimes look for, their sizes free', async () => {
    const { onnx } = await open(shapeOf(kinds['llama-grouped-tied']!), 'llama-grouped-tied');
    const caches = (prefix: string) => [0, 1].flatMap((i) => [`${prefix}.${i}.key`, `${prefix}.${i}.value`]);
    expect(onnx.inputNames).toEqual([
      'input_ids',
      'attention_mask',
      'position_ids',
      ...caches('past_key_values'),
    ]);
    expect(onnx.outputNames).toEqual(['logits', ...caches('present')]);
    expect(onnx.inputMetadata[0]).toMatchObject({ type: 'int64', shape: ['batch', 'sequence'] });
    expect(onnx.inputMetadata[3]).toMatchObject({ type: 'float32', shape: ['batch', 2, 'past', 8] });
  });
});

describe('an encoder as an ONNX file', () => {
  const feeds = (mask: Int32Array, types: Int32Array, ids: Int32Array = tokens) => ({
    input_ids: integers(ids, [ROWS, LENGTH]),
    attention_mask: integers(mask, [ROWS, LENGTH]),
    token_type_ids: integers(types, [ROWS, LENGTH]),
  });
  const ones = new Int32Array(ROWS * LENGTH).fill(1);
  const zeros = new Int32Array(ROWS * LENGTH);

  it.each(['bert', 'bert-untied'])('%s: whole rows', async (name) => {
    const { onnx, wanted } = await open(shapeOf(kinds[name]!), name);
    const { logits } = await onnx.run(feeds(ones, zeros));
    expect(logits!.dims).toEqual([ROWS, LENGTH, vocabulary]);
    expectClose(logits!.data as Float32Array, wanted, 1e-4);
  });

  it('does not see what is padding, and sees the kinds of tokens', async () => {
    const { onnx } = await open(shapeOf(kinds.bert!), 'bert');
    const mask = ones.map((_, i) => Number(i % LENGTH < 8));
    const run = async (ids: Int32Array, types: Int32Array = zeros) =>
      (await onnx.run(feeds(mask, types, ids))).logits!.data as Float32Array;
    const shown = (logits: Float32Array) => logits.subarray(0, 8 * vocabulary);
    const other = tokens.map((token, i) => (i % LENGTH < 8 ? token : (token + 1) % vocabulary));
    expectClose(shown(await run(other)), shown(await run(tokens)), 1e-6);
    const types = await run(tokens, ones);
    expect(Math.abs(types[0]! - (await run(tokens))[0]!)).toBeGreaterThan(1e-3);
  });
});
