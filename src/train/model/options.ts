/**
 * What a model is: one flat set of options, whose defaults follow from the family it is built in the manner of.
 *
 * `gpt2`: decoder, LayerNorm before each sublayer, learned positions, GELU (tanh), biases, tied embeddings.
 * `llama`: decoder, RMSNorm before, rotary positions, SwiGLU, no biases, untied embeddings.
 * `bert`: encoder (every position sees every other), LayerNorm after each sublayer, GELU (erf), biases, tied.
 */

import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import { modelPresets } from './presets.ts';

const size = z.int().min(1);

export const modelOptions = z.strictObject({
  preset: z
    .enum(Object.keys(modelPresets) as [keyof typeof modelPresets])
    .optional()
    .describe('a named size; the other options override it'),
  family: z.enum(['gpt2', 'llama', 'bert']).optional().describe('whose manner the defaults follow'),
  layers: size.optional().describe('transformer blocks'),
  width: size.optional().describe('size of the residual stream'),
  heads: size.optional().describe('attention heads; must divide the width'),
  keyValueHeads: size.optional().describe('heads of keys and values; must divide heads'),
  hidden: size.optional().describe('width inside the feed-forward layer'),
  context: size.optional().describe('longest sequence, in tokens'),
  norm: z.enum(['layer', 'rms']).optional().describe('LayerNorm or RMSNorm'),
  normPlace: z.enum(['before', 'after']).optional().describe('before or after each sublayer'),
  normEpsilon: z.number().positive().optional().describe('added to the variance before the root'),
  positions: z
    .enum(['learned', 'rotary'])
    .optional()
    .describe('a learned vector a position, or rotation of queries and keys'),
  rotaryBase: z.number().positive().optional().describe('of the wavelengths of rotary positions'),
  activation: z.enum(['gelu-tanh', 'gelu', 'swiglu']).optional().describe('of the feed-forward layer'),
  bias: z.boolean().optional().describe('biases in the linear layers'),
  tied: z.boolean().optional().describe('the output matrix is the token embedding'),
  queryKeyNorm: z.boolean().optional().describe('RMSNorm on each head of queries and keys'),
});

export type ModelOptions = z.input<typeof modelOptions>;

/** What a session needs to know of a model: its options and the size of its tokenizer's vocabulary. */
export type ModelSettings = ModelOptions & { readonly vocabulary: number };

/** Every option decided. */
export interface ModelShape {
  readonly family: 'gpt2' | 'llama' | 'bert';
  readonly kind: 'decoder' | 'encoder';
  readonly vocabulary: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly hidden: number;
  readonly context: number;
  readonly norm: 'layer' | 'rms';
  readonly normPlace: 'before' | 'after';
  readonly normEpsilon: number;
  readonly positions: 'learned' | 'rotary';
  readonly rotaryBase: number;
  readonly activation: 'gelu-tanh' | 'gelu' | 'swiglu';
  readonly bias: boolean;
  readonly tied: boolean;
  readonly queryKeyNorm: boolean;
}

const sizes = { layers: 4, width: 256, heads: 4, context: 256, rotaryBase: 10_000, queryKeyNorm: false };

const families = {
  gpt2: {
    ...sizes,
    kind: 'decoder',
    norm: 'layer',
    normPlace: 'before',
    normEpsilon: 1e-5,
    positions: 'learned',
    activation: 'gelu-tanh',
    bias: true,
    tied: true,
  },
  llama: {
    ...sizes,
    kind: 'decoder',
    norm: 'rms',
    normPlace: 'before',
    normEpsilon: 1e-5,
    positions: 'rotary',
    activation: 'swiglu',
    bias: false,
    tied: false,
  },
  bert: {
    ...sizes,
    kind: 'encoder',
    norm: 'layer',
    normPlace: 'after',
    normEpsilon: 1e-12,
    positions: 'learned',
    activation: 'gelu',
    bias: true,
    tied: true,
  },
} as const;

/** Decides every option. Throws a ConfigurationError that names the option where sizes do not fit together. */
export function resolveModel(settings: ModelSettings): ModelShape {
  const { vocabulary, ...options } = settings;
  const checked = modelOptions.parse(options);
  const { preset, ...given } = checked;
  const named = preset === undefined ? {} : modelPresets[preset];
  const chosen: Omit<ModelOptions, 'preset'> = { ...named, ...withoutUndefined(given) };
  const family = chosen.family ?? 'gpt2';
  const merged = { ...families[family], ...chosen, family, vocabulary };
  const shape = {
    ...merged,
    keyValueHeads: chosen.keyValueHeads ?? merged.heads,
    hidden: chosen.hidden ?? defaultHidden(merged.width, merged.activation),
  };
  checkShape(shape);
  return shape;
}

/** 4 widths; for SwiGLU, whose layer has three matrices, 8/3 widths rounded up to a multiple of 32. */
function defaultHidden(width: number, activation: ModelShape['activation']): number {
  return activation === 'swiglu' ? Math.ceil((width * 8) / 3 / 32) * 32 : width * 4;
}

function checkShape(shape: ModelShape): void {
  const { width, heads, keyValueHeads, vocabulary, kind } = shape;
  if (!Number.isInteger(vocabulary) || vocabulary < 1) {
    throw new ConfigurationError(`model.vocabulary: expected a positive integer, got ${vocabulary}`);
  }
  if (width % heads !== 0)
    throw new ConfigurationError(`model.heads: ${heads} does not divide model.width ${width}`);
  if (heads % keyValueHeads !== 0) {
    throw new ConfigurationError(
      `model.keyValueHeads: ${keyValueHeads} does not divide model.heads ${heads}`,
    );
  }
  if (shape.positions === 'rotary' && (width / heads) % 2 !== 0) {
    throw new ConfigurationError(
      `model.width: rotary positions need an even head size, got ${width / heads}`,
    );
  }
  if (kind === 'encoder' && shape.positions === 'rotary') {
    throw new ConfigurationError('model.positions: the bert family has learned positions only');
  }
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}
