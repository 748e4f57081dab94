import type { BpeEncoder, EncoderVocabulary, WholeTokens } from './bpe-vocabulary.ts';
import { Merger } from './merge-ranks.ts';
import { hashBytes } from './pre-token-table.ts';
import { type Scanner, scannerOf } from './pre-tokenizers.ts';
import type { TokenBuffer } from './token-buffer.ts';

const SLOTS = 1 << 15;
const KEY = 32;
const IDS = 8;

/** Pre-tokens met lately with their ids; a newer one takes the slot of an older with the same hash. */
class PreTokenCache {
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #keys = new Uint8Array(SLOTS * KEY);
  readonly #idCounts = new Uint8Array(SLOTS);
  readonly #ids = new Uint32Array(SLOTS * IDS);

  /** Appends the ids of a pre-token of at most KEY bytes; false where it is not here. */
  get(slot: number, bytes: Uint8Array, start: number, end: number, out: TokenBuffer): boolean {
    if (this.#lengths[slot] !== end - start) return false;
    let at = slot * KEY;
    for (let i = start; i < end; i++) if (this.#keys[at++] !== bytes[i]) return false;
    const first = slot * IDS;
    const last = first + this.#idCounts[slot]!;
    out.reserve(IDS);
    for (let i = first; i < last; i++) out.data[out.length++] = this.#ids[i]!;
    return true;
  }

  put(slot: number, bytes: Uint8Array, start: number, end: number, ids: TokenBuffer, from: number): void {
    const count = ids.length - from;
    if (count > IDS) return;
    this.#lengths[slot] = end - start;
    for (let i = start; i < end; i++) this.#keys[slot * KEY + i - start] = bytes[i]!;
    this.#idCounts[slot] = count;
    for (let i = 0; i < count; i++) this.#ids[slot * IDS + i] = ids.data[from + i]!;
  }
}

/** The encoder in plain TypeScript: the kernel's twin, which the tests hold it to. */
export class PlainBpeEncoder implements BpeEncoder {
  readonly #vocabulary: EncoderVocabulary;
  readonly #scan: Scanner;
  readonly #merger: Merger;
  readonly #cache = new PreTokenCache();
  readonly #whole: ReadonlyMap<string, number> | undefined;

  constructor(vocabulary: EncoderVocabulary, whole: WholeTokens | undefined) {
    this.#vocabulary = vocabulary;
    this.#scan = scannerOf(vocabulary.preTokenizer);
    this.#merger = new Merger(vocabulary.pairs);
    if (whole) this.#whole = new Map([...whole].map(([id, bytes]) => [latin1(bytes, 0, bytes.length), id]));
  }

  encode(text: Uint8Array, out: TokenBuffer): void {
    const scan = this.#scan;
    for (let p = 0; p < text.length; ) {
      const q = scan(text, p, text.length);
      this.#encodePreToken(text, p, q, out);
      p = q;
    }
  }

  #encodePreToken(bytes: Uint8Array, start: number, end: number, out: TokenBuffer): void {
    if (end - start > KEY) {
      this.#merge(bytes, start, end, out);
      return;
    }
    const slot = hashBytes(bytes, start, end) & (SLOTS - 1);
    if (this.#cache.get(slot, bytes, start, end, out)) return;
    const from = out.length;
    this.#merge(bytes, start, end, out);
    this.#cache.put(slot, bytes, start, end, out, from);
  }

  #merge(bytes: Uint8Array, start: number, end: number, out: TokenBuffer): void {
    if (this.#whole && end - start <= 512) {
      const id = this.#whole.get(latin1(bytes, start, end));
      if (id !== undefined) {
        out.push(id);
        return;
      }
    }
    const n = end - start;
    const symbols = this.#merger.symbols(n);
    const ids = this.#vocabulary.byteIds;
    for (let i = 0; i < n; i++) symbols[i] = ids[bytes[start + i]!]!;
    this.#merger.run(n, out);
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
