/** What a line of metrics.jsonl or timings.jsonl is in TensorBoard: named numbers, grouped by what precedes the slash. */

import type { Scalars } from './event.ts';

type Entry = Readonly<Record<string, unknown>>;

/** `learningRate` -> `learning-rate` */
function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * A line of metrics.jsonl. Of a step: `train/loss`, `train/learning-rate`, ...; every member that splits the loss
 * (`byCorpus: {NAME: {loss}}`) is a group of its own, `loss-by-corpus/NAME`. Of an evaluation: `bits-per-byte` over
 * all text and `bits-per-byte/CORPUS`, or `masked-loss` where the objective gives no likelihood.
 */
export function scalarsOf(line: Entry): Scalars {
  return line.kind === 'evaluation' ? ofEvaluation(line) : ofStep(line);
}

/** A line of timings.jsonl. */
export function timingScalars(line: Entry): Scalars {
  return numbers('machine', line);
}

function ofStep(line: Entry): Scalars {
  const { kind, step: _, metrics, ...members } = line;
  const group = kind === 'step' ? 'train' : String(kind);
  const scalars: Record<string, number> = numbers(group, members);
  Object.assign(scalars, numbers(group, entriesOf(metrics)));
  const groups = { ...members, ...slicesOf(members.slices) };
  for (const [name, value] of Object.entries(groups)) {
    for (const [slice, figures] of Object.entries(entriesOf(value))) {
      const loss = typeof figures === 'number' ? figures : entriesOf(figures).loss;
      if (typeof loss === 'number') scalars[`loss-${dashed(name)}/${slice}`] = loss;
    }
  }
  return scalars;
}

/** `slices: {source: {NAME: {loss}}}` is, as `byCorpus`, a member that splits the loss: `loss-by-source/NAME`. */
function slicesOf(slices: unknown): Entry {
  return Object.fromEntries(
    Object.entries(entriesOf(slices)).map(([name, of]) => [`by-${name.replaceAll(' ', '-')}`, of]),
  );
}

function ofEvaluation({ measure, corpora, total }: Entry): Scalars {
  const isLikelihood = measure === 'bits-per-byte';
  const value = (figures: unknown) => entriesOf(figures)[isLikelihood ? 'bitsPerByte' : 'lossPerToken'];
  const name = isLikelihood ? 'bits-per-byte' : 'masked-loss';
  const named = Object.entries(entriesOf(corpora)).map(([corpus, figures]) => [
    `${name}/${corpus}`,
    value(figures),
  ]);
  return onlyNumbers([[name, value(total)], ...named] as [string, unknown][]);
}

function numbers(group: string, line: Entry): Record<string, number> {
  const entries = Object.entries(line).filter(([name]) => name !== 'step');
  return onlyNumbers(entries.map(([name, value]) => [`${group}/${dashed(name)}`, value]));
}

function onlyNumbers(entries: readonly [string, unknown][]): Record<string, number> {
  return Object.fromEntries(
    entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

function entriesOf(value: unknown): Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entry) : {};
}
