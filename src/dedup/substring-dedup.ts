import { resolve } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../core/batch.ts';
import { InputError } from '../core/errors.ts';
import type { JobContext, JobOutcome, SideFile, Sink } from '../core/stage.ts';
import { defineBarrier } from '../core/step.ts';
import { loadTokenizer, type Tokenizer } from '../tokenize/tokenizer.ts';
import { digestOf } from './block-file.ts';
import { orderDocuments } from './document-order.ts';
import { RepeatFinder } from './find-repeats.ts';
import { preferenceOf, priorityOptions } from './priority.ts';
import { closeSides, openSides, Pace } from './side-files.ts';
import { countMetaBlocks, countTextBlocks, SideTextWriter } from './side-texts.ts';
import { SPANS_FILE, SpanWriter } from './span-file.ts';
import { spanRemovalOptions, spanRemovalStage, type ToBytes } from './span-removal.ts';

const KIND = 'substring-dedup';

export const substringDedupOptions = z.strictObject({
  minLength: z
    .int()
    .min(4)
    .max(1 << 20)
    .optional()
    .describe('The shortest repeat. Default: 200 bytes; with `tokenizer` 50 tokens (as Lee et al. 2022)'),
  tokenizer: z
    .string()
    .optional()
    .describe('A tokenizer.json, relative to the pipeline file: what repeats is then tokens'),
  copies: z
    .enum(['keep-first', 'remove-all'])
    .default('keep-first')
    .describe('Whether one occurrence stays, in the document that `keep` prefers, or none'),
  withinDocument: z.boolean().default(true).describe('Whether a repeat inside one document counts'),
  ...spanRemovalOptions,
  ...priorityOptions,
  memoryMiB: z
    .int()
    .min(1)
    .max(3072)
    .default(1024)
    .describe('Memory for the table of windows; less of it means more passes, and the same outcome'),
});
export type SubstringDedupOptions = z.infer<typeof substringDedupOptions>;

function sideDigest(options: SubstringDedupOptions): Buffer {
  const { tokenizer, keep, signal, corpora } = options;
  return digestOf({ kind: KIND, tokenizer, keep, signal, corpora });
}

/** Ids of a text, and the byte at which each token begins. */
class TokenMap {
  private readonly tokenizer: Tokenizer;
  private readonly lengths = new Map<number, number>();
  private readonly file: string;

  constructor(tokenizer: Tokenizer, file: string) {
    this.tokenizer = tokenizer;
    this.file = file;
  }

  /** @throws InputError where the tokens are not the text */
  encode(text: Uint8Array): Uint32Array {
    const ids = this.tokenizer.encode(text);
    const end = this.starts(ids).at(-1)!;
    if (end !== text.length) {
      throw new InputError(
        'the tokenizer does not give back every byte, so its tokens have no place in the text',
        {
          file: this.file,
          expected: `${text.length} bytes`,
          found: `${end}`,
        },
      );
    }
    return ids;
  }

  /** [ids + 1] */
  starts(ids: Uint32Array): Float64Array {
    const starts = new Float64Array(ids.length + 1);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      let length = this.lengths.get(id);
      if (length === undefined) {
        length = this.tokenizer.tokenBytes(id).length;
        this.lengths.set(id, length);
      }
      starts[i + 1] = starts[i]! + length;
    }
    return starts;
  }
}

async function openTokenMap(
  options: SubstringDedupOptions,
  baseFolder: string,
): Promise<TokenMap | undefined> {
  if (options.tokenizer === undefined) return undefined;
  const path = resolve(baseFolder, options.tokenizer);
  return new TokenMap(await loadTokenizer(path), path);
}

class TextTap implements Sink<DocumentBatch> {
  private readonly preference: ReturnType<typeof preferenceOf>;
  private readonly writer: SideTextWriter;
  private readonly tokens: TokenMap | undefined;

  constructor(options: SubstringDedupOptions, path: string, tokens: TokenMap | undefined) {
    this.preference = preferenceOf(options);
    this.writer = new SideTextWriter(path, KIND, sideDigest(options), tokens ? 4 : 1);
    this.tokens = tokens;
  }

  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const row = batch.rows[i]!;
      let text = batch.bytes(i);
      if (this.tokens) {
        const ids = this.tokens.encode(text);
        text = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
      }
      this.writer.add(row, this.preference(row, batch.size(i)), text);
    }
  }

  async finish(): Promise<void> {
    await this.writer.finish();
  }

  async abandon(): Promise<void> {
    this.writer.abandon();
  }
}

async function reduce(
  options: SubstringDedupOptions,
  files: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const { sides, documents } = openSides(files, KIND, sideDigest(options));
  try {
    const pace = new Pace(context, countMetaBlocks(sides) + 2 * countTextBlocks(sides));
    const order = await orderDocuments(sides, documents, options.keep === 'earliest', pace);
    const symbolBytes = options.tokenizer === undefined ? 1 : 4;
    const finder = new RepeatFinder(
      sides,
      order,
      {
        length: options.minLength ?? (symbolBytes === 1 ? 200 : 50),
        symbolBytes,
        keepCopies: options.copies === 'keep-first' ? 'first' : 'none',
        withinDocument: options.withinDocument,
        memory: options.memoryMiB * 2 ** 20,
      },
      { folder: context.folder, random: context.random.split('bases'), pace },
    );
    try {
      await finder.find();
      const summary = await writeSpans(finder, context.folder);
      const { symbols, ...counts } = finder.counts;
      return {
        files: [SPANS_FILE],
        summary: { documents, [symbolBytes === 1 ? 'bytes' : 'tokens']: symbols, ...counts, ...summary },
      };
    } finally {
      finder.dispose();
    }
  } finally {
    closeSides(sides);
  }
}

async function writeSpans(finder: RepeatFinder, folder: string): Promise<Readonly<Record<string, number>>> {
  const writer = new SpanWriter(folder);
  let covered = 0;
  try {
    for (const { document, bounds, inHeldOut } of finder.ranges()) {
      for (let i = 0; i < bounds.length; i += 2) covered += bounds[i + 1]! - bounds[i]!;
      writer.add(document, bounds, inHeldOut);
    }
    writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  }
  return { documentsWithSpans: writer.documents, spans: writer.spans, covered };
}

function tokensToBytes(tokens: TokenMap): ToBytes {
  return (text, spans) => {
    const starts = tokens.starts(tokens.encode(text));
    const at = (token: number): number => starts[token]!;
    return { ...spans, starts: spans.starts.map(at), ends: spans.ends.map(at) };
  };
}

/** Removes stretches of text that occur elsewhere too, byte for byte or token for token (Lee et al. 2022). */
export const substringDedup = defineBarrier({
  kind: KIND,
  summary: 'removes stretches of bytes or tokens that occur elsewhere too, or the documents that have them',
  options: substringDedupOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  files: ({ tokenizer }) => (tokenizer === undefined ? [] : [tokenizer]),
  barrier: {
    tapOptions: ['tokenizer', 'keep', 'signal', 'corpora'],
    tap: async (options, context, path) =>
      new TextTap(options, path, await openTokenMap(options, context.baseFolder)),
    reduce,
    apply: async (options, context) => {
      const tokens = await openTokenMap(options, context.baseFolder);
      return spanRemovalStage(KIND, options, context, tokens && tokensToBytes(tokens));
    },
  },
});
