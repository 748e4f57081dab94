import { type DocumentBatch, DocumentBatchBuilder } from '../core/batch.ts';
import type { Document } from '../core/document.ts';
import type { Stage, StageContext } from '../core/stage.ts';
import type { Drop } from '../core/verdict.ts';

/** What a rewriting step makes of one document: new text (the same string where nothing changed), or a reason to drop it. */
export type Rewritten = { readonly text: string; readonly signals?: Readonly<Record<string, number>> } | Drop;

/** A stage that edits the text of each document alone; rows keep their ids, ranges and ordinals. */
export function rewriteStage(
  context: StageContext,
  rewrite: (document: Document) => Rewritten,
): Stage<DocumentBatch, DocumentBatch> {
  return {
    process(batch) {
      const builder = new DocumentBatchBuilder();
      for (let i = 0; i < batch.length; i++) {
        const row = batch.rows[i]!;
        context.watch(row.ordinal);
        const text = batch.text(i);
        const result = rewrite(batch.document(i));
        if ('keep' in result) {
          context.refuse(batch, i, result);
          continue;
        }
        const { ordinal, signals, ...rest } = row;
        builder.add(
          {
            ...rest,
            text: result.text === text ? batch.bytes(i) : result.text,
            signals: { ...signals, ...result.signals },
          },
          ordinal,
        );
      }
      return builder.take();
    },
  };
}
