import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { writeFileAtomic } from '../core/files.ts';
import { setOptions } from '../core/pipeline-file.ts';
import { type MinhashDedupOptions, minhashDedupOptions } from '../dedup/minhash-options.ts';
import { previewMinhash } from '../dedup/preview.ts';
import { dedupPreviewPage } from '../report/dedup-preview-page.ts';
import { previewLines } from './dedup-preview-view.ts';
import { sampleDocuments } from './dedup-sample.ts';
import { type CorpusOptions, Rejections } from './tokenizer-corpus.ts';

export interface PreviewCommandOptions extends CorpusOptions {
  readonly set: readonly string[];
  readonly sample: number;
  readonly megabytes: number;
  readonly documents?: number;
  readonly workers?: number;
  readonly seed: number;
  readonly out?: string;
  readonly json?: boolean;
}

function dedupOptions(overrides: readonly string[]): MinhashDedupOptions {
  return setOptions('minhash-dedup', minhashDedupOptions, overrides);
}

/** `provender dedup preview`: tries options on a sample; prints, and with `--out` draws, what they find. */
export async function dedupPreviewCommand(
  sources: readonly string[],
  options: PreviewCommandOptions,
): Promise<number> {
  const settings = dedupOptions(options.set);
  const rejections = new Rejections();
  const sample = await sampleDocuments(
    sources,
    options,
    { documents: options.sample, readBytes: options.megabytes * 1e6, seed: options.seed },
    rejections,
  );
  const warning = rejections.line();
  if (warning) process.stderr.write(`${warning}\n`);
  if (sample.documents.length < 2) throw new ConfigurationError('fewer than two documents to compare');
  const preview = previewMinhash(
    sample.documents.map(({ utf8 }) => utf8),
    settings,
    {
      documents: options.documents ?? sample.estimate,
      workers: options.workers ?? availableParallelism(),
      seed: options.seed,
    },
  );
  if (options.json) {
    const { documents, ...figures } = sample;
    const names = documents.map(({ name }) => name);
    process.stdout.write(`${JSON.stringify({ options: settings, sample: figures, names, ...preview })}\n`);
  } else process.stdout.write(`${previewLines(preview, sample).join('\n')}\n`);
  if (options.out !== undefined) {
    const path = resolve(options.out);
    await writeFileAtomic(path, dedupPreviewPage(preview, sample, settings));
    process.stderr.write(`page: ${path}\n`);
  }
  return 0;
}
