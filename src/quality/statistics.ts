import type { DocumentBatch } from '../core/batch.ts';
import { binOf, dictionary, type Histogram } from '../core/tally.ts';
import { FLAGS, SPACE } from './char-classes.ts';
import { codePoints, countOf } from './text.ts';
import { hostOf } from './url-lists.ts';

export const DIMENSIONS = ['corpus', 'split', 'domain', 'language', 'length'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Sums over some documents. Everything in it adds up: statistics of parts are merged into those of the whole. */
export interface Sums {
  documents: number;
  /** UTF-8 bytes and code points of the text. */
  bytes: number;
  characters: number;
  /** Parted by white space. */
  words: number;
  /** Line breaks, and one more where the text does not end in one. */
  lines: number;
  /** Documents by their number of words, in the bins of tallies. */
  lengths: Histogram;
}

/** Sums of all documents, and by dimension and value. */
export interface Statistics {
  readonly total: Sums;
  readonly by: Readonly<Partial<Record<Dimension, Record<string, Sums>>>>;
}

function emptySums(): Sums {
  return { documents: 0, bytes: 0, characters: 0, words: 0, lines: 0, lengths: dictionary() };
}

export function emptyStatistics(dimensions: readonly Dimension[]): Statistics {
  const by: Partial<Record<Dimension, Record<string, Sums>>> = {};
  for (const dimension of dimensions) by[dimension] = dictionary();
  return { total: emptySums(), by };
}

function addSums(to: Sums, from: Sums): void {
  to.documents += from.documents;
  to.bytes += from.bytes;
  to.characters += from.characters;
  to.words += from.words;
  to.lines += from.lines;
  for (const [bin, n] of Object.entries(from.lengths)) to.lengths[bin] = (to.lengths[bin] ?? 0) + n;
}

/** Adds statistics of other documents; dimensions that `to` lacks are left out. */
export function mergeStatistics(to: Statistics, from: Statistics): void {
  addSums(to.total, from.total);
  for (const [dimension, groups] of Object.entries(to.by))
    for (const [value, sums] of Object.entries(from.by[dimension as Dimension] ?? {}))
      addSums((groups[value] ??= emptySums()), sums);
}

function countWords(text: string): number {
  let words = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const space = (FLAGS[text.charCodeAt(i)]! & SPACE) !== 0;
    if (!space && !inside) words++;
    inside = !space;
  }
  return words;
}

/** 0, or the power of two at or below: documents of 100 words are among `64-127`. */
export function lengthClass(words: number): string {
  if (words === 0) return '0';
  const low = 2 ** Math.floor(Math.log2(words));
  return low === 1 ? '1' : `${low}-${2 * low - 1}`;
}

export interface Fields {
  readonly urlField: string;
  readonly languageField: string;
}

/** Adds a batch's documents. What has no URL or no language is counted under an empty name. */
export function addDocuments(
  to: Statistics,
  batch: DocumentBatch,
  { urlField, languageField }: Fields,
): void {
  for (let i = 0; i < batch.length; i++) {
    const { corpus, split, metadata } = batch.rows[i]!;
    const text = batch.text(i);
    const words = countWords(text);
    const sums: Sums = {
      documents: 1,
      bytes: batch.size(i),
      characters: batch.size(i) === text.length ? text.length : codePoints(text, 0, text.length),
      words,
      lines: countOf(text, '\n') + (text === '' || text.endsWith('\n') ? 0 : 1),
      lengths: { [binOf(words)]: 1 },
    };
    const url = metadata[urlField];
    const language = metadata[languageField];
    const values: Record<Dimension, string> = {
      corpus,
      split,
      domain: (typeof url === 'string' && hostOf(url)) || '',
      language: typeof language === 'string' ? language : '',
      length: lengthClass(words),
    };
    addSums(to.total, sums);
    for (const [dimension, groups] of Object.entries(to.by))
      addSums((groups[values[dimension as Dimension]] ??= emptySums()), sums);
  }
}

/** The same statistics with their keys in order: equal ones are equal byte for byte. */
export function ordered(statistics: Statistics): Statistics {
  const sorted = <T>(record: Readonly<Record<string, T>>, map: (value: T) => T): Record<string, T> =>
    Object.fromEntries(
      Object.keys(record)
        .sort()
        .map((key) => [key, map(record[key]!)]),
    );
  const sums = (one: Sums): Sums => ({ ...one, lengths: sorted(one.lengths, (n) => n) });
  const by = Object.fromEntries(
    Object.entries(statistics.by).map(([dimension, groups]) => [dimension, sorted(groups, sums)]),
  );
  return { total: sums(statistics.total), by };
}
