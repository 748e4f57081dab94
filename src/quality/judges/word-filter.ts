import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { classifySystemError } from '../../core/errors.ts';
import { atMost } from '../../core/rules.ts';
import { defineJudge } from '../../core/step.ts';
import { share, threshold } from '../options.ts';
import { PhraseSet } from '../phrases.ts';
import { wordsOf } from '../text.ts';
import { parseEntries } from '../url-lists.ts';

const options = z.strictObject({
  words: z
    .record(z.string(), z.array(z.string().min(1)))
    .default({})
    .describe(
      'words and phrases by language code; `any` is for every language, and for documents without one',
    ),
  files: z
    .record(z.string(), z.array(z.string().min(1)))
    .default({})
    .describe('files of them by language code, one a line; lines that begin with # are comments'),
  field: z.string().min(1).default('language').describe('metadata field that holds the language'),
  unspaced: z
    .array(z.string().min(1))
    .default(['ja', 'th', 'zh'])
    .describe('languages that write words together: their phrases match inside words'),
  maxHits: threshold(0, 'most listed words in a document (C4 and datatrove drop from one on)'),
  maxHitRatio: share(null, 'largest share of listed words among the words'),
});
type Options = z.output<typeof options>;

/** Phrases that apply to a language. */
class WordLists {
  private readonly sets = new Map<string, PhraseSet[]>();
  private readonly lists: ReadonlyMap<string, readonly string[]>;
  private readonly unspaced: ReadonlySet<string>;

  constructor(lists: ReadonlyMap<string, readonly string[]>, unspaced: readonly string[]) {
    this.lists = lists;
    this.unspaced = new Set(unspaced);
  }

  count(text: string, language: string): number {
    let sets = this.sets.get(language);
    if (!sets) {
      sets = [...new Set([language, 'any'])].flatMap((name) => {
        const list = this.lists.get(name);
        return list ? [new PhraseSet(list, !this.unspaced.has(language))] : [];
      });
      this.sets.set(language, sets);
    }
    return sets.reduce((sum, set) => sum + set.count(text), 0);
  }
}

async function load(
  { words, files, unspaced }: Options,
  { baseFolder }: { baseFolder: string },
): Promise<WordLists> {
  const lists = new Map<string, string[]>(Object.entries(words).map(([name, list]) => [name, [...list]]));
  for (const [name, paths] of Object.entries(files)) {
    const list = lists.get(name) ?? [];
    lists.set(name, list);
    for (const one of paths) {
      const path = resolve(baseFolder, one);
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        throw classifySystemError(error, { file: path });
      });
      for (const entry of parseEntries(text.split('\n'))) list.push(entry);
    }
  }
  return new WordLists(lists, unspaced);
}

/**
 * Drops documents with listed words, by language: C4's "bad words" (Raffel et al. 2020, JMLR 21-140, section 2.2) as
 * datatrove 0.10 looks for them (C4BadWordsFilter: lower case, between characters that are of no word, anywhere in
 * Japanese, Thai and Chinese), with lists of the user's own. A document in a language without a list stays.
 */
export const wordFilter = defineJudge({
  kind: 'word-filter',
  summary: 'drops documents with listed words, by language',
  module: import.meta.url,
  options,
  files: (o) => Object.values(o.files).flat(),
  signals: ['hits', 'hit-ratio'],
  load,
  measure(view, o, lists) {
    const language = view.document.metadata[o.field];
    const hits = lists.count(view.text, typeof language === 'string' ? language : 'any');
    return [hits, hits === 0 ? 0 : hits / Math.max(1, wordsOf(view).length)];
  },
  rules: [
    atMost('hits', 'maxHits', 'too-many-listed-words'),
    atMost('hit-ratio', 'maxHitRatio', 'too-large-share-of-listed-words'),
  ],
});
