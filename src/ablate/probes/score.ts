/** A trained model's loss on single documents. */

import { Random } from '../../core/random.ts';
import { documentKey, documentLosses } from '../../train/evaluate.ts';
import { HeldOutSet } from '../../train/held-out.ts';
import type { LoadedModel } from '../../train/model-folder.ts';
import type { ScoredDocuments, ScoredExample, ScoredRange } from '../outcome.ts';
import { documentSource } from '../training.ts';

export interface Text {
  readonly corpus: string;
  readonly id: string;
  readonly bytes: number;
  readonly text: string;
  readonly reason?: string;
  readonly signals: Readonly<Record<string, number>>;
}

export interface Scored extends Text {
  readonly bits: number;
}

const EXAMPLES = 3;
const EXAMPLE_LENGTH = 600;

/** Bits of each text, in the order given. Texts must differ in corpus or id. */
export async function scoreTexts(
  model: LoadedModel,
  texts: readonly Text[],
  rows: number,
  signal?: AbortSignal,
): Promise<Scored[]> {
  if (texts.length === 0) return [];
  const losses = await documentLosses({
    session: model.session,
    objective: model.objective,
    heldOut: await HeldOutSet.choose(documentSource(texts, model.tokenizer), model.tokenizer),
    context: model.file.context,
    rows,
    specialTokens: new Set(model.tokens.specialTokens),
    random: new Random(0),
    signal,
  });
  return texts.map((text) => ({ ...text, bits: (losses.get(documentKey(text))?.nats ?? 0) / Math.LN2 }));
}

export function summarize(scored: readonly Scored[]): ScoredDocuments {
  const sorted = scored.filter(({ bytes }) => bytes > 0).sort((a, b) => rate(a) - rate(b));
  return {
    documents: sorted.length,
    bytes: sum(sorted, ({ bytes }) => bytes),
    bitsPerByte: rateOf(sorted),
    perDocument: sorted.map((one) => Number(rate(one).toPrecision(5))),
    least: sorted.slice(0, EXAMPLES).map(exampleOf),
    most: sorted.slice(-EXAMPLES).reverse().map(exampleOf),
  };
}

function exampleOf(one: Scored): ScoredExample {
  const { corpus, id, reason, text } = one;
  const example = { corpus, id, bitsPerByte: rate(one), text: text.slice(0, EXAMPLE_LENGTH) };
  return reason === undefined ? example : { ...example, reason };
}

function rate({ bits, bytes }: Scored): number {
  return bits / bytes;
}

export function rateOf(scored: readonly Scored[]): number {
  return (
    sum(scored, ({ bits }) => bits) /
    Math.max(
      1,
      sum(scored, ({ bytes }) => bytes),
    )
  );
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

const DECILES = 10;

/** Loss by tenth of the documents in the order of a signal; equal values stay together. Empty where they do not differ. */
export function byDecile(scored: readonly Scored[], signal: string): ScoredRange[] {
  const sorted = scored
    .filter(({ signals }) => Number.isFinite(signals[signal]))
    .sort((a, b) => a.signals[signal]! - b.signals[signal]!);
  const ranges: ScoredRange[] = [];
  let from = 0;
  for (let decile = 1; decile <= DECILES; decile++) {
    let to = Math.round((decile * sorted.length) / DECILES);
    while (to > from && to < sorted.length && sorted[to]!.signals[signal] === sorted[to - 1]!.signals[signal])
      to++;
    if (to <= from) continue;
    ranges.push(rangeOf(sorted.slice(from, to), signal));
    from = to;
  }
  return ranges.length > 1 ? ranges : [];
}

/** Loss by powers of two of a signal that counts: 1, 2, 3 to 4, 5 to 8, ... */
export function byDoubling(scored: readonly Scored[], signal: string): ScoredRange[] {
  const groups = new Map<number, Scored[]>();
  for (const one of scored) {
    const value = one.signals[signal];
    if (value === undefined || !(value >= 1)) continue;
    const group = Math.ceil(Math.log2(value));
    const list = groups.get(group);
    if (list) list.push(one);
    else groups.set(group, [one]);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, list]) => rangeOf(list, signal));
}

function rangeOf(scored: readonly Scored[], signal: string): ScoredRange {
  const values = scored.map(({ signals }) => signals[signal]!);
  return {
    low: Math.min(...values),
    high: Math.max(...values),
    documents: scored.length,
    bytes: sum(scored, ({ bytes }) => bytes),
    bitsPerByte: rateOf(scored),
  };
}
