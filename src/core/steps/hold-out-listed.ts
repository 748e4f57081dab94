import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../batch.ts';
import type { Split } from '../document.ts';
import { classifySystemError, InputError } from '../errors.ts';
import { defineStage } from '../step.ts';

export const HoldOutListedOptions = z.strictObject({
  file: z
    .string()
    .min(1)
    .describe(
      'JSON Lines of {"corpus", "id"}: the documents that are held out, or with "split": "validation" kept for validation; relative to the pipeline file',
    ),
});

/** What a list of held-out documents is looked up by. */
export function holdOutKey(corpus: string, id: string): string {
  return `${corpus}\0${id}`;
}

function readList(path: string): Map<string, Split> {
  try {
    const sides = new Map<string, Split>();
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (line === '') continue;
      const {
        corpus,
        id,
        split = 'held-out',
      } = JSON.parse(line) as { corpus: string; id: string; split?: Split };
      if (split !== 'held-out' && split !== 'validation') {
        throw new InputError('a listed document has another side', {
          ...{ file: path, expected: 'split held-out or validation', found: String(split) },
        });
      }
      sides.set(holdOutKey(corpus, id), split);
    }
    return sides;
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

/** Marks the documents of a list as held out (or for validation), and all others as training documents, whatever marked them before. */
export const holdOutListed = defineStage({
  kind: 'hold-out-listed',
  summary: 'marks the documents that a file lists as held out: a held-out set that several pipelines share',
  options: HoldOutListedOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  seesHeldOut: true,
  files: (options) => [options.file],
  open(options, context) {
    const sides = readList(resolve(context.baseFolder, options.file));
    return {
      process(batch: DocumentBatch): DocumentBatch {
        for (let i = 0; i < batch.length; i++) {
          const row = batch.rows[i]!;
          row.split = sides.get(holdOutKey(row.corpus, row.id)) ?? 'train';
          if (row.split === 'train') continue;
          context.count(`${row.split} documents`);
          context.count(`${row.split} bytes`, batch.size(i));
        }
        return batch;
      },
    };
  },
});
