import { ConfigurationError } from '../../core/errors.ts';
import { publicNames } from '../public-names.ts';
import type { ExportFolder, ExportOptions, ExportSource } from './source.ts';

/** `train.bin` and `val.bin` (the held-out set as `test.bin` beside validation): u16 tokens without a header, the end-of-text token after each document (nanoGPT, data/openwebtext/prepare.py). */
export async function exportNanoGpt(
  source: ExportSource,
  out: ExportFolder,
  _options: ExportOptions,
): Promise<void> {
  if (source.width !== 2) {
    throw new ConfigurationError('nanoGPT reads 16-bit tokens', {
      expected: 'a vocabulary of at most 65536',
      found: `${source.index.tokenizer.vocabularySize}`,
    });
  }
  const separator = source.encode(source.endOfText('nanoGPT'));
  for (const [split, label] of publicNames(source.index)) {
    if (source.index.splits[split].documents === 0) continue;
    const file = out.create(`${label === 'validation' ? 'val' : label}.bin`);
    for (const document of source.documents(split)) {
      file.add(source.bare(document));
      file.add(separator);
    }
    file.finish();
  }
}
