import { bytesToAlphabet } from './byte-alphabet.ts';
import type { PreTokenCounts } from './counts.ts';
import { Neighbours } from './neighbours.ts';
import { PairHeap } from './pair-heap.ts';
import { PairTable } from './pair-table.ts';
import { GAP, WordLayout } from './word-layout.ts';

/** Inside a symbol of several bytes. */
const INSIDE = GAP + 1;
const NOWHERE = 0xffffffff;

export interface TrainerSetup {
  /** Bytes by id: special tokens, then the 256 bytes; each merge adds one. */
  readonly tokens: Uint8Array[];
  readonly firstByteId: number;
  /** Entries of the vocabulary that no merge may make again, as it writes them. */
  readonly reserved: ReadonlySet<string>;
  /** At least 1. */
  readonly minCount: number;
  readonly maxTokenLength: number;
}

/**
 * Merges pairs in the order of their counts, touching only the places where the merged pair stands. Every pair that a
 * merge makes holds its new symbol, so changes are added up by neighbour in plain arrays, and the table of pairs is
 * asked once a pair instead of once a place. A pair's count can only fall after the merge that made it: what starts below
 * the least count is never stored.
 */
export class MergeTrainer {
  readonly merges: number[] = [];
  readonly mergeCounts: number[] = [];
  readonly #setup: TrainerSetup;
  readonly #words: WordLayout;
  readonly #before = new Neighbours();
  readonly #after = new Neighbours();
  readonly #table: PairTable;
  readonly #heap: PairHeap;
  /** Bytes of each id. */
  #lengths: Uint32Array;

  constructor(counts: PreTokenCounts, setup: TrainerSetup) {
    this.#setup = setup;
    const { tokens, firstByteId } = setup;
    const idOfByte = new Int32Array(256);
    for (let id = firstByteId; id < tokens.length; id++) idOfByte[tokens[id]![0]!] = id;
    this.#lengths = Uint32Array.from(tokens, (token) => token.length);
    this.#words = new WordLayout(counts, idOfByte);
    this.#table = new PairTable((renumbered) => this.#heap.renumber(renumbered));
    this.#heap = new PairHeap(this.#table);
    this.#countPairs();
  }

  /** Merges the most frequent pair; false where none is left that comes often enough. */
  mergeBest(): boolean {
    const { tokens, minCount, reserved } = this.#setup;
    for (;;) {
      const pair = this.#heap.pop(minCount);
      if (pair < 0) return false;
      const left = this.#table.left[pair]!;
      const right = this.#table.right[pair]!;
      const count = this.#table.count[pair]!;
      this.#table.count[pair] = 0;
      const token = new Uint8Array(this.#lengths[left]! + this.#lengths[right]!);
      token.set(tokens[left]!);
      token.set(tokens[right]!, this.#lengths[left]!);
      if (reserved.has(bytesToAlphabet(token))) continue;
      const id = tokens.push(token) - 1;
      this.merges.push(left, right);
      this.mergeCounts.push(count);
      this.#noteLength(id, token.length);
      this.#replace(pair, left, right, id);
      this.#settle(left, right, id);
      return true;
    }
  }

  #noteLength(id: number, length: number): void {
    if (id >= this.#lengths.length) {
      const grown = new Uint32Array(id * 2);
      grown.set(this.#lengths);
      this.#lengths = grown;
    }
    this.#lengths[id] = length;
    this.#before.grow(id + 1);
    this.#after.grow(id + 1);
  }

  #eachPair(visit: (at: number, word: number) => void): void {
    const { starts, counts } = this.#words;
    for (let word = 0; word < counts.length; word++) {
      const last = starts[word + 1]! - 2;
      for (let at = starts[word]!; at < last; at++) visit(at, word);
    }
  }

  #countPairs(): void {
    const first = this.#setup.firstByteId;
    const { symbols, counts: wordCounts } = this.#words;
    const counts = new Float64Array(65536);
    const places = new Uint32Array(65536);
    this.#eachPair((at, word) => {
      const key = ((symbols[at]! - first) << 8) | (symbols[at + 1]! - first);
      counts[key]! += wordCounts[word]!;
      places[key]!++;
    });
    const { minCount, maxTokenLength } = this.#setup;
    const kept: number[] = [];
    let total = 0;
    for (let key = 0; key < 65536; key++) {
      if (counts[key]! < minCount || maxTokenLength < 2) continue;
      kept.push(key);
      total += places[key]!;
    }
    const table = this.#table;
    table.reserve(kept.length, total);
    const next = new Uint32Array(65536).fill(NOWHERE);
    for (const key of kept) {
      const pair = table.add(first + (key >> 8), first + (key & 255), counts[key]!, places[key]!);
      next[key] = table.placeStart[pair]!;
      this.#heap.push(pair);
    }
    this.#eachPair((at) => {
      const key = ((symbols[at]! - first) << 8) | (symbols[at + 1]! - first);
      if (next[key] !== NOWHERE) table.pool[next[key]!++] = at;
    });
  }

  /** Puts `id` in every place of the pair, left to right within a word, and notes the neighbours. */
  #replace(pair: number, left: number, right: number, id: number): void {
    const words = this.#words;
    const symbols = words.symbols;
    const lengths = this.#lengths;
    const { pool, placeStart, placeLength } = this.#table;
    const leftLength = lengths[left]!;
    const length = lengths[id]!;
    const end = placeStart[pair]! + placeLength[pair]!;
    for (let i = placeStart[pair]!; i < end; i++) {
      const at = pool[i]!;
      const middle = at + leftLength;
      // The place may be stale: an earlier merge took one of the two.
      if (symbols[at] !== left || symbols[middle] !== right) continue;
      const count = words.countAt(at);
      const previous = symbols[at - 1]!;
      if (previous !== GAP) {
        const symbol = previous >= 0 ? previous : ~previous;
        this.#before.note(symbol, count, at - lengths[symbol]!);
      }
      const next = symbols[at + length]!;
      if (next !== GAP) this.#after.note(next, count, at);
      symbols[middle] = INSIDE;
      symbols[at] = id;
      symbols[at + length - 1] = ~id;
    }
  }

  /** Takes what #replace noted over into the table of pairs and the heap. */
  #settle(left: number, right: number, id: number): void {
    const before = this.#before;
    const after = this.#after;
    for (const symbol of before.touched) this.#lower(symbol, left, before.amount[symbol]!);
    for (const symbol of after.touched) this.#lower(right, symbol, after.amount[symbol]!);
    // Where two places touch, (id, left) was noted at the first and turned into (id, id) at the second.
    if (before.amount[id]! > 0) after.amount[left]! -= before.amount[id]!;
    this.#addPairs(before, id, true);
    this.#addPairs(after, id, false);
    before.clear();
    after.clear();
  }

  #lower(left: number, right: number, amount: number): void {
    const table = this.#table;
    const pair = table.find(left, right);
    if (pair < 0) return;
    const count = table.count[pair]! - amount;
    table.count[pair] = count < this.#setup.minCount ? 0 : count;
  }

  #addPairs(side: Neighbours, id: number, neighbourFirst: boolean): void {
    const table = this.#table;
    const { minCount, maxTokenLength } = this.#setup;
    table.reserve(side.touched.length, side.eventLength / 2);
    const next = side.places;
    for (const symbol of side.touched) {
      const amount = side.amount[symbol]!;
      const places = side.places[symbol]!;
      next[symbol] = NOWHERE;
      if (amount < minCount || this.#lengths[symbol]! + this.#lengths[id]! > maxTokenLength) continue;
      const pair = neighbourFirst
        ? table.add(symbol, id, amount, places)
        : table.add(id, symbol, amount, places);
      next[symbol] = table.placeStart[pair]!;
      this.#heap.push(pair);
    }
    const { events, eventLength } = side;
    for (let i = 0; i < eventLength; i += 2) {
      const symbol = events[i]!;
      if (next[symbol] !== NOWHERE) table.pool[next[symbol]!++] = events[i + 1]!;
    }
  }
}
