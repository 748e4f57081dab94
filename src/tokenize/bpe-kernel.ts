import { ResourceError } from '../core/errors.ts';
import { loadKernel } from '../core/wasm.ts';
import type { BpeEncoder, EncoderVocabulary, WholeTokens } from './bpe-vocabulary.ts';
import { KernelMemory } from './kernel-memory.ts';
import { hashBytes } from './pre-token-table.ts';
import { kernelScannerOf } from './pre-tokenizers.ts';
import { isMetaspace } from './scan.ts';
import type { TokenBuffer } from './token-buffer.ts';
import { CLASS_TABLE } from './unicode-classes.ts';

interface Exports {
  setUp(
    index: number,
    blocks: number,
    byteIds: number,
    bytePairs: number,
    pairs: number,
    pairMask: number,
    cache: number,
    cacheMask: number,
  ): void;
  setUpWhole(whole: number, mask: number, offsets: number, bytes: number): void;
  encode(kind: number, start: number, end: number, out: number, scratch: number): number;
}

/** 4 MiB of cache: measured best of 2^14 to 2^18 on English and on mixed languages. */
const CACHE_SLOTS = 1 << 16;
const SLOT_BYTES = 64;
/** The kernel may read so far past a key and write so many ids past the last. */
const SLACK = 64;
/** A text is given to the kernel in windows of about this many bytes. */
const WINDOW = 1 << 20;
/** Merging takes 44 bytes of memory a byte, and WebAssembly has 4 GiB. */
const LONGEST_WINDOW = 1 << 26;

/** The encoder as a WebAssembly kernel over a memory of its own. */
export class BpeKernel implements BpeEncoder {
  readonly #exports: Exports;
  readonly #memory: KernelMemory;
  readonly #kind: number;
  readonly #input: number;
  #bytes: Uint8Array;

  constructor(vocabulary: EncoderVocabulary, whole: WholeTokens | undefined) {
    const { exports, memory } = loadKernel<Exports>('bpe');
    this.#exports = exports;
    this.#memory = new KernelMemory(memory);
    this.#kind = kernelScannerOf(vocabulary.preTokenizer);
    const m = this.#memory;
    exports.setUp(
      m.put(CLASS_TABLE.index),
      m.put(CLASS_TABLE.blocks),
      m.put(vocabulary.byteIds),
      m.take(256 * 256 * 8),
      m.put(vocabulary.pairs.slots),
      vocabulary.pairs.mask,
      m.take(CACHE_SLOTS * SLOT_BYTES),
      CACHE_SLOTS - 1,
    );
    if (whole) this.#setUpWhole(whole, vocabulary.tokens.length);
    this.#input = m.take(0);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** Appends the ids of a text without added tokens. */
  encode(text: Uint8Array, out: TokenBuffer): void {
    if (text.length <= WINDOW) {
      this.#encodeWindow(text, out);
      return;
    }
    for (let p = 0; p < text.length; ) {
      const q = this.#windowEnd(text, p);
      this.#encodeWindow(text.subarray(p, q), out);
      p = q;
    }
  }

  #windowEnd(text: Uint8Array, p: number): number {
    if (this.#kind === CUTS_NOWHERE) return text.length;
    return this.#kind < CUTS_NOWHERE ? windowEnd(text, p) : metaspaceWindowEnd(text, p);
  }

  #encodeWindow(text: Uint8Array, out: TokenBuffer): void {
    if (text.length > LONGEST_WINDOW)
      throw new ResourceError('a pre-token is too long to be merged', {
        expected: `at most ${LONGEST_WINDOW} bytes`,
        found: `${text.length} bytes without a place to cut`,
      });
    const outAt = (this.#input + text.length + SLACK + 63) & ~63;
    const scratch = outAt + (text.length + SLACK) * 4;
    this.#memory.ensure(scratch);
    this.#refresh();
    this.#bytes.set(text, this.#input);
    const count = this.#exports.encode(this.#kind, this.#input, this.#input + text.length, outAt, scratch);
    out.reserve(count);
    this.#refresh();
    out.data.set(new Uint32Array(this.#bytes.buffer, outAt, count), out.length);
    out.length += count;
  }

  #refresh(): void {
    const { buffer } = this.#memory.memory;
    if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
  }

  /** A table of whole tokens for vocabularies that look pre-tokens up before they merge. */
  #setUpWhole(whole: WholeTokens, ids: number): void {
    let slots = 16;
    while (slots < whole.size * 2) slots *= 2;
    const table = new Uint32Array(slots * 2);
    const offsets = new Uint32Array(ids + 1);
    let length = 0;
    for (let id = 0; id < ids; id++) {
      offsets[id] = length;
      length += whole.get(id)?.length ?? 0;
    }
    offsets[ids] = length;
    const bytes = new Uint8Array(length);
    for (const [id, token] of whole) {
      bytes.set(token, offsets[id]!);
      const hash = hashBytes(token, 0, token.length);
      let slot = hash & (slots - 1);
      while (table[slot * 2 + 1] !== 0) slot = (slot + 1) & (slots - 1);
      table[slot * 2] = hash;
      table[slot * 2 + 1] = id + 1;
    }
    const m = this.#memory;
    this.#exports.setUpWhole(m.put(table), slots - 1, m.put(offsets), m.put(bytes));
  }
}

const CUTS_NOWHERE = kernelScannerOf('none');

const isAsciiLetter = (b: number) => (b | 0x20) >= 0x61 && (b | 0x20) <= 0x7a;

/** Where a window from `p` may end in text whose spaces are U+2581: between an ASCII letter and one. */
function metaspaceWindowEnd(text: Uint8Array, p: number): number {
  for (let q = p + WINDOW; q < text.length; q++)
    if (isMetaspace(text, q, text.length) && isAsciiLetter(text[q - 1]!)) return q;
  return text.length;
}

/**
 * Where a window from `p` may end: between an ASCII letter and a space or newline. There every scanner that cuts at all
 * cuts, and what lies on the other side changes nothing.
 */
export function windowEnd(text: Uint8Array, p: number): number {
  const isCut = (q: number) => (text[q] === 0x20 || text[q] === 0x0a) && isAsciiLetter(text[q - 1]!);
  const wanted = p + WINDOW;
  if (wanted >= text.length) return text.length;
  for (let q = wanted; q > p + WINDOW / 2; q--) if (isCut(q)) return q;
  for (let q = wanted + 1; q < text.length; q++) if (isCut(q)) return q;
  return text.length;
}
