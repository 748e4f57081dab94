import { z } from 'zod';
import { defineJudge } from '../../core/step.ts';
import { drop, KEEP } from '../../core/verdict.ts';
import { above, below } from '../options.ts';
import { lengthOf, wordsOf } from '../text.ts';

const bound = (description: string) =>
  z.number().int().nonnegative().nullable().default(null).describe(`${description}; null: no bound`);

const options = z.strictObject({
  minWords: bound('fewest words, split as spaCy does'),
  maxWords: bound('most words'),
  minCharacters: z
    .number()
    .int()
    .nonnegative()
    .nullable()
    .default(1)
    .describe('fewest characters (code points); null: no bound'),
  maxCharacters: bound('most characters (code points)'),
  minBytes: bound('fewest bytes of UTF-8'),
  maxBytes: bound('most bytes of UTF-8'),
});

/** Bounds on a document's length in words, code points and bytes. By default only empty documents go. */
export const length = defineJudge({
  kind: 'length',
  summary: 'drops documents that are too short or too long, in words, characters or bytes',
  module: import.meta.url,
  options,
  signals: ['words', 'characters', 'bytes'],
  measure: (view) => [wordsOf(view).length, lengthOf(view).codePoints, view.utf8.length],
  decide(values, o) {
    const [words, characters, bytes] = Array.from(values);
    if (below(words!, o.minWords)) return drop('too-few-words', words, o.minWords);
    if (above(words!, o.maxWords)) return drop('too-many-words', words, o.maxWords);
    if (below(characters!, o.minCharacters)) return drop('too-few-characters', characters, o.minCharacters);
    if (above(characters!, o.maxCharacters)) return drop('too-many-characters', characters, o.maxCharacters);
    if (below(bytes!, o.minBytes)) return drop('too-few-bytes', bytes, o.minBytes);
    if (above(bytes!, o.maxBytes)) return drop('too-many-bytes', bytes, o.maxBytes);
    return KEEP;
  },
});
