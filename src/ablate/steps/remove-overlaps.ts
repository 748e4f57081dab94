import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { ConfigurationError, classifySystemError } from '../../core/errors.ts';
import { defineStage } from '../../core/step.ts';
import { holdOutKey } from '../../core/steps/hold-out-listed.ts';
import { drop } from '../../core/verdict.ts';
import { OverlapIndex } from '../overlap.ts';

export const removeOverlapsOptions = z.strictObject({
  ruler: z
    .string()
    .min(1)
    .describe('JSON Lines of {"corpus", "id", "text"}: what must not be in the training documents'),
  listed: z
    .string()
    .optional()
    .describe(
      'JSON Lines of {"corpus", "id"}: documents to remove in any case, such as those of other pipelines',
    ),
  words: z.int().min(1).default(13).describe('words an n-gram'),
  share: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe('n-grams of either document that the other one has, at least'),
  action: z
    .enum(['remove', 'count'])
    .default('remove')
    .describe('count: leave them in, and only say how many there are'),
});

export const OVERLAP_COUNTER = 'overlapping documents';

export interface RulerLine {
  readonly corpus: string;
  readonly id: string;
  readonly text: string;
}

function lines<T>(path: string): T[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new ConfigurationError('not JSON Lines', { file: path, found: error.message });
    throw classifySystemError(error, { file: path });
  }
}

/** Keeps what a model is measured on out of what it is trained on. */
export const removeOverlaps = defineStage({
  kind: 'remove-overlaps',
  summary: 'drops training documents that share most of their n-grams with a held-out document',
  options: removeOverlapsOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  files: (options) => [options.ruler, ...(options.listed === undefined ? [] : [options.listed])],
  open(options, context) {
    const ruler = lines<RulerLine>(resolve(context.baseFolder, options.ruler));
    const index = new OverlapIndex(
      ruler.map(({ text }) => text),
      options,
    );
    const listed = new Set(
      options.listed === undefined
        ? []
        : lines<RulerLine>(resolve(context.baseFolder, options.listed)).map(({ corpus, id }) =>
            holdOutKey(corpus, id),
          ),
    );
    const verdictOf = (batch: DocumentBatch, i: number) => {
      const { corpus, id } = batch.rows[i]!;
      const overlap = index.overlapOf(batch.text(i));
      if (overlap !== undefined) {
        const { id: other } = ruler[overlap.text]!;
        return drop('overlaps-held-out', overlap.share, options.share, other);
      }
      return listed.has(holdOutKey(corpus, id)) ? drop('overlaps-held-out-elsewhere') : undefined;
    };
    return {
      process(batch: DocumentBatch): DocumentBatch {
        const kept: number[] = [];
        for (let i = 0; i < batch.length; i++) {
          context.watch(batch.rows[i]!.ordinal);
          const verdict = verdictOf(batch, i);
          if (verdict !== undefined) context.count(OVERLAP_COUNTER);
          if (verdict === undefined || options.action === 'count') kept.push(i);
          else context.refuse(batch, i, verdict);
        }
        return kept.length === batch.length ? batch : batch.select(kept);
      },
    };
  },
});
