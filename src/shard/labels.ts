import type { DocumentRow } from '../core/batch.ts';
import type { Json } from '../core/document.ts';

/**
 * What a shard keeps of a document's metadata: the day and the language as signals, since a receipt counts by them and a
 * curriculum may follow them, and the URL behind the source, since a takedown names it.
 */
export const DATE_SIGNAL = 'document.date';
export const LANGUAGE_SIGNAL = 'document.language';

const LANGUAGE_FIELDS = ['language', 'lang', 'languages'];
const DATE_FIELDS = ['date', 'published', 'created', 'timestamp', 'year'];
const DAY_MS = 86_400_000;

/** Digits of a language tag as a number: 38^10 < 2^53. */
const DIGITS = ' abcdefghijklmnopqrstuvwxyz0123456789-';
const MOST_DIGITS = 10;

/** A language tag (`en`, `zh-hant`) as a number that a double holds exactly: base 38, ten characters at most. */
export function languageNumber(tag: string): number | undefined {
  const plain = tag.toLowerCase().replaceAll('_', '-');
  if (!/^[a-z0-9-]{1,10}$/.test(plain)) return undefined;
  let number = 0;
  for (const letter of plain.padEnd(MOST_DIGITS)) number = number * DIGITS.length + DIGITS.indexOf(letter);
  return number;
}

export function languageName(number: number): string {
  let tag = '';
  for (let left = number, i = 0; i < MOST_DIGITS; i++, left = Math.floor(left / DIGITS.length))
    tag = DIGITS[left % DIGITS.length]! + tag;
  return tag.trimEnd();
}

/**
 * Days since 1970-01-01 of a date: a year, or what begins with one as ISO 8601 writes it, or a text with a zone of its
 * own. Never the local zone of the machine. Undefined where it is none.
 */
export function dayNumber(date: Json | undefined): number | undefined {
  if (typeof date === 'number') {
    const isYear = Number.isInteger(date) && date >= 1000 && date <= 9999;
    return isYear ? Date.UTC(date, 0, 1) / DAY_MS : undefined;
  }
  if (typeof date !== 'string') return undefined;
  const iso = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?![\d])(.*)$/s.exec(date.trim());
  if (iso) {
    const [, year, month = '01', day = '01', rest] = iso;
    const zone = /(Z|[+-]\d\d:?\d\d)$/.test(rest!) ? Date.parse(date) : Number.NaN;
    const time = Number.isNaN(zone) ? Date.parse(`${year}-${month}-${day}T00:00:00Z`) : zone;
    return Number.isNaN(time) ? undefined : Math.floor(time / DAY_MS);
  }
  if (!/(GMT|UTC?|Z|[+-]\d\d:?\d\d)\)?$/.test(date.trim())) return undefined;
  const time = Date.parse(date);
  return Number.isNaN(time) ? undefined : Math.floor(time / DAY_MS);
}

/** `2002-08-22` of days since 1970-01-01. */
export function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The row with what a shard keeps of its metadata; the same row where there is nothing to keep. */
export function labelled(row: DocumentRow): DocumentRow {
  const { metadata } = row;
  let day: number | undefined;
  let language: number | undefined;
  for (const field of DATE_FIELDS) day ??= dayNumber(metadata[field]);
  for (const field of LANGUAGE_FIELDS) {
    const value = metadata[field];
    // Several languages: the first is the main one.
    const first =
      typeof value === 'string' ? value.split(/[,; ]/, 1)[0]! : Array.isArray(value) ? value[0] : '';
    if (typeof first === 'string') language ??= languageNumber(first);
  }
  const source = withUrl(row);
  if (day === undefined && language === undefined && source === row.source) return row;
  const signals = { ...row.signals };
  if (day !== undefined) signals[DATE_SIGNAL] = day;
  if (language !== undefined) signals[LANGUAGE_SIGNAL] = language;
  return { ...row, source, signals };
}

function withUrl({ source, id, metadata: { url } }: DocumentRow): string {
  const isNew = typeof url === 'string' && isUrl(url) && url !== source && url !== id;
  return isNew ? `${source}\t${url}` : source;
}

const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:[^\t]*$/i.test(text);

/** The file and the URL in a source as a shard holds it: `FILE`, or `FILE`, a tab, `URL`. */
export function splitSource(stored: string): { source: string; url: string | undefined } {
  const tab = stored.lastIndexOf('\t');
  const tail = stored.slice(tab + 1);
  if (tab >= 0 && isUrl(tail)) return { source: stored.slice(0, tab), url: tail };
  return { source: stored, url: /^https?:/i.test(stored) ? stored : undefined };
}
