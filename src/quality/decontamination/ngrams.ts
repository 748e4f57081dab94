import { align } from '../../dedup/growing-kernel.ts';
import { type MinhashExports, MinhashKernel } from '../../dedup/kernel.ts';
import { CLASS_CODES, FOLD_CODES, wordTables } from '../../dedup/word-tables.ts';

/** What an n-gram is made of. */
export const TOKENIZATIONS = ['words', 'characters'] as const;
export type Tokenization = (typeof TOKENIZATIONS)[number];

/** Bytes of text that the kernel takes at once. */
const CHUNK = 1 << 16;
/** Bytes that a folded chunk and its hashes can need: see Signer. */
const SCRATCH = CHUNK * 2 + 4096;
const HASHES = CHUNK * 8 + 4096;

/**
 * 64-bit hashes of a text's n-grams, rolling over folded words (letters, marks and digits in lower case; a character
 * of a script without spaces is a word) or over folded characters, in WebAssembly; its plain twin is `shingleHashes`
 * (dedup/twin.ts).
 */
export class NgramHasher {
  readonly n: number;
  private readonly kernel = new MinhashKernel();
  private readonly exports: MinhashExports & { itemCount(): number };
  private readonly text: number;
  private readonly hashes: number;

  constructor(n: number, tokenization: Tokenization) {
    const { kernel } = this;
    this.n = n;
    this.exports = kernel.exports as NgramHasher['exports'];
    const classes = kernel.take(CLASS_CODES);
    const folds = kernel.take(FOLD_CODES * 2);
    const ring = kernel.take(Math.max(256, n) * 8);
    this.text = kernel.take(CHUNK + 64);
    const scratch = kernel.take(SCRATCH);
    this.hashes = kernel.take(HASHES);
    kernel.growTo(align(kernel.heap + 64));
    const tables = wordTables();
    new Uint8Array(kernel.buffer, classes, CLASS_CODES).set(tables.classes);
    new Uint16Array(kernel.buffer, folds, FOLD_CODES).set(tables.folds);
    this.exports.layout(classes, folds, ring, scratch);
    this.exports.configure(n, tokenization === 'characters' ? 1 : 0, 1);
  }

  /**
   * Gives the hashes in order, in runs: `each` gets [2 * count] words, the low one first, in a view that is valid
   * during the call, and the number of the run's first n-gram. A text of fewer than n tokens has none.
   */
  run(text: Uint8Array, each: (words: Uint32Array, count: number, first: number) => void): void {
    const { exports, kernel } = this;
    exports.begin();
    let first = 0;
    const give = (count: number): void => {
      if (count > 0) each(new Uint32Array(kernel.buffer, this.hashes, count * 2), count, first);
      first += count;
    };
    for (let from = 0; from < text.length; ) {
      const to = wholeCodePoints(text, from, Math.min(text.length, from + CHUNK));
      new Uint8Array(kernel.buffer, this.text, to - from).set(text.subarray(from, to));
      give(exports.feed(this.text, to - from, this.hashes));
      from = to;
    }
    const last = exports.end(this.hashes);
    // The kernel gives one hash for a text shorter than an n-gram: no text that holds it would have that hash.
    if (exports.itemCount() >= this.n) give(last);
  }
}

/** The largest end of whole code points at or before `to`. */
function wholeCodePoints(text: Uint8Array, from: number, to: number): number {
  if (to === text.length) return to;
  let end = to;
  while (end > from && (text[end]! & 0xc0) === 0x80) end--;
  return end > from ? end : to;
}
