import { bytes, count, plural } from '../../core/format.ts';
import { barTable, card, cards, digest, facts, figure, type Section, shareOf } from '../figures.ts';
import { absent, html, type Markup, shorten, shortenMiddle, table } from '../html.ts';
import { finite, members } from '../read-outcome.ts';
import type { RunData } from '../run-data.ts';
import { lastOf, tokenizerDigest } from './head.ts';

const CORPORA_SHOWN = 40;

interface CorpusTokens {
  readonly corpus: string;
  readonly train: number;
  readonly heldOut: number;
  readonly validation: number;
  readonly documents: number;
  readonly bytes: number;
}

function tokensByCorpus(outcome: Readonly<Record<string, unknown>>): CorpusTokens[] {
  return Object.entries(members(outcome.byCorpus))
    .map(([corpus, splits]) => {
      const train = members(members(splits).train);
      const heldOut = members(members(splits).heldOut);
      const validation = members(members(splits).validation);
      const sum = (name: string): number =>
        [train, heldOut, validation].reduce((total, counts) => total + (finite(counts[name]) ?? 0), 0);
      return {
        corpus,
        train: finite(train.tokens) ?? 0,
        heldOut: finite(heldOut.tokens) ?? 0,
        validation: finite(validation.tokens) ?? 0,
        documents: sum('documents'),
        bytes: sum('bytes'),
      };
    })
    .sort((a, b) => b.train - a.train || (a.corpus < b.corpus ? -1 : 1));
}

const tokensOf = ({ train, heldOut, validation }: CorpusTokens): number => train + heldOut + validation;

function corpora(rows: readonly CorpusTokens[]): Markup {
  const shown = rows.slice(0, CORPORA_SHOWN);
  const most = Math.max(1, ...rows.map(tokensOf));
  const hasValidation = rows.some(({ validation }) => validation > 0);
  const total = rows.reduce((sum, { train }) => sum + train, 0);
  return html`<p class="key"><span class="k-plain">to train on</span><span class="k-held">${hasValidation ? 'held out or for validation' : 'held out'}</span></p>
${barTable(
  'Tokens by corpus',
  ['corpus', 'tokens to train on'],
  shown.map(({ corpus, train, heldOut, validation }) => ({
    label: shortenMiddle(corpus),
    parts: [
      { kind: 'plain' as const, share: train / most },
      { kind: 'held' as const, share: (heldOut + validation) / most },
    ],
    value: `${count(train)} (${shareOf(train, total)})`,
  })),
)}${table(
  'Shards by corpus',
  [
    { heading: 'corpus' },
    { heading: 'documents', numeric: true },
    { heading: 'text', numeric: true },
    { heading: 'tokens to train on', numeric: true },
    ...(hasValidation ? [{ heading: 'validation', numeric: true }] : []),
    { heading: 'held out', numeric: true },
    { heading: 'bytes a token', numeric: true },
  ],
  shown.map((row) => [
    shorten(row.corpus),
    count(row.documents),
    bytes(row.bytes),
    count(row.train),
    ...(hasValidation ? [count(row.validation)] : []),
    count(row.heldOut),
    tokensOf(row) > 0 ? figure(row.bytes / tokensOf(row)) : '–',
  ]),
)}${rows.length > shown.length && html`<p class="note">${count(rows.length - shown.length)} more corpora are not shown.</p>`}`;
}

function cardOf(n: number, noun: string, rest = ''): Markup {
  return card(count(n), `${plural(n, noun)}${rest}`);
}

export function tokensSection(data: RunData): Section {
  const frame = { id: 'tokens', title: 'Tokens' };
  const shard = lastOf(data, 'shard')?.outcome;
  if (!shard) return { ...frame, body: absent('No shards were written yet.') };
  const rows = tokensByCorpus(shard);
  const rate = finite(shard.bytesPerToken);
  return {
    ...frame,
    body: html`${cards([
      cardOf(finite(shard.trainTokens) ?? 0, 'token', ' to train on'),
      finite(shard.validationTokens) === undefined
        ? undefined
        : cardOf(finite(shard.validationTokens)!, 'token', ' for validation'),
      cardOf(finite(shard.heldOutTokens) ?? 0, 'token', ' held out'),
      cardOf(finite(shard.documents) ?? 0, 'document'),
      rate === undefined ? undefined : card(figure(rate), 'bytes a token'),
    ])}${rows.length ? corpora(rows) : absent('The shards do not say which corpora they hold.')}`,
  };
}

export function tokenizerSection(data: RunData): Section {
  const frame = { id: 'tokenizer', title: 'Tokenizer' };
  const trained = lastOf(data, 'train-tokenizer');
  const step = trained ?? lastOf(data, 'load-tokenizer');
  if (!step) return { ...frame, body: absent('No tokenizer was trained or loaded yet.') };
  const outcome = step.outcome!;
  const number = (name: string): string | undefined => {
    const value = finite(outcome[name]);
    return value === undefined ? undefined : count(value);
  };
  const option = (name: string): string | undefined =>
    typeof step.options[name] === 'string' ? String(step.options[name]) : undefined;
  const trainedOn = finite(outcome.trainedOnBytes);
  return {
    ...frame,
    body: html`${facts([
      ['Vocabulary', number('vocabularySize')],
      ['Merges', number('merges')],
      ['Cut by', option('preTokenizer')],
      ['Normalizer', option('normalizer')],
      ['Trained on', trainedOn === undefined ? undefined : bytes(trainedOn)],
      ['Different words', number('distinctPreTokens')],
      ['Longest token', number('longestToken') && `${number('longestToken')} bytes`],
      ['Digest', digest(tokenizerDigest(data))],
    ])}<p class="note">${trained ? 'Byte-level BPE, trained on the training documents alone.' : 'Loaded from a file.'}</p>`,
  };
}
