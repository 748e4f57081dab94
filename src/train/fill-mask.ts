/** Fills the masks of a text: what a masked model takes to stand there. */

import { ConfigurationError } from '../core/errors.ts';
import type { Tokenizer } from '../tokenize/tokenizer.ts';
import { type Candidate, likeliest } from './sampling.ts';
import type { ModelSession } from './session.ts';

export interface FillSettings {
  readonly session: Pick<ModelSession, 'logits'>;
  readonly tokenizer: Tokenizer;
  readonly maskToken: number;
  /** What stands for a hidden token in a prompt; where `swallowsSpace`, white space before it is part of it. */
  readonly marks: readonly string[];
  readonly swallowsSpace?: boolean;
  /** Most tokens that the model sees at once. */
  readonly context: number;
  /** Put around the text; by default the tokenizer's end-of-text token before it, and nothing behind. */
  readonly begin?: number;
  readonly end?: number;
  readonly prompt: string;
  /** Candidates a mask. */
  readonly top: number;
}

export interface Filled {
  readonly prompt: string;
  /** The prompt, each mask replaced by its likeliest token. */
  readonly text: string;
  /** The likeliest token of each mask. */
  readonly tokens: readonly number[];
  /** In the order of the masks. */
  readonly masks: readonly { readonly top: readonly (Candidate & { readonly text: string })[] }[];
  readonly finish: 'filled';
}

/**
 * All masks are filled at once, each from the text with all masks in it. Throws a ConfigurationError where the prompt
 * has no mask or is longer than the context.
 */
export async function fillMasks(settings: FillSettings): Promise<Filled> {
  const { tokenizer, maskToken, prompt, context } = settings;
  const ids = maskedIds(settings);
  if (!ids.includes(maskToken)) {
    throw new ConfigurationError('a masked model fills masks: the prompt has none', {
      expected: `a text with ${settings.marks.join(' or ')} in it`,
      found: JSON.stringify(prompt),
    });
  }
  if (ids.length > context) {
    throw new ConfigurationError("the prompt is longer than the model's context", {
      expected: `at most ${context} tokens`,
      found: `${ids.length}`,
    });
  }
  const shape = [1, ids.length];
  const none = { shape, data: new Int32Array(ids.length) };
  const tokens = { shape, data: Int32Array.from(ids) };
  const logits = await settings.session.logits({ tokens, segment: none, order: none });
  const vocabulary = logits.data.length / ids.length;
  const bytesOf = (id: number) =>
    id < tokenizer.vocabularySize ? tokenizer.tokenBytes(id) : new Uint8Array();
  const masks = ids.flatMap((id, at) => {
    if (id !== maskToken) return [];
    const row = logits.data.subarray(at * vocabulary, (at + 1) * vocabulary) as Float32Array;
    const top = likeliest(row, settings.top);
    return [{ top: top.map((one) => ({ ...one, text: Buffer.from(bytesOf(one.token)).toString('utf8') })) }];
  });
  const chosen = masks.map(({ top }) => top[0]!.token);
  let mask = 0;
  const filled = textIds(settings, ids).map((id) => (id === maskToken ? chosen[mask++]! : id));
  return { prompt, text: tokenizer.decode(filled), tokens: chosen, masks, finish: 'filled' };
}

function maskedIds({
  tokenizer,
  prompt,
  marks,
  swallowsSpace,
  maskToken,
  ...around
}: FillSettings): number[] {
  const escaped = marks.map((mark) => mark.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pieces = prompt.split(new RegExp(`${swallowsSpace ? '\\s*' : ''}(?:${escaped.join('|')})`));
  const ids = pieces.flatMap((piece, i) => [...(i > 0 ? [maskToken] : []), ...tokenizer.encode(piece)]);
  const begin = around.begin ?? tokenizer.endOfText;
  return [...(begin === undefined ? [] : [begin]), ...ids, ...(around.end === undefined ? [] : [around.end])];
}

/** Without what stands around the text. */
function textIds({ begin, end, tokenizer }: FillSettings, ids: readonly number[]): readonly number[] {
  return ids.slice((begin ?? tokenizer.endOfText) === undefined ? 0 : 1, end === undefined ? ids.length : -1);
}
