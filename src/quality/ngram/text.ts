import { foldedWords } from '../../dedup/twin.ts';

export const UNKNOWN = 0;
export const SENTENCE_START = 1;
export const SENTENCE_END = 2;
export const SPECIAL_WORDS: readonly string[] = ['<unk>', '<s>', '</s>'];

/**
 * The sentences of a text as the language model sees them: a line is one, its words without case and punctuation,
 * every digit a 0 (as CCNet normalizes before its model, Wenzek et al. 2020, arXiv:1911.00359). Empty lines are none.
 */
export function* sentencesOf(text: string): Generator<string[]> {
  for (let from = 0; from <= text.length; ) {
    const found = text.indexOf('\n', from);
    const to = found < 0 ? text.length : found;
    const words = foldedWords(text.slice(from, to));
    if (words.length > 0) yield words.map((word) => word.replace(/\p{Nd}/gu, '0'));
    from = to + 1;
  }
}
