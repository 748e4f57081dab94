/** What it cost, and what it was made from. */

import type { AblationOutcome } from '../../ablate/outcome.ts';
import { bytes, count, duration } from '../../core/format.ts';
import { digest, facts, type Section } from '../figures.ts';
import { html, table } from '../html.ts';
import { armDigests } from './arms.ts';
import { budgetWords, trainingCounts } from './head.ts';

export function receiptsSection(outcome: AblationOutcome): Section {
  const { domains, trainings } = outcome;
  const { complete, lost, seconds } = trainingCounts(outcome);
  const tokens = trainings.reduce((sum, training) => sum + training.tokens, 0);
  const ruler = table(
    'The ruler: held-out text, fixed before any arm existed',
    [
      { heading: 'domain' },
      { heading: 'stands for' },
      { heading: 'weight', numeric: true },
      { heading: 'documents', numeric: true },
      { heading: 'text', numeric: true },
      { heading: 'digest' },
    ],
    domains.map((domain) => [
      domain.primary ? html`<b>${domain.name}</b>` : domain.name,
      domain.target,
      domain.weight.toFixed(3),
      count(domain.documents),
      bytes(domain.bytes),
      digest(domain.digest) ?? '–',
    ]),
  );
  const runs = table(
    'Trainings',
    [
      { heading: 'arm' },
      { heading: 'size' },
      { heading: 'rate', numeric: true },
      { heading: 'block', numeric: true },
      { heading: 'weight seed', numeric: true },
      { heading: 'order seed', numeric: true },
      { heading: 'status' },
      ...domains.map(({ name }) => ({ heading: name, numeric: true })),
      { heading: 'time', numeric: true },
      { heading: 'weights' },
    ],
    trainings.map((training) => [
      training.arm,
      training.size,
      training.learningRate,
      training.block,
      training.weightSeed,
      training.orderSeed,
      training.reason ? `${training.status}: ${training.reason}` : training.status,
      ...domains.map(({ name }) => {
        const measured = training.domains[name];
        return measured ? (measured.bits / measured.bytes).toFixed(4) : '–';
      }),
      duration(training.seconds),
      digest(training.digest) ?? '–',
    ]),
  );
  return {
    id: 'receipts',
    title: 'Budget and receipts',
    body: html`${facts([
      ['Equal', budgetWords(outcome)],
      ['Trainings', `${count(complete)} complete${lost > 0 ? `, ${count(lost)} not` : ''}`],
      ['Tokens', `${count(tokens)} in all`],
      ['Time', `${duration(seconds)} of training`],
    ])}${ruler}
<details><summary>Every training</summary>${runs}</details>
<details><summary>Digests of what each arm made</summary>${armDigests(outcome)}</details>`,
  };
}
