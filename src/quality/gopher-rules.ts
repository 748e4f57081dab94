import { atMost, type Rule } from '../core/rules.ts';

/** Gopher's rules on repeated lines and n-grams: the same in every reading, in this order. */
export const LINE_AND_GRAM_RULES: readonly Rule[] = [
  atMost('duplicate-lines', 'maxDuplicateLines', 'too-many-duplicate-lines'),
  atMost('duplicate-line-characters', 'maxDuplicateLineCharacters', 'too-many-characters-in-duplicate-lines'),
  ...[2, 3, 4].map((n) => atMost(`top-${n}-gram`, `maxTop${n}Gram`, `dominant-${n}-gram`)),
  ...[5, 6, 7, 8, 9, 10].map((n) =>
    atMost(`duplicate-${n}-gram`, `maxDuplicate${n}Gram`, `too-many-duplicate-${n}-grams`),
  ),
];
