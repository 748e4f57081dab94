import { z } from 'zod';
import { atMost, decideByRules } from '../../core/rules.ts';
import { defineStage } from '../../core/step.ts';
import { share } from '../options.ts';
import { type Rewritten, rewriteStage } from '../rewrite.ts';
import { splitAtSpace } from '../text.ts';

const phrases = (value: string[], what: string) => z.array(z.string().min(1)).default(value).describe(what);

const options = z.strictObject({
  maxUpperRatio: share(0.5, 'drop lines in which a larger share of the letters is upper case'),
  dropNumericLines: z.boolean().default(true).describe('drop lines without any letter'),
  dropCounterLines: z.boolean().default(true).describe('drop lines such as "3 likes" and "1,024 views"'),
  dropOneWordLines: z.boolean().default(true).describe('drop lines of a single word'),
  shortLineWords: z
    .int()
    .nonnegative()
    .default(10)
    .describe('only lines of at most so many words are boilerplate by a phrase'),
  startPhrases: phrases(
    ['sign in', 'sign-in', 'sign up', 'log in', 'subscribe'],
    'short lines that begin so are dropped',
  ),
  endPhrases: phrases(
    ['read more', 'read more...', 'continue reading', 'learn more', 'view all', 'show more'],
    'short lines that end so are dropped',
  ),
  anyPhrases: phrases(
    [
      'items in cart',
      'add to cart',
      'skip to content',
      'enable javascript',
      'share this',
      'all rights reserved',
    ],
    'short lines with one of these are dropped',
  ),
  trailingPhrases: phrases(
    [
      'privacy policy',
      'terms of',
      'cookie',
      'copyright',
      '©',
      'powered by',
      'follow us',
      'related posts',
      'contact us',
      'newsletter',
      'back to top',
    ],
    'at the end of a document short lines with one of these are dropped, up to the first line without',
  ),
  maxRemovedWordRatio: share(
    0.05,
    'drop documents of which a larger share of the words was in dropped lines',
  ),
});
export type CleanLinesOptions = z.output<typeof options>;

const RULES = [atMost('removed-word-ratio', 'maxRemovedWordRatio', 'too-much-boilerplate')];
const decide = decideByRules<CleanLinesOptions>(RULES, ['removed-word-ratio']);

const COUNTED =
  /^\p{P}*\d[\d.,]*[kKmM]?\+? ?(?:likes?|shares?|comments?|repl(?:y|ies)|retweets?|reposts?|views?|votes?|upvotes?|downloads?|followers?|reviews?|ratings?)\p{P}*$/iu;

/** Lines longer than this are no boilerplate: they are not looked at closely. */
const LONGEST = 2000;

/**
 * Line-wise cleaning after RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, appendix G.2): lines that are mainly upper
 * case, only figures, counters such as "3 likes" or a single word; short lines (at most 10 words) by phrases at their
 * start ("sign-in"), end ("Read more...") or anywhere ("items in cart"). A document that loses more than 5 % of its
 * words is dropped. The paper gives the kinds of lines, these examples, the 10 words and the 5 %; "mainly" is here more
 * than half of the letters (DCLM, uppercase_ratio_line_modifier: half of the characters). It differs in three points: a
 * line without any letter goes, where the paper's has only figures; a short line with a phrase goes as a whole, where
 * the paper cuts the phrase out; and, at the end of a document, a footer's lines go too. The further phrases and the
 * words of counters are this project's. Blank lines stay. Signals: `clean-lines.lines`, `removed-lines`, `removed-word-ratio`.
 */
export const cleanLinesStep = defineStage({
  kind: 'clean-lines',
  summary: 'drops lines that are boilerplate, at the end of a document too, and documents of little else',
  module: import.meta.url,
  options,
  from: 'documents',
  to: 'documents',
  needs: [],
  signals: ['lines', 'removed-lines', 'removed-word-ratio'],
  rules: RULES,
  open: (o, context) =>
    rewriteStage(context, (document) => cleanLines(document.text, o, (rule) => context.count(rule))),
});

/** One document's text without its boilerplate lines. `count` is told of every dropped line, by rule. */
export function cleanLines(
  text: string,
  o: CleanLinesOptions,
  count: (rule: string) => void = () => {},
): Rewritten {
  const lines = text.split('\n');
  const words = lines.map((line) => splitAtSpace(line).length);
  const rules = lines.map((line, i) => (words[i] === 0 ? undefined : lineRule(line, words[i]!, o)));
  for (let i = lines.length - 1; i >= 0; i--) {
    if (words[i] === 0 || rules[i] !== undefined) continue;
    if (!isShort(lines[i]!, words[i]!, o) || !includesAny(lines[i]!.toLowerCase(), o.trailingPhrases)) break;
    rules[i] = 'trailing-lines';
  }
  let all = 0;
  let removed = 0;
  const kept: string[] = [];
  lines.forEach((line, i) => {
    all += words[i]!;
    const rule = rules[i];
    if (rule === undefined) kept.push(line);
    else {
      removed += words[i]!;
      count(rule);
    }
  });
  const ratio = all === 0 ? 0 : removed / all;
  const verdict = decide([ratio], o);
  if (!verdict.keep) return verdict;
  return {
    text: kept.length === lines.length ? text : kept.join('\n'),
    signals: {
      'clean-lines.lines': lines.length,
      'clean-lines.removed-lines': lines.length - kept.length,
      'clean-lines.removed-word-ratio': ratio,
    },
  };
}

function isShort(line: string, words: number, o: CleanLinesOptions): boolean {
  return words <= o.shortLineWords && line.length <= LONGEST;
}

function includesAny(line: string, list: readonly string[]): boolean {
  return list.some((phrase) => line.includes(phrase));
}

function lineRule(line: string, words: number, o: CleanLinesOptions): string | undefined {
  if (line.length > LONGEST) return undefined;
  const { upper, letters } = lettersOf(line);
  if (o.dropNumericLines && letters === 0) return 'numeric-lines';
  if (o.maxUpperRatio !== null && letters > 0 && upper / letters > o.maxUpperRatio) return 'upper-case-lines';
  const bare = line.trim();
  if (o.dropCounterLines && COUNTED.test(bare)) return 'counter-lines';
  if (o.dropOneWordLines && words === 1) return 'one-word-lines';
  if (words > o.shortLineWords) return undefined;
  const lower = bare.toLowerCase();
  if (o.startPhrases.some((phrase) => lower.startsWith(phrase))) return 'starting-phrases';
  if (o.endPhrases.some((phrase) => lower.endsWith(phrase))) return 'ending-phrases';
  return includesAny(lower, o.anyPhrases) ? 'phrases' : undefined;
}

function lettersOf(line: string): { upper: number; letters: number } {
  let upper = 0;
  let letters = 0;
  for (const c of line) {
    const code = c.codePointAt(0)!;
    if (code < 128) {
      if (code >= 65 && code <= 90) upper++;
      else if (code < 97 || code > 122) continue;
      letters++;
    } else if (/\p{L}/u.test(c)) {
      letters++;
      if (/\p{Lu}/u.test(c)) upper++;
    }
  }
  return { upper, letters };
}
