import { join } from 'node:path';
import { DocumentBatch } from '../core/batch.ts';
import { readJsonIfThere, writeJsonAtomic } from '../core/files.ts';
import type { JobContext, JobOutcome, SideFile, Sink, StageContext } from '../core/stage.ts';
import { defineBarrier } from '../core/step.ts';
import { ClusterReader } from './clusters.ts';
import { minhashDedup } from './minhash-dedup.ts';
import { type MinhashDedupOptions, minhashDedupOptions } from './minhash-options.ts';

const GROUPS_FILE = 'groups.json';

/** Corpus and group (or id) of a document as one name; the zero byte is in neither. */
function nameOf(corpus: string, group: string): string {
  return `${corpus}\0${group}`;
}

/** Signatures as of the step minhash-dedup, under the names of the groups instead of those of the documents. */
class GroupTap implements Sink<DocumentBatch> {
  private readonly sink: Sink<DocumentBatch>;

  constructor(sink: Sink<DocumentBatch>) {
    this.sink = sink;
  }

  add(batch: DocumentBatch): void | Promise<void> {
    const rows = batch.rows.map((row) => ({ ...row, id: row.group ?? row.id }));
    return this.sink.add(new DocumentBatch(batch.buffer, batch.starts, batch.ends, rows));
  }

  finish(): Promise<void> {
    return this.sink.finish();
  }

  abandon(): Promise<void> {
    return this.sink.abandon();
  }
}

/** Groups that a cluster connects, by name; the smallest name stands for all of them. */
export class GroupForest {
  private readonly parents = new Map<string, string>();

  find(name: string): string {
    let root = name;
    for (let next = this.parents.get(root); next !== undefined; next = this.parents.get(root)) root = next;
    for (let at = name; at !== root; ) {
      const next = this.parents.get(at)!;
      this.parents.set(at, root);
      at = next;
    }
    return root;
  }

  union(a: string, b: string): void {
    const [first, second] = [this.find(a), this.find(b)].sort();
    if (first !== second) this.parents.set(second!, first!);
  }

  /** Name of each group that has another one's name now. */
  renamed(): Record<string, string> {
    return Object.fromEntries([...this.parents.keys()].sort().map((name) => [name, this.find(name)]));
  }
}

async function reduce(
  options: MinhashDedupOptions,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const { summary } = await minhashDedup.barrier.reduce(options, sides, context);
  const clusters = new ClusterReader(context.folder);
  const forest = new GroupForest();
  try {
    const first = new Map<number, string>();
    for (const { cluster, label } of clusters) {
      const name = nameOf(label.corpus, label.id);
      const other = first.get(cluster);
      if (other === undefined) first.set(cluster, name);
      else forest.union(other, name);
    }
  } finally {
    clusters.close();
  }
  const groups = forest.renamed();
  await writeJsonAtomic(join(context.folder, GROUPS_FILE), groups);
  const { documents, largestCluster } = summary;
  return {
    files: [GROUPS_FILE],
    summary: { documents, clusters: summary.clusters, largestCluster, joined: Object.keys(groups).length },
  };
}

async function openApply(context: StageContext & { readonly outcome: string }) {
  const path = join(context.outcome, GROUPS_FILE);
  const groups = new Map(Object.entries((await readJsonIfThere<Record<string, string>>(path)) ?? {}));
  // The group that gave its name keeps its members, which must carry the same name as those that joined.
  const roots = new Set(groups.values());
  return {
    process(batch: DocumentBatch): DocumentBatch {
      for (const row of batch.rows) {
        const name = nameOf(row.corpus, row.group ?? row.id);
        const joined = groups.get(name) ?? (roots.has(name) ? name : undefined);
        if (joined === undefined) continue;
        row.group = joined;
        context.count('joined documents');
      }
      return batch;
    },
  };
}

/**
 * Joins the groups (threads, runs of chapters, single documents) that near-duplicates connect, over corpora too, so
 * that `hold-out` keeps them on one side of the split. A joined group lies where the group that names it would.
 */
export const groupNearDuplicates = defineBarrier({
  kind: 'group-near-duplicates',
  summary: 'puts documents that resemble one another into one group, which hold-out keeps together',
  options: minhashDedupOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: {
    tap: async (options, context, path) =>
      new GroupTap(await minhashDedup.barrier.tap(options, context, path)),
    reduce,
    apply: (_options, context) => openApply(context),
  },
});
