/** The tokenizer of a model as `transformers` and its kin load it: what the model was trained to see, they feed it. */

import { specialTokensMapJson, type Tokenizer, tokenizerConfigJson } from '../../tokenize/tokenizer.ts';

import { addedNames, type ObjectiveTokens } from '../model-tokens.ts';

export interface HandedTokens extends Partial<ObjectiveTokens> {
  /** What every text begins with. */
  readonly begin: number | undefined;
  readonly end: number | undefined;
  /** Whether the end is put behind a text that is fed, and not only written by the model. */
  readonly closes: boolean;
}

interface TokenizerJson {
  added_tokens?: { id: number; content: string }[];
  post_processor?: { type?: string } | null;
  [field: string]: unknown;
}

/** The contents of the three files, by name. `text` is the model's tokenizer.json. */
export function handedTokenizer(
  text: string,
  tokenizer: Pick<Tokenizer, 'specialTokens' | 'vocabularySize'>,
  tokens: HandedTokens,
  settings: { readonly context: number; readonly hasTypes: boolean },
): Record<string, string> {
  const json = JSON.parse(text) as TokenizerJson;
  const special = new Map(tokenizer.specialTokens);
  // What the tokenizer lacks, such as the mask, lies behind its last id.
  for (const [content, id] of addedNames(tokens, tokenizer.vocabularySize)) {
    special.set(content, id);
    json.added_tokens = [...(json.added_tokens ?? []), addedToken(id, content)];
  }
  const mark = (id: number | undefined): Mark | undefined => {
    const found = [...special].find(([, other]) => other === id);
    return found && { content: found[0], id: found[1] };
  };
  const [begin, end] = [mark(tokens.begin), mark(tokens.end)];
  if (begin) json.post_processor = surrounded(json.post_processor, begin, tokens.closes ? end : undefined);
  const played = {
    bos_token: begin,
    eos_token: end,
    mask_token: mark(tokens.maskToken),
    cls_token: mark(tokens.classToken),
    sep_token: mark(tokens.separatorToken),
  };
  const roles = Object.fromEntries(
    Object.entries(played).flatMap(([role, known]) => (known ? [[role, known.content]] : [])),
  );
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
      ...(begin && !tokens.closes && { add_bos_token: true }),
    }),
    'special_tokens_map.json': merged(specialTokensMapJson(special)),
  };
}

function addedToken(id: number, content: string) {
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id, content, ...plain, special: true };
}

interface Mark {
  readonly content: string;
  readonly id: number;
}

/** A tokenizer that already puts tokens around a text keeps its way. ByteLevel only moves offsets. */
function surrounded(existing: TokenizerJson['post_processor'], begin: Mark, end: Mark | undefined) {
  const token = (mark: Mark | undefined, type: number) =>
    mark ? [{ SpecialToken: { id: mark.content, type_id: type } }] : [];
  const text = (name: string, type: number) => ({ Sequence: { id: name, type_id: type } });
  const single = [...token(begin, 0), text('A', 0), ...token(end, 0)];
  const marks = end ? [begin, end] : [begin];
  const template = {
    type: 'TemplateProcessing',
    single,
    pair: [...single, text('B', 1), ...token(end, 1)],
    special_tokens: Object.fromEntries(
      marks.map(({ content, id }) => [content, { id: content, ids: [id], tokens: [content] }]),
    ),
  };
  if (!existing) return template;
  return existing.type === 'ByteLevel' ? { type: 'Sequence', processors: [existing, template] } : existing;
}
