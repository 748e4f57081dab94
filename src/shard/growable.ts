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

  bytes(): Uint8Array {
    return asBytes(this.data.subarray(0, this.length));
  }
}

/** Bytes that grow by doubling. */
export class GrowingBytes {
  data = new Uint8Array(64 * 1024);
  length = 0;

  /** Appends a copy and gives its place. */
  add(bytes: Uint8Array): number {
    const at = this.length;
    this.length += bytes.length;
    if (this.length > this.data.length) {
      const grown = new Uint8Array(Math.max(this.length, 2 * this.data.length));
      grown.set(this.data);
      this.data = grown;
    }
    this.data.set(bytes, at);
    return at;
  }
}
