import { z } from 'zod';
import type { DocumentRow } from '../core/batch.ts';
import { ConfigurationError } from '../core/errors.ts';

/** Which copy of a document stays. Ties go to the smallest hash of corpus and id: no order of input decides. */
export const priorityOptions = {
  keep: z
    .enum(['longest', 'earliest', 'highest-signal', 'corpus-order', 'smallest-hash'])
    .default('longest')
    .describe(
      'Which copy stays; ties go to the smallest hash of corpus and id. Only `earliest` without `dateField` looks at the order of the input',
    ),
  dateField: z
    .string()
    .optional()
    .describe(
      'For `keep: earliest`: the field of the metadata with a date or a number; without it the order of the input decides',
    ),
  signal: z.string().optional().describe('For `keep: highest-signal`: the name of the signal'),
  corpora: z
    .array(z.string())
    .optional()
    .describe('For `keep: corpus-order`: corpora, the one whose copies stay first'),
};

export interface Priority {
  readonly keep: 'longest' | 'earliest' | 'highest-signal' | 'corpus-order' | 'smallest-hash';
  readonly dateField?: string | undefined;
  readonly signal?: string | undefined;
  readonly corpora?: readonly string[] | undefined;
}

/** Whether of equally preferred copies the first of the input stays. */
export function prefersFirst({ keep, dateField }: Priority): boolean {
  return keep === 'earliest' && dateField === undefined;
}

/** A date in milliseconds, a number as it is; what is neither comes last. */
function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : typeof value === 'number' ? value : Number.NaN;
  return Number.isNaN(time) ? Infinity : time;
}

/** The function that ranks a copy: the highest number stays. @throws ConfigurationError if its option is missing */
export function preferenceOf(priority: Priority): (row: DocumentRow, bytes: number) => number {
  switch (priority.keep) {
    case 'longest':
      return (_row, bytes) => bytes;
    case 'earliest': {
      const { dateField } = priority;
      return dateField === undefined ? () => 0 : (row) => -timeOf(row.metadata[dateField]);
    }
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
