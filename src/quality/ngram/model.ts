import { FileWriter, writeFileAtomic } from '../../core/files.ts';
import { xxh64 } from '../../core/hash.ts';
import { readSealedFile, type Seal } from '../sealed-file.ts';
import { doubleAt, type Estimates } from './estimate.ts';
import { RecordReader } from './records.ts';
import { SENTENCE_END, SENTENCE_START, UNKNOWN } from './text.ts';

/*
 * A language model: 64 bytes of header (magic, version, order, words, XXH64 of the rest, n-grams of each order), then
 * for each order u32 words, f32 log10 p, f32 log10 backoff and u32 where its extensions begin (one more than n-grams;
 * not for the highest order), then the words as JSON. Little-endian. The n-grams are a trie from the last word to the
 * first: 16 bytes each, in memory as on disk.
 */
const MAGIC = 'PVNGRAML';
const VERSION = 1;
const HEADER = 64;
const SEAL: Seal = { magic: MAGIC, version: VERSION, header: HEADER };
const MOST_ORDERS = 6;
/** log10 of a probability of nothing, as ARPA files write it for <s>. */
const NEVER = -99;

/** One order of the trie. */
interface Level {
  /** [n] the first word of each n-gram: the last one of its path. */
  readonly words: Uint32Array;
  readonly probabilities: Float32Array;
  readonly backoffs: Float32Array;
  /** [n + 1] where the n-grams one word longer begin in the next level. */
  readonly children: Uint32Array;
}

export interface SentenceScore {
  /** log10 of the probability of the words and the end of the sentence. */
  readonly logProbability: number;
  /** Words, the end of the sentence included. */
  readonly tokens: number;
  readonly unknown: number;
}

/** An n-gram language model with backoff. */
export class LanguageModel {
  readonly order: number;
  readonly words: readonly string[];
  readonly levels: readonly Level[];
  private readonly ids: Map<string, number>;
  private history: number[] = [];

  constructor(words: readonly string[], levels: readonly Level[]) {
    this.words = words;
    this.levels = levels;
    this.order = levels.length;
    this.ids = new Map(words.map((word, id) => [word, id]));
    // Nobody may reach these by writing them.
    this.ids.delete(words[SENTENCE_START]!);
    this.ids.delete(words[SENTENCE_END]!);
  }

  idOf(word: string): number {
    return this.ids.get(word) ?? UNKNOWN;
  }

  /** log10 p(word | history): history from the last word back; as long as it likes. */
  logProbability(word: number, history: readonly number[]): number {
    let node = word;
    let found = this.levels[0]!.probabilities[word]!;
    let matched = 0;
    while (matched + 1 < this.order && matched < history.length) {
      const next = this.child(matched, node, history[matched]!);
      if (next < 0) break;
      node = next;
      matched++;
      found = this.levels[matched]!.probabilities[node]!;
    }
    return found + this.backoff(history, matched);
  }

  /** Scores a sentence from <s> to </s>. */
  score(words: readonly string[]): SentenceScore {
    const history = this.history;
    history.length = 0;
    history.push(SENTENCE_START);
    let logProbability = 0;
    let unknown = 0;
    for (let i = 0; i <= words.length; i++) {
      const id = i === words.length ? SENTENCE_END : this.idOf(words[i]!);
      if (id === UNKNOWN) unknown++;
      logProbability += this.logProbability(id, history);
      history.unshift(id);
      if (history.length >= this.order) history.length = Math.max(0, this.order - 1);
    }
    return { logProbability, tokens: words.length + 1, unknown };
  }

  /** Weights of the contexts of `history` that are longer than what was matched. */
  private backoff(history: readonly number[], matched: number): number {
    const most = Math.min(history.length, this.order - 1);
    if (most <= matched) return 0;
    let sum = 0;
    let node = history[0]!;
    for (let length = 1; length <= most; length++) {
      if (length > 1) node = this.child(length - 2, node, history[length - 1]!);
      if (node < 0) break;
      if (length > matched) sum += this.levels[length - 1]!.backoffs[node]!;
    }
    return sum;
  }

  /** The n-gram of the next level that has `word` before node's; -1 where there is none. */
  private child(level: number, node: number, word: number): number {
    const { children } = this.levels[level]!;
    const { words } = this.levels[level + 1]!;
    let low = children[node]!;
    let high = children[node + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (words[middle]! < word) low = middle + 1;
      else high = middle;
    }
    return low < children[node + 1]! && words[low] === word ? low : -1;
  }
}

/** Puts what estimation left into a trie. Level 1 has every word by its id. */
export function modelOf(words: readonly string[], estimates: Estimates): LanguageModel {
  const levels: Level[] = [];
  const { order, counts, probabilities, backoffs } = estimates;
  for (let k = 1; k <= order; k++) {
    const n = k === 1 ? words.length : counts[k - 1]!;
    const level: Level = {
      words: new Uint32Array(n),
      probabilities: new Float32Array(n).fill(NEVER),
      backoffs: new Float32Array(n),
      children: new Uint32Array(k < order ? n + 1 : 0),
    };
    const own = new RecordReader(probabilities[k - 1]!, k + 2);
    const weights = k < order ? new RecordReader(backoffs[k - 1]!, k + 2) : undefined;
    const parents = k > 1 ? new ParentCursor(probabilities[k - 2]!, k - 1) : undefined;
    const record = new Uint32Array(k);
    const isSame = (other: Uint32Array | undefined): boolean => {
      for (let i = 0; i < k; i++) if (other?.[i] !== record[i]) return false;
      return true;
    };
    for (let i = 0; i < n; i++) {
      if (k === 1) record[0] = i;
      else record.set(own.record!.subarray(0, k));
      level.words[i] = record[k - 1]!;
      if (isSame(own.record)) {
        level.probabilities[i] = Math.log10(doubleAt(own.record!, k));
        own.next();
      }
      if (weights && isSame(weights.record)) {
        level.backoffs[i] = Math.log10(doubleAt(weights.record!, k));
        weights.next();
      }
      if (parents) levels[k - 2]!.children[parents.indexOf(record) + 1]!++;
    }
    own.close();
    weights?.close();
    parents?.close();
    const above = levels[k - 2]?.children;
    if (above) for (let i = 1; i < above.length; i++) above[i]! += above[i - 1]!;
    levels.push(level);
  }
  return new LanguageModel(words, levels);
}

/** Numbers the (k-1)-grams that n-grams extend, as both come in suffix order. */
class ParentCursor {
  private readonly reader: RecordReader;
  private readonly k: number;
  private index = 0;

  constructor(path: string, k: number) {
    this.k = k;
    this.reader = new RecordReader(path, k + 2);
  }

  indexOf(record: Uint32Array): number {
    if (this.k === 1) return record[0]!;
    for (;;) {
      const { record: own } = this.reader;
      let i = 0;
      while (i < this.k && own![i] === record[i]) i++;
      if (i === this.k) return this.index;
      this.reader.next();
      this.index++;
    }
  }

  close(): void {
    this.reader.close();
  }
}

const bytesOf = (array: Uint32Array | Float32Array): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** Writes the model whole, or not at all. */
export async function writeLanguageModel(
  path: string,
  { words, levels, order }: LanguageModel,
): Promise<void> {
  const arrays = levels.flatMap((level) => [
    level.words,
    level.probabilities,
    level.backoffs,
    level.children,
  ]);
  const body = Buffer.concat([...arrays.map(bytesOf), Buffer.from(JSON.stringify(words))]);
  const header = Buffer.alloc(HEADER);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(order, 12);
  header.writeUInt32LE(words.length, 16);
  levels.forEach((level, k) => {
    header.writeUInt32LE(level.words.length, 32 + 4 * k);
  });
  header.writeBigUInt64LE(xxh64(body, xxh64(header)), 24);
  await writeFileAtomic(path, Buffer.concat([header, body]));
}

/** @throws IntegrityError where the file is damaged or none */
export function readLanguageModel(path: string): LanguageModel {
  const { file, fail } = readSealedFile(path, SEAL, 'not a language model');
  const header = Buffer.from(file.subarray(0, HEADER));
  const stored = header.readBigUInt64LE(24);
  header.writeBigUInt64LE(0n, 24);
  const digest = xxh64(file.subarray(HEADER), xxh64(header));
  if (digest !== stored)
    fail('damaged language model', 24, `XXH64 ${stored.toString(16)}`, digest.toString(16));
  const order = header.readUInt32LE(12);
  if (order < 1 || order > MOST_ORDERS) fail('wrong order', 12, `1 to ${MOST_ORDERS}`, `${order}`);
  let at = HEADER;
  const take = (count: number): ArrayBuffer => {
    const bytes = Uint8Array.prototype.slice.call(file, at, at + count * 4).buffer as ArrayBuffer;
    at += count * 4;
    return bytes;
  };
  const levels: Level[] = [];
  for (let k = 1; k <= order; k++) {
    const n = header.readUInt32LE(28 + 4 * k);
    levels.push({
      words: new Uint32Array(take(n)),
      probabilities: new Float32Array(take(n)),
      backoffs: new Float32Array(take(n)),
      children: new Uint32Array(take(k < order ? n + 1 : 0)),
    });
  }
  return new LanguageModel(JSON.parse(file.toString('utf8', at)) as string[], levels);
}

/** Writes the model as an ARPA file, which KenLM and SRILM read. The caller renames it after. */
export function writeArpa(path: string, model: LanguageModel): void {
  const file = new FileWriter(path);
  const line = (text: string): void => file.add(Buffer.from(`${text}\n`));
  try {
    line('\\data\\');
    model.levels.forEach((level, k) => {
      line(`ngram ${k + 1}=${level.words.length}`);
    });
    for (let k = 1; k <= model.order; k++) {
      line(`\n\\${k}-grams:`);
      for (const { words, probability, backoff } of ngramsOf(model, k)) {
        // Words are kept from the last to the first.
        const text = words
          .map((id) => model.words[id]!)
          .reverse()
          .join(' ');
        line(`${probability}\t${text}${k < model.order ? `\t${backoff}` : ''}`);
      }
    }
    line('\n\\end\\');
    file.finish();
  } finally {
    file.abandon();
  }
}

/** The n-grams of order k: words from the last to the first, log10 p, log10 backoff. */
export function* ngramsOf(
  model: LanguageModel,
  k: number,
): Generator<{ words: number[]; probability: number; backoff: number }> {
  const path: number[] = [];
  function* walk(depth: number, from: number, to: number): Generator<number> {
    for (let i = from; i < to; i++) {
      path[depth] = model.levels[depth]!.words[i]!;
      if (depth === k - 1) yield i;
      else {
        const { children } = model.levels[depth]!;
        yield* walk(depth + 1, children[i]!, children[i + 1]!);
      }
    }
  }
  for (const i of walk(0, 0, model.levels[0]!.words.length)) {
    const level = model.levels[k - 1]!;
    yield { words: path.slice(0, k), probability: level.probabilities[i]!, backoff: level.backoffs[i]! };
  }
}
