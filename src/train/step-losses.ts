import type { ScoredBatch } from './batch-documents.ts';
import {
  addLossByGroup,
  BY_CORPUS,
  type GroupLoss,
  lossByDocument,
  meanLosses,
  type Slicing,
} from './loss-groups.ts';

export type MeanLosses = ReturnType<typeof meanLosses>;

/** What a step's line in metrics.jsonl says of its groups. */
export interface StepLosses {
  readonly byCorpus: MeanLosses;
  /** By name of the slicing and group; absent where there is no slicing. */
  readonly slices?: Readonly<Record<string, MeanLosses>>;
}

/** The loss of one step by corpus and by every slicing, over all its micro-batches. */
export function lossesByGroup(scored: readonly ScoredBatch[], slicings: readonly Slicing[] = []): StepLosses {
  const sums = [BY_CORPUS, ...slicings].map(({ name, group }) => ({
    name,
    group,
    groups: new Map<string, GroupLoss>(),
  }));
  for (const { batch, tokenLoss, lossWeight, places } of scored) {
    const losses = lossByDocument(batch, tokenLoss, lossWeight, places);
    for (const { group, groups } of sums) addLossByGroup(groups, batch.documents, losses, group);
  }
  const [corpora, ...rest] = sums.map(({ name, groups }) => [name, meanLosses(groups)] as const);
  const byCorpus = corpora![1];
  return rest.length === 0 ? { byCorpus } : { byCorpus, slices: Object.fromEntries(rest) };
}
