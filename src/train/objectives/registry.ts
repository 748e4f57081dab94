/** The objectives that can be named in options. */

import { z } from 'zod';
import { causalOptions, openCausal } from './causal.ts';
import { maskedOptions, openMasked } from './masked.ts';
import { nextSentenceOptions, openNextSentence } from './next-sentence.ts';
import type { Objective, ObjectiveContext } from './objective.ts';
import { openPrefix, prefixOptions } from './prefix.ts';

export const objectiveOptions = z.discriminatedUnion('kind', [
  causalOptions,
  maskedOptions,
  prefixOptions,
  nextSentenceOptions,
]);

export type ObjectiveOptions = z.input<typeof objectiveOptions>;

/** Throws a ConfigurationError where the context lacks something that the objective needs. */
export function openObjective(options: ObjectiveOptions, context: ObjectiveContext): Objective {
  const checked = objectiveOptions.parse(options);
  switch (checked.kind) {
    case 'causal':
      return openCausal(checked, context);
    case 'next-sentence':
      return openNextSentence(checked, context);
    case 'prefix':
      return openPrefix(checked, context);
    case 'masked':
      return openMasked(checked, context);
    default:
      return checked satisfies never;
  }
}
