import { resolve } from 'node:path';
import { z } from 'zod';
import type { Json } from '../../core/document.ts';
import { atLeast } from '../../core/rules.ts';
import type { TextView } from '../../core/stage.ts';
import { defineJudge } from '../../core/step.ts';
import { LanguageIdentifier } from '../language/model.ts';
import { languagesByParagraph } from '../language/paragraphs.ts';
import { share } from '../options.ts';

const options = z.strictObject({
  languages: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'languages to keep, by the codes of their Wikipedias (en, de, zh, ...); empty: whichever is sure',
    ),
  minProbability: share(0.65, 'smallest probability of the most probable language'),
  paragraphs: z
    .boolean()
    .default(false)
    .describe('also identify each paragraph (parted by blank lines), for main-share and the metadata'),
  minMainShare: share(
    null,
    "smallest share of the bytes in paragraphs of the document's own language (with `paragraphs`)",
  ),
  minParagraphBytes: z
    .int()
    .min(1)
    .default(20)
    .describe('a shorter paragraph says too little: it is counted with the one before it'),
  field: z.string().min(1).default('language').describe("metadata field that takes the language's code"),
  model: z
    .string()
    .min(1)
    .optional()
    .describe('a fastText model (.bin, .ftz) whose labels are languages; default: lid.176.ftz'),
});
type Options = z.output<typeof options>;

/** A document's language, remembered between `measure` and `describe`. */
interface Found {
  readonly code: string;
  readonly probability: number;
  readonly shares?: Readonly<Record<string, number>>;
}
const FOUND = {};

function find(view: TextView, o: Options, identifier: LanguageIdentifier): Found {
  const { code, probability } = identifier.identify(view.utf8);
  if (!o.paragraphs) return { code, probability };
  return { code, probability, shares: languagesByParagraph(view.utf8, identifier, o.minParagraphBytes) };
}

/**
 * Identifies the language with fastText's lid.176 and keeps where the most probable one is one of `languages` and
 * as probable as 0.65 (FineWeb, Penedo et al. 2024, arXiv:2406.17557; RefinedWeb; datatrove's LanguageFilter).
 * Signals: the probability; 1 where the language is wanted, else 0; the share of the bytes in paragraphs of that
 * language (1 without `paragraphs`). The code goes into the metadata, and with `paragraphs` the share of each language.
 */
export const language = defineJudge({
  kind: 'language',
  summary:
    'identifies the language (fastText lid.176) and drops other languages, and what is in none for sure',
  module: import.meta.url,
  options,
  files: (o) => (o.model === undefined ? [] : [o.model]),
  signals: ['probability', 'wanted', 'main-share'],
  load: (o, { baseFolder }) =>
    LanguageIdentifier.open(o.model === undefined ? undefined : resolve(baseFolder, o.model)),
  measure(view, o, identifier) {
    // A step of the same kind further on may have another model or other options.
    const found = find(view, o, identifier);
    view.share(FOUND, () => new Map<Options, Found>()).set(o, found);
    const wanted = o.languages.length === 0 || o.languages.includes(found.code);
    return [found.probability, wanted ? 1 : 0, found.shares ? (found.shares[found.code] ?? 0) : 1];
  },
  describe(_values, o, _identifier, view) {
    const { code, shares } = view.share(FOUND, () => new Map<Options, Found>()).get(o)!;
    const names: Record<string, Json> = { [o.field]: code };
    if (shares) names[`${o.field}-shares`] = shares;
    return names;
  },
  rules: [
    atLeast('wanted', 1, 'unwanted-language'),
    atLeast('probability', 'minProbability', 'unsure-language'),
    atLeast('main-share', 'minMainShare', 'mixed-languages'),
  ],
});
