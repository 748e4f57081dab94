import { codePointFrom, FLAGS, PUNCTUATION_MARK } from './char-classes.ts';
import { SENTENCE_END } from './spacy-english.ts';
import { spacySpans } from './words.ts';

const ENDS = new Set(Array.from(SENTENCE_END, (c) => c.codePointAt(0)!));

/**
 * The number of sentences that spaCy's sentencizer (blank English, default punctuation) finds in a text, at least 1:
 * a new one begins at the first token after a final punctuation mark that is no punctuation itself. White space that
 * is a token counts too, as for datatrove.
 */
export function countSentences(text: string): number {
  const { starts, ends, length } = spacySpans(text, true);
  let sentences = 1;
  let ended = false;
  for (let i = 0; i < length; i++) {
    const from = starts[i]!;
    const to = ends[i]!;
    const first = codePointFrom(text, from, to);
    if (to - from === (first > 0xffff ? 2 : 1) && ENDS.has(first)) ended = true;
    else if (ended && !isPunctuation(text, from, to)) {
      sentences++;
      ended = false;
    }
  }
  return sentences;
}

function isPunctuation(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = codePointFrom(text, i, to);
    if (!(FLAGS[c]! & PUNCTUATION_MARK)) return false;
    if (c > 0xffff) i++;
  }
  return true;
}
