import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encode as gptEncode } from 'gpt-tokenizer/encoding/r50k_base';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigurationError, InputError } from '../../src/core/errors.ts';
import type { BpeTokenizer } from '../../src/tokenize/bpe-tokenizer.ts';
import {
  loadTokenizer,
  specialTokensMapJson,
  tokenizerConfigJson,
  tokenizerFromJson,
  tokenizerFromTiktoken,
  tokenizerJson,
} from '../../src/tokenize/tokenizer.ts';
import { vocabularyJson } from '../../src/tokenize/write-json.ts';
import { hasData, readText, trainOn } from './helpers.ts';

const folder = mkdtempSync(join(tmpdir(), 'provender-tokenize-'));
afterAll(() => rmSync(folder, { recursive: true }));

const json = tokenizerJson(
  trainOn(['hello hello'], { vocabularySize: 300, specialTokens: ['<|endoftext|>', '<|pad|>', '[MASK]'] }),
);

describe('a tokenizer.json on disk', () => {
  it.each([
    ['plain', json],
    ['gzipped', gzipSync(json)],
  ])('is read %s, with its digest', async (name, content) => {
    const path = join(folder, `${name}.json`);
    writeFileSync(path, content);
    const tokenizer = await loadTokenizer(path);
    expect(tokenizer.digest).toBe(createHash('sha256').update(json).digest('hex'));
    expect(tokenizer.decode(tokenizer.encode('hello'))).toBe('hello');
  });

  it('that is missing, cut off or not UTF-8 gets an error that names it', async () => {
    await expect(loadTokenizer(join(folder, 'nowhere.json'))).rejects.toThrow(/nowhere\.json: no such file/);
    writeFileSync(join(folder, 'cut.json'), gzipSync(json).subarray(0, 400));
    await expect(loadTokenizer(join(folder, 'cut.json'))).rejects.toThrow(InputError);
    writeFileSync(join(folder, 'latin.json'), Uint8Array.of(0x22, 0xe9, 0x22));
    await expect(loadTokenizer(join(folder, 'latin.json'))).rejects.toThrow(/latin\.json: .*UTF-8/);
  });

  it('is written again as it was', () => {
    const { vocabulary } = tokenizerFromJson(json, 'json') as BpeTokenizer;
    expect(vocabularyJson(vocabulary)).toBe(json);
  });

  it('has its special tokens named for transformers', () => {
    const { specialTokens } = tokenizerFromJson(json, 'json');
    const roles = {
      bos_token: '<|endoftext|>',
      eos_token: '<|endoftext|>',
      pad_token: '<|pad|>',
      mask_token: '[MASK]',
    };
    expect(JSON.parse(specialTokensMapJson(specialTokens))).toEqual(roles);
    expect(JSON.parse(tokenizerConfigJson(specialTokens, 512))).toEqual({
      tokenizer_class: 'PreTrainedTokenizerFast',
      clean_up_tokenization_spaces: false,
      model_max_length: 512,
      ...roles,
    });
  });
});

describe('a tiktoken rank file', () => {
  const bytes = Array.from({ length: 256 }, (_, b) => `${Buffer.of(b).toString('base64')} ${b}`);
  const options = { preTokenizer: 'gpt2', specialTokens: { '<|endoftext|>': 300 } } as const;
  const line = (text: string, rank: number) => `${Buffer.from(text).toString('base64')} ${rank}`;

  it.skipIf(!hasData)('encodes as gpt-tokenizer does', () => {
    const ranks = readFileSync('node_modules/gpt-tokenizer/data/r50k_base.tiktoken', 'utf8');
    const tokenizer = tokenizerFromTiktoken(
      ranks,
      { preTokenizer: 'gpt2', specialTokens: { '<|endoftext|>': 50_256 } },
      'r50k',
    );
    expect([tokenizer.vocabularySize, tokenizer.endOfText]).toEqual([50_257, 50_256]);
    const text = readText('wikitext-2-valid.txt').subarray(0, 300_000).toString();
    expect([...tokenizer.encode(text)]).toEqual(gptEncode(text, { disallowedSpecial: new Set() }));
  });

  it('takes a whole token before it merges, and merges whatever makes a token', () => {
    const file = [...bytes, line('bc', 256), line('abc', 257), line('xabc', 260)].join('\n');
    const tokenizer = tokenizerFromTiktoken(file, options, 'ranks');
    expect([...tokenizer.encode('abc abcd xabc')]).toEqual([257, 32, 257, 100, 32, 260]);
    expect(tokenizer.vocabularySize).toBe(301);
    expect(() => tokenizer.tokenBytes(258)).toThrow(InputError);
    const again = tokenizerFromJson(vocabularyJson((tokenizer as BpeTokenizer).vocabulary), 'again');
    expect(again.digest).toBe(tokenizer.digest);
    expect([...again.encode('abc abcd xabc')]).toEqual([257, 32, 257, 100, 32, 260]);
  });

  it.each([
    [[...bytes, 'abc'], /ranks, record 257: not a line of a rank file.*found "abc"/],
    [[...bytes, `!!!! 256`], /not a line/],
    [[...bytes, line('xy', 4)], /record 257: a token or a rank comes twice/],
    [[...bytes, line('a', 400)], /comes twice/],
    [bytes.slice(1), /lack a byte; found no 0x0/],
  ])('that is damaged says so (%#)', (lines, message) => {
    expect(() => tokenizerFromTiktoken(lines.join('\n'), options, 'ranks')).toThrow(InputError);
    expect(() => tokenizerFromTiktoken(lines.join('\n'), options, 'ranks')).toThrow(message);
  });

  it('refuses a special token on a taken id', () => {
    const taken = { preTokenizer: 'gpt2', specialTokens: { '<x>': 65 } } as const;
    expect(() => tokenizerFromTiktoken(bytes.join('\n'), taken, 'ranks')).toThrow(ConfigurationError);
  });
});
