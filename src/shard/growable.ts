import { asBytes } from './u64.ts';

/** 32-bit words that grow by doubling: `data[0 .. length)` is in use. */
export class GrowingWords {
  data = new Uint32Array(1024);
  length = 0;

  /** Makes room for `n` more and gives the place of the first; `data` may be another array afterwards. */
  grow(n: number): number {
    const at = this.length;
    this.length += n;
    if (this.length > this.data.length) {
      const grown = new Uint32Array(Math.max(this.length, 2 * this.data.length));
      grown.set(this.data);
      this.data = grown;
    }
    return at;
  }

  add(words: Uint32Array): void {
    const at = this.grow(words.length);
    this.data.set(words, at);
  }

  bytes(): Uint8Array {
    return asBytes(this.data.subarray(0, this.length));
  }
}

/** Shorter ones are copied byte by byte: a view of them costs more. */
const WORTH_A_VIEW = 64;

/** Bytes that grow by doubling. */
export class GrowingBytes {
  data = new Uint8Array(64 * 1024);
  length = 0;

  /** Appends a copy of bytes[from .. from + length) and gives its place. */
  add(bytes: Uint8Array, from = 0, length = bytes.length): number {
    const at = this.length;
    this.length += length;
    if (this.length > this.data.length) {
      const grown = new Uint8Array(Math.max(this.length, 2 * this.data.length));
      grown.set(this.data);
      this.data = grown;
    }
    const { data } = this;
    if (length > WORTH_A_VIEW) data.set(bytes.subarray(from, from + length), at);
    else for (let i = 0; i < length; i++) data[at + i] = bytes[from + i]!;
    return at;
  }

  bytes(): Uint8Array {
    return this.data.subarray(0, this.length);
  }
}
