// Features of a text as fastText's supervised models count them (Joulin et al. 2017, arXiv:1607.01759): words, their
// character n-grams, n-grams of words; the rows of all of them are summed. The caller lays out the memory
// (src/quality/fasttext/scorer.ts) and passes whole tokens; src/quality/fasttext/plain.ts is the plain twin.

const FNV_START: u32 = 2166136261;
const FNV_PRIME: u32 = 16777619;
const NGRAM_FACTOR: u64 = 116049371;
/** FNV-1a of "</s>". */
const END_OF_LINE_HASH: u32 = 0xd79c9359;
/** Longest token that is cached, in bytes. */
const CACHED: i32 = 24;
const ENTRY_HEAD: usize = 32;

// What the model says.
let width: usize = 0;
let minn: i32 = 0;
let maxn: i32 = 0;
let wordNgrams: i32 = 1;
let bucket: u32 = 0;
let words: u32 = 0;
let endOfLine: i32 = -1;
/** 0: every bucket has a row; 1: those in the bitmap have; 2: none has. */
let pruning: i32 = 0;

// Where the tables are.
let rows: usize = 0;
let slots: usize = 0;
let slotMask: u32 = 0;
let wordBytes: usize = 0;
let wordStarts: usize = 0;
let bitmap: usize = 0;
let ranks: usize = 0;
let cache: usize = 0;
let cacheMask: u32 = 0;
let entrySize: usize = 0;

// The document under way.
let sum: usize = 0;
let scratch: usize = 0;
let chains: usize = 0;
let features: u32 = 0;
let seen: i32 = 0;
let stopped: bool = false;

// Where the rows are wanted rather than their sum.
let listing: usize = 0;

// The token under way: where its rows are added, and how many there were.
let target: usize = 0;
let added: u32 = 0;

export function configure(
  widthOf: i32,
  least: i32,
  most: i32,
  ngrams: i32,
  buckets: u32,
  wordCount: u32,
  endOfLineWord: i32,
  pruningKind: i32,
): void {
  width = <usize>widthOf;
  minn = least;
  maxn = most;
  wordNgrams = ngrams;
  bucket = buckets;
  words = wordCount;
  endOfLine = endOfLineWord;
  pruning = pruningKind;
}

export function layout(
  rowsAt: usize,
  slotsAt: usize,
  slotCount: u32,
  wordBytesAt: usize,
  wordStartsAt: usize,
  bitmapAt: usize,
  ranksAt: usize,
  cacheAt: usize,
  cacheCount: u32,
  sumAt: usize,
  scratchAt: usize,
  chainsAt: usize,
): void {
  rows = rowsAt;
  slots = slotsAt;
  slotMask = slotCount - 1;
  wordBytes = wordBytesAt;
  wordStarts = wordStartsAt;
  bitmap = bitmapAt;
  ranks = ranksAt;
  cache = cacheAt;
  cacheMask = cacheCount - 1;
  entrySize = ENTRY_HEAD + (width << 2);
  sum = sumAt;
  scratch = scratchAt;
  chains = chainsAt;
}

/** FNV-1a as fastText has it: bytes are signed. */
// @ts-ignore: decorator
@inline
function fnv(hash: u32, byte: u8): u32 {
  return (hash ^ <u32>(<i32>(<i8>byte))) * FNV_PRIME;
}

export function hashBytes(from: usize, length: i32): u32 {
  let hash = FNV_START;
  for (let i = 0; i < length; i++) hash = fnv(hash, load<u8>(from + i));
  return hash;
}

/** Enters word `id`, whose bytes are in their place already. */
export function addWord(id: u32): void {
  const from = load<u32>(wordStarts + (<usize>id << 2));
  const hash = hashBytes(wordBytes + from, load<u32>(wordStarts + (<usize>id << 2), 4) - from);
  let at = hash & slotMask;
  while (load<u32>(slots + (<usize>at << 3), 4) != 0) at = (at + 1) & slotMask;
  store<u32>(slots + (<usize>at << 3), hash);
  store<u32>(slots + (<usize>at << 3), id + 1, 4);
}

function findWord(from: usize, length: u32, hash: u32): i32 {
  let at = hash & slotMask;
  while (true) {
    const slot = slots + (<usize>at << 3);
    const id = load<u32>(slot, 4);
    if (id == 0) return -1;
    if (load<u32>(slot) == hash) {
      const starts = wordStarts + (<usize>(id - 1) << 2);
      const start = load<u32>(starts);
      if (load<u32>(starts, 4) - start == length && memory.compare(wordBytes + start, from, length) == 0)
        return <i32>(id - 1);
    }
    at = (at + 1) & slotMask;
  }
}

// @ts-ignore: decorator
@inline
function addRow(row: u32): void {
  added++;
  if (listing != 0) {
    store<u32>(listing, row);
    listing += 4;
    return;
  }
  const from = rows + ((<usize>row * width) << 2);
  for (let k: usize = 0; k < width << 2; k += 16)
    v128.store(target + k, f32x4.add(v128.load(target + k), v128.load(from + k)));
}

// @ts-ignore: decorator
@inline
function addBucket(id: u32): void {
  if (pruning == 0) {
    addRow(words + id);
  } else if (pruning == 1) {
    const group = <usize>(id >> 6);
    const bits = load<u64>(bitmap + (group << 3));
    const bit = <u64>1 << <u64>(id & 63);
    if ((bits & bit) != 0)
      addRow(words + load<u32>(ranks + (group << 2)) + <u32>popcnt<u64>(bits & (bit - 1)));
  }
}

/** Character n-grams of "<token>"; the bytes before and after the token are overwritten and put back. */
function addSubwords(token: usize, length: i32): void {
  const first = token - 1;
  const end = token + length + 1;
  const before = load<u8>(first);
  const after = load<u8>(end - 1);
  store<u8>(first, 60);
  store<u8>(end - 1, 62);
  for (let i = first; i < end; i++) {
    if ((load<u8>(i) & 0xc0) == 0x80) continue;
    let hash = FNV_START;
    let j = i;
    for (let n = 1; j < end && n <= maxn; n++) {
      hash = fnv(hash, load<u8>(j++));
      while (j < end && (load<u8>(j) & 0xc0) == 0x80) hash = fnv(hash, load<u8>(j++));
      if (n >= minn && !(n == 1 && (i == first || j == end))) addBucket(hash % bucket);
    }
  }
  store<u8>(first, before);
  store<u8>(end - 1, after);
}

/** Adds the rows of one token to the vector at `to`. */
function addToken(token: usize, length: i32, hash: u32, to: usize): void {
  target = to;
  added = 0;
  const word = findWord(token, length, hash);
  if (word >= 0) addRow(<u32>word);
  if (maxn > 0 && pruning != 2) addSubwords(token, length);
}

// @ts-ignore: decorator
@inline
function isSame(entry: usize, token: usize, length: i32): bool {
  let left = length;
  let at: usize = 0;
  while (left > 8) {
    if (load<u64>(entry + at) != load<u64>(token + at)) return false;
    at += 8;
    left -= 8;
  }
  const mask: u64 = 0xffffffffffffffff >> <u64>((8 - left) << 3);
  return ((load<u64>(entry + at) ^ load<u64>(token + at)) & mask) == 0;
}

// @ts-ignore: decorator
@inline
function addToSum(from: usize): void {
  for (let k: usize = 0; k < width << 2; k += 16)
    v128.store(sum + k, f32x4.add(v128.load(sum + k), v128.load(from + k)));
}

/** A token's vector is summed by itself first, so that the outcome does not depend on what is in the cache. */
function sumToken(token: usize, length: i32, hash: u32): void {
  if (length > CACHED) {
    memory.fill(scratch, 0, width << 2);
    addToken(token, length, hash, scratch);
    addToSum(scratch);
    features += added;
    return;
  }
  const entry = cache + <usize>(hash & cacheMask) * entrySize;
  const vector = entry + ENTRY_HEAD;
  if (load<u32>(entry, 24) != hash || <i32>load<u16>(entry, 28) != length || !isSame(entry, token, length)) {
    memory.fill(vector, 0, width << 2);
    addToken(token, length, hash, vector);
    memory.copy(entry, token, length);
    store<u32>(entry, hash, 24);
    store<u16>(entry, <u16>length, 28);
    store<u16>(entry, <u16>added, 30);
  }
  addToSum(vector);
  features += <u32>load<u16>(entry, 30);
}

/** Extends the n-grams of words that are under way by one more word. */
function addWordNgrams(hash: u32): void {
  const value = <u64>(<i64>(<i32>hash));
  added = 0;
  target = sum;
  const running = min(seen, wordNgrams - 1);
  for (let k = running - 1; k >= 0; k--) {
    const chain = load<u64>(chains + (<usize>k << 3)) * NGRAM_FACTOR + value;
    addBucket(<u32>(chain % <u64>bucket));
    if (k + 1 < wordNgrams - 1) store<u64>(chains + (<usize>(k + 1) << 3), chain);
  }
  store<u64>(chains, value);
  seen++;
  features += added;
}

// @ts-ignore: decorator
@inline
function isSeparator(byte: u8): bool {
  return byte == 32 || byte == 0 || (byte >= 9 && byte <= 13);
}

/** "</s>" in a text ends it, as in fastText; what looks like a label is no word. */
function special(token: usize, length: i32): i32 {
  if (length == 4 && load<u32>(token) == 0x3e732f3c) return 1;
  if (length >= 9 && load<u64>(token) == 0x5f6c6562616c5f5f && load<u8>(token, 8) == 95) return 2;
  return 0;
}

export function begin(): void {
  memory.fill(sum, 0, width << 2);
  features = 0;
  seen = 0;
  stopped = false;
  listing = 0;
}

/** Takes the tokens of [text, text + length); a byte before and one after it must be free to overwrite. */
export function feed(text: usize, length: i32): void {
  const end = text + length;
  let at = text;
  while (at < end && !stopped) {
    while (at < end && isSeparator(load<u8>(at))) at++;
    if (at == end) return;
    const start = at;
    let hash = FNV_START;
    let byte = load<u8>(at);
    do {
      hash = fnv(hash, byte);
      if (++at == end) break;
      byte = load<u8>(at);
    } while (!isSeparator(byte));
    const size = <i32>(at - start);
    const first = load<u8>(start);
    const kind = first == 60 || first == 95 ? special(start, size) : 0;
    if (kind == 1) {
      finish();
      return;
    }
    if (kind == 2) continue;
    if (listing != 0) addToken(start, size, hash, 0);
    else sumToken(start, size, hash);
    if (wordNgrams > 1) addWordNgrams(hash);
  }
}

/** The end of the line, which is a word too. Returns how many rows were summed. */
export function finish(): u32 {
  if (!stopped) {
    stopped = true;
    if (endOfLine >= 0) {
      target = sum;
      added = 0;
      addRow(<u32>endOfLine);
      features += added;
    }
    if (wordNgrams > 1) addWordNgrams(END_OF_LINE_HASH);
  }
  return features;
}

/** From here to the next `begin`, rows are written to `to` (u32 each) and not summed. */
export function list(to: usize): void {
  listing = to;
}

/** Where the next row would be written. */
export function listed(): usize {
  return listing;
}
