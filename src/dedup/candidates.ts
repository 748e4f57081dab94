import type { UnionFind } from './union-find.ts';

/** Up to this many documents that share a band are compared pair by pair; of more, each with that many leaders. */
const LEADERS = 32;

/** Counts that a report gives of the pairs that bands proposed. */
export interface CandidateCounts {
  /** Links between neighbours of a band's groups: a group of k documents counts k - 1. */
  candidatePairs: number;
  /** Pairs whose true similarity was computed. */
  verifiedPairs: number;
  /** Of those, how many were too little alike. */
  rejectedPairs: number;
}

/** Links the documents of one group without asking: neighbours, as datatrove does. */
export function linkAll(group: Uint32Array, forest: UnionFind, counts: CandidateCounts): void {
  counts.candidatePairs += group.length - 1;
  for (let k = 1; k < group.length; k++) forest.union(group[k - 1]!, group[k]!);
}

/**
 * Links the pairs of one group that are alike. Documents from `known` on were compared with each other before, by the run
 * that made an index of them. Pairs that are linked already are not compared again, so a million
 * copies cost a million comparisons. In a larger group each document is compared with at most 32 leaders, documents
 * that resembled no earlier leader, in the order of a hash of their ids: no order of input decides.
 */
export function linkVerified(
  group: Uint32Array,
  forest: UnionFind,
  counts: CandidateCounts,
  alike: (a: number, b: number) => boolean,
  idHash: Uint32Array,
  known = Infinity,
): void {
  counts.candidatePairs += group.length - 1;
  const compare = (a: number, b: number): void => {
    if ((a >= known && b >= known) || forest.find(a) === forest.find(b)) return;
    counts.verifiedPairs++;
    if (alike(a, b)) forest.union(a, b);
    else counts.rejectedPairs++;
  };
  if (group.length <= LEADERS) {
    for (let i = 0; i < group.length; i++)
      for (let j = i + 1; j < group.length; j++) compare(group[i]!, group[j]!);
    return;
  }
  group.sort((a, b) => idHash[a]! - idHash[b]! || a - b);
  const leaders: number[] = [];
  for (const document of group) {
    let led = false;
    for (const leader of leaders) {
      compare(leader, document);
      led ||= forest.find(leader) === forest.find(document);
    }
    if (!led && leaders.length < LEADERS) leaders.push(document);
  }
}
