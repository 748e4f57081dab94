/** The tokenizer of a model as `transformers` and its kin load it: what the model was trained to see, they feed it. */

import { specialTokensMapJson, type Tokenizer, tokenizerConfigJson } from '../../tokenize/tokenizer.ts';

export interface HandedTokens {
  readonly vocabulary: number;
  readonly maskToken: number | undefined;
  /** What every text begins with. */
  readonly begin: number | undefined;
  readonly end: number | undefined;
}

interface TokenizerJson {
  added_tokens?: { id: number; content: string }[];
  post_processor?: { type?: string } | null;
  [field: string]: unknown;
}

/** The name that a mask token gets which the tokenizer itself does not have. */
export const ADDED_MASK = '<|mask|>';

/** The contents of the three files, by name. `text` is the model's tokenizer.json. */
export function handedTokenizer(
  text: string,
  tokenizer: Pick<Tokenizer, 'specialTokens' | 'vocabularySize'>,
  tokens: HandedTokens,
  settings: { readonly context: number; readonly hasTypes: boolean },
): Record<string, string> {
  const json = JSON.parse(text) as TokenizerJson;
  const special = new Map(tokenizer.specialTokens);
  const { maskToken, begin, end } = tokens;
  // What the tokenizer lacks, such as the mask, lies behind its last id.
  if (maskToken !== undefined && maskToken >= tokenizer.vocabularySize) {
    special.set(ADDED_MASK, maskToken);
    json.added_tokens = [...(json.added_tokens ?? []), addedToken(maskToken, ADDED_MASK)];
  }
  const contentOf = (id: number | undefined) => [...special].find(([, other]) => other === id)?.[0];
  const beginContent = contentOf(begin);
  if (beginContent !== undefined) json.post_processor = beginsWith(json.post_processor, beginContent, begin!);
  const roles = {
    ...(beginContent !== undefined && { bos_token: beginContent }),
    ...(contentOf(end) !== undefined && { eos_token: contentOf(end) }),
    ...(contentOf(maskToken) !== undefined && { mask_token: contentOf(maskToken) }),
  };
  const merged = (written: string, more: object = {}) =>
    `${JSON.stringify({ ...JSON.parse(written), ...roles, ...more }, null, 2)}\n`;
  const config = tokenizerConfigJson(special, settings.context);
  // Without this, GPT-2 would be fed kinds of tokens, which it adds to the embedding.
  const inputs = ['input_ids', ...(settings.hasTypes ? ['token_type_ids'] : []), 'attention_mask'];
  return {
    'tokenizer.json': `${JSON.stringify(json)}\n`,
    // transformers.js leaves special tokens away in generation unless it is told so.
    'tokenizer_config.json': merged(config, {
      model_input_names: inputs,
      ...(beginContent !== undefined && { add_bos_token: true }),
    }),
    'special_tokens_map.json': merged(specialTokensMapJson(special)),
  };
}

function addedToken(id: number, content: string) {
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id, content, ...plain, special: true };
}

/** A tokenizer that already puts tokens around a text keeps its way. ByteLevel only moves offsets. */
function beginsWith(existing: TokenizerJson['post_processor'], content: string, id: number) {
  const special = { SpecialToken: { id: content, type_id: 0 } };
  const text = (name: string, type: number) => ({ Sequence: { id: name, type_id: type } });
  const template = {
    type: 'TemplateProcessing',
    single: [special, text('A', 0)],
    pair: [special, text('A', 0), text('B', 1)],
    special_tokens: { [content]: { id: content, ids: [id], tokens: [content] } },
  };
  if (!existing) return template;
  return existing.type === 'ByteLevel' ? { type: 'Sequence', processors: [existing, template] } : existing;
}
