import { hash } from 'node:crypto';
import { z } from 'zod';
import type { DocumentBatch, DocumentRow } from '../core/batch.ts';
import type { JobContext, JobOutcome, SideFile, Sink } from '../core/stage.ts';
import { defineBarrier } from '../core/step.ts';
import { BlockWriter, digestOf } from './block-file.ts';
import { writeClusters } from './clusters.ts';
import { blocksOf, DocumentColumns, FIRST_OWN_SECTION } from './document-columns.ts';
import { IndexedJob, indexOptions, type KeyFormat, namedIndex } from './indexed-job.ts';
import { KeySorter } from './key-sorter.ts';
import { preferenceOf, prefersFirst, priorityOptions } from './priority.ts';
import { removalStage } from './removal.ts';
import { Pace } from './side-files.ts';
import { normalizedDigest, urlKey } from './text-keys.ts';

const KIND = 'exact';
const DIGEST_SECTION = FIRST_OWN_SECTION;
const DIGEST_WORDS = 4;
/** Documents a block; a column of digests then has 512 KB. */
const BLOCK_DOCUMENTS = 1 << 15;

export const exactDedupOptions = z.strictObject({
  by: z
    .enum(['content', 'normalized-text', 'url', 'id'])
    .default('content')
    .describe(
      'What must be equal: the bytes of the text; the text without case, white space and punctuation; the URL; the id',
    ),
  urlField: z
    .string()
    .default('url')
    .describe('For `by: url`: the field of the metadata; without it the source, where that is a URL'),
  normalizeUrl: z
    .boolean()
    .default(true)
    .describe('For `by: url`: scheme, `www.`, fragment and a slash at the end make no difference'),
  ...priorityOptions,
  ...indexOptions,
});
export type ExactDedupOptions = z.infer<typeof exactDedupOptions>;

/** SHA-256 of what two copies have in common; undefined where a document has nothing to compare. */
function keyOf(batch: DocumentBatch, i: number, options: ExactDedupOptions): Buffer | undefined {
  const row = batch.rows[i]!;
  switch (options.by) {
    case 'content':
      return sha256(batch.bytes(i));
    case 'normalized-text':
      // Where no letter is left, only the same bytes are the same text.
      return normalizedDigest(batch.bytes(i)) ?? sha256(batch.bytes(i));
    case 'url': {
      const url = urlOf(row, options.urlField);
      return url === undefined ? undefined : sha256(options.normalizeUrl ? urlKey(url) : url);
    }
    case 'id':
      return sha256(row.id);
    default:
      return options.by satisfies never;
  }
}

function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

function urlOf(row: DocumentRow, field: string): string | undefined {
  const url = row.metadata[field];
  if (typeof url === 'string') return url;
  return /^https?:/i.test(row.source) ? row.source : undefined;
}

/** What the side files depend on, and of it what the keys do. */
function formatOf(options: ExactDedupOptions): KeyFormat {
  const { by, urlField, normalizeUrl, index: _, keepIndex: __, ...priority } = options;
  const keys = { by, ...(by === 'url' && { urlField, normalizeUrl }) };
  return {
    kind: KIND,
    sideDigest: digestOf({ kind: KIND, ...keys, ...priority }),
    parameters: digestOf({ kind: KIND, ...keys }),
    keyWords: DIGEST_WORDS,
  };
}

class ExactTap implements Sink<DocumentBatch> {
  private readonly options: ExactDedupOptions;
  private readonly preference: ReturnType<typeof preferenceOf>;
  private readonly writer: BlockWriter;
  private readonly columns = new DocumentColumns(BLOCK_DOCUMENTS);
  private readonly digests = new Uint32Array(BLOCK_DOCUMENTS * DIGEST_WORDS);

  constructor(options: ExactDedupOptions, path: string) {
    this.options = options;
    this.preference = preferenceOf(options);
    this.writer = new BlockWriter(path, KIND, formatOf(options).sideDigest);
  }

  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const row = batch.rows[i]!;
      const digest = keyOf(batch, i, this.options) ?? sha256(`\0${row.corpus}\0${row.id}`);
      const at = this.columns.length * DIGEST_WORDS;
      for (let w = 0; w < DIGEST_WORDS; w++) this.digests[at + w] = digest.readUInt32LE(w * 4);
      this.columns.add(row, this.preference(row, batch.size(i)));
      if (this.columns.length === BLOCK_DOCUMENTS) this.flush();
    }
  }

  async finish(): Promise<void> {
    this.flush();
    await this.writer.finishBeside();
  }

  async abandon(): Promise<void> {
    this.writer.abandon();
  }

  private flush(): void {
    const n = this.columns.length;
    if (n === 0) return;
    this.columns.write(this.writer);
    this.writer.write(DIGEST_SECTION, new Uint8Array(this.digests.buffer, 0, n * DIGEST_WORDS * 4), n);
    this.writer.commit(n);
  }
}

async function reduce(
  options: ExactDedupOptions,
  files: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const job = new IndexedJob(options, files, context, formatOf(options));
  const sorter = new KeySorter(DIGEST_WORDS, context.folder, job.fresh);
  try {
    const blocks = [...blocksOf(job.ownSides, DIGEST_SECTION)];
    const pace = new Pace(context, blocks.length * 3);
    for (const { side, entry, first } of blocks) {
      const words = new Uint32Array(side.reader.read(entry).buffer);
      for (let i = 0; i < entry.count; i++) sorter.add(words, i * DIGEST_WORDS, first + i);
      await pace.step('digests');
    }
    job.groups(sorter, 0, (group) => {
      for (let k = 1; k < group.length; k++) job.forest.union(group[0]!, group[k]!);
    });
    const clusters = await writeClusters(context.folder, job.members, job.forest, {
      earliest: prefersFirst(options),
      similarity: () => 1,
      pace,
    });
    const { files: artifact, summary } = await job.finish();
    return { files: artifact, summary: { by: options.by, ...clusters, ...summary } };
  } finally {
    sorter.dispose();
    job.close();
  }
}

/** Removes documents whose content, normalized text, URL or id another document has. */
export const exactDedup = defineBarrier({
  kind: 'exact-dedup',
  summary: 'removes documents that are equal to another one',
  options: exactDedupOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  files: (options, baseFolder) => namedIndex(options, KIND, baseFolder),
  barrier: {
    tapOptions: ['by', 'urlField', 'normalizeUrl', 'keep', 'dateField', 'signal', 'corpora'],
    tap: (options, _context, path) => new ExactTap(options, path),
    reduce,
    apply: (_options, context) =>
      removalStage(context, {
        duplicate: 'exact-duplicate',
        ofHeldOut: 'duplicate-of-held-out',
        similarity: false,
      }),
  },
});
