/** Signal, option and reason of Gopher's rules on repeated lines and n-grams: the same in every reading, in this order. */
export const LINE_AND_GRAM_RULES = [
  ['duplicate-lines', 'maxDuplicateLines', 'too-many-duplicate-lines'],
  ['duplicate-line-characters', 'maxDuplicateLineCharacters', 'too-many-characters-in-duplicate-lines'],
  ['top-2-gram', 'maxTop2Gram', 'dominant-2-gram'],
  ['top-3-gram', 'maxTop3Gram', 'dominant-3-gram'],
  ['top-4-gram', 'maxTop4Gram', 'dominant-4-gram'],
  ['duplicate-5-gram', 'maxDuplicate5Gram', 'too-many-duplicate-5-grams'],
  ['duplicate-6-gram', 'maxDuplicate6Gram', 'too-many-duplicate-6-grams'],
  ['duplicate-7-gram', 'maxDuplicate7Gram', 'too-many-duplicate-7-grams'],
  ['duplicate-8-gram', 'maxDuplicate8Gram', 'too-many-duplicate-8-grams'],
  ['duplicate-9-gram', 'maxDuplicate9Gram', 'too-many-duplicate-9-grams'],
  ['duplicate-10-gram', 'maxDuplicate10Gram', 'too-many-duplicate-10-grams'],
] as const;
