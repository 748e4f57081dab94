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

/** A count with three significant digits and a metric prefix, as datatrove (humanize 4.17) writes it: `1.23 MT`. */
export function metric(count: number): string {
  let thousands = count === 0 ? 0 : Math.floor(Math.log10(count) / 3);
  for (;;) {
    const scaled = count / 1000 ** thousands;
    const rounded = Number(roundedHalfEven(scaled, decimals(scaled)));
    // Rounding may carry into another digit, or another prefix.
    const prefix = ['', 'k', 'M', 'G', 'T', 'P'][thousands]!;
    if (rounded < 1000) return `${rounded.toFixed(decimals(rounded))} ${prefix}T`;
    thousands++;
  }
}

/** Digits after the point that leave three in all. */
const decimals = (value: number): number => (value >= 100 ? 0 : value >= 10 ? 1 : 2);

/** Python's formatting: ties of the binary value go to the even digit, where toFixed takes the larger. */
function roundedHalfEven(value: number, digits: number): string {
  const [whole, fraction] = value.toFixed(30).split('.') as [string, string];
  if (!/^50*$/.test(fraction.slice(digits))) return value.toFixed(digits);
  const kept = `${whole}${fraction.slice(0, digits)}`;
  const even = Number(kept) % 2 === 0 ? Number(kept) : Number(kept) + 1;
  return (even / 10 ** digits).toFixed(digits);
}
