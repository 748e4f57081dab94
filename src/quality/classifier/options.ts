import { z } from 'zod';

const corpora = z.array(z.string().min(1)).min(1);

export const trainClassifierOptions = z.strictObject({
  positive: corpora.describe('corpora whose documents are good: "like this"'),
  negative: corpora.describe('corpora whose documents are not: "not like that"'),
  examples: z
    .enum(['keep', 'drop-positive', 'drop-negative', 'drop'])
    .default('keep')
    .describe(
      'what becomes of the documents of these corpora after this step: they may be here to learn from only',
    ),
  maxDocuments: z
    .int()
    .min(2)
    .default(200_000)
    .describe(
      'documents of each side to learn from at most, chosen by the hash of corpus and id (DCLM: 200,000)',
    ),
  maxBytes: z
    .int()
    .min(1)
    .default(1 << 16)
    .describe('bytes of a document that are learnt from: the head of a longer one'),
  wordNgrams: z.int().min(1).max(5).default(2).describe('longest n-gram of words (DCLM: 2)'),
  minCharacters: z.int().min(1).default(3).describe('shortest n-gram of characters in a word'),
  maxCharacters: z.int().min(0).max(6).default(0).describe('longest n-gram of characters in a word; 0: none'),
  buckets: z
    .int()
    .min(1)
    .max(1 << 26)
    .default(2_000_000)
    .describe("rows that n-grams are hashed to (fastText's default)"),
  minWordCount: z.int().min(1).default(2).describe('a word that comes less often has no row of its own'),
  maxWords: z
    .int()
    .min(1)
    .max(1 << 23)
    .default(1_000_000)
    .describe('words with a row of their own at most, the most frequent'),
  epochs: z.int().min(1).default(5).describe('passes over the examples'),
  learningRate: z.number().positive().default(2).describe('step of AdaGrad'),
  testFraction: z
    .number()
    .min(0.01)
    .max(0.4)
    .default(0.1)
    .describe('share of the examples that only measure; as many calibrate'),
});
export type TrainClassifierOptions = z.output<typeof trainClassifierOptions>;

export const POSITIVE = '__label__positive';
export const NEGATIVE = '__label__negative';
