import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../batch.ts';
import { classifySystemError } from '../errors.ts';
import { defineStage } from '../step.ts';

export const HoldOutListedOptions = z.strictObject({
  file: z
    .string()
    .min(1)
    .describe(
      'JSON Lines of {"corpus", "id"}: the documents that are held out; relative to the pipeline file',
    ),
});

/** What a list of held-out documents is looked up by. */
export function holdOutKey(corpus: string, id: string): string {
  return `${corpus}\0${id}`;
}

function readList(path: string): Set<string> {
  try {
    const keys = new Set<string>();
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (line === '') continue;
      const { corpus, id } = JSON.parse(line) as { corpus: string; id: string };
      keys.add(holdOutKey(corpus, id));
    }
    return keys;
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

/** Marks the documents of a list as held out, and all others as training documents, whatever marked them before. */
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
    const held = readList(resolve(context.baseFolder, options.file));
    return {
      process(batch: DocumentBatch): DocumentBatch {
        for (let i = 0; i < batch.length; i++) {
          const row = batch.rows[i]!;
          const isHeld = held.has(holdOutKey(row.corpus, row.id));
          row.split = isHeld ? 'held-out' : 'train';
          if (!isHeld) continue;
          context.count('held-out documents');
          context.count('held-out bytes', batch.size(i));
        }
        return batch;
      },
    };
  },
});
