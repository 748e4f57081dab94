/** Out as a folder of `transformers` and back; tests/interop/hand-over has transformers itself read and write them. */

import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError, IntegrityError } from '../../../src/core/errors.ts';
import { readSafetensors, writeSafetensors } from '../../../src/train/checkpoint/safetensors.ts';
import { exportModel } from '../../../src/train/hand-over/export-model.ts';
import { importModel, readForeignModel } from '../../../src/train/hand-over/import-model.ts';
import { readModel } from '../../../src/train/model-folder.ts';
import type { NamedArray } from '../../../src/train/session.ts';
import { buildTinyCorpus } from '../loop-tiny-corpus.ts';
import { type TinyModel, writeTinyModel } from './model-folders.ts';
import { kinds } from './models.ts';

let root: string;
let tokenizer: string;
const models = new Map<string, TinyModel>();
const ours = (name: string) => join(root, 'ours', name);
const out = (name: string) => join(root, 'out', name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-hand-over-'));
  ({ tokenizer } = await buildTinyCorpus(root));
  for (const [name, options] of Object.entries(kinds)) {
    models.set(name, await writeTinyModel(ours(name), options, tokenizer));
    await exportModel(ours(name), out(name), { onnx: name === 'gpt2' });
  }
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const json = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
const bits = ({ data }: NamedArray) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

function expectSameTensors(found: ReadonlyMap<string, NamedArray>, wanted: ReadonlyMap<string, NamedArray>) {
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, array] of wanted) {
    expect(found.get(name)!.shape, name).toEqual(array.shape);
    expect(Buffer.compare(bits(found.get(name)!), bits(array)), name).toBe(0);
  }
}

describe('out and back', () => {
  const exact = Object.keys(kinds).filter((name) => name !== 'gpt2-without-bias');
  it.each(exact)('%s: the same bits and the same shape', async (name) => {
    const { shape, parameters } = models.get(name)!;
    const { architecture } = await importModel(out(name), join(root, 'back', name));
    const back = await readModel(join(root, 'back', name));
    expectSameTensors(back.parameters, parameters);
    expect(back.shape).toEqual(shape);
    expect(back.file).toMatchObject({ imported: { architecture }, vocabulary: shape.vocabulary });
    expect(back.tokens.maskToken).toBe(name.startsWith('bert') ? 300 : undefined);
  });

  it('gives zeros to the biases that the class of theirs has and our model has not', async () => {
    const { parameters } = await readForeignModel(out('gpt2-without-bias'));
    const own = models.get('gpt2-without-bias')!.parameters;
    const added = [...parameters].filter(([name]) => !own.has(name));
    expect(added.map(([name]) => name.replace(/^layers\.\d\./, '')).sort()).toContain('attention.query.bias');
    expect(added.every(([, { data }]) => data.every((value) => value === 0))).toBe(true);
    for (const [name, array] of own)
      expect(Buffer.compare(bits(parameters.get(name)!), bits(array)), name).toBe(0);
  });

  it('reads weights that lie in several files', async () => {
    const folder = join(root, 'sharded');
    await cp(out('llama'), folder, { recursive: true });
    const tensors = [...(await readSafetensors(join(folder, 'model.safetensors')))];
    await rm(join(folder, 'model.safetensors'));
    const map: Record<string, string> = {};
    for (const part of [0, 1]) {
      const file = `model-0000${part + 1}-of-00002.safetensors`;
      const own = tensors.filter((_, i) => i % 2 === part);
      for (const [name] of own) map[name] = file;
      await writeSafetensors(join(folder, file), new Map(own), { format: 'pt' });
    }
    await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    expectSameTensors((await readForeignModel(folder)).parameters, models.get('llama')!.parameters);
  });

  it('takes names without the prefix, buffers beside the weights, and a tied matrix written twice', async () => {
    const found = await changed('gpt2', (tensors) => {
      const bare = [...tensors].map(([name, array]) => [name.replace('transformer.', ''), array] as const);
      const buffer = { shape: [1, 1, 2, 2], data: new Float32Array(4) };
      const head = tensors.get('transformer.wte.weight')!;
      return new Map([...bare, ['h.0.attn.bias', buffer], ['lm_head.weight', head]]);
    });
    expectSameTensors((await readForeignModel(found)).parameters, models.get('gpt2')!.parameters);
  });
});

let copies = 0;
/** A copy of an exported model, its tensors or its config changed. */
async function changed(
  name: string,
  tensors: (from: Map<string, NamedArray>) => ReadonlyMap<string, NamedArray>,
  config: object = {},
): Promise<string> {
  const folder = join(root, 'changed', `${copies++}`);
  await mkdir(folder, { recursive: true });
  await copyFile(join(out(name), 'tokenizer.json'), join(folder, 'tokenizer.json'));
  const fields = { ...(await json(join(out(name), 'config.json'))), ...config };
  await writeFile(join(folder, 'config.json'), JSON.stringify(fields));
  const weights = tensors(await readSafetensors(join(out(name), 'model.safetensors')));
  await writeSafetensors(join(folder, 'model.safetensors'), weights, { format: 'pt' });
  return folder;
}

describe('what is not taken over', () => {
  it.each([
    ['gpt2', { activation_function: 'relu' }, /activation_function.*gelu_new.*"relu"/],
    ['gpt2', { scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx.*false.*true/],
    ['gpt2', { model_type: 'opt' }, /model_type.*gpt2, llama.*"opt"/],
    ['gpt2', { n_layer: undefined }, /n_layer.*whole number.*nothing/],
    [
      'llama',
      { rope_parameters: { rope_type: 'llama3', factor: 8 } },
      /rope_parameters\.rope_type.*"llama3"/,
    ],
    ['llama', { head_dim: 16 }, /head_dim.*8.*16/],
    ['llama', { hidden_act: 'gelu' }, /hidden_act.*silu.*"gelu"/],
    ['llama', { mlp_bias: true }, /mlp_bias.*false.*true/],
    ['qwen3', { use_sliding_window: true }, /use_sliding_window/],
    ['bert', { hidden_act: 'gelu_new' }, /hidden_act.*gelu.*"gelu_new"/],
    ['bert', { position_embedding_type: 'relative_key' }, /position_embedding_type.*absolute/],
    ['bert', { type_vocab_size: 4 }, /type_vocab_size.*2.*4/],
    ['bert', { vocab_size: 280 }, /word_embeddings\.weight.*\[280,32\].*\[301,32\]/],
  ])('%s with %j', async (name, config, message) => {
    await expect(readForeignModel(await changed(name, (tensors) => tensors, config))).rejects.toThrow(
      message,
    );
  });

  it('a tensor that is missing, of another shape, left over, or tied and different', async () => {
    const without = await changed('llama', (tensors) => {
      tensors.delete('model.layers.1.mlp.up_proj.weight');
      return tensors;
    });
    await expect(readForeignModel(without)).rejects.toThrow(
      /no tensor model\.layers\.1\.mlp\.up_proj\.weight/,
    );
    const turned = await changed('llama', (tensors) => {
      const { shape, data } = tensors.get('model.layers.0.mlp.up_proj.weight')!;
      return tensors.set('model.layers.0.mlp.up_proj.weight', { shape: shape.toReversed(), data });
    });
    await expect(readForeignModel(turned)).rejects.toThrow(
      /layers\.0\.mlp\.up_proj\.weight does not fit.*\[96,32\].*\[32,96\]/,
    );
    const more = { shape: [2], data: new Float32Array(2) };
    const left = await changed('gpt2', (tensors) => tensors.set('transformer.h.0.extra', more));
    await expect(readForeignModel(left)).rejects.toThrow(/transformer\.h\.0\.extra has no place/);
    const head = await changed('gpt2', (tensors) => {
      const { shape, data } = tensors.get('transformer.wte.weight')!;
      return tensors.set('lm_head.weight', { shape, data: data.map((value) => 2 * value) });
    });
    await expect(readForeignModel(head)).rejects.toThrow(
      /lm_head\.weight differs from transformer\.wte\.weight/,
    );
  });

  it('a folder without a model, without safetensors, or without a tokenizer', async () => {
    await expect(readForeignModel(tokenizer)).rejects.toThrow(ConfigurationError);
    const folder = await changed('gpt2', (tensors) => tensors);
    await rm(join(folder, 'tokenizer.json'));
    await expect(importModel(folder, join(root, 'nowhere'))).rejects.toThrow(/no tokenizer\.json beside/);
    await rm(join(folder, 'model.safetensors'));
    await writeFile(join(folder, 'pytorch_model.bin'), '');
    await expect(readForeignModel(folder)).rejects.toThrow(/safetensors.*pytorch_model\.bin/);
  });

  it('a tokenizer with more tokens than embeddings', async () => {
    const folder = await changed(
      'gpt2',
      (tensors) => {
        const { data } = tensors.get('transformer.wte.weight')!;
        return tensors.set('transformer.wte.weight', { shape: [260, 32], data: data.slice(0, 260 * 32) });
      },
      { vocab_size: 260 },
    );
    await expect(importModel(folder, join(root, 'nowhere'))).rejects.toThrow(/vocab_size.*300.*260/);
  });
});

describe('what is not handed over', () => {
  it.each([
    ['positions', { family: 'gpt2', positions: 'rotary' }],
    ['activation', { family: 'gpt2', activation: 'swiglu' }],
    ['keyValueHeads', { family: 'gpt2', keyValueHeads: 2 }],
    ['positions', { family: 'llama', positions: 'learned' }],
    ['activation', { family: 'llama', activation: 'gelu' }],
    ['bias', { family: 'llama', queryKeyNorm: true, bias: true }],
    ['normPlace', { family: 'bert', normPlace: 'before' }],
    ['activation', { family: 'bert', activation: 'gelu-tanh' }],
  ] as const)('a model whose %s transformers has no class for: %j', async (option, options) => {
    const name = JSON.stringify(options);
    await writeTinyModel(ours(name), options, tokenizer);
    await expect(exportModel(ours(name), out(name))).rejects.toThrow(new RegExp(`^model\\.${option}: `));
  });

  it('a model onto itself, or with weights that are not its own', async () => {
    await expect(exportModel(ours('gpt2'), ours('gpt2'))).rejects.toThrow(ConfigurationError);
    await cp(ours('gpt2'), ours('damaged'), { recursive: true });
    await copyFile(join(ours('llama'), 'model.safetensors'), join(ours('damaged'), 'model.safetensors'));
    await expect(exportModel(ours('damaged'), out('damaged'))).rejects.toThrow(IntegrityError);
  });
});

describe('a model that knows pairs of sentences', () => {
  it('keeps their head and its marks', async () => {
    const { parameters } = await writeTinyModel(ours('pairs'), kinds.bert!, tokenizer, 'next-sentence');
    const { architecture } = await exportModel(ours('pairs'), out('pairs'));
    expect(architecture).toBe('BertForPreTraining');
    expectSameTensors((await readForeignModel(out('pairs'))).parameters, parameters);
    const { post_processor: around } = await json(join(out('pairs'), 'tokenizer.json'));
    expect(around).toMatchObject({
      single: [
        { SpecialToken: { id: '<|class|>' } },
        { Sequence: { id: 'A' } },
        { SpecialToken: { id: '<|separator|>' } },
      ],
    });
    expect(await json(join(out('pairs'), 'tokenizer_config.json'))).toMatchObject({
      mask_token: '<|mask|>',
      cls_token: '<|class|>',
      sep_token: '<|separator|>',
    });
    await importModel(out('pairs'), join(root, 'back', 'pairs'));
    expect((await readModel(join(root, 'back', 'pairs'))).file).toMatchObject({
      objective: { kind: 'next-sentence' },
      ...{ maskToken: 300, classToken: 301, separatorToken: 302 },
    });
  });
});

describe('the files beside the weights', () => {
  it('are those that transformers and transformers.js look for', async () => {
    const { files } = await exportModel(ours('gpt2'), out('again'), { name: 'A small one' });
    expect([...files].sort()).toEqual([
      'README.md',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'onnx/model.onnx',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const end = 0;
    expect(await json(join(out('again'), 'generation_config.json'))).toEqual({
      bos_token_id: end,
      eos_token_id: end,
      pad_token_id: end,
    });
    const card = await readFile(join(out('again'), 'README.md'), 'utf8');
    expect(card).toMatch(/^---\nlibrary_name: transformers\npipeline_tag: text-generation\n/);
    expect(card).toContain('# A small one\n');
    expect(card).toContain('`GPT2LMHeadModel`');
  });

  it('give a masked model the token that its tokenizer lacks', async () => {
    const { added_tokens: added } = await json(join(out('bert'), 'tokenizer.json'));
    expect(added).toContainEqual(expect.objectContaining({ id: 300, content: '<|mask|>', special: true }));
    expect(await json(join(out('bert'), 'tokenizer_config.json'))).toMatchObject({
      mask_token: '<|mask|>',
      model_input_names: ['input_ids', 'token_type_ids', 'attention_mask'],
    });
  });
});
