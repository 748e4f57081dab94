import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DocumentBatch, type TokenBatch } from '../../src/core/batch.ts';
import { sha256 } from '../../src/core/hash.ts';
import type { JobContext, StageContext } from '../../src/core/stage.ts';
import { encodeStep } from '../../src/tokenize/steps/encode.ts';
import { LoadTokenizerOptions, loadTokenizerStep } from '../../src/tokenize/steps/load-tokenizer.ts';
import { loadTokenizer, tokenizerJson } from '../../src/tokenize/tokenizer.ts';
import { trainOn } from './helpers.ts';

const RANKS = 'node_modules/gpt-tokenizer/data/r50k_base.tiktoken';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-load-'));
});
afterEach(() => rm(folder, { recursive: true }));

const load = (options: Record<string, unknown>) =>
  loadTokenizerStep.run(LoadTokenizerOptions.parse(options), {
    folder,
    baseFolder: process.cwd(),
  } as JobContext);

describe('load-tokenizer', () => {
  it("takes one of tiktoken's own rank files, and writes what transformers loads", async () => {
    const outcome = await load({ file: RANKS });
    expect(outcome.files).toEqual(['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']);
    const tokenizer = await loadTokenizer(join(folder, 'tokenizer.json'));
    expect([tokenizer.vocabularySize, tokenizer.endOfText]).toEqual([50257, 50256]);
    const { encode } = await import('gpt-tokenizer/encoding/r50k_base');
    const text = readFileSync('README.md', 'utf8');
    expect([...tokenizer.encode(text)]).toEqual(encode(text));
    expect(JSON.parse(readFileSync(join(folder, 'special_tokens_map.json'), 'utf8'))).toEqual({
      bos_token: '<|endoftext|>',
      eos_token: '<|endoftext|>',
    });
    expect(outcome.summary).toMatchObject({ vocabularySize: 50257, digest: tokenizer.digest });
  }, 20_000);

  it('asks how the text of other rank files is cut', async () => {
    const file = join(folder, 'other.tiktoken');
    copyFileSync(RANKS, file);
    await expect(load({ file })).rejects.toThrow('a rank file does not say how text is cut');
    await load({ file, preTokenizer: 'o200k', specialTokens: { '[MASK]': 50256 } });
    const tokenizer = await loadTokenizer(join(folder, 'tokenizer.json'));
    expect([...tokenizer.specialTokens]).toEqual([['[MASK]', 50256]]);
    expect(tokenizer.decode(tokenizer.encode('1234'))).toBe('1234');
  });

  it('refuses a file with another digest, and options that a tokenizer.json answers itself', async () => {
    const file = join(folder, 'mine.json');
    const json = tokenizerJson(trainOn(['some text'], { vocabularySize: 260 }));
    writeFileSync(file, json);
    await load({ file, sha256: sha256(json) });
    expect(readFileSync(join(folder, 'tokenizer.json'), 'utf8')).toBe(json);
    await expect(load({ file, sha256: sha256('other') })).rejects.toThrow(
      'another file than the pipeline wants',
    );
    await expect(load({ file, preTokenizer: 'gpt2' })).rejects.toThrow('has its own preTokenizer');
  });
});

describe('encode', () => {
  it('takes special tokens in a text for text unless it is told to trust the corpus', async () => {
    const json = tokenizerJson(
      trainOn(['some text'], { vocabularySize: 260, specialTokens: ['<|endoftext|>'] }),
    );
    writeFileSync(join(folder, 'tokenizer.json'), json);
    const context = { artifact: () => folder, count: () => {}, watch: () => {} };
    const ids = async (options: unknown): Promise<number[]> => {
      const parsed = encodeStep.options.parse(options) as { specialTokens: 'text' | 'tokens' };
      const stage = await encodeStep.open(parsed, context as unknown as StageContext);
      const row = { id: 'a', corpus: 'c', source: 's', start: 0, end: 1 };
      const batch = DocumentBatch.from([{ ...row, text: 'a<|endoftext|>b' }]);
      return [...((await stage.process(batch)) as TokenBatch).tokens];
    };
    expect(await ids({})).not.toContain(0);
    const trusted = await ids({ specialTokens: 'tokens' });
    expect([trusted.length, trusted[1]]).toEqual([3, 0]);
  });
});
