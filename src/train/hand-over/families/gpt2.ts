/** GPT2LMHeadModel. Its Conv1D stores [in, out], as ours does; queries, keys and values are one matrix. */

import type { Family } from './family.ts';
import { linearPair, normPair, repeated, requireOptions } from './family.ts';

const ACTIVATIONS = {
  // All the tanh approximation; the names tell implementations apart.
  gelu_new: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu: 'gelu',
} as const;

const architecture = 'GPT2LMHeadModel';

export const gpt2: Family = {
  modelType: 'gpt2',
  architecture,
  prefix: 'transformer.',
  ignored: /\.attn\.(masked_)?bias$/,
  check(shape) {
    requireOptions(architecture, shape, {
      kind: ['decoder'],
      norm: ['layer'],
      normPlace: ['before'],
      positions: ['learned'],
      activation: ['gelu-tanh', 'gelu'],
      keyValueHeads: [shape.heads],
      queryKeyNorm: [false],
    });
  },
  config: (shape) => ({
    n_positions: shape.context,
    n_embd: shape.width,
    n_layer: shape.layers,
    n_head: shape.heads,
    n_inner: shape.hidden,
    activation_function: shape.activation === 'gelu' ? 'gelu' : 'gelu_new',
    layer_norm_epsilon: shape.normEpsilon,
    resid_pdrop: 0,
    embd_pdrop: 0,
    attn_pdrop: 0,
    tie_word_embeddings: shape.tied,
  }),
  options(fields) {
    fields.require('scale_attn_weights', true);
    fields.require('scale_attn_by_inverse_layer_idx', false);
    fields.require('add_cross_attention', false);
    const width = fields.size('n_embd');
    return {
      family: 'gpt2',
      layers: fields.size('n_layer'),
      width,
      heads: fields.size('n_head'),
      hidden: fields.size('n_inner', 4 * width),
      context: fields.size('n_positions', 1024),
      normEpsilon: fields.number('layer_norm_epsilon', 1e-5),
      activation: fields.choice('activation_function', ACTIVATIONS, 'gelu_new'),
      tied: fields.flag('tie_word_embeddings', true),
    };
  },
  tensors(shape) {
    const { layers, width, hidden, bias } = shape;
    const linear = (theirs: string, ours: string | string[], zerosOf: number) =>
      linearPair(theirs, ours, { bias, transposed: false, zerosOf });
    return [
      { theirs: 'transformer.wte.weight', ours: ['embedding.token'] },
      { theirs: 'transformer.wpe.weight', ours: ['embedding.position'] },
      ...repeated(layers, (i) => {
        const [theirs, ours] = [`transformer.h.${i}`, `layers.${i}`];
        const parts = ['query', 'key', 'value'].map((part) => `${ours}.attention.${part}`);
        return [
          ...normPair(`${theirs}.ln_1`, `${ours}.attention.norm`, true),
          ...linear(`${theirs}.attn.c_attn`, parts, width),
          ...linear(`${theirs}.attn.c_proj`, `${ours}.attention.output`, width),
          ...normPair(`${theirs}.ln_2`, `${ours}.feedForward.norm`, true),
          ...linear(`${theirs}.mlp.c_fc`, `${ours}.feedForward.up`, hidden),
          ...linear(`${theirs}.mlp.c_proj`, `${ours}.feedForward.down`, width),
        ];
      }),
      ...normPair('transformer.ln_f', 'norm', true),
      ...(shape.tied ? [] : [{ theirs: 'lm_head.weight', ours: ['head.weight'] }]),
    ];
  },
};
