import { z } from 'zod';
import { atLeast, decideByRules } from '../../core/rules.ts';
import { defineStage } from '../../core/step.ts';
import { drop } from '../../core/verdict.ts';
import { FLAGS, SPACE } from '../char-classes.ts';
import { type Rewritten, rewriteStage } from '../rewrite.ts';
import { countSentences } from '../sentences.ts';
import { codePoints, skipSpace, skipSpaceBack, splitLines } from '../text.ts';

const options = z.strictObject({
  requireTerminalPunctuation: z
    .boolean()
    .default(true)
    .describe('drop lines that do not end in . ? ! " or \', or end in "..." (FineWeb leaves this rule out)'),
  removeCitations: z.boolean().default(true).describe('remove "[1]", "[edit]" and "[citation needed]"'),
  minSentences: z
    .number()
    .int()
    .nonnegative()
    .nullable()
    .default(5)
    .describe('fewest sentences in the lines that are left; null: no such rule'),
  minWordsPerLine: z
    .number()
    .int()
    .nonnegative()
    .nullable()
    .default(3)
    .describe('drop lines of fewer words (parted by white space, before citations go); null: no such rule'),
  maxWordCharacters: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(1000)
    .describe('drop lines with a longer word; null: no such rule'),
  dropLoremIpsum: z.boolean().default(true).describe('drop documents with "lorem ipsum"'),
  dropJavascriptLines: z.boolean().default(true).describe('drop lines with "javascript"'),
  dropCurlyBrackets: z.boolean().default(true).describe('drop documents with "{"'),
  dropPolicyLines: z
    .boolean()
    .default(true)
    .describe('drop lines with "terms of use", "privacy policy", "cookie policy" and the like'),
});
export type C4Options = z.infer<typeof options>;

const CITATION = /\[\p{Nd}*\]|\[edit\]|\[citation needed\]/gu;
const TERMINAL = new Set(['.', '?', '!', '"', "'"]);
const POLICIES = [
  'terms of use',
  'privacy policy',
  'cookie policy',
  'uses cookies',
  'use of cookies',
  'use cookies',
];

const RULES = [atLeast('sentences', 'minSentences', 'too-few-sentences')];
const decide = decideByRules<C4Options>(RULES, ['sentences']);

/**
 * C4's cleaning (Raffel et al. 2020, JMLR 21-140, section 2.2) as datatrove 0.10 does it (C4QualityFilter), with its
 * defaults: lines are stripped and judged one by one; "lorem ipsum" and "{" drop the document, but only where they
 * stand in a line that came so far. Signals: `c4.lines`, `c4.kept-lines`, `c4.sentences`.
 */
export const c4 = defineStage({
  kind: 'c4',
  summary:
    "C4's cleaning: drops lines without terminal punctuation, boilerplate lines, and what is left too short",
  module: import.meta.url,
  options,
  from: 'documents',
  to: 'documents',
  needs: [],
  signals: ['lines', 'kept-lines', 'sentences'],
  rules: RULES,
  open: (o, context) =>
    rewriteStage(context, (document) => cleanC4(document.text, o, (name) => context.count(name))),
});

/** One document's text through C4's rules. `count` is told of every dropped line, by rule. */
export function cleanC4(text: string, o: C4Options, count: (rule: string) => void = () => {}): Rewritten {
  const { starts, ends, length } = splitLines(text);
  const kept: string[] = [];
  let sentences = 0;
  for (let i = 0; i < length; i++) {
    const from = skipSpace(text, starts[i]!, ends[i]!);
    const to = skipSpaceBack(text, from, ends[i]!);
    const words = wordsIn(text, from, to);
    if (o.maxWordCharacters !== null && words.longest > o.maxWordCharacters) {
      count('lines-with-long-word');
      continue;
    }
    let line = text.slice(from, to);
    if (o.removeCitations && line.includes('[')) line = line.replace(CITATION, '');
    const lower = line.toLowerCase();
    const rule = lineRule(line, lower, words.count, o);
    if (rule === undefined) {
      if (o.minSentences !== null) sentences += countSentences(line);
      kept.push(line);
    } else if (rule === 'lorem-ipsum' || rule === 'curly-bracket') return drop(rule);
    else count(rule);
  }
  const verdict = decide([sentences], o);
  if (!verdict.keep) return verdict;
  const joined = kept.join('\n');
  const from = skipSpace(joined, 0, joined.length);
  return {
    text: joined.slice(from, skipSpaceBack(joined, from, joined.length)),
    signals: { 'c4.lines': length, 'c4.kept-lines': kept.length, 'c4.sentences': sentences },
  };
}

function lineRule(line: string, lower: string, words: number, o: C4Options): string | undefined {
  if (o.requireTerminalPunctuation && (!TERMINAL.has(line.charAt(line.length - 1)) || line.endsWith('...')))
    return 'lines-without-terminal-punctuation';
  if (o.minWordsPerLine !== null && words < o.minWordsPerLine) return 'lines-with-few-words';
  if (o.dropLoremIpsum && lower.includes('lorem ipsum')) return 'lorem-ipsum';
  if (o.dropJavascriptLines && lower.includes('javascript')) return 'lines-with-javascript';
  if (o.dropCurlyBrackets && line.includes('{')) return 'curly-bracket';
  if (o.dropPolicyLines && POLICIES.some((phrase) => lower.includes(phrase))) return 'lines-with-policy';
  return undefined;
}

/** Words parted by white space, and the code points of the longest. */
function wordsIn(text: string, from: number, to: number): { count: number; longest: number } {
  let count = 0;
  let longest = 0;
  for (let i = from; i < to; ) {
    let end = i;
    while (end < to && !(FLAGS[text.charCodeAt(end)]! & SPACE)) end++;
    count++;
    if (end - i > longest) longest = Math.max(longest, codePoints(text, i, end));
    i = skipSpace(text, end, to);
  }
  return { count, longest };
}
