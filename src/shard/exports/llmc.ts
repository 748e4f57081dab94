import { InputError } from '../../core/errors.ts';
import { publicNames } from '../public-names.ts';
import type { ExportFolder, ExportOptions, ExportSource } from './source.ts';

/** Header of 256 i32; GPT-2's files hold u16, Llama-3's u32 (llm.c, dev/data/data_common.py). */
export const HEADER_WORDS = 256;
export const VERSIONS = { 2: { magic: 20240520, version: 1 }, 4: { magic: 20240801, version: 7 } } as const;
const MOST_TOKENS = 2 ** 31 - 1;

/**
 * `NAME_val_000000.bin` from the held-out shards (from the validation shards where there are some, and then
 * `NAME_test_000001.bin` from the held-out ones), then `NAME_train_000001.bin`, ...: the end-of-text token comes
 * before each document, and files are filled to `fileTokens`, as llm.c's own scripts do; documents run over.
 */
export async function exportLlmC(
  source: ExportSource,
  out: ExportFolder,
  options: ExportOptions,
): Promise<void> {
  const separator = source.encode(source.endOfText('llm.c'));
  let number = 0;
  const [train, ...measured] = publicNames(source.index);
  for (const [split, name] of [...measured, train!]) {
    const label = name === 'validation' ? 'val' : name;
    if (split === 'train' && number === 0) number = 1;
    const { documents, tokens } = source.index.splits[split];
    // Every document has one end-of-text token, before it instead of after it.
    let left = source.index.tokenizer.endOfText === null ? tokens + documents : tokens;
    let room = 0;
    let file: ReturnType<ExportFolder['create']> | undefined;
    const add = (bytes: Uint8Array): void => {
      for (let at = 0; at < bytes.length; ) {
        if (room === 0) {
          file?.finish();
          const count = Math.min(left, options.fileTokens, MOST_TOKENS);
          file = out.create(`${options.name}_${label}_${String(number++).padStart(6, '0')}.bin`);
          file.add(header(source.width, count));
          room = count;
          left -= count;
        }
        const n = Math.min(bytes.length - at, room * source.width);
        file!.add(bytes.subarray(at, at + n));
        room -= n / source.width;
        at += n;
      }
    };
    for (const document of source.documents(split)) {
      add(separator);
      add(source.bare(document));
    }
    file?.finish();
    if (left !== 0 || room !== 0) {
      throw new InputError('the shards hold fewer tokens than their index says', {
        file: source.folder,
        expected: `${tokens}`,
        found: `${tokens - left - room}`,
      });
    }
  }
}

function header(width: 2 | 4, tokens: number): Uint8Array {
  const words = new Int32Array(HEADER_WORDS);
  words[0] = VERSIONS[width].magic;
  words[1] = VERSIONS[width].version;
  words[2] = tokens;
  return new Uint8Array(words.buffer);
}
