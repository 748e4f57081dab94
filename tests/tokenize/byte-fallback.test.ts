import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceJs } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import { PlainBpeEncoder } from '../../src/tokenize/bpe-plain.ts';
import { ByteFallbackTokenizer } from '../../src/tokenize/byte-fallback-tokenizer.ts';
import { ForeignTokenizer } from '../../src/tokenize/foreign-tokenizer.ts';
import { readByteFallback } from '../../src/tokenize/read-byte-fallback.ts';
import { type Tokenizer, tokenizerFromJson } from '../../src/tokenize/tokenizer.ts';
import { awkwardText, encoder, hasData, readDocuments, readText } from './helpers.ts';

const rust = createRequire(import.meta.url)('tokenizers');

const text = hasData
  ? `${readText('tinyshakespeare.txt').subarray(0, 60_000)}\n  Ἀθήνα  中文 日本語テキスト straße naïve   12\n`
  : 'the quick brown fox jumps over the lazy dog. the dog, the fox; 中文 12\n'.repeat(20);

/** Characters and merges as Hugging Face's BpeTrainer makes them with Metaspace, cut at spaces or not. */
function trainCharacters(split: boolean): { characters: string[]; merges: [string, string][] } {
  const folder = mkdtempSync(join(tmpdir(), 'provender-tokenize-'));
  try {
    writeFileSync(join(folder, 'text.txt'), text);
    const tokenizer = new rust.Tokenizer(rust.BPE.empty());
    tokenizer.setPreTokenizer(rust.metaspacePreTokenizer('\u2581', 'always', split));
    tokenizer.train([join(folder, 'text.txt')]);
    tokenizer.save(join(folder, 'tokenizer.json'));
    const { vocab, merges } = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')).model;
    return { characters: Object.keys(vocab).filter((name) => [...name].length === 1), merges };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Not in the vocabulary, though the text has them: they fall back on bytes. */
const LEFT_OUT = ['z', 'q', '文', 'ß', 'ï'];

interface Variant {
  normalizer?: object | null;
  preTokenizer?: object | null;
  decoder?: object;
  ignoreMerges?: boolean;
  cut?: boolean;
  /** An added token that is not special. */
  hasTool?: boolean;
}

const special = (id: number, content: string) => ({
  id,
  content,
  special: true,
  normalized: false,
  lstrip: false,
  rstrip: false,
  single_word: false,
});

function makeJson({
  normalizer,
  preTokenizer,
  decoder,
  ignoreMerges = false,
  cut = true,
  hasTool = false,
}: Variant) {
  const { characters, merges } = trainCharacters(cut);
  const names = ['<unk>', '<s>', '</s>'];
  for (let b = 0; b < 256; b++) names.push(`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`);
  const known = new Set(characters.filter((character) => !LEFT_OUT.includes(character)));
  const kept: [string, string][] = [];
  for (const [left, right] of merges) {
    if (kept.length === 1500) break;
    if (!known.has(left) || !known.has(right)) continue;
    kept.push([left, right]);
    known.add(left + right);
  }
  names.push(...[...known].sort((a, b) => b.length - a.length));
  // Rust gives an added token the next id, whatever the file says.
  const tool = hasTool ? [{ ...special(names.length, '<tool>'), special: false }] : [];
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };
  return {
    version: '1.0',
    added_tokens: [...['<unk>', '<s>', '</s>'].map((name, id) => special(id, name)), ...tool],
    normalizer:
      normalizer === undefined
        ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '\u2581' }, replace] }
        : normalizer,
    pre_tokenizer: preTokenizer ?? null,
    post_processor: null,
    decoder: decoder ?? {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
      merges: kept,
    },
  };
}

const metaspace = (prepend_scheme: string, split: boolean) => ({
  type: 'Metaspace',
  replacement: '\u2581',
  prepend_scheme,
  split,
});
const replaceOnly = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };

const VARIANTS: [string, Variant][] = [
  ['Llama 2: Prepend and Replace, nothing cut', {}],
  ['Llama 2 with tokens over spaces', { cut: false }],
  ['Mistral: Metaspace at the beginning only', { normalizer: null, preTokenizer: metaspace('first', false) }],
  ['Metaspace that cuts', { normalizer: null, preTokenizer: metaspace('always', true) }],
  ['Metaspace without a prefix', { normalizer: null, preTokenizer: metaspace('never', false) }],
  [
    'Gemma: Replace, and a Split with nothing left to do',
    {
      normalizer: replaceOnly,
      preTokenizer: {
        type: 'Split',
        pattern: { String: ' ' },
        behavior: 'MergedWithPrevious',
        invert: false,
      },
      hasTool: true,
    },
  ],
  ['ignore_merges', { ignoreMerges: true }],
  [
    'ignore_merges and Metaspace that cuts',
    { ignoreMerges: true, normalizer: null, preTokenizer: metaspace('first', true), hasTool: true },
  ],
];

/** Text of the vocabulary's own tokens: where shared data is missing there are fewer. */
const tokenSoup = (t: Tokenizer) =>
  fc
    .array(fc.integer({ min: 3 + 256, max: Math.min(3 + 256 + 1200, t.vocabularySize - 1) }), {
      maxLength: 12,
    })
    .map((ids) => Buffer.from(t.decodeBytes(ids)).toString());

const spacious = fc
  .array(fc.constantFrom(' ', '  ', '\u2581', 'the', 'zq', '文', '\n', '<tool>', '<0x41>', 'ß', '👍'), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));

describe.each(VARIANTS)('BPE with byte fallback, %s', (_, variant) => {
  const text = JSON.stringify(makeJson(variant));
  const ours = tokenizerFromJson(text, 'built');
  const theirs = rust.Tokenizer.fromString(text);
  const theirIds = async (one: string): Promise<number[]> =>
    (await theirs.encode(one, null, { addSpecialTokens: false })).getIds();

  it('encodes and decodes as tokenizers (Rust) does', async () => {
    expect(ours).toBeInstanceOf(ByteFallbackTokenizer);
    await fc.assert(
      fc.asyncProperty(fc.oneof(awkwardText, spacious, tokenSoup(ours)), async (one) => {
        fc.pre(!/<s>|<\/s>|<unk>/.test(one));
        const ids = await theirIds(one);
        expect([...ours.encode(one)]).toEqual(ids);
        expect(ours.decode(ids)).toBe(await theirs.decode(ids, false));
      }),
      { numRuns: 80 },
    );
    for (const one of hasData ? readDocuments('cc_en_head-0091.jsonl.gz').slice(0, 6) : [])
      expect([...ours.encode(one)]).toEqual(await theirIds(one));
  });

  it('encodes in the kernel as its twin does, bytes that are no UTF-8 too', () => {
    const json = JSON.parse(text);
    const twin = readByteFallback(
      json,
      'digest',
      'built',
      (forEncoder, whole) => new PlainBpeEncoder(forEncoder, whole),
    )!;
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      spacious.map((one) => encoder.encode(one)),
    );
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 4 }), (parts) => {
        const bytes = Buffer.concat(parts);
        expect([...ours.encode(bytes)]).toEqual([...twin.encode(bytes)]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('BPE with byte fallback', () => {
  const json = makeJson({});
  const ours = tokenizerFromJson(JSON.stringify(json), 'built');

  it('gives texts back, and bytes that are no UTF-8', () => {
    const withoutMetaspace = (one: string) => one.replaceAll('\u2581', '');
    fc.assert(
      fc.property(awkwardText.map(withoutMetaspace), (one) => {
        expect(ours.decode(ours.encode(one))).toBe(one);
      }),
      { numRuns: 200 },
    );
    const bytes = Uint8Array.of(0x20, 0xff, 0xe2, 0x96, 0x20, 0xc3);
    expect([...ours.decodeBytes(ours.encode(bytes))]).toEqual([...bytes]);
  });

  it('takes special tokens for text', () => {
    expect([...ours.encode('a</s>')]).not.toContain(2);
    expect(ours.decode([...ours.encode('a'), 2])).toBe('a</s>');
    expect(() => ours.tokenBytes(99_999)).toThrow(InputError);
  });

  it('encodes a megabyte in windows as in one piece', () => {
    const long = 'thou art a 文 fellow,  '.repeat(60_000);
    const ids = ours.encode(long);
    const some = [...ours.encode(long.slice(0, long.length / 4))];
    expect([...ids.subarray(0, some.length - 4)]).toEqual(some.slice(0, -4));
    expect(ours.decode(ids) === long).toBe(true);
  });

  it('leaves what it does not know to @huggingface/tokenizers, which falls back too', () => {
    const other = {
      ...json,
      normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKC' }, json.normalizer] },
    };
    const tokenizer = tokenizerFromJson(JSON.stringify(other), 'other');
    expect(tokenizer).toBeInstanceOf(ForeignTokenizer);
    const js = new HuggingFaceJs(JSON.parse(JSON.stringify(json)), {});
    for (const one of ['thou art', 'zebra 文', ' two  spaces'])
      expect([...ours.encode(one)]).toEqual(js.encode(one, { add_special_tokens: false }).ids);
    expect([...tokenizer.encode('thou')]).toEqual([...ours.encode('thou')]);
  });

  it.each([
    [
      'two tokens with one id',
      { ...json.model.vocab, zz: 300 },
      json.model.merges,
      /two entries.*the id 300/,
    ],
    ['a merge of a lost token', json.model.vocab, [['t', 'zzz']], /merges\[0\] names a token.*"zzz"/],
  ])('with %s says so', (_name, vocab, merges, message) => {
    const broken = { ...json, model: { ...json.model, vocab, merges } };
    expect(() => tokenizerFromJson(JSON.stringify(broken), 'bad.json')).toThrow(InputError);
    expect(() => tokenizerFromJson(JSON.stringify(broken), 'bad.json')).toThrow(message);
  });
});
