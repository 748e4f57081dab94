import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** One text and what datatrove says of it; see tests/golden/quality/README.md. */
export interface GoldenDocument {
  readonly file?: string;
  readonly record?: number;
  readonly start?: number;
  readonly end?: number;
  readonly text?: string;
  readonly words: readonly string[] | readonly [number, string];
  readonly sentences: number;
  readonly 'gopher-quality': readonly [string, readonly number[]];
  readonly 'gopher-repetition': readonly [string, readonly number[]];
  readonly fineweb: readonly [string, readonly number[]];
  readonly c4: readonly [string, string];
  readonly 'c4-fineweb': readonly [string, string];
}

export interface Golden {
  readonly versions: Readonly<Record<string, string>>;
  readonly misread: readonly [string, readonly string[]];
  readonly documents: readonly GoldenDocument[];
}

export const golden = JSON.parse(
  readFileSync(new URL('../golden/quality/verdicts.json', import.meta.url), 'utf8'),
) as Golden;

/** The text of a golden document; undefined where its file is not there. */
export function textOf(document: GoldenDocument): string | undefined {
  if (document.text !== undefined) return document.text;
  const file = document.file!;
  const path = file.startsWith('node_modules') ? file : `../shared/data/${file}`;
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  if (document.record === undefined) return bytes.subarray(document.start, document.end).toString('latin1');
  const lines = gunzipSync(bytes).toString('utf8').split('\n');
  return (JSON.parse(lines[document.record]!) as { text: string }).text;
}

/** datatrove's reasons, and ours for the same. */
export const REASONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'gopher-quality': {
    '': '',
    gopher_short_doc: 'too-few-words',
    gopher_long_doc: 'too-many-words',
    gopher_below_avg_threshold: 'short-mean-word',
    gopher_above_avg_threshold: 'long-mean-word',
    gopher_too_many_hashes: 'too-many-hashes',
    gopher_too_many_ellipsis: 'too-many-ellipses',
    gopher_too_many_bullets: 'too-many-bullet-lines',
    gopher_too_many_end_ellipsis: 'too-many-ellipsis-lines',
    gopher_below_alpha_threshold: 'too-few-alphabetic-words',
    gopher_enough_stop_words: 'too-few-stop-words',
  },
  'gopher-repetition': {
    '': '',
    empty: 'empty',
    dup_para_frac: 'too-many-duplicate-paragraphs',
    dup_para_char_frac: 'too-many-characters-in-duplicate-paragraphs',
    dup_line_frac: 'too-many-duplicate-lines',
    dup_line_char_frac: 'too-many-characters-in-duplicate-lines',
    top_2_gram: 'dominant-2-gram',
    top_3_gram: 'dominant-3-gram',
    top_4_gram: 'dominant-4-gram',
    duplicated_5_n_grams: 'too-many-duplicate-5-grams',
    duplicated_6_n_grams: 'too-many-duplicate-6-grams',
    duplicated_7_n_grams: 'too-many-duplicate-7-grams',
    duplicated_8_n_grams: 'too-many-duplicate-8-grams',
    duplicated_9_n_grams: 'too-many-duplicate-9-grams',
    duplicated_10_n_grams: 'too-many-duplicate-10-grams',
  },
  fineweb: {
    '': '',
    empty: 'empty',
    line_punct_ratio: 'too-few-terminal-lines',
    short_line_ratio: 'too-many-short-lines',
    char_dup_ratio: 'too-many-characters-in-duplicate-lines',
    list_ratio: 'too-many-newlines',
  },
  c4: {
    '': '',
    lorem_ipsum: 'lorem-ipsum',
    curly_bracket: 'curly-bracket',
    too_few_sentences: 'too-few-sentences',
  },
};
