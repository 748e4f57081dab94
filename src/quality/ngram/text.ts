import { foldedWords } from '../../dedup/twin.ts';

export const UNKNOWN = 0;
export const SENTENCE_START = 1;
export const SENTENCE_END = 2;
export const SPECIAL_WORDS: readonly string[] = ['<unk>', '<s>', '</s>'];

/** UTF-16 units of a line that are taken at once: the words of a line of 200 MB would not fit into memory. */
const LONGEST_LINE = 1 << 16;

/** Where a line that is too long is cut: after its last space, or inside a word, but not inside a code point. */
function cut(text: string, from: number): number {
  const most = from + LONGEST_LINE;
  const space = text.lastIndexOf(' ', most);
  if (space > from) return space;
  return (text.charCodeAt(most) & 0xfc00) === 0xdc00 ? most - 1 : most;
}

/**
 * The sentences of a text as the language model sees them: a line is one, its words without case and punctuation,
 * every digit a 0 (as CCNet normalizes before its model, Wenzek et al. 2020, arXiv:1911.00359). Empty lines are none.
 */
export function* sentencesOf(text: string): Generator<string[]> {
  for (let from = 0; from <= text.length; ) {
    const found = text.indexOf('\n', from);
    const end = found < 0 ? text.length : found;
    const to = end - from > LONGEST_LINE ? cut(text, from) : end;
    const words = foldedWords(text.slice(from, to));
    if (words.length > 0) yield words.map((word) => word.replace(/\p{Nd}/gu, '0'));
    from = to === end ? to + 1 : to;
  }
}
