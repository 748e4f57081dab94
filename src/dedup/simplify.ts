import { spacyWords } from '../quality/words.ts';

/** datatrove's punctuation (utils/text.py): what becomes a space. All of ASCII's, and controls but tab and newline. */
const PUNCTUATION = /(?![\t\n])[\p{Cc}!-/:-@[-`{-~´«»–—’“”„…∶━►、。〈〉《》「」【】！％（），．１：；？～]/gu;
const NUMBERS = /\p{Nd}+(?:[.,،٫⎖⎗⎘]\p{Nd}+)?/gu;
const NUMBER_SEPARATOR = /[،٫⎖⎗⎘]/u;
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

/** Whether a character is a digit of a number. */
export function isDecimal(character: string): boolean {
  return /^\p{Nd}$/u.test(character);
}

/** Whether a character separates words. */
export function isBlank(character: string): boolean {
  return character.replace(PUNCTUATION, ' ').replace(SPACES, '') === '';
}

/**
 * What simplification makes of one character that is neither digit nor blank, if that is the same whatever stands
 * beside it; else undefined: a capital sigma (final or not), separators of numbers, marks that are put in order, and
 * what decomposes to something that another rule would have seen.
 */
export function simplifiedCharacter(character: string): string | undefined {
  if (character === 'Σ' || NUMBER_SEPARATOR.test(character)) return undefined;
  const lower = character.toLowerCase();
  const decomposed = lower.normalize('NFD');
  // U+0334 has combining class 1: a mark that it goes before is one that has a class itself.
  const ordered = `${decomposed}\u0334`.normalize('NFD') === `${decomposed}\u0334`;
  const result = decomposed.replace(MARKS, '');
  if (!ordered && result !== '' && !/^\p{L}/u.test(result)) return undefined;
  // Digits and punctuation that appear only now were not simplified.
  if (/\p{Nd}|(?![a-z])\p{ASCII}/u.test(result)) return undefined;
  return result;
}
