import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../core/batch.ts';
import { CancelledError } from '../core/errors.ts';
import { ensureFolder } from '../core/files.ts';
import type { JobContext, JobOutcome, SideFile, Sink, StageContext } from '../core/stage.ts';
import { defineBarrier } from '../core/step.ts';
import { placeFile } from '../io/place-file.ts';
import { cut } from '../report/html.ts';
import { loadTokenizer, TokenBuffer, type Tokenizer } from '../tokenize/tokenizer.ts';
import { MeasureChain } from './measure-chain.ts';
import type { MeasuredStep } from './measured-step.ts';
import { EXCERPT_UNITS, SignalFileWriter } from './signal-file.ts';

const options = z.strictObject({
  steps: z.array(z.custom<MeasuredStep>()).describe('the filters whose signals are measured'),
  seed: z.int().describe('of the pipeline that they are of'),
  tokenizer: z.string().optional().describe('a tokenizer.json that counts tokens'),
});
type Options = z.output<typeof options>;

/** Metadata that may hold a document's language, as readers and language identification call it. */
const LANGUAGE_FIELDS = ['language', 'lang'] as const;

class SignalSink implements Sink<DocumentBatch> {
  private readonly file: SignalFileWriter;
  private readonly chain: MeasureChain;
  private readonly tokenizer: Tokenizer | undefined;
  private tokens = new TokenBuffer();

  constructor(path: string, steps: readonly MeasuredStep[], chain: MeasureChain, tokenizer?: Tokenizer) {
    this.file = new SignalFileWriter(path, steps);
    this.chain = chain;
    this.tokenizer = tokenizer;
  }

  async add(batch: DocumentBatch): Promise<void> {
    const { values, refusals, sizes, rows } = await this.chain.measure(batch);
    for (let i = 0; i < batch.length; i++) {
      const { id, corpus, source, start, end, split, metadata } = rows[i]!;
      const language = LANGUAGE_FIELDS.map((field) => metadata[field]).find((one) => typeof one === 'string');
      this.file.add({
        id,
        corpus,
        source,
        start,
        end,
        split,
        language: language as string | undefined,
        bytes: batch.size(i),
        tokens: this.count(batch.bytes(i)),
        excerpt: cut(batch.text(i), EXCERPT_UNITS).text,
        values: Array.from(values[i]!),
        refusals: refusals[i]!,
        sizes: sizes[i]!,
      });
    }
  }

  private count(utf8: Uint8Array): number | undefined {
    if (!this.tokenizer) return undefined;
    this.tokens.clear();
    return this.tokenizer.encodeInto(utf8, this.tokens);
  }

  async finish(): Promise<void> {
    this.file.finish();
    await this.chain.close();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
    await this.chain.close();
  }
}

async function tap(
  { steps, seed, tokenizer }: Options,
  context: StageContext,
  path: string,
): Promise<SignalSink> {
  const loaded =
    tokenizer === undefined ? undefined : await loadTokenizer(resolve(context.baseFolder, tokenizer));
  return new SignalSink(path, steps, await MeasureChain.open(steps, seed, context), loaded);
}

async function reduce(
  _options: Options,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const ordered = [...sides].sort((a, b) => a.partition - b.partition || a.part - b.part);
  await ensureFolder(context.folder);
  const files: string[] = [];
  let documents = 0;
  for (const side of ordered) {
    if (context.signal.aborted) throw new CancelledError();
    if (side.documents === 0) continue;
    const name = `signals-${String(files.length).padStart(5, '0')}.parquet`;
    await placeFile(side.path, join(context.folder, name));
    files.push(name);
    documents += side.documents;
  }
  return { files, summary: { documents } };
}

/** Measures the signals of filters without dropping anything, into Parquet: what `provender inspect` runs. */
export const measureStep = defineBarrier({
  kind: 'measure',
  summary: 'measures the signals of filters without dropping anything',
  module: import.meta.url,
  options,
  from: 'documents',
  to: 'nothing',
  needs: [],
  gives: [],
  files: ({ steps, tokenizer }) => [
    ...new Set([...steps.flatMap(({ files }) => files), ...(tokenizer === undefined ? [] : [tokenizer])]),
  ],
  barrier: { tap, reduce },
});
