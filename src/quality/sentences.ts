import { codePointFrom, FLAGS, PUNCTUATION_MARK } from './char-classes.ts';
import { SENTENCE_END } from './spacy-english.ts';
import { spacySpans } from './words.ts';

const ENDS = new Set(Array.from(SENTENCE_END, (c) => c.codePointAt(0)!));
/** [0x10000] units that end a sentence or may be part of a character that does. */
const MAY_END = new Uint8Array(0x10000);
for (const c of SENTENCE_END) MAY_END[c.charCodeAt(0)] = 1;

/**
 * The number of sentences that spaCy's sentencizer (blank English, default punctuation) finds in a text, at least 1:
 * a new one begins at the first token after a final punctuation mark that is no punctuation itself. White space that
 * is a token counts too, as for datatrove.
 */
export function countSentences(text: string): number {
  return Math.max(1, sentenceStarts(text).length);
}

/** Where these sentences begin, in UTF-16 units: the first at 0, each up to the next. None in an empty text. */
export function sentenceStarts(text: string): number[] {
  if (text === '') return [];
  const sentences = [0];
  if (!mayEnd(text)) return sentences;
  const { starts, ends, length } = spacySpans(text, true);
  let ended = false;
  for (let i = 0; i < length; i++) {
    const from = starts[i]!;
    const to = ends[i]!;
    const first = codePointFrom(text, from, to);
    if (to - from === (first > 0xffff ? 2 : 1) && ENDS.has(first)) ended = true;
    else if (ended && !isPunctuation(text, from, to)) {
      sentences.push(from);
      ended = false;
    }
  }
  return sentences;
}

/** Whether a sentence may end before the last character. */
function mayEnd(text: string): boolean {
  for (let i = 0; i < text.length - 1; i++) if (MAY_END[text.charCodeAt(i)] === 1) return true;
  return false;
}

function isPunctuation(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = codePointFrom(text, i, to);
    if (!(FLAGS[c]! & PUNCTUATION_MARK)) return false;
    if (c > 0xffff) i++;
  }
  return true;
}
