import { join } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { IntegrityError } from '../../core/errors.ts';
import { FileWriter } from '../../core/files.ts';
import type { JobContext, JobOutcome, SideFile, Sink, Stage, StageContext } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { drop } from '../../core/verdict.ts';
import { NgramIndexBuilder } from '../decontamination/build.ts';
import { readNgramIndex, writeNgramIndex } from '../decontamination/index-file.ts';
import { NgramMatcher, overlapsOf } from '../decontamination/match.ts';
import { NgramHasher } from '../decontamination/ngrams.ts';
import { ngramShape, overlapShape, resolveNgrams } from '../decontamination/options.ts';
import { linesOf } from '../decontamination/report.ts';

const INDEX_FILE = 'held-out.ngrams';

const options = z.strictObject({ ...ngramShape, ...overlapShape });
type Options = z.output<typeof options>;

/** A line of a side file: a held-out document and its n-grams, 16 hexadecimal digits each, the low word first. */
interface HeldOutLine {
  readonly corpus: string;
  readonly id: string;
  readonly ngrams: string;
}

class HeldOutSink implements Sink<DocumentBatch> {
  private readonly file: FileWriter;
  private readonly hasher: NgramHasher;

  constructor(o: Options, path: string) {
    const { n, tokenization } = resolveNgrams(o);
    this.hasher = new NgramHasher(n, tokenization);
    this.file = new FileWriter(path);
  }

  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const { corpus, id, split } = batch.rows[i]!;
      if (split === 'train') continue;
      const runs: string[] = [];
      this.hasher.run(batch.bytes(i), (words) => {
        runs.push(Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString('hex'));
      });
      const line: HeldOutLine = { corpus, id, ngrams: runs.join('') };
      this.file.add(Buffer.from(`${JSON.stringify(line)}\n`));
    }
  }

  async finish(): Promise<void> {
    this.file.finish();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
  }
}

async function reduce(o: Options, sides: readonly SideFile[], context: JobContext): Promise<JobOutcome> {
  const { n, tokenization } = resolveNgrams(o);
  const builder = new NgramIndexBuilder(n, tokenization);
  for (const side of sides) {
    for (const line of linesOf(side.path)) {
      const { corpus, id, ngrams } = JSON.parse(line) as HeldOutLine;
      if (ngrams.length % 16 !== 0)
        throw new IntegrityError('damaged n-grams of held-out documents', {
          file: side.path,
          expected: '16 digits each',
          found: `${ngrams.length} digits for ${id}`,
        });
      const words = new Uint32Array(Uint8Array.from(Buffer.from(ngrams, 'hex')).buffer);
      builder.addHashed({ set: corpus, name: id }, words);
    }
  }
  if (builder.length === 0) context.say("no document is held out: put 'hold-out' before 'held-out-overlap'");
  const index = builder.finish();
  await writeNgramIndex(join(context.folder, INDEX_FILE), index.parts);
  const { ngrams, bytesInMemory } = index;
  const { length: heldOut, shortExamples } = builder;
  return { files: [INDEX_FILE], summary: { n, tokenization, heldOut, shortExamples, ngrams, bytesInMemory } };
}

function dropOverlapping(
  o: Options,
  context: StageContext & { readonly outcome: string },
): Stage<DocumentBatch, DocumentBatch> {
  const matcher = new NgramMatcher(readNgramIndex(join(context.outcome, INDEX_FILE)));
  const { examples } = matcher.index.parts;
  return {
    process(batch) {
      const kept: number[] = [];
      for (let i = 0; i < batch.length; i++) {
        const row = batch.rows[i]!;
        if (row.split !== 'train') {
          kept.push(i);
          continue;
        }
        context.watch(row.ordinal);
        const overlaps = overlapsOf(matcher.index, matcher.hits(batch.bytes(i)));
        const worst = overlaps.find(({ ngrams, share }) => ngrams >= o.minNgrams && share >= o.minShare);
        if (worst) {
          const { set, name } = examples[worst.example]!;
          context.refuse(batch, i, drop('overlaps-held-out', worst.ngrams, o.minNgrams, `${set} ${name}`));
          continue;
        }
        row.signals['held-out-overlap.ngrams'] = overlaps[0]?.ngrams ?? 0;
        row.signals['held-out-overlap.share'] = overlaps[0]?.share ?? 0;
        kept.push(i);
      }
      return kept.length === batch.length ? batch : batch.select(kept);
    },
  };
}

/**
 * The same as `decontaminate`, held against the run's own held-out documents: what a model is measured on must not
 * stand in what it is trained on, not even a passage. Memory: the index of the held-out n-grams, 28 bytes each.
 */
export const heldOutOverlap = defineBarrier({
  kind: 'held-out-overlap',
  summary: 'drops training documents that share n-grams with held-out documents',
  options,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: {
    tapOptions: ['preset', 'n', 'tokenization'],
    tap: (o, _context, path) => new HeldOutSink(o, path),
    reduce,
    apply: dropOverlapping,
  },
});
