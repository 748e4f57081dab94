import { bytes, count } from '../../core/format.ts';
import { type BarRow, barTable, bits, type Section } from '../figures.ts';
import { absent, html, type Markup, shorten, table } from '../html.ts';
import { finite, type MeasuredSet, measuredSet, members, text } from '../read-outcome.ts';
import type { RunData, StepData } from '../run-data.ts';
import { heldOutOf } from './head.ts';

const CORPORA_SHOWN = 24;

function bars(corpora: readonly string[], before: MeasuredSet | undefined, after: MeasuredSet): Markup {
  const rows = corpora.flatMap((corpus): (BarRow & { bpb: number })[] => {
    const mine = after.corpora.get(corpus);
    const entries = [
      ['before', before?.corpora.get(corpus)?.bitsPerByte],
      [before ? 'after' : 'model', mine?.bitsPerByte],
      ['gzip', mine?.gzipBitsPerByte],
    ] as const;
    return entries.flatMap(([kind, value]) =>
      value === undefined
        ? []
        : [
            {
              group: shorten(corpus, 60),
              label: kind === 'gzip' ? 'gzip -9' : kind,
              parts: [{ kind: kind === 'model' ? 'after' : kind, share: value }],
              value: bits(value),
              bpb: value,
            },
          ],
    );
  });
  const most = Math.max(1e-9, ...rows.map(({ bpb }) => bpb));
  return barTable(
    'Bits per byte of held-out text; shorter is better',
    ['', 'bits per byte'],
    rows.map(({ parts, ...row }) => ({
      ...row,
      parts: parts.map(({ kind, share }) => ({ kind, share: share / most })),
    })),
  );
}

function figuresTable(
  corpora: readonly string[],
  before: MeasuredSet | undefined,
  after: MeasuredSet,
): Markup {
  const masked = after.masked;
  const value = (set: MeasuredSet | undefined, corpus: string): string => {
    const one = set?.corpora.get(corpus);
    return bits(masked ? one?.lossPerToken : one?.bitsPerByte);
  };
  return table(
    masked ? 'Loss per masked token, in nats' : 'Bits per byte by corpus',
    [
      { heading: 'corpus' },
      { heading: 'before', numeric: true },
      { heading: 'after', numeric: true },
      { heading: 'gzip -9', numeric: true },
      { heading: 'documents', numeric: true },
      { heading: 'text', numeric: true },
    ],
    corpora.map((corpus) => {
      const one = after.corpora.get(corpus);
      return [
        shorten(corpus),
        value(before, corpus),
        value(after, corpus),
        masked ? '–' : bits(one?.gzipBitsPerByte),
        one?.documents === undefined ? '–' : count(one.documents),
        one?.bytes === undefined ? '–' : bytes(one.bytes),
      ];
    }),
  );
}

/** Training and evaluation choose their documents each for itself: without a word their figures contradict each other. */
function chosen(split: string, options: unknown): string {
  const most = finite(members(options).maxBytesPerCorpus);
  const documents = split === 'train' ? 'training documents' : `${split} documents`;
  return most === undefined ? `all ${documents}` : `up to ${bytes(most)} a corpus of the ${documents}`;
}

function whenTrained(split: string, options: StepData['options']): string {
  return `Measured by the training itself, before its first and after its last step, on ${chosen(split, options.heldOut)}.`;
}

function whenEvaluated(options: StepData['options']): string {
  return `Measured afterwards with the finished model, on ${chosen(text(options.split) ?? 'held-out', options)}.`;
}

function comparison(
  title: string,
  when: string,
  before: MeasuredSet | undefined,
  after: MeasuredSet,
): Markup {
  const all = [...after.corpora.keys()];
  const corpora = all.slice(0, CORPORA_SHOWN);
  return html`<h3>${title}</h3><p class="note">${when}</p>
${after.masked ? html`<p>A masked model gives no likelihood of the text: its loss per masked token stands for itself and cannot be held against other models.</p>` : bars(corpora, before, after)}
${!after.comparable && !after.masked && html`<p class="note">Some documents do not decode to their text byte for byte: these figures cannot be held against those of other tokenizers.</p>`}
${after.masked ? figuresTable(corpora, before, after) : html`<details><summary>The same as a table</summary>${figuresTable(corpora, before, after)}</details>`}
${all.length > corpora.length && html`<p class="note">${count(all.length - corpora.length)} more corpora are not shown.</p>`}`;
}

function sameFigures(a: MeasuredSet, b: MeasuredSet): boolean {
  return (
    a.corpora.size === b.corpora.size &&
    [...a.corpora].every(([corpus, { bytes: size, bitsPerByte, lossPerToken }]) => {
      const other = b.corpora.get(corpus);
      return (
        other?.bytes === size && other?.bitsPerByte === bitsPerByte && other?.lossPerToken === lossPerToken
      );
    })
  );
}

export function heldOutSection(data: RunData): Section {
  const frame = { id: 'held-out', title: 'Held-out text' };
  const parts: Markup[] = [];
  let measuredBefore: MeasuredSet | undefined;
  for (const step of data.steps) {
    if (step.kind === 'train') {
      const { split, before, after } = heldOutOf(data, step);
      const name = split === 'validation' ? `${step.name} (validation)` : step.name;
      if (after) parts.push(comparison(name, whenTrained(split, step.options), before, after));
      measuredBefore = after;
    } else if (step.kind === 'evaluate') {
      const set = measuredSet(step.outcome);
      if (set && measuredBefore && sameFigures(set, measuredBefore))
        parts.push(html`<h3>${step.name}</h3><p>The same figures as at the end of the training.</p>`);
      else if (set) parts.push(comparison(step.name, whenEvaluated(step.options), undefined, set));
    }
  }
  if (parts.length === 0)
    return { ...frame, body: absent('No model was measured on held-out text, or none was held out.') };
  const body = html`<p>Sum of nats over ln 2 times the UTF-8 bytes of the same text; special tokens are left out. gzip&nbsp;-9 packs the same documents as one stream.</p>
<p class="key"><span class="k-before">before training</span><span class="k-after">after</span><span class="k-gzip">gzip -9</span></p>${parts}`;
  return { ...frame, body };
}
