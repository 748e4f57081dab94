import { spacyWords } from '../quality/words.ts';
import { BLANK, type CodeMeaning, CodeTable, DIGIT, LETTER, NOTHING, SYMBOL } from './code-table.ts';
import { ASCII_UNITS, contractions } from './english.ts';
import type { MinhashKernel } from './kernel.ts';
import { datatroveWords, isBlank, isDecimal, simplifiedCharacter } from './simplify.ts';

const CUT_SLOTS = 1024;
/** Behind the slots: a bit for each key of a word that is cut (`mayBeCut` in the kernel). */
const CUT_KEYS = 4096;
/** Why the kernel stopped. */
const DONE = 0;
const MEETS_UNKNOWN = 1;
const MEETS_SYMBOL = 2;
/** A cache of words with symbols; beyond this it begins anew. */
const CACHED_WORDS = 100_000;

const encoder = new TextEncoder();

/**
 * datatrove's English words of a text, in the kernel's memory. The kernel does letters, digits and white space; what a
 * code point beyond ASCII becomes is asked of JavaScript once, and so is how a word with a symbol in it is split. A
 * part with a code point whose simplification depends on its neighbours is done in JavaScript altogether.
 */
export class EnglishSplitter {
  private readonly kernel: MinhashKernel;
  private readonly table: CodeTable;
  private readonly splits = new Map<string, Uint8Array>();

  constructor(kernel: MinhashKernel) {
    this.kernel = kernel;
    this.table = new CodeTable(kernel);
    const cuts = kernel.take(CUT_SLOTS * 16 + CUT_KEYS / 8);
    kernel.exports.layoutEnglish(this.table.codes, this.table.slots, cuts, CUT_SLOTS);
    for (const [word, parts] of contractions()) {
      const first = parts[0]!.length;
      const second = parts.length > 2 ? first + parts[1]!.length : 0;
      this.addCut(cuts, word, first | (second << 8));
    }
    for (const unit of ASCII_UNITS) this.addCut(cuts, unit, 255);
  }

  /**
   * Appends the words of a part to the `words` words of `used` bytes at `to`; their starts are at `starts`. Returns how
   * many words there are now; the buffers must hold three times the part.
   * @param part where the bytes lie, in the kernel's memory at `text`
   */
  split(text: number, length: number, to: number, used: number, starts: number, words: number): number {
    const { exports } = this.kernel;
    exports.beginPart(text, length, to, used, starts, words);
    for (;;) {
      const status = exports.splitPart();
      if (status === DONE) return exports.countedWords();
      if (status === MEETS_UNKNOWN) {
        const code = exports.unknown();
        this.table.set(code, this.classify(String.fromCodePoint(code)));
      } else if (status === MEETS_SYMBOL) this.splitChunk(to, starts);
      else return this.splitPlainly(text, length, to, used, starts, words);
    }
  }

  private splitChunk(to: number, starts: number): void {
    const { exports, buffer } = this.kernel;
    const from = exports.chunkFrom();
    const chunk = Buffer.from(buffer, from, exports.chunkTo() - from).toString('utf8');
    let pieces = this.splits.get(chunk);
    if (pieces === undefined) {
      pieces = wordBytes(spacyWords(chunk));
      if (this.splits.size >= CACHED_WORDS) this.splits.clear();
      this.splits.set(chunk, pieces);
    }
    this.append(pieces, to, from - to, starts, exports.countedWords());
  }

  private splitPlainly(
    text: number,
    length: number,
    to: number,
    used: number,
    starts: number,
    words: number,
  ): number {
    const part = Buffer.from(this.kernel.buffer, text, length).toString('utf8');
    return this.append(wordBytes(datatroveWords(part)), to, used, starts, words);
  }

  /** Appends words that each end in a space, and goes on behind them. */
  private append(bytes: Uint8Array, to: number, used: number, startsAt: number, words: number): number {
    const { exports, buffer } = this.kernel;
    const target = new Uint8Array(buffer, to + used, bytes.length);
    target.set(bytes);
    const starts = new Uint32Array(buffer, startsAt);
    let count = words;
    starts[count] = used;
    for (let i = 0; i < bytes.length; i++) if (bytes[i] === 32) starts[++count] = used + i + 1;
    exports.resumeAt(used + bytes.length, count);
    return count;
  }

  private classify(character: string): CodeMeaning | undefined {
    if (isDecimal(character)) return { kind: DIGIT };
    if (isBlank(character)) return { kind: BLANK };
    const text = simplifiedCharacter(character);
    if (text === undefined) return undefined;
    if (text === '') return { kind: NOTHING };
    // Whatever spaCy splits beside a letter or a digit is a symbol.
    const plain = [`a${text}a`, `${text}a`, `a${text}`, `0${text}a`, text].every(
      (word) => spacyWords(word).length === 1,
    );
    return { kind: plain ? LETTER : SYMBOL, text };
  }

  private addCut(cuts: number, word: string, value: number): void {
    const { exports, heap } = this.kernel;
    this.kernel.growTo(heap + 64);
    const bytes = encoder.encode(word);
    new Uint8Array(this.kernel.buffer, heap, bytes.length).set(bytes);
    const h = BigInt.asUintN(64, exports.hashBytes(heap, bytes.length));
    const table = new BigUint64Array(this.kernel.buffer, cuts, CUT_SLOTS * 2);
    let slot = Number(h & BigInt(CUT_SLOTS - 1));
    while (table[slot * 2 + 1] !== 0n) slot = (slot + 1) % CUT_SLOTS;
    table[slot * 2] = h;
    table[slot * 2 + 1] = BigInt(value);
    const keys = new Uint8Array(this.kernel.buffer, cuts + CUT_SLOTS * 16, CUT_KEYS / 8);
    const key = ((bytes[0]! << 7) ^ (bytes.at(-1)! << 3) ^ bytes.length) & (CUT_KEYS - 1);
    keys[key >> 3]! |= 1 << (key & 7);
  }
}

/** Words, a space after each. Words hold no space. */
function wordBytes(words: readonly string[]): Uint8Array {
  return encoder.encode(words.length === 0 ? '' : `${words.join(' ')} `);
}
