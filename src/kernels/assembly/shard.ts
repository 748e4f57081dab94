// Digests for shards and side files, and the inner loops of the shuffle, where the bytes lie. The plain twins are
// core/hash.ts and the path of one document at a time in src/shard/run-writer.ts; src/shard/kernel.ts lays the memory out.

import {
  copyShort,
  CORPUS,
  CORPUS_MASK,
  COPY,
  HASH,
  ID_BYTES,
  SHARED_SHIFT,
  SIGNALS,
  SOURCE_BYTES,
  TOKENS,
} from './_side-record';
import { xxh64 } from './_xxh64';

/** XXH64 of each block of [from, from + bytes), the last one perhaps shorter, to `to`. Returns how many. */
export function digestBlocks(from: usize, bytes: u32, blockBytes: u32, to: usize): u32 {
  let blocks: u32 = 0;
  for (let at: u32 = 0; at < bytes; at += blockBytes) {
    store<u64>(to + (<usize>blocks << 3), xxh64(from + at, <i32>min(blockBytes, bytes - at)));
    blocks++;
  }
  return blocks;
}

/** XXH64 of [from, from + length) with the seed at `seed`, and without one, to `to`: a document's key and its hash. */
export function nameHashes(from: usize, length: u32, seed: usize, to: usize): void {
  store<u64>(to, xxh64(from, <i32>length, load<u64>(seed)));
  store<u64>(to, xxh64(from, <i32>length), 8);
}

// An entry names a document of a group: addresses of its side record and of its body, which of `sides` it is from, and the
// address of the source that its own may begin with.
const ENTRY_BYTES: usize = 16;
const SHAPE_MASK: u32 = 0xffffff;

/**
 * Copies tokens of entries [state[0], to), the first from its byte state[1] on, to [out, end); leaves in `state` where to go
 * on. Returns how many bytes were filled.
 */
export function gatherTokens(entries: usize, to: u32, state: usize, out: usize, end: usize, width: u32): u32 {
  let i = load<u32>(state);
  let done = load<u32>(state, 4);
  let at = out;
  while (i < to) {
    const entry = entries + <usize>i * ENTRY_BYTES;
    const bytes = load<u32>(load<u32>(entry), TOKENS) * width;
    const n = min(bytes - done, <u32>(end - at));
    memory.copy(at, load<u32>(entry, 4) + done, n);
    at += n;
    done += n;
    if (done < bytes) break;
    i++;
    done = 0;
  }
  store<u32>(state, i);
  store<u32>(state, done, 4);
  return <u32>(at - out);
}

// Where the index of a batch of documents goes: src/shard/kernel.ts, STAGE.
const TOKENS_BEFORE: usize = 0;
const IDS_BEFORE: usize = 8;
const IDS_USED: usize = 16;
const ENDS_AT: usize = 20;
const RECORDS_AT: usize = 24;
const IDS_AT: usize = 28;
const IDS_END: usize = 32;
const SOURCES_AT: usize = 36;
const SIGNALS_AT: usize = 40;
const COLUMNS: usize = 44;
const STRIDE: usize = 48;
const TEXTS_AT: usize = 52;
const TEXTS_END: usize = 56;
const NAN_BITS: u64 = 0x7ff8000000000000;

/** For how many of entries [from, to), one after the other, the stage has room for their ids and sources. */
export function fitDocuments(entries: usize, from: u32, to: u32, stage: usize): u32 {
  // Copied eight bytes at a time, up to seven too many.
  let ids = load<u32>(stage, IDS_END) - load<u32>(stage, IDS_AT) - 8;
  let texts = load<u32>(stage, TEXTS_END) - load<u32>(stage, TEXTS_AT) - 8;
  let i = from;
  for (; i < to; i++) {
    const side = <usize>load<u32>(entries + <usize>i * ENTRY_BYTES);
    const idBytes = load<u32>(side, ID_BYTES);
    const sourceBytes = load<u32>(side, SOURCE_BYTES) + (load<u32>(side, SIGNALS) >> SHARED_SHIFT);
    if (idBytes > ids || sourceBytes > texts) break;
    ids -= idBytes;
    texts -= sourceBytes;
  }
  return i - from;
}

/**
 * The index of entries [from, to), which fit the stage: ends, records (without the source), ids one after the other,
 * columns of signals, and the sources one after the other with the bytes of each. `sides` has two addresses for each side:
 * of the table from its corpora to the shard's, and of that of its shapes, each address and length of a list of the
 * shard's columns, or -1.
 */
export function indexDocuments(entries: usize, from: u32, to: u32, sides: usize, width: u32, stage: usize): void {
  let tokens = <u64>load<f64>(stage, TOKENS_BEFORE);
  const idsBefore = <u64>load<f64>(stage, IDS_BEFORE);
  let endAt = <usize>load<u32>(stage, ENDS_AT);
  let record = <usize>load<u32>(stage, RECORDS_AT);
  let source = <usize>load<u32>(stage, SOURCES_AT);
  const idsAt = <usize>load<u32>(stage, IDS_AT);
  const signalsAt = <usize>load<u32>(stage, SIGNALS_AT);
  const columns = load<u32>(stage, COLUMNS);
  const stride = <usize>load<u32>(stage, STRIDE) << 3;
  let textAt = <usize>load<u32>(stage, TEXTS_AT);
  let idAt = idsAt;
  for (let i = from; i < to; i++) {
    const entry = entries + <usize>i * ENTRY_BYTES;
    const side = <usize>load<u32>(entry);
    const tables = sides + (<usize>load<u32>(entry, 8) << 3);
    const idBytes = load<u32>(side, ID_BYTES);
    const signalsWord = load<u32>(side, SIGNALS);
    const shared = signalsWord >> SHARED_SHIFT;
    const ownBytes = load<u32>(side, SOURCE_BYTES);
    const sourceBytes = shared + ownBytes;
    const tokenCount = load<u32>(side, TOKENS);
    tokens += tokenCount;
    store<u64>(endAt, tokens);
    const shape = <usize>load<u32>(tables, 4) + (<usize>(signalsWord & SHAPE_MASK) << 3);
    const signals = load<u32>(shape, 4);
    const signal = <usize>load<u32>(entry, 4) + <usize>(tokenCount * width);
    const id = signal + (<usize>signals << 3);
    const corpora = <usize>load<u32>(tables);
    store<u64>(record, load<u64>(side, HASH));
    store<u64>(record, idsBefore + <u64>(idAt - idsAt), 8);
    store<u32>(record, idBytes, 16);
    store<u32>(record, load<u32>(corpora + ((<usize>(load<u32>(side, CORPUS) & CORPUS_MASK)) << 2)), 24);
    store<u32>(record, load<u32>(side, COPY), 28);
    // Start and end in the source, bytes of the text: in the same order in both records.
    v128.store(record, v128.load(side, 32), 32);
    store<u64>(record, load<u64>(side, 48), 48);
    copyShort(idAt, id, idBytes);
    idAt += idBytes;
    copyShort(textAt, load<u32>(entry, 12), shared);
    copyShort(textAt + shared, id + idBytes, ownBytes);
    store<u32>(source, sourceBytes);
    textAt += sourceBytes;
    const cell = signalsAt + (<usize>(i - from) << 3);
    for (let k: u32 = 0; k < columns; k++) store<u64>(cell + <usize>k * stride, NAN_BITS);
    const columnsOf = <usize>load<u32>(shape);
    for (let k: u32 = 0; k < signals; k++) {
      const column = load<i32>(columnsOf + (<usize>k << 2));
      if (column >= 0) store<u64>(cell + <usize>column * stride, load<u64>(signal + (<usize>k << 3)));
    }
    endAt += 8;
    record += 56;
    source += 4;
  }
  store<u32>(stage, <u32>(idAt - idsAt), IDS_USED);
}
