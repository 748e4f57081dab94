import { z } from 'zod';
import { TOKENIZATIONS, type Tokenization } from './ngrams.ts';

/** n-grams as published: datatrove's default (FineWeb), and GPT-3's (Brown et al. 2020, arXiv:2005.14165, appendix C). */
const PRESETS = { datatrove: 12, 'gpt-3': 13 } as const;

export const ngramShape = {
  preset: z
    .enum(['datatrove', 'gpt-3'])
    .default('gpt-3')
    .describe('the published n: datatrove 12 words; gpt-3 (and DCLM) 13 words'),
  n: z.int().min(1).max(256).optional().describe('tokens of an n-gram; default: the preset'),
  tokenization: z
    .enum(TOKENIZATIONS)
    .default('words')
    .describe('what n counts: words without case and punctuation, or characters without them'),
};

export const overlapShape = {
  minNgrams: z
    .int()
    .min(1)
    .default(1)
    .describe('fewest different n-grams of one example that make a document contaminated'),
  minShare: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("smallest share of an example's n-grams that makes a document contaminated"),
};

export interface Ngrams {
  readonly n: number;
  readonly tokenization: Tokenization;
}

export function resolveNgrams(o: {
  preset: keyof typeof PRESETS;
  n?: number;
  tokenization: Tokenization;
}): Ngrams {
  return { n: o.n ?? PRESETS[o.preset], tokenization: o.tokenization };
}
