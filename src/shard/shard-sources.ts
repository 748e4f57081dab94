import { type ShardHeader, SOURCE_BLOCK, sourceEntry, wholeSource } from './format.ts';
import { asWords, getU64 } from './u64.ts';

/** Reads the sources of a shard: of a block of them the first is whole, and the others may begin with bytes of it. */
export class ShardSources {
  private readonly header: ShardHeader;
  /** Bytes of the body. */
  private readonly view: (at: number, bytes: number) => Uint8Array;

  constructor(header: ShardHeader, view: (at: number, bytes: number) => Uint8Array) {
    this.header = header;
    this.view = view;
  }

  bytes(index: number): Uint8Array {
    const { sourcesAt, stringsAt, sourceStringsAt } = this.header;
    if (sourceStringsAt === undefined) {
      const entry = asWords(this.view(sourcesAt + 16 * index, 16));
      return this.view(stringsAt + getU64(entry, 0), getU64(entry, 2));
    }
    const first = index - (index % SOURCE_BLOCK);
    const { words, at } = this.entries(first, index + 1);
    const mine = at + 2 * (index - first);
    const { end, shared } = sourceEntry(words, mine);
    const begin = index === 0 ? 0 : sourceEntry(words, mine - 2).end;
    const own = this.view(sourceStringsAt + begin, end - begin);
    if (shared === 0) return own;
    const whole = first === 0 ? 0 : sourceEntry(words, at - 2).end;
    return wholeSource(this.view(sourceStringsAt + whole, shared), shared, own);
  }

  /** All of them in order, read in blocks. */
  *each(): Generator<Uint8Array> {
    const { sources, sourceStringsAt } = this.header;
    if (sourceStringsAt === undefined) {
      for (let k = 0; k < sources; k++) yield this.bytes(k);
      return;
    }
    for (let first = 0, begin = 0; first < sources; first += SOURCE_BLOCK) {
      const n = Math.min(SOURCE_BLOCK, sources - first);
      const { words, at } = this.entries(first, first + n);
      const { end } = sourceEntry(words, at + 2 * n - 2);
      const own = this.view(sourceStringsAt + begin, end - begin);
      for (let k = 0, done = 0; k < n; k++) {
        const entry = sourceEntry(words, at + 2 * k);
        const rest = own.subarray(done, entry.end - begin);
        yield wholeSource(own, entry.shared, rest);
        done = entry.end - begin;
      }
      begin = end;
    }
  }

  /** Entries of sources [first, to), which begin at words[at]; the one before them is there too. */
  private entries(first: number, to: number): { words: Uint32Array; at: number } {
    const from = Math.max(0, first - 1);
    const words = asWords(this.view(this.header.sourcesAt + 8 * from, 8 * (to - from)));
    return { words, at: 2 * (first - from) };
  }
}
