/** A transformer, decoder or encoder by what its mask lets it see. */

import { add, after, gather, gemm, reshape, rotate, scale, slice, tanh } from '../graph/ops.ts';
import type { Graph, Tensor } from '../graph/tensor.ts';
import { attend, attentionMask, type HeadSizes, type Mask, splitHeads } from './attention.ts';
import { linearCrossEntropy } from './cross-entropy.ts';
import {
  exactGelu,
  feedForward,
  INITIAL_DEVIATION,
  linear,
  norm,
  type RotaryTables,
  residualDeviation,
  rmsNorm,
} from './layers.ts';
import type { ModelShape } from './options.ts';
import type { Parameters } from './parameters.ts';
import type { ModelParts, PooledHead, TokenHead } from './parts.ts';

/** int32, [rows, length] each. */
export interface ModelInputs {
  readonly tokens: Tensor;
  readonly segment: Tensor;
  readonly order: Tensor;
  /** Without it a token's position is its place in the row, which saves its gradient a scatter. */
  readonly position?: Tensor;
  /** Of BERT's family alone: 0 or 1, the sentence of a pair; without it all are 0. */
  readonly tokenType?: Tensor;
}

/** Keys and values of one layer, split in heads, for the queries to attend over. */
export interface KeysAndValues {
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface RunSettings {
  /** No token sees one behind it in its row. */
  readonly causal?: boolean;
  /** Nothing will be differentiated. */
  readonly forwardOnly?: boolean;
  /** For a processor: see `feedForward`. */
  readonly inPieces?: boolean;
  /** What is computed before the first layer begins. */
  readonly waitsFor?: readonly Tensor[];
  readonly mask?: Mask | undefined;
  /** Gives what a layer attends over instead of its own keys and values, as a cache does. */
  readonly remember?: (layer: number, own: KeysAndValues) => KeysAndValues;
}

export function transformer(
  graph: Graph,
  parameters: Parameters,
  shape: ModelShape,
  inputs: ModelInputs,
  settings: RunSettings = {},
): ModelParts {
  const [rows, length] = inputs.tokens.shape as [number, number];
  const { causal = false, forwardOnly = false, inPieces, waitsFor = [], remember } = settings;
  const mask = settings.mask ?? graph.scope('mask', () => attentionMask(inputs, inputs, { causal }));
  const rotary =
    shape.positions === 'rotary'
      ? graph.scope('rotary', () => rotaryTables(graph, shape, inputs))
      : undefined;
  let x = graph.scope('embedding', () => after(embed(parameters, shape, inputs), waitsFor));
  for (let layer = 0; layer < shape.layers; layer++) {
    x = graph.scope(`layers.${layer}`, () =>
      block(graph, parameters, shape, { layer, rows, mask, rotary, inPieces, remember }, x),
    );
  }
  if (shape.normPlace === 'before') x = graph.scope('norm', () => norm(parameters, 'norm', x, shape));
  const heads = {
    tokenHead: tokenHead(graph, parameters, shape, forwardOnly),
    pooledHead: pooledHead(graph, parameters, x, rows),
  };
  return { shape, rows, length, hidden: x, ...heads };
}

function tokenEmbedding(parameters: Parameters, { vocabulary, width }: ModelShape): Tensor {
  return parameters.get('embedding.token', [vocabulary, width], { deviation: INITIAL_DEVIATION });
}

function embed(
  parameters: Parameters,
  shape: ModelShape,
  { tokens, position, tokenType }: ModelInputs,
): Tensor {
  const { width, context } = shape;
  const [rows, length] = tokens.shape as [number, number];
  let x = gather(tokenEmbedding(parameters, shape), tokens);
  if (shape.positions === 'learned') {
    const table = parameters.get('embedding.position', [context, width], { deviation: INITIAL_DEVIATION });
    x = add(x, position === undefined ? slice(table, 0, 0, length) : gather(table, position));
  }
  if (shape.family === 'bert') {
    const table = parameters.get('embedding.tokenType', [2, width], { deviation: INITIAL_DEVIATION });
    x = add(x, tokenType === undefined ? slice(table, 0, 0, 1) : gather(table, tokenType));
  }
  const flat = reshape(x, [rows * length, width]);
  return shape.normPlace === 'after' ? norm(parameters, 'embedding.norm', flat, shape) : flat;
}

function rotaryTables(graph: Graph, shape: ModelShape, { tokens, position }: ModelInputs): RotaryTables {
  const { context, width, heads, rotaryBase } = shape;
  const half = width / heads / 2;
  const [rows, length] = tokens.shape as [number, number];
  const table = (value: (angle: number) => number) => {
    const values = Float32Array.from({ length: context * half }, (_, i) =>
      value(Math.floor(i / half) * rotaryBase ** (-(i % half) / half)),
    );
    const whole = graph.constant(values, [context, half]);
    return position === undefined
      ? slice(whole, 0, 0, length)
      : reshape(gather(whole, position), [rows * length, half]);
  };
  return { cosine: table(Math.cos), sine: table(Math.sin) };
}

interface BlockSettings {
  readonly layer: number;
  readonly rows: number;
  readonly mask: Mask;
  readonly rotary: RotaryTables | undefined;
  readonly inPieces: boolean | undefined;
  readonly remember: RunSettings['remember'];
}

function block(
  graph: Graph,
  parameters: Parameters,
  shape: ModelShape,
  settings: BlockSettings,
  x: Tensor,
): Tensor {
  const name = `layers.${settings.layer}`;
  const before = shape.normPlace === 'before';
  const normed = (part: string, value: Tensor) => norm(parameters, `${name}.${part}.norm`, value, shape);
  const attended = graph.scope('attention', () => {
    const y = attention(parameters, shape, settings, before ? normed('attention', x) : x, x);
    return before ? y : normed('attention', y);
  });
  return graph.scope('feedForward', () => {
    const input = before ? normed('feedForward', attended) : attended;
    const y = feedForward(parameters, `${name}.feedForward`, input, shape, {
      residual: attended,
      inPieces: settings.inPieces,
    });
    return before ? y : normed('feedForward', y);
  });
}

function attention(
  parameters: Parameters,
  shape: ModelShape,
  { layer, rows, mask, rotary, remember }: BlockSettings,
  x: Tensor,
  residual: Tensor,
): Tensor {
  const name = `layers.${layer}.attention`;
  const { width, heads, keyValueHeads, bias } = shape;
  const size = width / heads;
  const project = (part: string, count: number, outputFactor = 1) =>
    linear(parameters, `${name}.${part}`, x, count * size, { bias, outputFactor });
  // Attention divides its queries by sqrt(size): in the product, unless a norm of the queries would undo it.
  const positioned = (part: 'query' | 'key', count: number, factor = 1) => {
    let y = project(part, count, shape.queryKeyNorm ? 1 : factor);
    if (shape.queryKeyNorm) {
      const gain = parameters.get(`${name}.${part}Norm.gain`, [size], 'ones');
      y = reshape(rmsNorm(reshape(y, [y.shape[0]! * count, size]), gain, shape.normEpsilon), y.shape);
      y = scale(y, factor);
    }
    if (rotary === undefined) return y;
    const turned = rotate(reshape(y, [rows, y.shape[0]! / rows, count, size]), rotary.cosine, rotary.sine);
    return reshape(turned, y.shape);
  };
  const q = positioned('query', heads, 1 / Math.sqrt(size));
  const own = {
    k: splitHeads(positioned('key', keyValueHeads), rows, keyValueHeads),
    v: splitHeads(project('value', keyValueHeads), rows, keyValueHeads),
  };
  const { k, v } = remember?.(layer, own) ?? own;
  const sizes: HeadSizes = { rows, heads, keyValueHeads, size };
  const mixed = attend(q, k, v, mask, sizes);
  return linear(parameters, `${name}.output`, mixed, width, {
    bias,
    deviation: residualDeviation(shape),
    residual,
  });
}

function tokenHead(graph: Graph, parameters: Parameters, shape: ModelShape, forwardOnly: boolean): TokenHead {
  const { vocabulary, width } = shape;
  const weight = () =>
    shape.tied
      ? tokenEmbedding(parameters, shape)
      : parameters.get('head.weight', [vocabulary, width], { deviation: INITIAL_DEVIATION });
  // BERT's head has a layer of its own before the vocabulary, and a bias.
  const isBert = shape.family === 'bert';
  const bias = () => (isBert ? parameters.get('head.bias', [vocabulary], 'zeros') : undefined);
  const prepared = (hidden: Tensor) =>
    isBert
      ? norm(
          parameters,
          'head.norm',
          exactGelu(linear(parameters, 'head.transform', hidden, width, { bias: true })),
          shape,
        )
      : hidden;
  return {
    logits: (hidden) =>
      graph.scope('head', () => gemm(prepared(hidden), weight(), { transposeB: true, c: bias() })),
    loss: (hidden, targets, lossWeights) =>
      graph.scope('head', () =>
        linearCrossEntropy({
          hidden: prepared(hidden),
          weight: weight(),
          bias: bias(),
          targets,
          lossWeights,
          forwardOnly,
        }),
      ),
  };
}

/** BERT's: tanh of a linear layer over the first position, then two classes. */
function pooledHead(graph: Graph, parameters: Parameters, hidden: Tensor, rows: number): PooledHead {
  const width = hidden.shape[1]!;
  const first = () => {
    const byRow = reshape(hidden, [rows, hidden.shape[0]! / rows, width]);
    return reshape(slice(byRow, 1, 0, 1), [rows, width]);
  };
  return {
    logits: () =>
      graph.scope('pooledHead', () => {
        const pooled = tanh(linear(parameters, 'pooledHead.transform', first(), width, { bias: true }));
        return linear(parameters, 'pooledHead.classes', pooled, 2, { bias: true });
      }),
  };
}
