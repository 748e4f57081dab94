import { join } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { CancelledError, IntegrityError } from '../../core/errors.ts';
import { commitFile, FileWriter, temporaryName } from '../../core/files.ts';
import type { JobContext, JobOutcome, SideFile, Sink, Stage, StageContext } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { drop } from '../../core/verdict.ts';
import { foldedWords } from '../../dedup/twin.ts';
import { type NgramIndex, readNgramIndex } from '../decontamination/index-file.ts';
import { type Hit, NgramMatcher, overlapsOf } from '../decontamination/match.ts';
import { overlapShape } from '../decontamination/options.ts';
import {
  type ContaminatedDocument,
  linesOf,
  REPORT_FILE,
  readContamination,
} from '../decontamination/report.ts';
import { EVALUATION_INDEX } from './index-evaluation.ts';

const options = z.strictObject({
  mode: z
    .enum(['drop', 'mark'])
    .default('drop')
    .describe('drop contaminated documents, or only mark them with signals and metadata'),
  ...overlapShape,
  maxDocuments: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'an n-gram that more documents have is common speech and counts for nothing (GPT-3: 10); null: all count',
    ),
});
type Options = z.output<typeof options>;

/** A line of a side file: what a document shares with the index. */
interface SideHits {
  /** Number among the part's documents. */
  readonly document: number;
  readonly id: string;
  readonly corpus: string;
  readonly source: string;
  readonly split: string;
  readonly hits: readonly Hit[];
  /** [hits] the n-grams as they stand in the document, folded. */
  readonly texts: readonly string[];
}
/** First line of a side file: what it is, and of which index. */
interface SideHead {
  readonly format: 'provender contamination 1';
  readonly n: number;
  readonly ngrams: number;
}

const indexPath = (context: Pick<StageContext, 'artifact'>): string =>
  join(context.artifact('evaluation-index'), EVALUATION_INDEX);

const LONGEST_SHOWN = 1 << 24;

/** The n-grams as text. Characters are shown by the words that they stand among. */
function textsOf(index: NgramIndex, text: string, hits: readonly Hit[]): string[] {
  const { n, tokenization } = index.parts;
  // The words of a text of 200 MB would not fit into memory: its matches are reported without their text.
  const words = text.length > LONGEST_SHOWN ? [] : foldedWords(text);
  if (tokenization === 'characters') {
    const joined = words.join(' ');
    return hits.map(({ position }) => joined.slice(position, position + n));
  }
  return hits.map(({ position }) => words.slice(position, position + n).join(' '));
}

class HitSink implements Sink<DocumentBatch> {
  private readonly file: FileWriter;
  private readonly matcher: NgramMatcher;
  private readonly context: StageContext;
  private documents = 0;

  constructor(context: StageContext, path: string) {
    this.context = context;
    this.matcher = new NgramMatcher(readNgramIndex(indexPath(context)));
    this.file = new FileWriter(path);
    const { parts, ngrams } = this.matcher.index;
    this.put({ format: 'provender contamination 1', n: parts.n, ngrams } satisfies SideHead);
  }

  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const row = batch.rows[i]!;
      this.context.watch(row.ordinal);
      const hits = this.matcher.hits(batch.bytes(i));
      const document = this.documents++;
      if (hits.length === 0) continue;
      const { id, corpus, source, split } = row;
      const texts = textsOf(this.matcher.index, batch.text(i), hits);
      this.put({ document, id, corpus, source, split, hits, texts } satisfies SideHits);
    }
  }

  private put(line: SideHead | SideHits): void {
    this.file.add(Buffer.from(`${JSON.stringify(line)}\n`));
  }

  async finish(): Promise<void> {
    this.file.finish();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
  }
}

function* sideHits(side: SideFile, index: NgramIndex): Generator<SideHits> {
  let head: SideHead | undefined;
  for (const line of linesOf(side.path)) {
    if (head) {
      yield JSON.parse(line) as SideHits;
      continue;
    }
    head = JSON.parse(line) as SideHead;
    if (head.format !== 'provender contamination 1' || head.ngrams !== index.ngrams)
      throw new IntegrityError('not the hits of this index', {
        file: side.path,
        offset: 0,
        expected: `hits of an index of ${index.ngrams} n-grams`,
        found: line.slice(0, 80),
      });
  }
}

/** In how many documents each n-gram of the index stands. */
function documentCounts(index: NgramIndex, sides: readonly SideFile[]): Uint32Array {
  const counts = new Uint32Array(index.ngrams);
  for (const side of sides)
    for (const { hits } of sideHits(side, index)) for (const { ngram } of hits) counts[ngram]!++;
  return counts;
}

function lineOf(
  o: Options,
  index: NgramIndex,
  number: number,
  found: SideHits,
  counted: readonly Hit[],
): ContaminatedDocument {
  const { examples, sizes } = index.parts;
  const overlaps = overlapsOf(index, counted);
  const textAt = new Map(found.hits.map(({ position }, i) => [position, found.texts[i]!]));
  return {
    document: number,
    id: found.id,
    corpus: found.corpus,
    source: found.source,
    split: found.split,
    contaminated: overlaps.some(({ ngrams, share }) => ngrams >= o.minNgrams && share >= o.minShare),
    matches: overlaps.map(({ example, ngrams, position }) => ({
      set: examples[example]!.set,
      example: examples[example]!.name,
      ngrams,
      of: sizes[example]!,
      text: textAt.get(position)!,
    })),
  };
}

async function reduce(o: Options, sides: readonly SideFile[], context: JobContext): Promise<JobOutcome> {
  const index = readNgramIndex(indexPath(context));
  const counts = o.maxDocuments === null ? undefined : documentCounts(index, sides);
  const path = join(context.folder, REPORT_FILE);
  const temporary = temporaryName(path);
  const writer = new FileWriter(temporary);
  const sets = new Map<string, { documents: number; examples: Set<string> }>();
  let contaminated = 0;
  let heldOut = 0;
  let common = 0;
  counts?.forEach((count) => {
    if (count > o.maxDocuments!) common++;
  });
  try {
    for (const side of sides) {
      if (context.signal.aborted) throw new CancelledError();
      for (const found of sideHits(side, index)) {
        const counted = counts
          ? found.hits.filter(({ ngram }) => counts[ngram]! <= o.maxDocuments!)
          : found.hits;
        if (counted.length === 0) continue;
        const line = lineOf(o, index, side.firstDocument + found.document, found, counted);
        writer.add(Buffer.from(`${JSON.stringify(line)}\n`));
        if (!line.contaminated) continue;
        if (line.split !== 'train') heldOut++;
        else contaminated++;
        for (const set of new Set(line.matches.map((match) => match.set))) {
          const so = sets.get(set) ?? { documents: 0, examples: new Set() };
          so.documents++;
          for (const match of line.matches) if (match.set === set) so.examples.add(match.example);
          sets.set(set, so);
        }
      }
    }
    writer.finish();
  } finally {
    writer.abandon();
  }
  await commitFile(temporary, path);
  const bySet = [...sets].map(([set, so]) => [set, { documents: so.documents, examples: so.examples.size }]);
  return {
    files: [REPORT_FILE],
    summary: {
      contaminated,
      contaminatedHeldOut: heldOut,
      commonNgrams: common,
      sets: Object.fromEntries(bySet),
      report: REPORT_FILE,
    },
  };
}

/** Drops or marks what the report says; held-out documents are only marked. */
function applyReport(
  o: Options,
  context: StageContext & { readonly outcome: string; readonly firstDocument: number },
): Stage<DocumentBatch, DocumentBatch> {
  const found = new Map<number, ContaminatedDocument>();
  for (const line of readContamination(context.outcome)) found.set(line.document, line);
  return {
    process(batch) {
      const kept: number[] = [];
      for (let i = 0; i < batch.length; i++) {
        const row = batch.rows[i]!;
        const line = found.get(context.firstDocument + row.ordinal);
        const worst = line?.matches[0];
        if (line?.contaminated && row.split === 'train' && o.mode === 'drop') {
          context.refuse(
            batch,
            i,
            drop('contaminated', worst!.ngrams, o.minNgrams, `${worst!.set} ${worst!.example}`),
          );
          continue;
        }
        row.signals['decontaminate.ngrams'] = worst?.ngrams ?? 0;
        row.signals['decontaminate.share'] = worst ? worst.ngrams / worst.of : 0;
        if (line?.contaminated)
          row.metadata = { ...row.metadata, contaminatedBy: `${worst!.set} ${worst!.example}` };
        kept.push(i);
      }
      return kept.length === batch.length ? batch : batch.select(kept);
    },
  };
}

/**
 * Decontamination by n-grams that a document shares with an example of an evaluation set (Brown et al. 2020,
 * arXiv:2005.14165, appendix C; datatrove's NGramsDecontFilter). The report names every document, the examples that
 * it shares n-grams with, and the first shared one. Memory: the index (28 MB for a million n-grams), and the lines of
 * the report while documents stream again.
 */
export const decontaminate = defineBarrier({
  kind: 'decontaminate',
  summary: 'drops or marks documents that share n-grams with evaluation sets, and reports which',
  options,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: ['evaluation-index'],
  gives: [],
  barrier: {
    tapOptions: [],
    tap: (_options, context, path) => new HitSink(context, path),
    reduce,
    apply: applyReport,
  },
});
