import { z } from 'zod';
import { defineBarrier } from '../core/step.ts';
import { byteUnits } from './split-lines.ts';
import { normalizedText } from './text-keys.ts';
import { type UnitSplitter, unitBarrier, unitOptions } from './unit-barrier.ts';
import { LONGEST_IN_KERNEL, UnitKernel } from './unit-kernel.ts';

const KIND = 'paragraph-dedup';

export const paragraphDedupOptions = z.strictObject({
  unit: z
    .enum(['paragraph', 'line'])
    .default('paragraph')
    .describe('What is compared: lines, or paragraphs with an empty line between them'),
  by: z
    .enum(['content', 'normalized-text'])
    .default('content')
    .describe('What must be equal: the bytes; or the text without case, white space and punctuation'),
  minBytes: z.int().min(1).default(20).describe('Shorter ones stay, however often they occur'),
  ...unitOptions,
});
export type ParagraphDedupOptions = z.infer<typeof paragraphDedupOptions>;

function splitter({ unit, by, minBytes }: ParagraphDedupOptions): UnitSplitter {
  const kernel = by === 'content' ? new UnitKernel() : undefined;
  return (batch, i, target) => {
    const text = batch.bytes(i);
    if (kernel && text.length <= LONGEST_IN_KERNEL) {
      kernel.split(text, unit, minBytes, target);
      return;
    }
    for (const { start, end, next } of byteUnits(text, unit)) {
      if (end - start < minBytes) continue;
      let bytes: Uint8Array = text.subarray(start, end);
      if (by === 'normalized-text') {
        const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
        // Where no letter is left, only the same bytes are the same text.
        const normal = normalizedText(own);
        if (normal !== '') bytes = Buffer.from(normal);
      }
      target.hash(bytes);
      target.unit(start, next, 1);
    }
  };
}

/** Removes paragraphs or lines that another document has too, or the same one before (as dolma's and CCNet's). */
export const paragraphDedup = defineBarrier({
  kind: KIND,
  summary: 'removes paragraphs or lines that occurred before (exactly, or by a Bloom filter)',
  options: paragraphDedupOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: unitBarrier<ParagraphDedupOptions>({
    kind: KIND,
    splitOptions: ['unit', 'by', 'minBytes'],
    splitter,
    overlap: () => 0,
  }),
});
