import { stringify } from 'yaml';
import { bytes, count, counted } from '../../core/format.ts';
import { SHARD_SPLITS } from '../format.ts';
import { publicNames } from '../public-names.ts';
import type { SplitCounts } from './count-shards.ts';
import { UNKNOWN } from './count-shards.ts';
import type { Receipt } from './receipt.ts';

export interface CardOptions {
  /** Whether the card lies with the Parquet files of an export, which its header then names by split. */
  readonly parquet?: boolean;
}

/** Hugging Face's size categories, by documents. */
const SIZES: readonly [number, string][] = [
  [1e3, 'n<1K'],
  [1e4, '1K<n<10K'],
  [1e5, '10K<n<100K'],
  [1e6, '100K<n<1M'],
  [1e7, '1M<n<10M'],
  [1e8, '10M<n<100M'],
  [1e9, '100M<n<1B'],
  [1e10, '1B<n<10B'],
  [1e11, '10B<n<100B'],
  [1e12, '100B<n<1T'],
];

/** A dataset card: Markdown with the YAML header that `huggingface_hub`'s DatasetCard reads. */
export function renderCard(receipt: Receipt, options: CardOptions = {}): string {
  const sections = [
    `# ${line(receipt.name)}`,
    summary(receipt),
    corpora(receipt),
    countsBy(receipt, 'Languages', receipt.contents.languages),
    countsBy(receipt, 'Years', receipt.contents.years),
    sources(receipt),
    refused(receipt),
    removals(receipt),
    digests(receipt),
  ];
  return `---\n${stringify(header(receipt, options))}---\n\n${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

function header(receipt: Receipt, { parquet }: CardOptions): Record<string, unknown> {
  const { splits } = receipt;
  const documents = SHARD_SPLITS.reduce((sum, split) => sum + (splits[split]?.documents ?? 0), 0);
  const languages = receipt.contents.languages
    .map(({ name }) => name.split('-', 1)[0]!)
    .filter((name) => /^[a-z]{2,3}$/.test(name));
  const there = publicNames(receipt)
    .filter(([split]) => (splits[split]?.documents ?? 0) > 0)
    .map(([, name]) => ({ split: name, path: `data/${name}-*.parquet` }));
  return {
    pretty_name: receipt.name,
    // Each corpus has its own: the table below says which.
    license: 'other',
    license_name: 'see-corpora',
    ...(languages.length > 0 ? { language: [...new Set(languages)].sort() } : {}),
    size_categories: [SIZES.find(([below]) => documents < below)?.[1] ?? 'n>1T'],
    task_categories: ['text-generation'],
    tags: ['provender', 'tokenized'],
    ...(parquet ? { configs: [{ config_name: 'default', data_files: there }] } : {}),
  };
}

function summary({ splits, contents, pipeline }: Receipt): string {
  const { oldest, newest } = contents;
  const parts = SHARD_SPLITS.flatMap((split) => {
    const counts = splits[split];
    if (!counts) return [];
    const kind = split === 'train' ? 'training' : split;
    return `${counted(counts.documents, `${kind} document`)} (${counted(counts.tokens, 'token')}, ${bytes(counts.bytes)} of text)`;
  });
  const all = `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
  const dates = oldest === null ? '' : ` Dates known: ${oldest} to ${newest}.`;
  const read = pipeline
    ? ` Of ${counted(pipeline.read.documents, 'document')} read, ${bytes(pipeline.read.bytes)}.`
    : '';
  return `${all}, tokenized, with the place in the source that each token comes from.${read}${dates}`;
}

function corpora(receipt: Receipt): string {
  const rows = receipt.corpora.map(({ name, terms, ...splits }) => [
    terms ? `${name}: ${terms.title}` : name,
    ...figures(splits, receipt),
    terms?.licence ?? 'not known: this corpus has no card',
    terms?.origin ?? '',
  ]);
  const titles = ['corpus', ...figureTitles(receipt), 'licence', 'origin'];
  return section('Corpora', titles, rows);
}

function countsBy(
  receipt: Receipt,
  title: string,
  all: readonly (SplitCounts & { readonly name: string })[],
): string {
  if (all.every(({ name }) => name === UNKNOWN)) return '';
  const titles = [title.toLowerCase().slice(0, -1), ...figureTitles(receipt)];
  return section(
    title,
    titles,
    all.map(({ name, ...splits }) => [name, ...figures(splits, receipt)]),
  );
}

const MOST_ROWS = 30;

function sources(receipt: Receipt): string {
  const { contents } = receipt;
  const shown = contents.sources.slice(0, MOST_ROWS);
  const more = contents.sources.length - shown.length + contents.others.sources;
  const titles = ['site or folder', ...figureTitles(receipt)];
  const table = section(
    'Sources',
    titles,
    shown.map(({ name, ...splits }) => [name, ...figures(splits, receipt)]),
  );
  return more > 0 ? `${table}\n\nand ${count(more)} more.` : table;
}

function refused({ pipeline }: Receipt): string {
  if (!pipeline || pipeline.refused.length === 0) return '';
  const rows = pipeline.refused.map(({ step, reason, documents, bytes: size }) => [
    step,
    reason,
    count(documents),
    bytes(size),
  ]);
  return section('What was taken out, and why', ['step', 'reason', 'documents', 'text'], rows);
}

function removals(receipt: Receipt): string {
  if (receipt.removals.length === 0) return '';
  const rows = receipt.removals.map(({ reason, documents, tokens }) => [
    reason,
    count(documents),
    count(tokens),
  ]);
  return section('Taken out of the finished shards', ['reason', 'documents', 'tokens'], rows);
}

function digests({ digests: known, pipeline, digest }: Receipt): string {
  const rows = [
    ['shards (index.json)', known.shards],
    ['tokenizer.json', known.tokenizer],
    ...(pipeline ? [['pipeline', pipeline.pipeline]] : []),
    ['receipt', digest],
  ];
  return section('Digests (SHA-256)', ['of', 'digest'], rows);
}

function figureTitles({ splits }: Receipt): string[] {
  return [
    'documents',
    'tokens',
    ...(splits.validation ? ['validation documents'] : []),
    'held-out documents',
  ];
}

function figures({ train, 'held-out': heldOut, validation }: SplitCounts, { splits }: Receipt): string[] {
  const looked = splits.validation ? [count(validation?.documents ?? 0)] : [];
  return [count(train.documents), count(train.tokens), ...looked, count(heldOut.documents)];
}

function section(title: string, titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]) => `| ${row.map(line).join(' | ')} |`;
  return [`## ${title}`, '', cells(titles), `|${titles.map(() => '---|').join('')}`, ...rows.map(cells)].join(
    '\n',
  );
}

/** Text from outside as one line of a table's cell: no line breaks, no bars, no markup. */
function line(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\|<>`*_[\]]/g, '\\$&');
}
