import type { LanguageModel } from './model.ts';
import { sentencesOf } from './text.ts';

export interface DocumentPerplexity {
  /** 10^(-log10 p / tokens), each line's end counted as a token (CCNet); of a text without words, that of guessing. */
  readonly perplexity: number;
  /** Share of the words that the model does not know. */
  readonly unknownShare: number;
}

export function perplexityOf(model: LanguageModel, text: string): DocumentPerplexity {
  let logProbability = 0;
  let tokens = 0;
  let words = 0;
  let unknown = 0;
  for (const sentence of sentencesOf(text)) {
    const score = model.score(sentence);
    logProbability += score.logProbability;
    tokens += score.tokens;
    words += sentence.length;
    unknown += score.unknown;
  }
  if (words === 0) return { perplexity: model.words.length, unknownShare: 0 };
  return { perplexity: 10 ** (-logProbability / tokens), unknownShare: unknown / words };
}
