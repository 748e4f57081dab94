import { join } from 'node:path';
import { z } from 'zod';
import { type DocumentBatch, TokenBatch } from '../../core/batch.ts';
import { defineStage } from '../../core/step.ts';
import { SpecialTokenEncoder } from '../special-tokens.ts';
import { TokenBuffer } from '../token-buffer.ts';
import { loadTokenizer, type Tokenizer } from '../tokenizer.ts';

/** The ids of every document of a batch. With a plain tokenizer special tokens in a text are text, so none comes out. */
export function encodeBatch(
  tokenizer: Pick<Tokenizer, 'encodeInto'>,
  batch: DocumentBatch,
  watch: (ordinal: number) => void = () => {},
): TokenBatch {
  // English comes to about 4 bytes a token; the buffer grows where that is not enough.
  const out = new TokenBuffer(Math.ceil(batch.textBytes / 3) + 16);
  const offsets = new Uint32Array(batch.length + 1);
  for (let i = 0; i < batch.length; i++) {
    watch(batch.rows[i]!.ordinal);
    tokenizer.encodeInto(batch.bytes(i), out);
    offsets[i + 1] = out.length;
  }
  return new TokenBatch(batch, out.ids(), offsets);
}

const options = z.strictObject({
  specialTokens: z
    .enum(['text', 'tokens'])
    .default('text')
    .describe(
      "What a special token in a text is: text like any other, or, in a corpus whose documents are trusted, the token's id",
    ),
});

export const encodeStep = defineStage({
  kind: 'encode',
  summary: 'turns the text of each document into token ids',
  options,
  module: import.meta.url,
  from: 'documents',
  to: 'tokens',
  needs: ['tokenizer'],
  async open({ specialTokens }, context) {
    const loaded = await loadTokenizer(join(context.artifact('tokenizer'), 'tokenizer.json'));
    const tokenizer = specialTokens === 'tokens' ? new SpecialTokenEncoder(loaded) : loaded;
    return {
      process(batch) {
        const encoded = encodeBatch(tokenizer, batch, (ordinal) => context.watch(ordinal));
        context.count('tokens', encoded.tokens.length);
        return encoded;
      },
    };
  },
});
