import type { DocumentBatch } from '../core/batch.ts';
import type { Stage, StageContext } from '../core/stage.ts';
import { drop } from '../core/verdict.ts';
import { ClusterReader, DUPLICATE_OF_HELD_OUT, type Fate, KEPT } from './cluster-file.ts';
import { DUPLICATE_CLUSTER, DUPLICATE_COUNT, type Label } from './document-columns.ts';

/** Reasons that a step of deduplication gives. */
export interface RemovalReasons {
  readonly duplicate: string;
  readonly ofHeldOut: string;
  /** Whether the similarity is worth telling. */
  readonly similarity: boolean;
  /** What it was held against. */
  readonly threshold?: number;
}

/** Corpus and id, the corpus only where the id does not say it. */
function nameOf({ corpus, id }: Label): string {
  return id.startsWith(`${corpus}/`) ? id : `${corpus}/${id}`;
}

/** The streaming half of a deduplication: drops what `reduce` condemned, and marks what stays. */
export function removalStage(
  context: StageContext & { readonly outcome: string; readonly firstDocument: number },
  reasons: RemovalReasons,
): Stage<DocumentBatch, DocumentBatch> {
  const clusters = new ClusterReader(context.outcome);
  const refuse = (batch: DocumentBatch, i: number, fate: Fate): void => {
    const ofHeldOut = fate.fate === DUPLICATE_OF_HELD_OUT;
    const label = clusters.labelOf(fate.other);
    const reason = ofHeldOut ? reasons.ofHeldOut : reasons.duplicate;
    const value = reasons.similarity ? fate.similarity : undefined;
    const detail = label ? nameOf(label) : `document ${fate.other}`;
    context.refuse(
      batch,
      i,
      drop(reason, value, value === undefined ? undefined : reasons.threshold, detail),
    );
  };
  return {
    process(batch) {
      const kept: number[] = [];
      for (let i = 0; i < batch.length; i++) {
        const row = batch.rows[i]!;
        const fate = clusters.fateOf(context.firstDocument + row.ordinal);
        if (fate !== undefined && fate.fate !== KEPT) {
          refuse(batch, i, fate);
          continue;
        }
        if (fate !== undefined) {
          row.signals[DUPLICATE_COUNT] = fate.other;
          row.signals[DUPLICATE_CLUSTER] = fate.cluster;
        } else if (row.signals[DUPLICATE_COUNT] === undefined) {
          row.signals[DUPLICATE_COUNT] = 1;
        }
        kept.push(i);
      }
      return kept.length === batch.length ? batch : batch.select(kept);
    },
    close: () => clusters.close(),
  };
}
