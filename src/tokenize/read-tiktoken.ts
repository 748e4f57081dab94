import { ConfigurationError, InputError } from '../core/errors.ts';
import { BpeTokenizer } from './bpe-tokenizer.ts';
import { PairRanks } from './bpe-vocabulary.ts';
import type { PreTokenizerName } from './pre-tokenizers.ts';

export interface TiktokenOptions {
  /** Rank files do not say: 'gpt2' for r50k, p50k, 'cl100k', 'o200k'. */
  readonly preTokenizer: PreTokenizerName;
  /** Content -> id; rank files do not hold them. */
  readonly specialTokens: Readonly<Record<string, number>>;
}

/** What tiktoken says of its own rank files (openai_public.py), by their names without `.tiktoken`. */
export const TIKTOKEN_ENCODINGS: ReadonlyMap<string, TiktokenOptions> = new Map<string, TiktokenOptions>([
  ['r50k_base', { preTokenizer: 'gpt2', specialTokens: { '<|endoftext|>': 50256 } }],
  ['p50k_base', { preTokenizer: 'gpt2', specialTokens: { '<|endoftext|>': 50256 } }],
  [
    'cl100k_base',
    {
      preTokenizer: 'cl100k',
      specialTokens: {
        '<|endoftext|>': 100257,
        '<|fim_prefix|>': 100258,
        '<|fim_middle|>': 100259,
        '<|fim_suffix|>': 100260,
        '<|endofprompt|>': 100276,
      },
    },
  ],
  [
    'o200k_base',
    { preTokenizer: 'o200k', specialTokens: { '<|endoftext|>': 199999, '<|endofprompt|>': 200018 } },
  ],
]);

const LONGEST_ID = 1 << 21;

/**
 * Reads a tiktoken rank file: lines of a token in base64, a space and its rank, which is its id. As in tiktoken a
 * pre-token that is a token is that token, and two neighbours merge where what they make is a token, least rank first.
 * Throws InputError that names the line.
 */
export function tokenizerFromTiktoken(text: string, options: TiktokenOptions, where: string): BpeTokenizer {
  const { tokens, ids } = readRanks(text, where);
  const pairs = pairsOf(ids);
  const byteIds = Int32Array.from({ length: 256 }, (_, b) => ids.get(String.fromCharCode(b)) ?? -1);
  const missing = byteIds.indexOf(-1);
  if (missing >= 0)
    throw new InputError('the ranks lack a byte', { file: where, found: `no 0x${missing.toString(16)}` });
  for (const [content, id] of Object.entries(options.specialTokens)) {
    if (!Number.isInteger(id) || id < 0 || id >= LONGEST_ID || tokens[id] !== undefined)
      throw new ConfigurationError(`the special token ${JSON.stringify(content)} cannot have the id ${id}`);
    tokens[id] = new TextEncoder().encode(content);
  }
  for (let id = 0; id < tokens.length; id++) tokens[id] ??= undefined; // No holes: a dense array is read faster.
  return new BpeTokenizer({
    preTokenizer: options.preTokenizer,
    nfc: false,
    prefixSpace: false,
    wholeFirst: true,
    tokens,
    byteIds,
    pairs,
    specialTokens: new Map(Object.entries(options.specialTokens)),
    addedTokens: [],
  });
}

function readRanks(text: string, where: string) {
  const tokens: (Uint8Array | undefined)[] = [];
  /** Bytes as Latin-1 -> id. */
  const ids = new Map<string, number>();
  let record = 0;
  for (const line of text.split('\n')) {
    record++;
    if (line.trim() === '') continue;
    const match = /^([A-Za-z0-9+/]+=*) (\d{1,7})\r?$/.exec(line);
    const id = Number(match?.[2]);
    if (!match || id >= LONGEST_ID)
      throw new InputError('not a line of a rank file', {
        file: where,
        record,
        expected: 'base64, a space, a rank',
        found: JSON.stringify(line.slice(0, 60)),
      });
    const token = Buffer.from(match[1]!, 'base64');
    const key = token.toString('latin1');
    if (tokens[id] !== undefined || ids.has(key))
      throw new InputError('a token or a rank comes twice', {
        file: where,
        record,
        found: JSON.stringify(line),
      });
    tokens[id] = new Uint8Array(token);
    ids.set(key, id);
  }
  return { tokens, ids };
}

/** Every way to make a token of two. */
function pairsOf(ids: ReadonlyMap<string, number>): PairRanks {
  const made: number[] = [];
  for (const [key, id] of ids) {
    for (let i = 1; i < key.length; i++) {
      const left = ids.get(key.slice(0, i));
      if (left === undefined) continue;
      const right = ids.get(key.slice(i));
      if (right !== undefined) made.push(left, right, id);
    }
  }
  const pairs = new PairRanks(made.length / 3);
  for (let i = 0; i < made.length; i += 3) pairs.add(made[i]!, made[i + 1]!, made[i + 2]!, made[i + 2]!);
  return pairs;
}
