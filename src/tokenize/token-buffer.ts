/** Token ids that grow: `data[0 .. length)` is what was written. */
export class TokenBuffer {
  data: Uint32Array;
  length = 0;

  constructor(capacity = 1024) {
    this.data = new Uint32Array(Math.max(1, capacity));
  }

  /** Makes room for `n` more ids after `length`. */
  reserve(n: number): void {
    const needed = this.length + n;
    if (needed <= this.data.length) return;
    const grown = new Uint32Array(Math.max(needed, this.data.length * 2));
    grown.set(this.data.subarray(0, this.length));
    this.data = grown;
  }

  push(id: number): void {
    if (this.length === this.data.length) this.reserve(1);
    this.data[this.length++] = id;
  }

  clear(): void {
    this.length = 0;
  }

  /** The ids so far; a view, valid until the next write. */
  ids(): Uint32Array {
    return this.data.subarray(0, this.length);
  }
}
