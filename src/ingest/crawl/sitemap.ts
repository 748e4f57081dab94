import { gunzipSync } from 'node:zlib';
import { decodeXML } from 'entities';
import { canonicalUrl } from './urls.ts';

/** A sitemap may hold 50,000 URLs in 50 MB (sitemaps.org). */
const MAX_URLS = 50_000;
const MAX_BYTES = 52_428_800;

/** The pages and further sitemaps that a sitemap names: XML, an index, or a plain list; gzipped or not. */
export function readSitemap(body: Buffer, url: string): { pages: string[]; sitemaps: string[] } {
  const bytes =
    body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body, { maxOutputLength: MAX_BYTES }) : body;
  const text = bytes.toString('utf8');
  const isXml = /^\s*(?:\ufeff)?\s*</.test(text);
  const hrefs = isXml
    ? [...text.matchAll(/<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?([^<\]]+)/gi)].map((match) => decodeXML(match[1]!))
    : text.split(/\r?\n/);
  const urls = hrefs
    .slice(0, MAX_URLS)
    .map((href) => (href.trim() === '' ? undefined : canonicalUrl(href, url)))
    .filter((one) => one !== undefined);
  return /<(?:\w+:)?sitemapindex[\s>]/i.test(text)
    ? { pages: [], sitemaps: urls }
    : { pages: urls, sitemaps: [] };
}
