import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ResourceError } from '../core/errors.ts';
import type { JobContext, SideFile } from '../core/stage.ts';
import { CLUSTERS_FILE } from './cluster-file.ts';
import type { Members } from './clusters.ts';
import type { Side } from './document-columns.ts';
import { DedupIndex, findIndex, IndexWriter, indexFile } from './index-file.ts';
import type { KeySorter } from './key-sorter.ts';
import type { GroupVisitor } from './key-streams.ts';
import { closeSides, openSides } from './side-files.ts';
import { UnionFind } from './union-find.ts';

/** Options of a step that can be held against what earlier runs kept. */
export const indexOptions = {
  index: z
    .string()
    .optional()
    .describe(
      'The index that an earlier run kept (its directory, or the folder): what duplicates one of its documents is removed',
    ),
  keepIndex: z
    .boolean()
    .default(false)
    .describe('Keeps an index for later runs, with what `index` holds and the documents of this run'),
};
export interface IndexOptions {
  readonly index?: string | undefined;
  readonly keepIndex: boolean;
}

/** What the side files and the index of one kind of deduplication depend on. */
export interface KeyFormat {
  readonly kind: string;
  /** Of the side files of this run. */
  readonly sideDigest: Buffer;
  /** Of what an index's keys depend on: less than the side files do. */
  readonly parameters: Buffer;
  /** 32-bit words a key. */
  readonly keyWords: number;
}

export function namedIndex({ index }: IndexOptions, kind: string, baseFolder: string): string[] {
  return index === undefined ? [] : [indexFile(index, kind, baseFolder)];
}

/**
 * The global part of a deduplication: the side files of this run, the documents of a former index after them, and the
 * forest that joins both.
 */
export class IndexedJob {
  readonly sides: readonly Side[];
  /** Documents of this run; those of the index have the numbers from here on. */
  readonly fresh: number;
  /** Of both. */
  readonly documents: number;
  readonly forest: UnionFind;
  private readonly own: readonly Side[];
  private readonly format: KeyFormat;
  private readonly former: DedupIndex | undefined;
  private readonly writer: IndexWriter | undefined;
  private readonly removed: Uint8Array | undefined;

  /** @throws IntegrityError where a file is damaged; ConfigurationError where the index is none or of other options */
  constructor(options: IndexOptions, files: readonly SideFile[], context: JobContext, format: KeyFormat) {
    const { kind, parameters, keyWords } = format;
    this.format = format;
    const opened = openSides(files, kind, format.sideDigest);
    this.own = opened.sides;
    this.fresh = opened.documents;
    try {
      if (options.index !== undefined)
        this.former = new DedupIndex(findIndex(options.index, kind, context.baseFolder), kind, parameters);
      this.documents = this.fresh + (this.former?.documents ?? 0);
      requireCountable(this.documents);
      if (options.keepIndex) {
        const folder = join(context.folder, 'index');
        rmSync(folder, { recursive: true, force: true });
        this.writer = new IndexWriter(folder, kind, parameters, keyWords, this.former);
        this.removed = new Uint8Array(this.fresh);
      }
    } catch (error) {
      closeSides(this.own);
      this.former?.close();
      throw error;
    }
    const old = (this.former?.sides ?? []).map((side) => ({
      ...side,
      firstDocument: this.fresh + side.firstDocument,
    }));
    this.sides = [...this.own, ...old];
    this.forest = this.plant();
  }

  get members(): Members {
    return { sides: this.sides, fresh: this.fresh, stayed: this.former?.stayed, removed: this.removed };
  }

  /** Side files of this run alone: what must be sorted. */
  get ownSides(): readonly Side[] {
    return this.own;
  }

  /** Groups of documents with the same key of a band, at least one of them of this run. */
  groups(sorter: KeySorter, section: number, visit: GroupVisitor): void {
    const { former, writer, fresh } = this;
    writer?.begin(section);
    sorter.groups(
      (group) => {
        // Documents ascend: where the first is of the index, all are, and were compared by an earlier run.
        if (group[0]! < fresh) visit(group);
      },
      {
        others: former?.streams(section, this.format.keyWords, fresh) ?? [],
        ...(writer && { each: (words, at) => writer.add(words, at) }),
      },
    );
  }

  /** Completes the index, where one is kept, and gives the files of the artifact and what a summary tells of it. */
  async finish(): Promise<{ files: string[]; summary: Record<string, unknown> }> {
    const { former, writer, removed } = this;
    const files = [CLUSTERS_FILE];
    if (writer && removed)
      files.push(...(await writer.finish(this.own, this.format.sideDigest, this.forest, removed)));
    return { files, summary: former ? { indexDocuments: former.documents } : {} };
  }

  close(): void {
    this.writer?.abandon();
    this.former?.close();
    closeSides(this.own);
  }

  private plant(): UnionFind {
    const forest = new UnionFind(this.documents);
    const roots = this.former?.roots ?? [];
    for (let i = 0; i < roots.length; i++)
      if (roots[i] !== i) forest.union(this.fresh + i, this.fresh + roots[i]!);
    return forest;
  }
}

function requireCountable(documents: number): void {
  if (documents <= 0xffffffff) return;
  throw new ResourceError('deduplication counts documents in 32 bits', {
    expected: 'at most 4294967295 documents, those of the index included',
    found: `${documents}`,
  });
}
