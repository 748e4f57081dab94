import { SHARD_SPLITS } from '../format.ts';
import { GrowingWords } from '../growable.ts';
import { setU64 } from '../u64.ts';
import type { ExportFolder, ExportOptions, ExportSource } from './source.ts';

/**
 * `SPLIT/000_NAME.ds` with `.index` and `.metadata`, a file a shard (datatrove, pipeline/tokens/tokenizer.py):
 * what `DatatroveFolderDataset` reads. Documents end as they do in the shards.
 */
export async function exportDatatrove(
  source: ExportSource,
  out: ExportFolder,
  options: ExportOptions,
): Promise<void> {
  const tokenizer = `${source.index.tokenizer.digest}|${source.width}`;
  for (const split of SHARD_SPLITS) {
    for (let shard = 0; shard < source.index.splits[split].shards.length; shard++) {
      const name = `${split}/${String(shard).padStart(3, '0')}_${options.name}.ds`;
      const file = out.create(name);
      const ends = new GrowingWords();
      let tokens = 0;
      for (const document of source.shardDocuments(split, shard)) {
        file.add(document.bytes);
        tokens += document.tokens;
        const at = ends.grow(2);
        setU64(ends.data, at, tokens);
      }
      file.finish();
      out.write(`${name}.index`, ends.bytes());
      out.write(`${name}.metadata`, `${tokenizer}\n${tokens}\n${metric(tokens)}`);
    }
  }
}

/** A count with three significant digits and a metric prefix, as datatrove writes it: `1.23 MT`. */
export function metric(count: number): string {
  const exponent = count === 0 ? 0 : Math.floor(Math.log10(count));
  const prefix = ['', 'k', 'M', 'G', 'T', 'P'][Math.floor(exponent / 3)]!;
  const scaled = count / 10 ** (Math.floor(exponent / 3) * 3);
  return `${scaled.toFixed(2 - (exponent % 3))} ${prefix}T`;
}
