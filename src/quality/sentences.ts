import { codePointFrom, FLAGS, PUNCTUATION_MARK, SPACE } from './char-classes.ts';
import { SENTENCE_END } from './spacy-english.ts';
import { spacySpans } from './words.ts';

const ENDS = new Set(Array.from(SENTENCE_END, (c) => c.codePointAt(0)!));

/**
 * The number of sentences that spaCy's sentencizer (blank English, default punctuation) finds in a text, those of
 * white space only left out: a sentence ends after a token that is a final punctuation mark and the tokens of
 * punctuation that follow it.
 */
export function countSentences(text: string): number {
  const { starts, ends, length } = spacySpans(text, true);
  let sentences = 0;
  let ended = false;
  let blank = true;
  for (let i = 0; i < length; i++) {
    const from = starts[i]!;
    const to = ends[i]!;
    const first = codePointFrom(text, from, to);
    const single = to - from === (first > 0xffff ? 2 : 1);
    const end = single && ENDS.has(first);
    if (ended && !end && !isPunctuation(text, from, to)) {
      if (!blank) sentences++;
      blank = true;
      ended = false;
    } else if (end) ended = true;
    if (!(FLAGS[first]! & SPACE)) blank = false;
  }
  return blank ? sentences : sentences + 1;
}

function isPunctuation(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = codePointFrom(text, i, to);
    if (!(FLAGS[c]! & PUNCTUATION_MARK)) return false;
    if (c > 0xffff) i++;
  }
  return true;
}
