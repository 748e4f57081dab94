import { gzipSync } from 'node:zlib';
import { SHARD_SPLITS } from '../format.ts';
import type { ExportFolder, ExportOptions, ExportSource } from './source.ts';

const CSV_CHUNK = 1 << 20;

/**
 * `SPLIT/part-00-00000.npy`, raw tokens despite the name, and `.csv.gz` beside it with start, end, id, source and
 * place of each document (dolma, tokenizer/memmap_writer.py). The place is the document's first byte in its source,
 * as provender keeps no line numbers. A file a shard.
 */
export async function exportDolma(
  source: ExportSource,
  out: ExportFolder,
  _options: ExportOptions,
): Promise<void> {
  for (const split of SHARD_SPLITS) {
    for (let shard = 0; shard < source.index.splits[split].shards.length; shard++) {
      const name = `${split}/part-00-${String(shard).padStart(5, '0')}`;
      const tokens = out.create(`${name}.npy`);
      const rows = out.create(`${name}.csv.gz`);
      let text = '';
      let start = 0;
      // Members of a gzip file simply follow each other.
      const flush = (): void => rows.add(gzipSync(text));
      for (const { document, bytes, tokens: n } of source.shardDocuments(split, shard)) {
        tokens.add(bytes);
        const { id, source: from, sourceRange } = document;
        text += `${start},${start + n},${csv(id)},${csv(from)},${sourceRange[0]}\r\n`;
        start += n;
        if (text.length < CSV_CHUNK) continue;
        flush();
        text = '';
      }
      flush();
      tokens.finish();
      rows.finish();
    }
  }
}

/** A field as Python's csv writes it: quoted where it must be. */
function csv(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
