import { spacyWords } from '../quality/words.ts';

/** datatrove's punctuation (utils/text.py): what becomes a space. All of ASCII's, and controls but tab and newline. */
const PUNCTUATION = /(?![\t\n])[\p{Cc}!-/:-@[-`{-~´«»–—’“”„…∶━►、。〈〉《》「」【】！％（），．１：；？～]/gu;
const NUMBERS = /\p{Nd}+(?:[.,\u060c\u066b\u2396\u2397\u2398]\p{Nd}+)?/gu;
/** Python's white space: JavaScript's `\s` without the byte-order mark; what else Python adds is punctuation here. */
const SPACES = /[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu;
const MARKS = /\p{Mn}/gu;

function stripped(text: string): string {
  return text.replace(SPACES, (run, at: number) => (at === 0 || at + run.length === text.length ? '' : run));
}

/** datatrove's `simplify_text` with its default configuration. */
export function simplify(text: string): string {
  const plain = text.toLowerCase().replace(NUMBERS, '0').replace(PUNCTUATION, ' ');
  return stripped(stripped(plain).replace(SPACES, ' ').normalize('NFD').replace(MARKS, ''));
}

/** The words that datatrove makes shingles of, for English. */
export function datatroveWords(text: string): string[] {
  return spacyWords(simplify(text))
    .map(stripped)
    .filter((word) => word !== '');
}
