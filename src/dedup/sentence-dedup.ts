import { z } from 'zod';
import { defineBarrier } from '../core/step.ts';
import { sentenceStarts } from '../quality/sentences.ts';
import { simplify } from './simplify.ts';
import { type UnitSplitter, unitBarrier, unitOptions } from './unit-barrier.ts';

const KIND = 'sentence-dedup';

export const sentenceDedupOptions = z.strictObject({
  sentences: z.int().min(1).max(100).default(3).describe('How many sentences in a row are compared'),
  ...unitOptions,
  minBytesLeft: unitOptions.minBytesLeft.default(0),
  minWordsLeft: unitOptions.minWordsLeft.default(50),
});
export type SentenceDedupOptions = z.infer<typeof sentenceDedupOptions>;

function splitter({ sentences }: SentenceDedupOptions): UnitSplitter {
  return (batch, i, target) => {
    const text = batch.text(i);
    const starts = sentenceStarts(text);
    if (starts.length < sentences) return;
    const simple: string[] = [];
    const at: number[] = [];
    let bytes = 0;
    for (let s = 0; s < starts.length; s++) {
      const sentence = text.slice(starts[s], starts[s + 1]);
      simple.push(simplify(sentence));
      at.push(bytes);
      bytes += Buffer.byteLength(sentence);
    }
    at.push(bytes);
    for (let s = 0; s + sentences <= simple.length; s++) {
      const run = simple.slice(s, s + sentences).join(' ');
      // Runs without a letter or digit are alike everywhere.
      if (run.trim() === '') continue;
      target.hash(Buffer.from(run));
      target.unit(at[s]!, at[s + sentences]!, 1);
    }
  };
}

/**
 * Removes runs of sentences that occurred before, after C4's deduplication (Raffel et al. 2020) as datatrove does it:
 * sentences are simplified as for its MinHash; only what splits them differs (spaCy's sentencizer for NLTK's punkt).
 */
export const sentenceDedup = defineBarrier({
  kind: KIND,
  summary: 'removes runs of three sentences that occurred before (C4, datatrove)',
  options: sentenceDedupOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: unitBarrier<SentenceDedupOptions>({
    kind: KIND,
    splitOptions: ['sentences'],
    splitter,
    overlap: () => 0,
  }),
});
