import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { defineStage } from '../../core/step.ts';
import { rewriteDocuments } from './injection.ts';

export const shuffleWordsOptions = z.strictObject({
  fraction: z.number().min(0).max(1).default(0.25).describe('of the documents whose words are shuffled'),
});

/** The words of a text in a random order, the white space between them as it was. */
export function shuffleWords(text: string, below: (n: number) => number): string {
  const parts = text.split(/(\s+)/);
  const at: number[] = [];
  parts.forEach((part, i) => {
    if (part !== '' && !/^\s/.test(part)) at.push(i);
  });
  const words = at.map((i) => parts[i]!);
  for (let i = words.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [words[i], words[j]] = [words[j]!, words[i]!];
  }
  at.forEach((i, k) => {
    parts[i] = words[k]!;
  });
  return parts.join('');
}

/** Damage that a measurement must see: the words stay, their order goes. */
export const shuffleWordsStep = defineStage({
  kind: 'shuffle-words',
  summary: 'shuffles the words of a share of the documents: a control that must do harm',
  options: shuffleWordsOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  open(options, context) {
    return {
      process(batch: DocumentBatch): DocumentBatch {
        return rewriteDocuments(batch, (row, i) => {
          const random = context.random.split(row.corpus, row.id);
          if (random.next() >= options.fraction) return;
          context.count('shuffled documents');
          return shuffleWords(batch.text(i), (n) => random.below(n));
        });
      },
    };
  },
});
