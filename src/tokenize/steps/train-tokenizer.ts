import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { InputError, IntegrityError } from '../../core/errors.ts';
import { FileWriter, writeFileAtomic, writeJsonAtomic } from '../../core/files.ts';
import type { SideFile, Sink } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import type { CountRange } from '../count-file.ts';
import { PRE_TOKENIZER_NAMES } from '../pre-tokenizers.ts';
import { mergeCounts, PreTokenCounter, tokenizerFiles, tokenizerFromJson, trainBpe } from '../tokenizer.ts';

export const TrainTokenizerOptions = z.strictObject({
  vocabularySize: z
    .int()
    .min(257)
    .max(1 << 24)
    .default(32768)
    .describe('ids in all, special tokens and the 256 bytes included'),
  minFrequency: z.int().min(1).default(2).describe('a pair that comes less often is not merged'),
  preTokenizer: z.enum(PRE_TOKENIZER_NAMES).default('gpt2').describe('how text is cut before merging'),
  normalizer: z.enum(['none', 'nfc']).default('none').describe('Unicode normalization before cutting'),
  specialTokens: z
    .array(z.string().min(1))
    .default(['<|endoftext|>', '[PAD]', '[MASK]', '[CLS]', '[SEP]'])
    .describe('get the first ids; in a corpus they are plain text'),
  maxTokenLength: z.int().min(1).optional().describe('bytes of the longest token that a merge may make'),
  memoryMiB: z
    .int()
    .min(1)
    .default(512)
    .describe('memory a worker may use for counting before it spills to disk'),
});
type Options = z.infer<typeof TrainTokenizerOptions>;

/** A side file: magic, then counts files (tokenize/count-file.ts, which carry their own digests), each after its u64 length. */
const MAGIC = Buffer.from('PVCOUNT\x01', 'latin1');

class CountSink implements Sink<DocumentBatch> {
  private readonly file: FileWriter;
  private readonly counter: PreTokenCounter;

  constructor(path: string, options: Options) {
    this.file = new FileWriter(path);
    this.file.add(MAGIC);
    this.counter = new PreTokenCounter({
      preTokenizer: options.preTokenizer,
      normalizer: options.normalizer,
      memoryLimit: options.memoryMiB * 2 ** 20,
      onSpill: (counts) => this.put(counts),
    });
  }

  private put(counts: Uint8Array): void {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(counts.length));
    this.file.add(length);
    this.file.add(counts);
  }

  /** Held-out documents teach the tokenizer nothing. */
  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++)
      if (batch.rows[i]!.split === 'train') this.counter.add(batch.bytes(i));
  }

  async finish(): Promise<void> {
    this.put(this.counter.serialize());
    this.file.finish();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
  }
}

/** The counts files in the side files. */
function* countFiles(sides: readonly SideFile[]): Generator<CountRange> {
  for (const { path } of sides) {
    const file = openSync(path, 'r');
    try {
      const size = fstatSync(file).size;
      const head = Buffer.alloc(MAGIC.length);
      if (readSync(file, head, 0, head.length, 0) < head.length || !head.equals(MAGIC)) {
        throw new IntegrityError('not a file of pre-token counts', {
          file: path,
          offset: 0,
          expected: 'PVCOUNT version 1',
        });
      }
      const field = Buffer.alloc(8);
      for (let at = MAGIC.length; at < size; ) {
        const whole = readSync(file, field, 0, 8, at) === 8;
        const length = whole ? Number(field.readBigUInt64LE(0)) : Number.POSITIVE_INFINITY;
        if (at + 8 + length > size) {
          throw new IntegrityError('file of pre-token counts ends early', {
            file: path,
            offset: at,
            expected: `${length} bytes`,
            found: `${size - at}`,
          });
        }
        yield { path, start: at + 8, end: at + 8 + length };
        at += 8 + length;
      }
    } finally {
      closeSync(file);
    }
  }
}

export const trainTokenizer = defineBarrier({
  kind: 'train-tokenizer',
  summary: 'trains a byte-level BPE tokenizer on the training documents',
  options: TrainTokenizerOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: ['tokenizer'],
  barrier: {
    tapOptions: ['preTokenizer', 'normalizer'],
    tap: (options, _context, path) => new CountSink(path, options),
    async reduce(options, sides, context) {
      const counts = mergeCounts(countFiles(sides));
      if (counts.preTokens === 0)
        throw new InputError(
          'no text reached the tokenizer: every training document was dropped before it, or there was none',
        );
      const trained = trainBpe(counts, {
        ...options,
        onProgress: (done, total) => context.progress.report(done, total, 'merges'),
      });
      const files = tokenizerFiles(trained);
      const tokenizer = tokenizerFromJson(files['tokenizer.json']!, 'the tokenizer just trained');
      for (const [name, content] of Object.entries(files))
        await writeFileAtomic(join(context.folder, name), content);
      const lengths = trained.tokens.slice(options.specialTokens.length).map((token) => token.length);
      const summary = {
        vocabularySize: tokenizer.vocabularySize,
        merges: trained.merges.length / 2,
        digest: tokenizer.digest,
        trainedOnBytes: counts.bytes,
        distinctPreTokens: counts.size,
        longestToken: Math.max(...lengths),
      };
      if (tokenizer.vocabularySize < options.vocabularySize) {
        context.say(
          `the corpus gave only ${tokenizer.vocabularySize} of ${options.vocabularySize} tokens: no pair is left that comes ${options.minFrequency} times`,
        );
      }
      await writeJsonAtomic(join(context.folder, 'tokenizer-summary.json'), summary);
      return { files: [...Object.keys(files), 'tokenizer-summary.json'], summary };
    },
  },
});
