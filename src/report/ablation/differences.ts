import type { AblationOutcome } from '../../ablate/outcome.ts';
import type { Analysis } from '../../ablate/statistics/analysis.ts';
import { decimalsOf, intervalWords, signed } from '../../ablate/statistics/sentences.ts';
import type { Section } from '../figures.ts';
import { html, table } from '../html.ts';

export function differencesSection(_outcome: AblationOutcome, analysis: Analysis): Section {
  const { comparisons } = analysis.settings[analysis.main]!;
  const rows = comparisons.flatMap(({ arm, against, domains }) =>
    domains.map(({ domain, difference, interval, corrected, standardError, p }) => {
      const decimals = decimalsOf(standardError);
      return [
        `${arm} − ${against}`,
        domain,
        signed(difference, decimals),
        intervalWords(interval, decimals),
        intervalWords(corrected, decimals),
        p.toPrecision(2),
      ];
    }),
  );
  return {
    id: 'differences',
    title: 'Differences',
    body: html`${table(
      'Differences in bits per byte, by domain',
      [
        { heading: 'comparison' },
        { heading: 'domain' },
        { heading: 'difference', numeric: true },
        { heading: 'interval', numeric: true },
        { heading: 'corrected', numeric: true },
        { heading: 'p', numeric: true },
      ],
      rows,
    )}`,
  };
}
