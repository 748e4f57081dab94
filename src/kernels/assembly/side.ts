// Deals documents into the buckets of a side file. The plain twin is the path of one document at a time in
// src/shard/side-writer.ts; src/shard/bucket-memory.ts lays the memory out.

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

const RECORD_BYTES: usize = 64;
const SIGNAL_BYTES: usize = 8;
const MOST_SHARED: u32 = 255;

// src/shard/bucket-memory.ts, FIELD.
const SEED: usize = 0;
const RECORDS_AT: usize = 8;
const FIRSTS_AT: usize = 12;
const VALUES_AT: usize = 16;
const TEXT_AT: usize = 20;
const PLACES_AT: usize = 24;
const PREFIXES_AT: usize = 28;
const NAME_AT: usize = 32;
const BUCKET_RECORDS_AT: usize = 36;
const BODIES_AT: usize = 40;
const DOCUMENTS_AT: usize = 44;
const USED_AT: usize = 48;
const BUCKET_TOKENS_AT: usize = 52;
const MOST_DOCUMENTS: usize = 56;
const CHUNK_BYTES: usize = 60;
const STRIDE: usize = 64;
const WIDTH: usize = 68;
const END_OF_TEXT: usize = 72;
const LEVEL: usize = 76;
const FULL: usize = 80;
const NONE: u32 = 0xffffffff;

/** How many bytes two texts begin with in common, at most `most`, which neither is shorter than. */
function sharedBytes(a: usize, b: usize, most: u32): u32 {
  for (let k: u32 = 0; k < most; k += 8) {
    const differ = load<u64>(a + k) ^ load<u64>(b + k);
    if (differ != 0) return min(most, k + <u32>(ctz(differ) >> 3));
  }
  return most;
}

/** 0 train, 1 held-out, 2 validation. */
// @ts-ignore: decorator
@inline
function splitOf(corpus: u32): usize {
  return <usize>(corpus & 0x80000000 ? 1 : (corpus >> 30) << 1);
}

/**
 * Puts documents [from, to) of the stage into their buckets, all but their tokens, and where those go to the list of places.
 * A staged record has its number of signals where the copy will be. Ends before a document whose bucket is full, which it then names; returns how far it came.
 */
export function dealDocuments(from: u32, to: u32, fields: usize): u32 {
  const seed = load<u64>(fields, SEED);
  const places = <usize>load<u32>(fields, PLACES_AT);
  const prefixes = <usize>load<u32>(fields, PREFIXES_AT);
  const nameAt = <usize>load<u32>(fields, NAME_AT);
  const documents = <usize>load<u32>(fields, DOCUMENTS_AT);
  const used = <usize>load<u32>(fields, USED_AT);
  const tokensOf = <usize>load<u32>(fields, BUCKET_TOKENS_AT);
  const most = load<u32>(fields, MOST_DOCUMENTS);
  const chunkBytes = load<u32>(fields, CHUNK_BYTES);
  const stride = <usize>load<u32>(fields, STRIDE);
  const width = load<u32>(fields, WIDTH);
  const endOfText = load<u32>(fields, END_OF_TEXT);
  const shift = 24 - (load<u32>(fields, LEVEL) << 3);
  const firsts = <usize>load<u32>(fields, FIRSTS_AT);
  let value = <usize>load<u32>(fields, VALUES_AT);
  let text = <usize>load<u32>(fields, TEXT_AT);
  let staged = <usize>load<u32>(fields, RECORDS_AT) + <usize>from * RECORD_BYTES;
  let i = from;
  for (; i < to; i++) {
    const idBytes = load<u32>(staged, ID_BYTES);
    const sourceBytes = load<u32>(staged, SOURCE_BYTES);
    const tokens = load<u32>(staged, TOKENS);
    const signals = load<u32>(staged, COPY);
    const corpus = load<u32>(staged, CORPUS);
    const prefix = prefixes + (<usize>(corpus & CORPUS_MASK) << 3);
    const prefixBytes = load<u32>(prefix, 4);
    copyShort(nameAt, load<u32>(prefix), prefixBytes);
    copyShort(nameAt + prefixBytes, text, idBytes);
    const key = xxh64(nameAt, prefixBytes + idBytes, seed);
    const bucket = (splitOf(corpus) << 8) + (<usize>(<u32>(key >> 32) >> shift) & 255);
    const before = load<u32>(used + (bucket << 2));
    const number = load<u32>(documents + (bucket << 2));
    const first = firsts + (bucket << 3);
    let shared: u32 = 0;
    if (number > 0) {
      const most = min(min(sourceBytes, load<u32>(first, 4)), MOST_SHARED);
      shared = sharedBytes(load<u32>(first), text + idBytes, most);
    }
    const ownBytes = sourceBytes - shared;
    const bytes = tokens * width + signals * <u32>SIGNAL_BYTES + idBytes + ownBytes;
    if (before + bytes > chunkBytes || number >= most) {
      store<u32>(fields, <u32>bucket, FULL);
      break;
    }
    const record = <usize>load<u32>(fields, BUCKET_RECORDS_AT) + (bucket * most + number) * RECORD_BYTES;
    store<u64>(record, key);
    store<u64>(record, xxh64(nameAt, prefixBytes + idBytes), HASH);
    v128.store(record, v128.load(staged, 16), 16);
    v128.store(record, v128.load(staged, 32), 32);
    store<u64>(record, load<u64>(staged, 48), 48);
    store<u32>(record, ownBytes, SOURCE_BYTES);
    store<u32>(record, load<u32>(staged, SIGNALS) | (shared << SHARED_SHIFT), SIGNALS);
    store<u32>(record, 0, COPY);
    const place = <usize>load<u32>(fields, BODIES_AT) + bucket * stride + before;
    store<u32>(places + (<usize>i << 2), <u32>place);
    let at = place + tokens * width;
    if (endOfText != NONE) {
      if (width == 2) store<u16>(at - 2, <u16>endOfText);
      else store<u32>(at - 4, endOfText);
    }
    for (let k: u32 = 0; k < signals; k++) {
      store<u64>(at, load<u64>(value));
      at += SIGNAL_BYTES;
      value += 8;
    }
    copyShort(at, text, idBytes);
    text += idBytes;
    at += idBytes;
    if (number == 0) {
      store<u32>(first, <u32>at);
      store<u32>(first, sourceBytes, 4);
    }
    copyShort(at, text + shared, ownBytes);
    text += sourceBytes;
    // Zeros to a multiple of four, and perhaps some past it, where nothing is yet.
    store<u32>(at + ownBytes, 0);
    store<u32>(used + (bucket << 2), before + ((bytes + 3) & ~3));
    store<u32>(documents + (bucket << 2), number + 1);
    store<f64>(tokensOf + (bucket << 3), load<f64>(tokensOf + (bucket << 3)) + <f64>tokens);
    staged += RECORD_BYTES;
  }
  store<u32>(fields, <u32>value, VALUES_AT);
  store<u32>(fields, <u32>text, TEXT_AT);
  return i;
}
