import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { CancelledError, InputError } from '../core/errors.ts';
import { ensureFolder, writeFileAtomic, writeJsonAtomic } from '../core/files.ts';
import { bytes, count } from '../core/format.ts';
import { setOptions } from '../core/pipeline-file.ts';
import type { JobUnit } from '../execute/plan.ts';
import { TokenizerReportBuilder } from '../tokenize/report.ts';
import { TrainTokenizerOptions } from '../tokenize/steps/train-tokenizer.ts';
import { tokenizerFromJson } from '../tokenize/tokenizer.ts';
import { openTokenizers } from './open-tokenizer.ts';
import { ProgressView } from './progress-view.ts';
import {
  type CorpusOptions,
  type CorpusPiece,
  corpusPieces,
  Rejections,
  sampleCorpora,
} from './tokenizer-corpus.ts';
import { NO_TEXT, scratchFolder, trainOnPieces } from './tokenizer-training.ts';
import { fertilityLines, tokenLines } from './tokenizer-view.ts';
import type { TrainedFiles } from './tokenizer-worker.ts';

function trainingOptions(overrides: readonly string[]): z.output<typeof TrainTokenizerOptions> {
  return setOptions('train-tokenizer', TrainTokenizerOptions, overrides);
}

export interface TrainTokenizerCommandOptions extends CorpusOptions {
  readonly out: string;
  readonly set: readonly string[];
  readonly compare: readonly string[];
  readonly by?: string;
  readonly reportMegabytes: number;
  readonly workers?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const unit = (name: string) => ({ type: 'job', name }) as JobUnit;

/** Trains with progress on standard error; Ctrl-C leaves nothing behind. */
async function trainWithProgress(
  pieces: readonly CorpusPiece[],
  folder: string,
  options: TrainTokenizerCommandOptions,
  rejections: Rejections,
): Promise<TrainedFiles> {
  const settings = trainingOptions(options.set);
  const view = options.quiet || options.json ? undefined : new ProgressView(process.stderr);
  const aborter = new AbortController();
  const interrupt = (): void => aborter.abort();
  process.on('SIGINT', interrupt);
  const [counting, merging] = [unit('counting'), unit('merging')];
  const total = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
  let done = 0;
  let stage = counting;
  view?.unitStarted(counting, { runs: true, reasons: [] });
  try {
    return await trainOnPieces({
      options: settings,
      pieces,
      threads: options.workers ?? availableParallelism(),
      scratch: scratchFolder(folder),
      signal: aborter.signal,
      counting(more) {
        done += more;
        view?.progress(counting, { done, total, note: 'bytes' });
      },
      merging(merges, all) {
        if (stage === counting) {
          view?.stop();
          view?.unitStarted(merging, { runs: true, reasons: [] });
          stage = merging;
        }
        view?.progress(merging, { done: merges, total: all, note: 'merges' });
      },
      rejected: (reason) => rejections.add(reason),
    });
  } catch (error) {
    if (error instanceof InputError && error.message === NO_TEXT)
      throw new InputError(`${NO_TEXT}${rejections.blame(options.field)}`);
    throw error instanceof CancelledError ? new CancelledError('interrupted; nothing was written') : error;
  } finally {
    view?.stop();
    process.off('SIGINT', interrupt);
  }
}

/** `provender tokenizer train`: files or runs -> a folder with tokenizer.json and a report. */
export async function trainTokenizerCommand(
  sources: readonly string[],
  options: TrainTokenizerCommandOptions,
): Promise<number> {
  const others = await openTokenizers(options.compare);
  const pieces = await corpusPieces(sources, options);
  const folder = await ensureFolder(resolve(options.out));
  const rejections = new Rejections();
  const trained = await trainWithProgress(pieces, folder, options, rejections);
  const tokenizer = tokenizerFromJson(trained.files['tokenizer.json']!, 'the tokenizer just trained');
  const builder = new TokenizerReportBuilder(tokenizer, others);
  const sample =
    options.reportMegabytes > 0
      ? await sampleCorpora(pieces, options.reportMegabytes * 1e6, options.by, new Rejections())
      : [];
  for (const { corpus, utf8 } of sample) builder.add(corpus, utf8);
  const report = builder.result();
  for (const [name, content] of Object.entries(trained.files))
    await writeFileAtomic(join(folder, name), content);
  const { files: _, ...figures } = trained;
  const summary = { ...figures, rejected: Object.fromEntries(rejections.reasons), report };
  await writeJsonAtomic(join(folder, 'tokenizer-report.json'), summary);
  const warning = rejections.line();
  if (warning) process.stderr.write(`${warning}\n`);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ folder, ...summary })}\n`);
    return 0;
  }
  const { vocabularySize, merges, trainedOnBytes, distinctPreTokens } = trained;
  const lines = [
    `${count(vocabularySize)} tokens, ${count(merges)} merges, from ${bytes(trainedOnBytes)} (${count(distinctPreTokens)} distinct pre-tokens)`,
  ];
  if (sample.length > 0) {
    const measured = Object.entries(report.corpora).map(([name, corpora]) => ({
      name: name || 'this one',
      corpora,
    }));
    lines.push('', ...fertilityLines(measured), '', ...tokenLines(report));
  }
  process.stdout.write(`${lines.join('\n')}\n\ntokenizer: ${folder}\n`);
  return 0;
}
