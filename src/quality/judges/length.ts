import { z } from 'zod';
import { atLeast, atMost } from '../../core/rules.ts';
import { defineJudge } from '../../core/step.ts';
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

/**
 * Bounds on a document's length in words, code points and bytes. By default only empty documents go: published bounds
 * belong to their presets (50 to 100,000 words: `gopher-quality`).
 */
export const length = defineJudge({
  kind: 'length',
  summary: 'drops documents that are too short or too long, in words, characters or bytes',
  module: import.meta.url,
  options,
  signals: ['words', 'characters', 'bytes'],
  measure: (view) => [wordsOf(view).length, lengthOf(view).codePoints, view.utf8.length],
  rules: [
    atLeast('words', 'minWords', 'too-few-words'),
    atMost('words', 'maxWords', 'too-many-words'),
    atLeast('characters', 'minCharacters', 'too-few-characters'),
    atMost('characters', 'maxCharacters', 'too-many-characters'),
    atLeast('bytes', 'minBytes', 'too-few-bytes'),
    atMost('bytes', 'maxBytes', 'too-many-bytes'),
  ],
});
