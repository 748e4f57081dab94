import robotsParser from 'robots-parser';
import { FetchError, type Fetched, type Fetcher, headerOf } from './fetch-url.ts';
import type { CrawlOptions } from './options.ts';

/** RFC 9309, 2.5: at least 500 KiB are to be read. */
const MAX_BYTES = 512 * 1024;
const MAX_REDIRECTS = 5;

/** The part of robots-parser's interface that is used: its types do not fit how Node resolves modules. */
interface Robot {
  isAllowed(url: string, agent: string): boolean | undefined;
  getCrawlDelay(agent: string): number | undefined;
  getSitemaps(): string[];
}
const parseRobots = robotsParser as unknown as (url: string, text: string) => Robot;

/** What a host allows. */
export interface HostRules {
  readonly allows: (url: string) => boolean;
  /** Seconds. */
  readonly crawlDelay: number | undefined;
  readonly sitemaps: readonly string[];
  /** Why robots.txt could not be had: nothing is allowed then (RFC 9309, 2.3.1.4). */
  readonly unreachable?: { readonly outcome: string; readonly retryable: boolean };
}

const ALL: HostRules = { allows: () => true, crawlDelay: undefined, sitemaps: [] };

/** Reads the robots.txt of an origin (`https://example.org`). */
export async function fetchRules(
  origin: string,
  fetcher: Fetcher,
  options: Pick<CrawlOptions, 'userAgent' | 'obeyRobots'>,
  signal: AbortSignal,
): Promise<{ rules: HostRules; responses: Fetched[] }> {
  if (!options.obeyRobots) return { rules: ALL, responses: [] };
  const responses: Fetched[] = [];
  let url = `${origin}/robots.txt`;
  try {
    for (let redirects = 0; ; redirects++) {
      const response = await fetcher.fetch(url, signal, {}, true);
      responses.push(response);
      const { status, headers, body } = response;
      if (status >= 300 && status < 400 && redirects < MAX_REDIRECTS) {
        const location = headerOf(headers, 'location');
        const next = location === undefined ? undefined : safeUrl(location, url);
        if (next && /^https?:$/.test(next.protocol)) {
          url = next.href;
          continue;
        }
      }
      if (status >= 200 && status < 300) {
        const text = body.subarray(0, MAX_BYTES).toString('utf8');
        return { rules: rulesOf(parseRobots(`${origin}/robots.txt`, text), options.userAgent), responses };
      }
      // No robots.txt, no rules; a server that cannot say forbids everything.
      if (status < 500 && status !== 429) return { rules: ALL, responses };
      return { rules: unreachable('robots-unreachable', true), responses };
    }
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    // A host that must not be connected to, or that does not exist, is no matter of its robots.txt.
    const outcome = error.retryable ? 'robots-unreachable' : error.kind;
    return { rules: unreachable(outcome, error.retryable), responses };
  }
}

function safeUrl(href: string, base: string): URL | undefined {
  try {
    return new URL(href, base);
  } catch {
    return undefined;
  }
}

function rulesOf(robots: Robot, userAgent: string): HostRules {
  const name = userAgent.split(/[/\s]/, 1)[0]!;
  return {
    allows: (url) => robots.isAllowed(url, name) !== false,
    crawlDelay: robots.getCrawlDelay(name) ?? undefined,
    sitemaps: robots.getSitemaps(),
  };
}

function unreachable(outcome: string, retryable: boolean): HostRules {
  return {
    allows: () => false,
    crawlDelay: undefined,
    sitemaps: [],
    unreachable: { outcome, retryable },
  };
}
