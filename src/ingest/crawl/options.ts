import { z } from 'zod';

const urls = z.array(z.url({ protocol: /^https?$/ }));

/** What is crawled and how: the options of the `crawl` step and of `provender crawl`. Every default is here. */
export const crawlOptions = z.strictObject({
  seeds: urls.default([]).describe('URLs to begin with.'),
  sitemaps: urls
    .default([])
    .describe('Sitemaps (XML, their indexes, plain lists) whose URLs are seeds as well.'),
  robotsSitemaps: z.boolean().default(false).describe('Take the sitemaps that robots.txt names, too.'),
  scope: z
    .enum(['host', 'domain', 'prefix', 'any'])
    .default('host')
    .describe(
      'Links that are followed: those of the hosts of the seeds, of their registrable domains, those that begin with a seed up to its last slash, or all.',
    ),
  include: z.array(z.string()).default([]).describe('Only URLs that match one of these regular expressions.'),
  exclude: z.array(z.string()).default([]).describe('No URL that matches one of these regular expressions.'),
  maxDepth: z.int().min(0).default(16).describe('Links that may lie between a seed and a page.'),
  maxPages: z.int().min(1).default(100_000).describe('Responses that are kept, at most.'),
  maxPagesPerHost: z
    .int()
    .min(1)
    .default(20_000)
    .describe('The same for one host: what a calendar without end may cost.'),
  userAgent: z
    .string()
    .min(1)
    .default('provender/0.1 (+https://www.npmjs.com/package/provender)')
    .describe('Says who crawls. Name a page or an address at which you can be asked to stop.'),
  obeyRobots: z.boolean().default(true).describe('Do what robots.txt says (RFC 9309), crawl-delay included.'),
  delay: z
    .number()
    .min(0)
    .default(1)
    .describe('Seconds between two requests to a host, unless its crawl-delay is longer.'),
  maxCrawlDelay: z
    .number()
    .min(0)
    .default(30)
    .describe('A longer crawl-delay or Retry-After is cut to so many seconds.'),
  concurrency: z.int().min(1).max(1024).default(32).describe('Requests at a time, over all hosts.'),
  hostConcurrency: z.int().min(1).max(64).default(1).describe('Requests at a time to one host.'),
  retries: z
    .int()
    .min(0)
    .max(20)
    .default(3)
    .describe('How often a failed request is made again, with a growing wait.'),
  maxRedirects: z.int().min(0).max(50).default(10).describe('Redirects in a row.'),
  connectTimeout: z.number().min(0.01).default(10).describe('Seconds.'),
  timeout: z.number().min(0.01).default(60).describe('Seconds for a whole response.'),
  maxBytes: z
    .int()
    .min(1)
    .default(16 << 20)
    .describe('A longer response is cut off there, and marked as truncated.'),
  maxDecompressedBytes: z
    .int()
    .min(1)
    .default(64 << 20)
    .describe('No links are taken from a page that grows past this.'),
  contentTypes: z
    .array(z.string().min(1))
    .default(['text/html', 'application/xhtml+xml', 'text/plain', 'application/xml', 'text/xml'])
    .describe('Bodies of other types are not fetched.'),
  allowPrivateAddresses: z
    .boolean()
    .default(false)
    .describe('Connect to loopback, private, link-local and metadata addresses, too.'),
  refresh: z
    .boolean()
    .default(false)
    .describe('Of a crawl that is complete, ask for every page again: only what changed is sent.'),
  warcBytes: z
    .int()
    .min(1 << 10)
    .default(1 << 30)
    .describe('A WARC file ends once it is so long.'),
});
export type CrawlOptions = z.output<typeof crawlOptions>;
