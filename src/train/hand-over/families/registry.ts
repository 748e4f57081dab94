/** The families that go out and come in, by what tells them. */

import type { ModelShape } from '../../model/options.ts';
import type { ConfigFields } from '../config-fields.ts';
import { bert, roberta } from './bert.ts';
import type { Family } from './family.ts';
import { gpt2 } from './gpt2.ts';
import { llama, qwen3 } from './llama.ts';

/** By `model_type` of config.json. */
const families: ReadonlyMap<string, Family> = new Map(
  [gpt2, llama, qwen3, bert, roberta].map((family) => [family.modelType, family]),
);

/**
 * The class of `transformers` that computes exactly what a model of this shape does. Throws a ConfigurationError
 * that names the option for which there is none.
 */
export function familyOfShape(shape: ModelShape): Family {
  const decoder = shape.norm === 'layer' ? gpt2 : shape.queryKeyNorm ? qwen3 : llama;
  const family = shape.kind === 'encoder' ? bert : decoder;
  family.check(shape);
  return family;
}

/** Throws a ConfigurationError where the config is of a family that we do not have. */
export function familyOfConfig(fields: ConfigFields): Family {
  const type = fields.value('model_type');
  const family = typeof type === 'string' ? families.get(type) : undefined;
  if (family !== undefined) return family;
  throw fields.error('model_type', [...families.keys()].join(', '), type);
}
