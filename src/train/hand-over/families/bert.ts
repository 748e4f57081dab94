/** BertForMaskedLM, and RobertaForMaskedLM for what is taken over. Linear layers store [out, in]. */

import type { ModelOptions, ModelShape } from '../../model/options.ts';
import type { ConfigFields } from '../config-fields.ts';
import type { Family, RowChange, TensorPair } from './family.ts';
import { linearPair, normPair, repeated, requireOptions } from './family.ts';

const architecture = 'BertForMaskedLM';

/** Sentences of a pair. */
const TOKEN_TYPES = 2;

function linear(theirs: string, ours: string, { bias }: ModelShape, width: number): TensorPair[] {
  return linearPair(theirs, ours, { bias, transposed: true, zerosOf: width });
}

function encoderTensors(
  prefix: string,
  shape: ModelShape,
  rows: { position?: RowChange; tokenType?: RowChange } = {},
): TensorPair[] {
  const { layers, width, hidden } = shape;
  const table = (name: string, ours: string, change?: RowChange): TensorPair => ({
    theirs: `${prefix}.embeddings.${name}_embeddings.weight`,
    ours: [`embedding.${ours}`],
    ...(change && { rows: change }),
  });
  return [
    table('word', 'token'),
    table('position', 'position', rows.position),
    table('token_type', 'tokenType', rows.tokenType),
    ...normPair(`${prefix}.embeddings.LayerNorm`, 'embedding.norm', true),
    ...repeated(layers, (i) => {
      const [theirs, ours] = [`${prefix}.encoder.layer.${i}`, `layers.${i}`];
      return [
        ...linear(`${theirs}.attention.self.query`, `${ours}.attention.query`, shape, width),
        ...linear(`${theirs}.attention.self.key`, `${ours}.attention.key`, shape, width),
        ...linear(`${theirs}.attention.self.value`, `${ours}.attention.value`, shape, width),
        ...linear(`${theirs}.attention.output.dense`, `${ours}.attention.output`, shape, width),
        ...normPair(`${theirs}.attention.output.LayerNorm`, `${ours}.attention.norm`, true),
        ...linear(`${theirs}.intermediate.dense`, `${ours}.feedForward.up`, shape, hidden),
        ...linear(`${theirs}.output.dense`, `${ours}.feedForward.down`, shape, width),
        ...normPair(`${theirs}.output.LayerNorm`, `${ours}.feedForward.norm`, true),
      ];
    }),
  ];
}

/** The layer before the vocabulary has its bias in every model. */
function headTensors(
  theirs: string,
  shape: ModelShape,
  names: { norm: string; transform: string },
): TensorPair[] {
  return [
    ...linear(`${theirs}${names.transform}`, 'head.transform', { ...shape, bias: true }, shape.width),
    ...normPair(`${theirs}${names.norm}`, 'head.norm', true),
    { theirs: `${theirs}.bias`, ours: ['head.bias'] },
    // Untied, the class reads the bias that lies beside the weight.
    ...(shape.tied
      ? []
      : [
          { theirs: `${theirs}.decoder.weight`, ours: ['head.weight'] },
          { theirs: `${theirs}.decoder.bias`, ours: ['head.bias'] },
        ]),
  ];
}

function options(fields: ConfigFields, typeVocabulary: number): ModelOptions {
  fields.require('hidden_act', 'gelu');
  fields.require('type_vocab_size', typeVocabulary, TOKEN_TYPES);
  fields.require('position_embedding_type', 'absolute');
  fields.require('is_decoder', false);
  fields.require('add_cross_attention', false);
  return {
    family: 'bert',
    layers: fields.size('num_hidden_layers'),
    width: fields.size('hidden_size'),
    heads: fields.size('num_attention_heads'),
    hidden: fields.size('intermediate_size'),
    context: fields.size('max_position_embeddings', 512),
    normEpsilon: fields.number('layer_norm_eps', 1e-12),
    tied: fields.flag('tie_word_embeddings', true),
  };
}

const pooledTensors = [
  ['bert.pooler.dense', 'pooledHead.transform'],
  ['cls.seq_relationship', 'pooledHead.classes'],
].flatMap(([theirs, ours]) => linearPair(theirs!, ours!, { bias: true, transposed: true }));

export const bert: Family = {
  modelType: 'bert',
  architecture,
  // Both tell a sentence that follows (0) from a random one (1).
  pooled: { architecture: 'BertForPreTraining', tensors: pooledTensors },
  prefix: 'bert.',
  ignored: /position_ids$|^(bert\.)?pooler\.|^cls\.seq_relationship\.|^cls\.predictions\.decoder\.bias$/,
  check(shape) {
    requireOptions(architecture, shape, {
      kind: ['encoder'],
      norm: ['layer'],
      normPlace: ['after'],
      positions: ['learned'],
      // Ours has this one in the head, whatever the layers have; BertConfig has one for both.
      activation: ['gelu'],
      keyValueHeads: [shape.heads],
      queryKeyNorm: [false],
    });
  },
  config: (shape) => ({
    hidden_size: shape.width,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    intermediate_size: shape.hidden,
    hidden_act: 'gelu',
    max_position_embeddings: shape.context,
    type_vocab_size: TOKEN_TYPES,
    layer_norm_eps: shape.normEpsilon,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    position_embedding_type: 'absolute',
    tie_word_embeddings: shape.tied,
  }),
  options: (fields) => options(fields, TOKEN_TYPES),
  tensors: (shape) => [
    ...encoderTensors('bert', shape),
    ...headTensors('cls.predictions', shape, { norm: '.transform.LayerNorm', transform: '.transform.dense' }),
  ],
};

/** Positions are counted from behind the padding token's id; the rows before are never read. */
function positionsSkipped(fields: ConfigFields): number {
  return (fields.token('pad_token_id') ?? 1) + 1;
}

/** Is only taken over: what we train has two token types and positions from 0, so it goes out as `bert`. */
export const roberta: Family = {
  ...bert,
  modelType: 'roberta',
  architecture: 'RobertaForMaskedLM',
  pooled: undefined,
  prefix: 'roberta.',
  ignored: /position_ids$|^(roberta\.)?pooler\.|^lm_head\.decoder\.bias$/,
  options(fields) {
    const read = options(fields, 1);
    return { ...read, context: read.context! - positionsSkipped(fields) };
  },
  tensors(shape, fields) {
    const skip = positionsSkipped(fields!);
    const encoder = encoderTensors('roberta', shape, {
      position: { theirs: skip + shape.context, skip, ours: shape.context },
      // Theirs has one type of token; the second is the same until something is trained that tells them apart.
      tokenType: { theirs: 1, skip: 0, ours: TOKEN_TYPES },
    });
    return [...encoder, ...headTensors('lm_head', shape, { norm: '.layer_norm', transform: '.dense' })];
  },
};
