import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRE_TOKENIZER_REGEX } from '../../src/tokenize/pre-tokenizers.ts';
import {
  specialTokensMapJson,
  type Tokenizer,
  tokenizerConfigJson,
  tokenizerFromJson,
  tokenizerFromTiktoken,
  tokenizerJson,
} from '../../src/tokenize/tokenizer.ts';
import { tokenizePython } from '../bench/peers.mjs';
import {
  awkwardText,
  DATA,
  hasData,
  readDocuments,
  readGptNeoJson,
  readText,
  trainOn,
} from '../tokenize/helpers.ts';

/** A Python with transformers, tokenizers and tiktoken: PROVENDER_PYTHON, or one that is made for it under .venv. */
const PYTHON = process.env.PROVENDER_PYTHON ?? tokenizePython() ?? '';
const has = (module: string) => PYTHON !== '' && spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;
const SEED = 20260731;

function ask(request: object) {
  const { status, stdout, stderr } = spawnSync(PYTHON, ['tests/interop/tokenize-oracle.py'], {
    input: JSON.stringify(request),
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

/** Every file of the shared data as text, 100,000 characters at a time. */
function* everyByte(): Generator<string> {
  if (!hasData) return;
  for (const entry of readdirSync(DATA, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    let bytes: Buffer = readFileSync(join(entry.parentPath, entry.name));
    if (bytes[0] === 0x1f && bytes[1] === 0x8b)
      bytes = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
    const text = bytes.toString('utf8');
    for (let at = 0; at < text.length; at += 100_000)
      yield Buffer.from(text.slice(at, at + 100_000)).toString();
  }
}

const realTexts = hasData
  ? [
      ...readDocuments('cc_en_head-0091.jsonl.gz'),
      readText('wikitext-2-valid.txt').toString(),
      readText('tinyshakespeare.txt').toString(),
    ]
  : [];
const soup = (t: Tokenizer) =>
  fc
    .array(fc.integer({ min: t.specialTokens.size, max: 256 + 500 }), { maxLength: 30 })
    .map((ids) => t.decode(ids));
const hostile = (t: Tokenizer, n: number) =>
  fc.sample(fc.oneof(awkwardText, soup(t)), { numRuns: n, seed: SEED });

const digestOf = (ids: ArrayLike<number>): string => {
  const { buffer } = Int32Array.from(ids);
  return createHash('sha256').update(new Uint8Array(buffer)).digest('hex');
};

/** Of all the shared data, the texts whose ids have another digest than the peer's. */
function differingDigests(texts: string[], ours: Tokenizer, theirs: string[]): string[] {
  return texts.filter((text, i) => digestOf(ours.encode(text)) !== theirs[i]);
}

/** Of two lists of ids by text, the texts that differ. */
function differing(texts: string[], ours: Tokenizer, theirs: number[][]): string[] {
  return texts.filter((text, i) => ours.encode(text).join() !== theirs[i]!.join());
}

describe.skipIf(!has('transformers'))('transformers', () => {
  it.each(['gpt2', 'cl100k', 'o200k'] as const)(
    'loads what training wrote with %s, and encodes the same ids',
    (preTokenizer) => {
      const folder = mkdtempSync(join(tmpdir(), 'provender-tokenize-'));
      try {
        const trained = trainOn(realTexts, {
          vocabularySize: 5000,
          preTokenizer,
          specialTokens: ['<|endoftext|>', '<|pad|>', '[MASK]'],
        });
        const json = tokenizerJson(trained);
        const ours = tokenizerFromJson(json, 'trained');
        writeFileSync(join(folder, 'tokenizer.json'), json);
        writeFileSync(join(folder, 'tokenizer_config.json'), tokenizerConfigJson(ours.specialTokens, 512));
        writeFileSync(join(folder, 'special_tokens_map.json'), specialTokensMapJson(ours.specialTokens));
        const texts = [...realTexts, ...hostile(ours, 2000)];
        const { ids, decoded, eos, pad, mask, length } = ask({ folder, texts });
        expect([eos, pad, mask, length]).toEqual([0, 1, 2, ours.vocabularySize]);
        expect(differing(texts, ours, ids)).toEqual([]);
        expect(decoded.filter((text: string, i: number) => text !== texts[i])).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

describe.skipIf(!has('tokenizers'))("Hugging Face's BpeTrainer", () => {
  const cases = [
    ['gpt2', { vocabularySize: 8000, minFrequency: 0, specialTokens: [], maxTokenLength: undefined }],
    [
      'gpt2',
      {
        vocabularySize: 20_000,
        minFrequency: 3,
        specialTokens: ['<|endoftext|>', '[MASK]'],
        maxTokenLength: undefined,
      },
    ],
    ['gpt2', { vocabularySize: 4000, minFrequency: 2, specialTokens: [], maxTokenLength: 6 }],
    [
      'o200k',
      { vocabularySize: 6000, minFrequency: 2, specialTokens: ['<|endoftext|>'], maxTokenLength: undefined },
    ],
    ['cl100k', { vocabularySize: 6000, minFrequency: 2, specialTokens: [], maxTokenLength: undefined }],
  ] as const;

  it.each(cases)('makes the same merges and ids with %s and %j', (preTokenizer, options) => {
    const regex = preTokenizer === 'gpt2' ? null : PRE_TOKENIZER_REGEX[preTokenizer];
    // BpeTrainer's cap is exclusive: a known difference, since ours is the longest length allowed.
    const maxTokenLength = options.maxTokenLength === undefined ? null : options.maxTokenLength + 1;
    const { merges, vocab } = ask({ texts: realTexts, train: { ...options, regex, maxTokenLength } });
    const trained = JSON.parse(tokenizerJson(trainOn(realTexts, { ...options, preTokenizer }))).model;
    expect(trained.merges).toEqual(merges);
    expect(trained.vocab).toEqual(vocab);
    expect(merges.length).toBeGreaterThan(2000);
  });
});

describe.skipIf(!has('tiktoken'))('tiktoken', () => {
  const tail = String.raw`|\s+(?!\S)|\s`;
  const patterns = {
    r50k: String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$${tail}`,
    cl100k: String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]${tail}`,
    o200k: PRE_TOKENIZER_REGEX.o200k,
  };
  it.each([
    ['r50k', 'gpt2'],
    ['cl100k', 'cl100k'],
    ['o200k', 'o200k'],
  ] as const)('encodes %s in the same ids', (name, preTokenizer) => {
    const ranks = `node_modules/gpt-tokenizer/data/${name}_base.tiktoken`;
    const ours = tokenizerFromTiktoken(
      readFileSync(ranks, 'utf8'),
      { preTokenizer, specialTokens: {} },
      ranks,
    );
    const everyCharacter: string[] = [];
    // Beyond the planes of CJK all is alike, and tiktoken takes a minute for it.
    for (let block = 0; block < 0x32000; block += 0x100) {
      let text = '';
      for (let c = block; c < block + 0x100; c++)
        if (c < 0xd800 || c > 0xdfff) text += `a${String.fromCodePoint(c)}'S 1`;
      everyCharacter.push(text);
    }
    const texts = [...realTexts, ...everyCharacter, ...hostile(ours, 3000)];
    const request = { ranks, pattern: patterns[name] };
    const { ids } = ask({ texts, tiktoken: request });
    expect(differing(texts, ours, ids)).toEqual([]);
    const all = [...everyByte()];
    const digests = ask({ texts: all, tiktoken: request, digest: true }).ids;
    expect(differingDigests(all, ours, digests)).toEqual([]);
    if (hasData) expect(all.length).toBeGreaterThan(100);
  });
});

describe.skipIf(!hasData)('every byte of the shared data', () => {
  it.each([
    ['r50k', 'gpt2'],
    ['cl100k', 'cl100k'],
    ['o200k', 'o200k'],
  ] as const)('is the same in %s of gpt-tokenizer', async (name, preTokenizer) => {
    const ranks = `node_modules/gpt-tokenizer/data/${name}_base.tiktoken`;
    const ours = tokenizerFromTiktoken(
      readFileSync(ranks, 'utf8'),
      { preTokenizer, specialTokens: {} },
      ranks,
    );
    const { encode } = await import(`gpt-tokenizer/encoding/${name}_base`);
    const plain = { allowedSpecial: new Set(), disallowedSpecial: new Set() };
    // JavaScript takes U+FEFF for white space, tiktoken does not: a known difference of gpt-tokenizer's.
    const texts = [...everyByte()].flatMap((text) => text.split('\ufeff'));
    const theirs = texts.map((text) => encode(text, plain) as number[]);
    expect(differing(texts, ours, theirs)).toEqual([]);
  });

  it.skipIf(!has('tokenizers'))('is the same in gpt-neo-tokenizer of tokenizers', () => {
    const folder = mkdtempSync(join(tmpdir(), 'provender-tokenize-'));
    try {
      const file = join(folder, 'gpt-neo.json');
      writeFileSync(file, readGptNeoJson());
      const ours = tokenizerFromJson(readGptNeoJson(), file);
      const special = [...ours.specialTokens.keys()];
      // The peer finds special tokens in a text; here they are text.
      const texts = [...everyByte()].filter((text) => !special.some((token) => text.includes(token)));
      const { ids } = ask({ texts, tokenizer: file, digest: true });
      expect(differingDigests(texts, ours, ids)).toEqual([]);
      expect(texts.length).toBeGreaterThan(100);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
