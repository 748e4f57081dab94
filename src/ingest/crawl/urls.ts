import { getDomain } from 'tldts';
import type { CrawlOptions } from './options.ts';

/** Parameters that only say where a reader came from. */
const TRACKING = /^(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|igshid|yclid|_hs(?:enc|mi)|ref_src)$/i;
const MAX_URL_CHARS = 2048;
const MAX_SEGMENTS = 40;

/**
 * The one form of a URL that the crawl knows a page by (RFC 3986, 6.2, as the URL Standard does it): no fragment, no
 * credentials, no default port, no tracking parameters, no empty query. Undefined where it is no HTTP URL.
 */
export function canonicalUrl(href: string, base?: string): string | undefined {
  let url: URL;
  try {
    url = new URL(href.trim(), base);
  } catch {
    return undefined;
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  url.hash = '';
  url.username = '';
  url.password = '';
  if (url.search) {
    const kept = url.search
      .slice(1)
      .split('&')
      .filter((pair) => pair !== '' && !TRACKING.test(pair.split('=', 1)[0]!));
    url.search = kept.join('&');
  }
  // A dot at the end of a name says only that it is whole.
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  return url.href;
}

/** Why a URL looks like one of endlessly many; undefined where it does not. */
export function trapOf(url: string): string | undefined {
  if (url.length > MAX_URL_CHARS) return 'url-too-long';
  const segments = new URL(url).pathname.split('/').filter((segment) => segment !== '');
  if (segments.length > MAX_SEGMENTS) return 'path-too-deep';
  const seen = new Map<string, number>();
  for (const segment of segments) {
    const times = (seen.get(segment) ?? 0) + 1;
    // /a/b/a/b/a/b: a relative link that is taken from itself.
    if (times > 3) return 'repeating-path';
    seen.set(segment, times);
  }
  return undefined;
}

/** Which URLs belong to a crawl, from its seeds and patterns. */
export class Scope {
  readonly #options: Pick<CrawlOptions, 'scope'>;
  readonly #hosts = new Set<string>();
  readonly #domains = new Set<string>();
  readonly #prefixes = new Set<string>();
  readonly #include: readonly RegExp[];
  readonly #exclude: readonly RegExp[];

  constructor(options: Pick<CrawlOptions, 'scope' | 'include' | 'exclude'>) {
    this.#options = options;
    this.#include = options.include.map((pattern) => new RegExp(pattern, 'u'));
    this.#exclude = options.exclude.map((pattern) => new RegExp(pattern, 'u'));
  }

  addSeed(url: string): void {
    const { host, hostname } = new URL(url);
    this.#hosts.add(host);
    this.#domains.add(domainOf(hostname));
    this.#prefixes.add(url.slice(0, url.lastIndexOf('/') + 1));
  }

  /** Why a URL is not followed; undefined where it is. */
  refusal(url: string): string | undefined {
    if (this.#exclude.some((pattern) => pattern.test(url))) return 'excluded';
    if (this.#include.length && !this.#include.some((pattern) => pattern.test(url))) return 'not-included';
    return this.#isInside(url) ? undefined : 'out-of-scope';
  }

  #isInside(url: string): boolean {
    const { host, hostname } = new URL(url);
    switch (this.#options.scope) {
      case 'host':
        return this.#hosts.has(host);
      case 'domain':
        return this.#domains.has(domainOf(hostname));
      case 'prefix':
        return [...this.#prefixes].some((prefix) => url.startsWith(prefix));
      case 'any':
        return true;
      default:
        return this.#options.scope satisfies never;
    }
  }
}

/** The registrable domain (publicsuffix.org), or the host itself where it has none. */
function domainOf(hostname: string): string {
  return getDomain(hostname, { allowPrivateDomains: true }) ?? hostname;
}
