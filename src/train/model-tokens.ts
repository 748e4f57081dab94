/** What a model is told of its tokenizer: the tokens that its objective gives a meaning. */

import type { Tokenizer } from '../tokenize/tokenizer.ts';

export interface ModelTokens extends ObjectiveTokens {
  /** Size of the model's vocabulary: the tokenizer's, and one more for each token that had to be added. */
  readonly vocabulary: number;
  readonly specialTokens: readonly number[];
  /** Whether a token begins a word, for masking whole ones. */
  readonly startsWord: (token: number) => boolean;
}

/** Ids that a model file keeps; they may lie past the tokenizer's. */
export interface ObjectiveTokens {
  readonly maskToken: number | undefined;
  readonly classToken: number | undefined;
  readonly separatorToken: number | undefined;
}

type Role = keyof ObjectiveTokens;

/** What stands for a hidden token. */
export const MASK_NAMES: readonly string[] = ['<|mask|>', '[MASK]', '<mask>'];

/** What tokenizers call them: this project's names, BERT's, RoBERTa's. */
const NAMES: Readonly<Record<Role, readonly string[]>> = {
  maskToken: MASK_NAMES,
  classToken: ['<|class|>', '[CLS]', '<s>'],
  separatorToken: ['<|separator|>', '[SEP]', '</s>'],
};

/** What is given to a role that lies past the tokenizer's ids: this project's names. */
export function addedNames(
  tokens: Partial<ObjectiveTokens>,
  vocabularySize: number,
): [content: string, id: number][] {
  return (Object.keys(NAMES) as Role[]).flatMap((role): [string, number][] => {
    const id = tokens[role];
    return id !== undefined && id >= vocabularySize ? [[NAMES[role][0]!, id]] : [];
  });
}

const NEEDED: Readonly<Record<string, readonly Role[]>> = {
  masked: ['maskToken'],
  'next-sentence': ['maskToken', 'classToken', 'separatorToken'],
};

/**
 * Where the tokenizer lacks a token that the objective needs, that takes the id after the last one: so every objective
 * trains from the same shards. No text ever encodes to such an id.
 */
export function modelTokens(tokenizer: Tokenizer, objective: string): ModelTokens {
  const specialTokens = [...tokenizer.specialTokens.values()];
  let vocabulary = tokenizer.vocabularySize;
  const tokens: Partial<Record<Role, number>> = {};
  for (const role of NEEDED[objective] ?? []) {
    const name = NAMES[role].find((token) => tokenizer.specialTokens.has(token));
    if (name !== undefined) tokens[role] = tokenizer.specialTokens.get(name)!;
    else {
      tokens[role] = vocabulary;
      specialTokens.push(vocabulary++);
    }
  }
  const { maskToken, classToken, separatorToken } = tokens;
  const startsWord = wordStarts(tokenizer);
  return { vocabulary, specialTokens, maskToken, classToken, separatorToken, startsWord };
}

export function objectiveTokens({
  maskToken,
  classToken,
  separatorToken,
}: Partial<ObjectiveTokens>): ObjectiveTokens {
  return { maskToken, classToken, separatorToken };
}

const WHITE_SPACE = new Set(Buffer.from(' \n\t\r'));

/** As fairseq's whole-word masking has it for byte-level BPE: what begins with white space begins a word. */
function wordStarts(tokenizer: Tokenizer): (token: number) => boolean {
  const known = new Map<number, boolean>();
  return (token) => {
    let starts = known.get(token);
    if (starts === undefined) {
      starts = token >= tokenizer.vocabularySize || WHITE_SPACE.has(tokenizer.tokenBytes(token)[0] ?? 0);
      known.set(token, starts);
    }
    return starts;
  };
}
