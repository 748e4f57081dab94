import { bytesToAlphabet } from './byte-alphabet.ts';
import { TokenBuffer } from './token-buffer.ts';
import type { Tokenizer } from './tokenizer.ts';
import { classAt, SPACE } from './unicode-classes.ts';

/** How one tokenizer does on one corpus. */
export interface CorpusFertility {
  readonly corpus: string;
  readonly documents: number;
  readonly bytes: number;
  /** Runs of characters that are not white space. */
  readonly words: number;
  readonly tokens: number;
  /** NaN without tokens. */
  readonly bytesPerToken: number;
  /** Tokens a word; NaN without words. Says little of scripts that do not put spaces between words. */
  readonly fertility: number;
}

export interface ReportedToken {
  readonly id: number;
  /** UTF-8 decoded; what is no UTF-8 is written as byte-level vocabularies write it. */
  readonly text: string;
  readonly bytes: number;
  /** How often it came in all corpora. */
  readonly count: number;
}

export interface TokenizerReport {
  readonly vocabularySize: number;
  readonly digest: string;
  /** By name of the tokenizer ('' is the one reported on), one entry a corpus in the order they first came. */
  readonly corpora: Readonly<Record<string, readonly CorpusFertility[]>>;
  /** Longest first; of equals the smaller id. */
  readonly longest: readonly ReportedToken[];
  /** Most frequent first; of equals the smaller id. */
  readonly mostFrequent: readonly ReportedToken[];
  readonly unusedCount: number;
  /** The first of the tokens that never came; special tokens are left out. */
  readonly unused: readonly ReportedToken[];
}

interface Sums {
  documents: number;
  bytes: number;
  words: number;
  tokens: number;
}

/** Runs of characters that are not white space. */
export function countWords(utf8: Uint8Array): number {
  let words = 0;
  let inside = false;
  for (let p = 0; p < utf8.length; ) {
    const at = classAt(utf8, p, utf8.length);
    const isText = (at & 7) < SPACE;
    if (isText && !inside) words++;
    inside = isText;
    p += at >> 3;
  }
  return words;
}

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function tokenText(bytes: Uint8Array): string {
  try {
    return fatal.decode(bytes);
  } catch {
    return bytesToAlphabet(bytes);
  }
}

/** Adds up what a tokenizer, and others for comparison, make of corpora; reads nothing itself. */
export class TokenizerReportBuilder {
  readonly #tokenizer: Tokenizer;
  readonly #all: readonly (readonly [string, Tokenizer])[];
  readonly #sums = new Map<string, Map<string, Sums>>();
  readonly #counts: Float64Array;
  readonly #ids = new TokenBuffer();

  /** `others` by name; the name '' is taken. */
  constructor(tokenizer: Tokenizer, others: ReadonlyMap<string, Tokenizer> = new Map()) {
    this.#tokenizer = tokenizer;
    this.#all = [['', tokenizer], ...others];
    this.#counts = new Float64Array(tokenizer.vocabularySize);
  }

  /** Takes one document of a corpus (or of a language: any name that figures are wanted for). */
  add(corpus: string, utf8: Uint8Array): void {
    const words = countWords(utf8);
    for (const [name, tokenizer] of this.#all) {
      this.#ids.clear();
      const tokens = tokenizer.encodeInto(utf8, this.#ids);
      const sums = this.#sumsOf(name, corpus);
      sums.documents++;
      sums.bytes += utf8.length;
      sums.words += words;
      sums.tokens += tokens;
      if (tokenizer === this.#tokenizer) for (let i = 0; i < tokens; i++) this.#counts[this.#ids.data[i]!]!++;
    }
  }

  /** `most`: how many tokens each list shows. */
  result(most = 40): TokenizerReport {
    const special = new Set(this.#tokenizer.specialTokens.values());
    const tokens: ReportedToken[] = [];
    for (let id = 0; id < this.#counts.length; id++) {
      if (special.has(id) || !this.#hasToken(id)) continue;
      const bytes = this.#tokenizer.tokenBytes(id);
      tokens.push({ id, text: tokenText(bytes), bytes: bytes.length, count: this.#counts[id]! });
    }
    const unused = tokens.filter((token) => token.count === 0);
    return {
      vocabularySize: this.#tokenizer.vocabularySize,
      digest: this.#tokenizer.digest,
      corpora: Object.fromEntries(
        [...this.#sums].map(([name, corpora]) => [name, [...corpora].map(fertilityOf)]),
      ),
      longest: [...tokens].sort((a, b) => b.bytes - a.bytes || a.id - b.id).slice(0, most),
      mostFrequent: tokens
        .filter((token) => token.count > 0)
        .sort((a, b) => b.count - a.count || a.id - b.id)
        .slice(0, most),
      unusedCount: unused.length,
      unused: unused.slice(0, most),
    };
  }

  #hasToken(id: number): boolean {
    try {
      this.#tokenizer.tokenBytes(id);
      return true;
    } catch {
      return false; // A gap in the ids.
    }
  }

  #sumsOf(name: string, corpus: string): Sums {
    let corpora = this.#sums.get(name);
    if (!corpora) {
      corpora = new Map();
      this.#sums.set(name, corpora);
    }
    let sums = corpora.get(corpus);
    if (!sums) {
      sums = { documents: 0, bytes: 0, words: 0, tokens: 0 };
      corpora.set(corpus, sums);
    }
    return sums;
  }
}

function fertilityOf([corpus, sums]: [string, Sums]): CorpusFertility {
  return { corpus, ...sums, bytesPerToken: sums.bytes / sums.tokens, fertility: sums.tokens / sums.words };
}
