import { decodeHTML } from 'entities';
import type { Arena } from './arena.ts';
import { attributesOf } from './attributes.ts';
import { TAG } from './tags.ts';

/** What a page says of itself. */
export interface PageMetadata {
  readonly title?: string;
  /** Day of publication, `YYYY-MM-DD`. */
  readonly published?: string;
  /** BCP 47, as declared. */
  readonly language?: string;
  /** Absolute URL that the page wants to be known by. */
  readonly canonical?: string;
}

const TITLE_NAMES = ['og:title', 'twitter:title', 'dc.title', 'dcterms.title'];
const DATE_NAMES = [
  'article:published_time',
  'og:article:published_time',
  'datepublished',
  'dc.date',
  'dc.date.issued',
  'dcterms.date',
  'dcterms.created',
  'date',
  'pubdate',
  'publish-date',
  'parsely-pub-date',
  'sailthru.date',
];

/** Reads title, date, language and canonical URL from the head, from JSON-LD and from `<time>`. */
export function metadataOf(arena: Arena, url?: string): PageMetadata {
  const { html } = arena;
  const metas = new Map<string, string>();
  let canonical: string | undefined;
  for (let i = 0; i < arena.headStart.length; i++) {
    const attributes = attributesOf(html, arena.headStart.values[i]!, arena.headEnd.values[i]!);
    const name =
      attributes.get('property') ??
      attributes.get('name') ??
      attributes.get('itemprop') ??
      attributes.get('http-equiv');
    const content = attributes.get('content')?.trim();
    if (name && content && !metas.has(name.toLowerCase())) metas.set(name.toLowerCase(), content);
    if (/(?:^|\s)canonical(?:\s|$)/i.test(attributes.get('rel') ?? ''))
      canonical ??= attributes.get('href')?.trim();
  }
  const title = firstOf(metas, TITLE_NAMES) ?? text(html.slice(arena.titleStart, arena.titleEnd));
  return Object.fromEntries(
    Object.entries({
      title: title ? text(title) : undefined,
      published: dayOf(firstOf(metas, DATE_NAMES)) ?? dayOf(linkedDate(html)) ?? dayOf(timeOf(arena)),
      language: languageOf(arena, metas),
      canonical: absolute(canonical ?? metas.get('og:url'), url),
    }).filter(([, value]) => value !== undefined && value !== ''),
  );
}

function firstOf(metas: ReadonlyMap<string, string>, names: readonly string[]): string | undefined {
  for (const name of names) if (metas.has(name)) return metas.get(name);
  return undefined;
}

function text(html: string): string {
  return decodeHTML(html).replace(/\s+/g, ' ').trim().normalize('NFC');
}

function linkedDate(html: string): string | undefined {
  const at = html.indexOf('"datePublished"');
  return at < 0 ? undefined : /^"datePublished"\s*:\s*"([^"]{8,40})"/.exec(html.slice(at, at + 80))?.[1];
}

function timeOf(arena: Arena): string | undefined {
  for (let n = 0; n < arena.nodes; n++) {
    if (arena.tag.values[n] !== TAG.time) continue;
    const value = attributesOf(
      arena.html,
      arena.attributesStart.values[n]!,
      arena.attributesEnd.values[n]!,
    ).get('datetime');
    if (value) return value;
  }
  return undefined;
}

/** The day in a date of ISO 8601 or RFC 9110; undefined where it is neither, or no day. */
function dayOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const iso = /^\s*(\d{4})-?(\d{2})-?(\d{2})(?!\d)/.exec(value);
  if (iso) {
    const day = `${iso[1]}-${iso[2]}-${iso[3]}`;
    // A date that does not exist (2021-02-30) is not what it says.
    return new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day) ? day : undefined;
  }
  if (!/^\s*(?:\w{3},\s+)?\d{1,2}\s+\w{3}\s+\d{4}/.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().slice(0, 10);
}

function languageOf(arena: Arena, metas: ReadonlyMap<string, string>): string | undefined {
  let declared: string | undefined;
  for (let n = 0; n < Math.min(arena.nodes, 4); n++) {
    if (arena.tag.values[n] !== TAG.html) continue;
    const attributes = attributesOf(
      arena.html,
      arena.attributesStart.values[n]!,
      arena.attributesEnd.values[n]!,
    );
    declared = attributes.get('lang') || attributes.get('xml:lang');
  }
  const value = (declared || metas.get('content-language') || metas.get('og:locale'))
    ?.trim()
    .replace('_', '-');
  return value && /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*$/.test(value) ? value : undefined;
}

function absolute(href: string | undefined, base: string | undefined): string | undefined {
  if (!href) return undefined;
  try {
    const resolved = new URL(href, base);
    return /^https?:$/.test(resolved.protocol) ? resolved.href : undefined;
  } catch {
    return undefined;
  }
}
