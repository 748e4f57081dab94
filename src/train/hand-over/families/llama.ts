/** LlamaForCausalLM, and Qwen3ForCausalLM where queries and keys are normalized. Linear layers store [out, in]. */

import type { ModelShape } from '../../model/options.ts';
import type { ConfigFields } from '../config-fields.ts';
import type { Family, TensorPair } from './family.ts';
import { linearPair, normPair, repeated, requireOptions } from './family.ts';

const shared = { prefix: 'model.', ignored: /rotary_emb\.inv_freq$/ };

const computed = {
  kind: ['decoder'],
  norm: ['rms'],
  normPlace: ['before'],
  positions: ['rotary'],
  activation: ['swiglu'],
} as const;

function config(shape: ModelShape) {
  return {
    hidden_size: shape.width,
    intermediate_size: shape.hidden,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyValueHeads,
    head_dim: shape.width / shape.heads,
    hidden_act: 'silu',
    max_position_embeddings: shape.context,
    rms_norm_eps: shape.normEpsilon,
    // The second is how transformers 5 writes the first.
    rope_theta: shape.rotaryBase,
    rope_parameters: { rope_type: 'default', rope_theta: shape.rotaryBase },
    attention_dropout: 0,
    attention_bias: shape.bias,
    tie_word_embeddings: shape.tied,
  };
}

/** The base of rotary positions; those stretched for longer contexts are refused. */
function rotaryBase(fields: ConfigFields): number {
  const name = fields.value('rope_parameters') === undefined ? 'rope_scaling' : 'rope_parameters';
  const rope = (fields.value(name) ?? {}) as Record<string, unknown>;
  const type = rope.rope_type ?? rope.type ?? 'default';
  if (type !== 'default') throw fields.error(`${name}.rope_type`, 'default', type);
  const base = rope.rope_theta ?? fields.value('rope_theta') ?? 10_000;
  if (typeof base !== 'number') throw fields.error('rope_theta', 'a number', base);
  return base;
}

function options(
  fields: ConfigFields,
  defaults: { keyValueHeads?: number; headSize?: number; context: number },
) {
  const [width, heads] = [fields.size('hidden_size'), fields.size('num_attention_heads')];
  fields.require('hidden_act', 'silu');
  fields.require('head_dim', width / heads, defaults.headSize ?? width / heads);
  fields.require('partial_rotary_factor', 1);
  return {
    family: 'llama' as const,
    layers: fields.size('num_hidden_layers'),
    width,
    heads,
    keyValueHeads: fields.size('num_key_value_heads', defaults.keyValueHeads ?? heads),
    hidden: fields.size('intermediate_size'),
    context: fields.size('max_position_embeddings', defaults.context),
    normEpsilon: fields.number('rms_norm_eps', 1e-6),
    rotaryBase: rotaryBase(fields),
    tied: fields.flag('tie_word_embeddings', false),
  };
}

function tensors(shape: ModelShape): TensorPair[] {
  const { layers, bias } = shape;
  const linear = (theirs: string, ours: string) => linearPair(theirs, ours, { bias, transposed: true });
  return [
    { theirs: 'model.embed_tokens.weight', ours: ['embedding.token'] },
    ...repeated(layers, (i) => {
      const [theirs, ours] = [`model.layers.${i}`, `layers.${i}`];
      const [attention, mlp] = [`${theirs}.self_attn`, `${theirs}.mlp`];
      const headNorm = (part: string, name: string): TensorPair => ({
        theirs: `${attention}.${name}.weight`,
        ours: [`${ours}.attention.${part}Norm.gain`],
      });
      return [
        ...normPair(`${theirs}.input_layernorm`, `${ours}.attention.norm`, false),
        ...linear(`${attention}.q_proj`, `${ours}.attention.query`),
        ...linear(`${attention}.k_proj`, `${ours}.attention.key`),
        ...linear(`${attention}.v_proj`, `${ours}.attention.value`),
        ...linear(`${attention}.o_proj`, `${ours}.attention.output`),
        ...(shape.queryKeyNorm ? [headNorm('query', 'q_norm'), headNorm('key', 'k_norm')] : []),
        ...normPair(`${theirs}.post_attention_layernorm`, `${ours}.feedForward.norm`, false),
        ...linear(`${mlp}.gate_proj`, `${ours}.feedForward.gate`),
        ...linear(`${mlp}.up_proj`, `${ours}.feedForward.up`),
        ...linear(`${mlp}.down_proj`, `${ours}.feedForward.down`),
      ];
    }),
    ...normPair('model.norm', 'norm', false),
    ...(shape.tied ? [] : [{ theirs: 'lm_head.weight', ours: ['head.weight'] }]),
  ];
}

export const llama: Family = {
  ...shared,
  modelType: 'llama',
  architecture: 'LlamaForCausalLM',
  check: (shape) => requireOptions('LlamaForCausalLM', shape, { ...computed, queryKeyNorm: [false] }),
  config: (shape) => ({ ...config(shape), mlp_bias: shape.bias }),
  options(fields) {
    const bias = fields.flag('attention_bias', false);
    // Ours has biases in all linear layers or in none.
    fields.require('mlp_bias', bias, false);
    return { ...options(fields, { context: 2048 }), bias };
  },
  tensors,
};

export const qwen3: Family = {
  ...shared,
  modelType: 'qwen3',
  architecture: 'Qwen3ForCausalLM',
  check: (shape) =>
    requireOptions('Qwen3ForCausalLM', shape, { ...computed, queryKeyNorm: [true], bias: [false] }),
  config: (shape) => ({ ...config(shape), use_sliding_window: false }),
  options(fields) {
    fields.require('attention_bias', false);
    fields.require('use_sliding_window', false);
    // What Qwen3Config takes where config.json is silent.
    const read = options(fields, { keyValueHeads: 32, headSize: 128, context: 32_768 });
    return { ...read, bias: false, queryKeyNorm: true };
  },
  tensors,
};
