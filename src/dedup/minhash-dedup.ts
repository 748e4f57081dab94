import type { DocumentBatch } from '../core/batch.ts';
import type { JobContext, JobOutcome, SideFile, Sink, StageContext } from '../core/stage.ts';
import { defineBarrier } from '../core/step.ts';
import { BlockWriter, digestOf } from './block-file.ts';
import { type CandidateCounts, linkAll, linkVerified } from './candidates.ts';
import { type Similarity, writeClusters } from './clusters.ts';
import { blocksOf, FIRST_OWN_SECTION, META_SECTION, MetaBlock, type Side } from './document-columns.ts';
import { IndexedJob, type KeyFormat, namedIndex } from './indexed-job.ts';
import { KeySorter } from './key-sorter.ts';
import {
  type MinhashDedupOptions,
  type MinhashParameters,
  minhashDedupOptions,
  resolveMinhash,
} from './minhash-options.ts';
import { preferenceOf, prefersFirst } from './priority.ts';
import { removalStage } from './removal.ts';
import { ShingleSets } from './shingle-sets.ts';
import { Pace } from './side-files.ts';
import { BLOCK_DOCUMENTS, giveBack, type SignatureBuffers, takeBuffers } from './signature-buffers.ts';
import { Sketches } from './sketches.ts';

const KIND = 'minhash';
const SKETCH_SECTION = FIRST_OWN_SECTION;
const SHINGLE_SECTION = FIRST_OWN_SECTION + 1;
const BAND_SECTION = FIRST_OWN_SECTION + 16;
/** Words of shingle sets that end a block early: 16 MiB. */
const BLOCK_SHINGLES = 1 << 22;
const NO_KEY = 0xffffffff;

/** All options but those of the index, which the reduction alone reads. */
const TAP_OPTIONS = (Object.keys(minhashDedupOptions.shape) as (keyof MinhashDedupOptions)[]).filter(
  (name) => name !== 'index' && name !== 'keepIndex',
);

/** What the side files depend on, and of it what signatures and keys do. */
function formatOf(options: MinhashDedupOptions, parameters: MinhashParameters): KeyFormat {
  const { keep, dateField, signal, corpora } = options;
  const { minJaccard, ...signatures } = parameters;
  const keys = { kind: KIND, ...signatures, verify: minJaccard !== undefined };
  return {
    kind: KIND,
    sideDigest: digestOf({ ...keys, keep, dateField, signal, corpora }),
    parameters: digestOf(keys),
    keyWords: 2,
  };
}

/** Phase 1: signatures of the documents that stream past. */
class SignatureTap implements Sink<DocumentBatch> {
  private readonly parameters: MinhashParameters;
  private readonly preference: ReturnType<typeof preferenceOf>;
  private readonly context: StageContext;
  private readonly writer: BlockWriter;
  private readonly buffers: SignatureBuffers;
  private readonly setLengths = new Uint32Array(BLOCK_DOCUMENTS);
  private sets = new Uint32Array(1 << 16);
  private setWords = 0;

  constructor(options: MinhashDedupOptions, context: StageContext, path: string) {
    this.parameters = resolveMinhash(options);
    this.preference = preferenceOf(options);
    this.context = context;
    this.buffers = takeBuffers(this.parameters);
    this.writer = new BlockWriter(path, KIND, formatOf(options, this.parameters).sideDigest);
  }

  add(batch: DocumentBatch): void {
    const { columns } = this.buffers;
    for (let i = 0; i < batch.length; i++) {
      const row = batch.rows[i]!;
      this.context.watch(row.ordinal);
      this.addSignature(batch.bytes(i));
      columns.add(row, this.preference(row, batch.size(i)));
      if (columns.length === BLOCK_DOCUMENTS || this.setWords >= BLOCK_SHINGLES) this.flush();
    }
  }

  async finish(): Promise<void> {
    this.flush();
    await this.writer.finishBeside();
    giveBack(this.buffers);
  }

  async abandon(): Promise<void> {
    this.writer.abandon();
    giveBack(this.buffers);
  }

  private addSignature(text: Uint8Array): void {
    const { signer, keys, sketches, columns } = this.buffers;
    const { bands, minJaccard } = this.parameters;
    const verify = minJaccard !== undefined;
    const at = columns.length;
    const signed = signer.sign(text, verify);
    const own = signed ? signer.keys : undefined;
    for (let band = 0; band < bands; band++) {
      keys[band]![2 * at] = own ? own[2 * band]! : NO_KEY;
      keys[band]![2 * at + 1] = own ? own[2 * band + 1]! : NO_KEY;
    }
    const { permutations } = signer;
    if (!signed) this.context.count('without-signature');
    if (verify) this.addSet(at, signed ? signer.shingleSet() : new Uint32Array(0));
    else if (signed) sketches.set(signer.sketch, at * permutations);
    else sketches.fill(0, at * permutations, (at + 1) * permutations);
  }

  private addSet(at: number, set: Uint32Array): void {
    const need = this.setWords + set.length;
    if (need > this.sets.length) {
      const grown = new Uint32Array(Math.max(need, this.sets.length * 2));
      grown.set(this.sets.subarray(0, this.setWords));
      this.sets = grown;
    }
    this.sets.set(set, this.setWords);
    this.setLengths[at] = set.length;
    this.setWords = need;
  }

  private flush(): void {
    const { columns, keys, signer, sketches } = this.buffers;
    const n = columns.length;
    if (n === 0) return;
    const { writer } = this;
    columns.write(writer);
    if (this.parameters.minJaccard === undefined) {
      writer.write(SKETCH_SECTION, sketches.subarray(0, n * signer.permutations), n);
    } else {
      const block = new Uint32Array(n + this.setWords);
      block.set(this.setLengths.subarray(0, n));
      block.set(this.sets.subarray(0, this.setWords), n);
      writer.write(SHINGLE_SECTION, new Uint8Array(block.buffer), n);
      this.setWords = 0;
    }
    keys.forEach((column, band) => {
      writer.write(BAND_SECTION + band, new Uint8Array(column.buffer, 0, n * 8), n);
    });
    writer.commit(n);
  }
}

/** Phases 2 and 3: candidates band by band, clusters, and who stays. */
async function reduce(
  options: MinhashDedupOptions,
  files: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const parameters = resolveMinhash(options);
  const { bands, rows, minJaccard } = parameters;
  const verify = minJaccard !== undefined;
  const job = new IndexedJob(options, files, context, formatOf(options, parameters));
  try {
    const { sides, fresh } = job;
    const blocks = [...blocksOf(job.ownSides, META_SECTION)].length;
    const pace = new Pace(context, blocks * (bands + 2 + (verify ? 2 : 0)));
    const sets = verify
      ? await ShingleSets.open(sides, SHINGLE_SECTION, job.documents, fresh, pace)
      : undefined;
    const counts = await linkBands(job, parameters, sets, context.folder, pace);
    const sketches = sets ?? new Sketches(sides, SKETCH_SECTION, bands * rows);
    const similarity: Similarity = (a, b) => sketches.similarity(a, b);
    const clusters = await writeClusters(context.folder, job.members, job.forest, {
      earliest: prefersFirst(options),
      similarity,
      pace,
    });
    const { files: artifact, summary } = await job.finish();
    const { preset } = options;
    return {
      files: artifact,
      summary: { preset, bands, rows, minJaccard, ...clusters, ...counts, ...summary },
    };
  } finally {
    job.close();
  }
}

async function linkBands(
  job: IndexedJob,
  parameters: MinhashParameters,
  sets: ShingleSets | undefined,
  folder: string,
  pace: Pace,
): Promise<CandidateCounts & { withoutSignature: number }> {
  const counts: CandidateCounts = { candidatePairs: 0, verifiedPairs: 0, rejectedPairs: 0 };
  const { minJaccard } = parameters;
  const { forest, fresh } = job;
  const idHash = sets ? await idHashes(job.sides, job.documents, pace) : undefined;
  const sorter = new KeySorter(2, folder, fresh);
  let withoutSignature = 0;
  try {
    for (let band = 0; band < parameters.bands; band++) {
      for (const { side, entry, first } of blocksOf(job.ownSides, BAND_SECTION + band)) {
        const words = new Uint32Array(side.reader.read(entry).buffer);
        for (let i = 0; i < entry.count; i++) {
          if (words[2 * i] !== NO_KEY || words[2 * i + 1] !== NO_KEY) sorter.add(words, 2 * i, first + i);
          else if (band === 0) withoutSignature++;
        }
        await pace.step(`band ${band + 1} of ${parameters.bands}`);
      }
      job.groups(sorter, band, (group) => {
        if (!sets || !idHash || minJaccard === undefined) linkAll(group, forest, counts);
        else linkVerified(group, forest, counts, (a, b) => sets.atLeast(a, b, minJaccard), idHash, fresh);
      });
    }
  } finally {
    sorter.dispose();
  }
  return { ...counts, withoutSignature };
}

async function idHashes(sides: readonly Side[], documents: number, pace: Pace): Promise<Uint32Array> {
  const hashes = new Uint32Array(documents);
  for (const { side, entry, first } of blocksOf(sides, META_SECTION)) {
    const meta = new MetaBlock(side.reader.read(entry));
    for (let i = 0; i < meta.length; i++) hashes[first + i] = meta.idHigh(i);
    await pace.step('ids');
  }
  return hashes;
}

/** Removes documents that resemble another one: MinHash-LSH, after Broder (1997) and datatrove's four stages. */
export const minhashDedup = defineBarrier({
  kind: 'minhash-dedup',
  summary: 'removes documents that resemble another one (MinHash-LSH)',
  options: minhashDedupOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  files: (options, baseFolder) => namedIndex(options, KIND, baseFolder),
  barrier: {
    tapOptions: TAP_OPTIONS,
    tap: (options, context, path) => new SignatureTap(options, context, path),
    reduce,
    apply: (options, context) =>
      removalStage(context, {
        duplicate: 'near-duplicate',
        ofHeldOut: 'near-duplicate-of-held-out',
        similarity: true,
        threshold: resolveMinhash(options).minJaccard,
      }),
  },
});
