import { SHARD_SPLITS } from '../format.ts';
import { GrowingWords } from '../growable.ts';
import { setU64 } from '../u64.ts';
import type { ExportFolder, ExportOptions, ExportSource } from './source.ts';

/** Megatron-LM takes u16 for vocabularies under this size, i32 for others. */
const SMALL_VOCABULARY = 65500;
const CODE = { int32: 4, uint16: 8 };

/** `NAME-SPLIT.bin` and `.idx` for `IndexedDataset` (megatron/core/datasets/indexed_dataset.py), a sequence a document. */
export async function exportMegatron(
  source: ExportSource,
  out: ExportFolder,
  options: ExportOptions,
): Promise<void> {
  const width = source.index.tokenizer.vocabularySize < SMALL_VOCABULARY ? 2 : 4;
  for (const split of SHARD_SPLITS) {
    if (source.index.splits[split].documents === 0) continue;
    const lengths = new GrowingWords();
    const offsets = new GrowingWords();
    const bin = out.create(`${options.name}-${split}.bin`);
    for (const { bytes, tokens } of source.documents(split)) {
      const length = lengths.grow(1);
      lengths.data[length] = tokens;
      const offset = offsets.grow(2);
      setU64(offsets.data, offset, bin.size);
      bin.add(width === source.width ? bytes : widened(bytes));
    }
    bin.finish();
    const n = lengths.length;
    const header = Buffer.alloc(34);
    header.write('MMIDIDX\0\0', 'latin1');
    header.writeBigUInt64LE(1n, 9);
    header[17] = width === 2 ? CODE.uint16 : CODE.int32;
    header.writeBigUInt64LE(BigInt(n), 18);
    header.writeBigUInt64LE(BigInt(n + 1), 26);
    const idx = out.create(`${options.name}-${split}.idx`);
    idx.add(header);
    idx.add(lengths.bytes());
    idx.add(offsets.bytes());
    idx.add(countingBytes(n + 1));
    idx.finish();
  }
}

/** u16 tokens as i32. */
function widened(bytes: Uint8Array): Uint8Array {
  const wide = Int32Array.from(
    { length: bytes.length / 2 },
    (_, i) => bytes[2 * i]! | (bytes[2 * i + 1]! << 8),
  );
  return new Uint8Array(wide.buffer);
}

/** i64 0, 1, ... n - 1: every document is one sequence. */
function countingBytes(n: number): Uint8Array {
  return new Uint8Array(BigInt64Array.from({ length: n }, (_, i) => BigInt(i)).buffer);
}
