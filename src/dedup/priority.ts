import { z } from 'zod';
import type { DocumentRow } from '../core/batch.ts';
import { ConfigurationError } from '../core/errors.ts';

/** Which copy of a document stays. Ties go to the smallest hash of corpus and id: no order of input decides. */
export const priorityOptions = {
  keep: z
    .enum(['longest', 'earliest', 'highest-signal', 'corpus-order', 'smallest-hash'])
    .default('longest')
    .describe(
      'Which copy stays; ties go to the smallest hash of corpus and id. Only `earliest` looks at the order of the input',
    ),
  signal: z.string().optional().describe('For `keep: highest-signal`: the name of the signal'),
  corpora: z
    .array(z.string())
    .optional()
    .describe('For `keep: corpus-order`: corpora, the one whose copies stay first'),
};

export interface Priority {
  readonly keep: 'longest' | 'earliest' | 'highest-signal' | 'corpus-order' | 'smallest-hash';
  readonly signal?: string | undefined;
  readonly corpora?: readonly string[] | undefined;
}

/** The function that ranks a copy: the highest number stays. @throws ConfigurationError if its option is missing */
export function preferenceOf(priority: Priority): (row: DocumentRow, bytes: number) => number {
  switch (priority.keep) {
    case 'longest':
      return (_row, bytes) => bytes;
    case 'earliest':
    case 'smallest-hash':
      return () => 0;
    case 'highest-signal': {
      const { signal } = priority;
      if (signal === undefined)
        throw new ConfigurationError('keep: highest-signal needs the option `signal`');
      return (row) => {
        const value = row.signals[signal];
        return value === undefined || Number.isNaN(value) ? -Infinity : value;
      };
    }
    case 'corpus-order': {
      const { corpora } = priority;
      if (corpora === undefined)
        throw new ConfigurationError('keep: corpus-order needs the option `corpora`');
      const rank = new Map(corpora.map((corpus, i) => [corpus, corpora.length - i]));
      return (row) => rank.get(row.corpus) ?? 0;
    }
    default:
      return priority.keep satisfies never;
  }
}
