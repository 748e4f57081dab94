import { scanCl100k, scanGpt2, scanMetaspace, scanO200k } from './scan.ts';

/** How text is cut before merging: no token crosses such a cut. */
export const PRE_TOKENIZER_NAMES = [
  'gpt2',
  'gpt2-digits-1',
  'gpt2-digits-3',
  'cl100k',
  'llama3',
  'qwen2',
  'o200k',
  'none',
] as const;

export type PreTokenizerName = (typeof PRE_TOKENIZER_NAMES)[number];

/** The end of the pre-token that starts at `p` < `end`; always greater than `p`. */
export type Scanner = (utf8: Uint8Array, p: number, end: number) => number;

const CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const CL100K_HEAD = (digits: string) =>
  `${CONTRACTION}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*`;
const GPT2 = (digits: string) =>
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+`;
const UPPERS = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const LOWERS = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';

/**
 * The published expressions (openai/gpt-2 `encoder.py`; openai/tiktoken `openai_public.py`; the tokenizer.json of
 * Llama 3 and Qwen 2), as they are written into a tokenizer.json. `cl100k` takes all white space at the end of a text
 * as one pre-token, as tiktoken does (its `\s+$`: `$` is the end of a line in Oniguruma, hence the lookahead); `llama3` is
 * the same without that.
 */
export const PRE_TOKENIZER_REGEX: Readonly<Record<Exclude<PreTokenizerName, 'none'>, string>> = {
  gpt2: GPT2(' ?\\p{N}+'),
  'gpt2-digits-1': GPT2('\\p{N}'),
  'gpt2-digits-3': GPT2('\\p{N}{1,3}'),
  cl100k: `${CL100K_HEAD('\\p{N}{1,3}')}|\\s+(?![\\s\\S])|\\s*[\\r\\n]|\\s+(?!\\S)|\\s`,
  llama3: `${CL100K_HEAD('\\p{N}{1,3}')}|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  qwen2: `${CL100K_HEAD('\\p{N}')}|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  o200k: [
    `[^\\r\\n\\p{L}\\p{N}]?${UPPERS}*${LOWERS}+${CONTRACTION}?`,
    `[^\\r\\n\\p{L}\\p{N}]?${UPPERS}+${LOWERS}*${CONTRACTION}?`,
    '\\p{N}{1,3}',
    ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*',
    '\\s*[\\r\\n]+',
    '\\s+(?!\\S)',
    '\\s+',
  ].join('|'),
};

/**
 * How SentencePiece's vocabularies are cut, in text whose spaces are U+2581: before each of these (Metaspace with
 * `split`), or before each run of them, which changes nothing where no token goes on over such a place.
 */
export type MetaspaceCut = 'metaspace' | 'metaspace-runs';

const UNLIMITED = 0x7fffffff;

const SCANNERS: Readonly<Record<PreTokenizerName | MetaspaceCut, Scanner>> = {
  gpt2: (b, p, end) => scanGpt2(b, p, end, UNLIMITED, true),
  'gpt2-digits-1': (b, p, end) => scanGpt2(b, p, end, 1, false),
  'gpt2-digits-3': (b, p, end) => scanGpt2(b, p, end, 3, false),
  cl100k: (b, p, end) => scanCl100k(b, p, end, 3, true),
  llama3: (b, p, end) => scanCl100k(b, p, end, 3, false),
  qwen2: (b, p, end) => scanCl100k(b, p, end, 1, false),
  o200k: scanO200k,
  none: (_b, _p, end) => end,
  metaspace: (b, p, end) => scanMetaspace(b, p, end, false),
  'metaspace-runs': (b, p, end) => scanMetaspace(b, p, end, true),
};

export function scannerOf(name: PreTokenizerName | MetaspaceCut): Scanner {
  return SCANNERS[name];
}

/** The scanner's number in the kernel (src/kernels/assembly/_bpe-scan.ts). */
export function kernelScannerOf(name: PreTokenizerName | MetaspaceCut): number {
  return KERNEL_SCANNER[name];
}

const KERNEL_SCANNER: Readonly<Record<PreTokenizerName | MetaspaceCut, number>> = {
  gpt2: 0,
  'gpt2-digits-1': 1,
  'gpt2-digits-3': 2,
  cl100k: 3,
  llama3: 4,
  qwen2: 5,
  o200k: 6,
  none: 7,
  metaspace: 8,
  'metaspace-runs': 9,
};

export function isPreTokenizerName(name: string): name is PreTokenizerName {
  return (PRE_TOKENIZER_NAMES as readonly string[]).includes(name);
}
