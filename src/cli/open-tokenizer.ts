import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ConfigurationError, classifySystemError } from '../core/errors.ts';
import { isPreTokenizerName, PRE_TOKENIZER_NAMES } from '../tokenize/pre-tokenizers.ts';
import {
  loadTokenizer,
  TIKTOKEN_ENCODINGS,
  type Tokenizer,
  tokenizerFromTiktoken,
} from '../tokenize/tokenizer.ts';

/**
 * A tokenizer by a path: a tokenizer.json (plain or gzipped), a folder with one, a run directory, or a tiktoken rank file,
 * `FILE.tiktoken` or `FILE.tiktoken:PRETOKENIZER`.
 */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  const [, file, cut] = /^(.*\.tiktoken)(?::(.*))?$/.exec(path) ?? [];
  if (file !== undefined) {
    const known = TIKTOKEN_ENCODINGS.get(basename(file, '.tiktoken'));
    const preTokenizer = cut ?? known?.preTokenizer ?? '';
    if (!isPreTokenizerName(preTokenizer))
      throw new ConfigurationError('a rank file does not say how text is cut', {
        file,
        expected: `FILE.tiktoken:NAME, NAME one of ${PRE_TOKENIZER_NAMES.join(', ')}`,
        ...(preTokenizer && { found: preTokenizer }),
      });
    const ranks = await readFile(file, 'utf8').catch((error: unknown) => {
      throw classifySystemError(error, { file });
    });
    return tokenizerFromTiktoken(ranks, { specialTokens: {}, ...known, preTokenizer }, file);
  }
  const there = async (one: string) => (await stat(one).catch(() => undefined)) !== undefined;
  const inside = join(path, 'tokenizer.json');
  if (await there(inside)) return loadTokenizer(inside);
  if (!(await there(path))) throw new ConfigurationError('no such file', { file: path });
  if (!(await stat(path)).isDirectory()) return loadTokenizer(path);
  // All steps come with it, and half a second to load them.
  const { artifactFolder } = await import('./artifacts.ts');
  return loadTokenizer(join(await artifactFolder(path, 'tokenizer'), 'tokenizer.json'));
}

export async function openTokenizers(paths: readonly string[]): Promise<Map<string, Tokenizer>> {
  const tokenizers = new Map<string, Tokenizer>();
  for (const path of paths) tokenizers.set(path, await openTokenizer(path));
  return tokenizers;
}
