/** What a family of `transformers` models is: its config.json and the names of its tensors, beside ours. */

import { ConfigurationError } from '../../../core/errors.ts';
import type { ModelOptions, ModelShape } from '../../model/options.ts';
import type { ConfigFields } from '../config-fields.ts';

/** One tensor of theirs and what it is made of here. */
export interface TensorPair {
  /** As `save_pretrained` writes it. */
  readonly theirs: string;
  /** Several lie side by side in theirs, along the last axis. */
  readonly ours: readonly string[];
  /** Theirs is [out, in], as torch's Linear has it; ours is [in, out]. */
  readonly transposed?: boolean;
  /** A bias that their class always has: zeros where our model has none. Its length is of each part. */
  readonly zerosOf?: number;
  /** A table that has other rows than ours; such models are only taken over. */
  readonly rows?: RowChange;
}

export interface RowChange {
  /** Rows that theirs has. */
  readonly theirs: number;
  /** Those of them at the beginning that no token reads. */
  readonly skip: number;
  /** Rows that ours has; the last of theirs is repeated for those that it lacks. */
  readonly ours: number;
}

export type ModelConfig = Readonly<Record<string, unknown>>;

export interface Family {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** The class of `transformers` that computes the same. */
  readonly architecture: string;
  /** The class that also has the head that judges a pair of sentences, and its tensors. */
  readonly pooled?: { readonly architecture: string; readonly tensors: readonly TensorPair[] };
  /** Their class for the body alone names tensors without this. */
  readonly prefix: string;
  /** Tensors of theirs that carry nothing of ours: buffers, and parts that our models do without. */
  readonly ignored: RegExp;
  /** Throws a ConfigurationError that names the first option which the class does not have. */
  check(shape: ModelShape): void;
  /** The fields of config.json that say what the model computes. */
  config(shape: ModelShape): ModelConfig;
  /** Throws a ConfigurationError that names the field for which our models have no counterpart. */
  options(fields: ConfigFields): ModelOptions;
  tensors(shape: ModelShape, fields?: ConfigFields): readonly TensorPair[];
}

/** Throws a ConfigurationError that names the first option which is none of those that the class computes. */
export function requireOptions(
  architecture: string,
  shape: ModelShape,
  wanted: { readonly [K in keyof ModelShape]?: readonly ModelShape[K][] },
): void {
  for (const [name, values] of Object.entries(wanted)) {
    const found = shape[name as keyof ModelShape];
    if ((values as readonly unknown[]).includes(found)) continue;
    throw new ConfigurationError(`model.${name}: ${architecture} of transformers does not have this`, {
      expected: values.join(' or '),
      found: `${found}`,
    });
  }
}

/** The names of a part's weight and bias, theirs and ours. */
export function linearPair(
  theirs: string,
  ours: string | readonly string[],
  settings: { readonly bias: boolean; readonly transposed: boolean; readonly zerosOf?: number },
): TensorPair[] {
  const parts = typeof ours === 'string' ? [ours] : ours;
  const named = (what: string) => ({
    theirs: `${theirs}.${what}`,
    ours: parts.map((part) => `${part}.${what}`),
  });
  const weight = { ...named('weight'), transposed: settings.transposed };
  if (settings.bias) return [weight, named('bias')];
  return settings.zerosOf === undefined
    ? [weight]
    : [weight, { ...named('bias'), zerosOf: settings.zerosOf }];
}

/** LayerNorm's or RMSNorm's. */
export function normPair(theirs: string, ours: string, offset: boolean): TensorPair[] {
  const gain = { theirs: `${theirs}.weight`, ours: [`${ours}.gain`] };
  return offset ? [gain, { theirs: `${theirs}.bias`, ours: [`${ours}.offset`] }] : [gain];
}

export function repeated<T>(count: number, of: (i: number) => readonly T[]): T[] {
  return Array.from({ length: count }, (_, i) => of(i)).flat();
}
