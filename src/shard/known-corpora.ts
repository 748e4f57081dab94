/** Which corpora a pipeline can meet, where its options alone tell. */

import { ConfigurationError } from '../core/errors.ts';
import type { StepBefore } from '../core/step.ts';

interface ReadInput {
  readonly corpus: string;
  readonly files?: readonly string[];
  readonly fields?: { readonly corpus?: string };
}

/** Names of the corpora of all inputs; undefined where records, a card of one's own or a user's step may name others. */
function knownCorpora(before: readonly StepBefore[]): string[] | undefined {
  const [source, ...rest] = before;
  if (source?.kind !== 'read' || source.use !== undefined) return undefined;
  if (rest.some(({ use, role }) => use !== undefined && role !== 'judge' && role !== 'job')) return undefined;
  const inputs = source.options.inputs as readonly ReadInput[];
  if (inputs.some(({ fields }) => fields?.corpus !== undefined)) return undefined;
  if (inputs.some(({ corpus, files }) => files === undefined && /\.ya?ml$/.test(corpus))) return undefined;
  return [...new Set(inputs.map(({ corpus }) => corpus))];
}

/** Throws a ConfigurationError where a corpus that no input has is to be taken. */
export function requireKnownCorpora(
  weights: Readonly<Record<string, number>>,
  before: readonly StepBefore[],
): void {
  const known = knownCorpora(before);
  if (known === undefined) return;
  const unknown = Object.keys(weights).filter((corpus) => weights[corpus]! > 0 && !known.includes(corpus));
  if (unknown.length === 0) return;
  throw new ConfigurationError('weights: a corpus that no input of the step read has', {
    expected: `one of ${known.join(', ')}`,
    found: unknown.join(', '),
  });
}
