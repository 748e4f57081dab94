import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { classifySystemError } from '../../core/errors.ts';
import type { StageContext } from '../../core/stage.ts';
import { defineStage } from '../../core/step.ts';
import { type Drop, drop } from '../../core/verdict.ts';
import {
  hostOf,
  listedDomain,
  normalized,
  parseDomains,
  parseEntries,
  SubstringIndex,
  type UrlLists,
} from '../url-lists.ts';

const list = (what: string) => z.array(z.string().min(1)).default([]).describe(what);

const options = z.strictObject({
  field: z.string().min(1).default('url').describe('metadata field that holds the URL'),
  missing: z.enum(['keep', 'drop']).default('keep').describe('what becomes of a document without a URL'),
  domains: list('domains to drop, with everything under them'),
  domainFiles: list('files of such domains: a domain a line, hosts files, or adblock rules'),
  urls: list('URLs to drop, compared as they are'),
  urlFiles: list('files of such URLs, one a line'),
  words: list('words, one of which in the URL drops it; letters and digits between other characters'),
  wordFiles: list('files of such words'),
  softWords: list('words of which several in the URL drop it'),
  softWordFiles: list('files of such words'),
  maxSoftWords: z
    .number()
    .int()
    .nonnegative()
    .default(1)
    .describe('most different soft words in a URL (datatrove drops from two on)'),
  substrings: list('strings that drop a URL wherever they stand in its letters and digits'),
  substringFiles: list('files of such strings'),
});
export type UrlFilterOptions = z.infer<typeof options>;

/**
 * Filters by URL as datatrove 0.10's URLFilter does (after RefinedWeb, Penedo et al. 2023, arXiv:2306.01116, G.1),
 * with lists of the user's own: domains, whole URLs, words, two or more soft words, substrings, in that order. A
 * domain covers everything under it, as adblock lists mean it; datatrove looks only at the registered domain and at
 * the full host name. One soft word may be there: datatrove's soft_word_threshold of 2 drops from two on.
 */
export const urlFilter = defineStage({
  kind: 'url-filter',
  summary: 'drops documents by their URL: listed domains, URLs, words, soft words, substrings',
  module: import.meta.url,
  options,
  from: 'documents',
  to: 'documents',
  needs: [],
  files: (o) => [o.domainFiles, o.urlFiles, o.wordFiles, o.softWordFiles, o.substringFiles].flat(),
  async open(o, context) {
    const lists = await loadLists(o, context.baseFolder);
    return { process: (batch: DocumentBatch) => filterBatch(batch, o, lists, context) };
  },
});

function filterBatch(
  batch: DocumentBatch,
  o: UrlFilterOptions,
  lists: UrlLists,
  context: StageContext,
): DocumentBatch {
  const kept: number[] = [];
  for (let i = 0; i < batch.length; i++) {
    const url = batch.rows[i]!.metadata[o.field];
    const refused = typeof url === 'string' ? judgeUrl(url, lists, o.maxSoftWords) : undefined;
    if (refused !== undefined) context.refuse(batch, i, refused);
    else if (typeof url !== 'string' && o.missing === 'drop')
      context.refuse(batch, i, drop('no-url', undefined, undefined, o.field));
    else kept.push(i);
  }
  return kept.length === batch.length ? batch : batch.select(kept);
}

async function loadLists(o: UrlFilterOptions, baseFolder: string): Promise<UrlLists> {
  const lines = async (own: readonly string[], files: readonly string[]) => {
    const all = [...own];
    for (const file of files) {
      const path = resolve(baseFolder, file);
      try {
        for (const line of (await readFile(path, 'utf8')).split('\n')) all.push(line);
      } catch (error) {
        throw classifySystemError(error, { file: path });
      }
    }
    return all;
  };
  const words = async (own: readonly string[], files: readonly string[]) =>
    parseEntries(await lines(own, files)).map(normalized);
  return {
    domains: new Set(parseDomains(await lines(o.domains, o.domainFiles))),
    urls: new Set(parseEntries(await lines(o.urls, o.urlFiles))),
    words: new Set(await words(o.words, o.wordFiles)),
    softWords: new Set(await words(o.softWords, o.softWordFiles)),
    substrings: new SubstringIndex(await words(o.substrings, o.substringFiles)),
  };
}

/** What is wrong with a URL, if anything. */
export function judgeUrl(url: string, lists: UrlLists, maxSoftWords: number): Drop | undefined {
  const host = hostOf(url);
  const domain = host === undefined ? undefined : listedDomain(host, lists.domains);
  if (domain !== undefined) return drop('listed-domain', undefined, undefined, domain);
  if (lists.urls.has(url)) return drop('listed-url', undefined, undefined, url);
  const words = new Set(url.split(/[^a-zA-Z0-9]+/));
  let soft = 0;
  for (const word of words) if (lists.words.has(word)) return drop('listed-word', undefined, undefined, word);
  for (const word of words) if (lists.softWords.has(word)) soft++;
  if (soft > maxSoftWords) return drop('too-many-soft-words', soft, maxSoftWords);
  const substring = lists.substrings.find(normalized(url));
  return substring === undefined ? undefined : drop('listed-substring', undefined, undefined, substring);
}
