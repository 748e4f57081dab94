import { decodeHTML } from 'entities';
import { Arena } from '../html/arena.ts';
import { attributesOf } from '../html/attributes.ts';
import { HtmlParser } from '../html/parse.ts';
import { TAG } from '../html/tags.ts';
import { canonicalUrl } from './urls.ts';

const arena = new Arena();
const parser = new HtmlParser(arena);
const MAX_LINKS = 20_000;

/** The pages that a page links to: canonical, each once, in their order. `nofollow` links and pages give none. */
export function linksOf(html: string, url: string): string[] {
  parser.parse(html, true);
  const metas = arena.headStart.length;
  let follow = true;
  const found = new Set<string>();
  const base = canonicalBase(html, url);
  const add = (href: string | undefined): void => {
    if (href === undefined || found.size >= MAX_LINKS) return;
    const link = canonicalUrl(href, base);
    if (link !== undefined) found.add(link);
  };
  for (let i = 0; i < metas; i++) {
    const attributes = attributesOf(html, arena.headStart.values[i]!, arena.headEnd.values[i]!);
    const content = attributes.get('content') ?? '';
    if (/^robots$/i.test(attributes.get('name') ?? '') && /nofollow|none/i.test(content)) follow = false;
    if (/^refresh$/i.test(attributes.get('http-equiv') ?? ''))
      add(/url\s*=\s*["']?([^"'\s>]+)/i.exec(content)?.[1]);
    if (/(?:^|\s)(?:next|prev|canonical|alternate)(?:\s|$)/i.test(attributes.get('rel') ?? '')) {
      if (!/xml|json/i.test(attributes.get('type') ?? '')) add(attributes.get('href'));
    }
  }
  for (let n = 0; n < arena.nodes && follow; n++) {
    if (arena.tag.values[n] !== TAG.a) continue;
    const attributes = attributesOf(html, arena.attributesStart.values[n]!, arena.attributesEnd.values[n]!);
    if (/(?:^|\s)nofollow(?:\s|$)/i.test(attributes.get('rel') ?? '')) continue;
    add(attributes.get('href'));
  }
  return follow ? [...found] : [];
}

function canonicalBase(html: string, url: string): string {
  const href = /<base\s[^>]{0,500}?href\s*=\s*["']?([^"'\s>]+)/i.exec(html)?.[1];
  if (href === undefined) return url;
  try {
    return new URL(decodeHTML(href), url).href;
  } catch {
    return url;
  }
}
