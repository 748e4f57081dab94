import { CodeTable, LETTER } from './code-table.ts';
import type { MinhashKernel } from './kernel.ts';

/** What Python's `\w` is not, once a text is in lower case. */
const NO_WORD = /[^\p{L}\p{N}_]/gu;
/** In lower case it is one letter at the end of a word and another elsewhere. */
const SIGMA = 'Σ';
const DONE = 0;
const MEETS_UNKNOWN = 1;
const encoder = new TextEncoder();

/** text-dedup's words: lower case, split at every character that is in no word, empty words and all. */
export function textDedupWords(text: string): string[] {
  return text.toLowerCase().split(NO_WORD);
}

/**
 * Puts text-dedup's words into the kernel's memory, as `EnglishSplitter` does datatrove's. What a code point beyond
 * ASCII becomes is asked of JavaScript once; a part with a capital sigma is done in JavaScript altogether.
 */
export class PlainSplitter {
  private readonly kernel: MinhashKernel;
  private readonly table: CodeTable;

  constructor(kernel: MinhashKernel) {
    this.kernel = kernel;
    this.table = new CodeTable(kernel);
    kernel.exports.layoutEnglish(this.table.codes, this.table.slots, 0, 1);
  }

  /**
   * Appends the words of a part to the `words` words of `used` bytes at `to`, a space after each; their starts are at
   * `startsAt`. Returns how many there are now; what follows a part's last separator is a word only where it `isLast`.
   */
  split(
    text: number,
    length: number,
    to: number,
    used: number,
    startsAt: number,
    words: number,
    isLast: boolean,
  ): number {
    const { exports, buffer } = this.kernel;
    new Uint32Array(buffer, startsAt)[words] = used;
    exports.beginPart(text, length, to, used, startsAt, words);
    let status = exports.splitPlain();
    while (status === MEETS_UNKNOWN) {
      const code = exports.unknown();
      const character = String.fromCodePoint(code);
      const lower = character.toLowerCase().replace(NO_WORD, ' ');
      this.table.set(code, character === SIGMA ? undefined : { kind: LETTER, text: lower });
      status = exports.splitPlain();
    }
    if (status !== DONE) return this.splitPlainly(text, length, to, used, startsAt, words, isLast);
    const count = exports.countedWords();
    if (!isLast) return count;
    const end = exports.chunkTo() - to;
    new Uint8Array(buffer, to + end, 1)[0] = 32;
    new Uint32Array(buffer, startsAt)[count + 1] = end + 1;
    return count + 1;
  }

  private splitPlainly(
    text: number,
    length: number,
    to: number,
    used: number,
    startsAt: number,
    words: number,
    isLast: boolean,
  ): number {
    const { buffer } = this.kernel;
    const part = Buffer.from(buffer, text, length).toString('utf8');
    const bytes = encoder.encode(part.toLowerCase().replace(NO_WORD, ' ') + (isLast ? ' ' : ''));
    new Uint8Array(buffer, to + used, bytes.length).set(bytes);
    const starts = new Uint32Array(buffer, startsAt);
    let count = words;
    starts[count] = used;
    for (let i = 0; i < bytes.length; i++) if (bytes[i] === 32) starts[++count] = used + i + 1;
    return count;
  }
}
