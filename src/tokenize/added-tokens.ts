import type { TokenBuffer } from './token-buffer.ts';

interface Node {
  readonly next: Map<number, Node>;
  id: number;
}

/** Finds added tokens in a text: leftmost, then longest. */
export class AddedTokenFinder {
  readonly #root: Node = { next: new Map(), id: -1 };
  /** [65536] the first two bytes of every token, so that other places cost one look. */
  readonly #starts = new Uint8Array(65536);

  constructor(tokens: readonly { bytes: Uint8Array; id: number }[]) {
    for (const { bytes, id } of tokens) {
      let node = this.#root;
      for (const b of bytes) {
        let child = node.next.get(b);
        if (!child) {
          child = { next: new Map(), id: -1 };
          node.next.set(b, child);
        }
        node = child;
      }
      node.id = id;
      const first = bytes[0]! << 8;
      if (bytes.length > 1) this.#starts[first | bytes[1]!] = 1;
      else this.#starts.fill(1, first, first + 256);
    }
  }

  /** Gives each stretch between tokens to `between`, and appends the tokens' ids in their places. */
  split(utf8: Uint8Array, out: TokenBuffer, between: (part: Uint8Array) => void): void {
    const n = utf8.length;
    let start = 0;
    for (let p = 0; p < n; ) {
      if (this.#starts[(utf8[p]! << 8) | (utf8[p + 1] ?? 0)] === 0) {
        p++;
        continue;
      }
      let id = -1;
      let end = p;
      let node: Node | undefined = this.#root;
      for (let q = p; q < n; ) {
        node = node.next.get(utf8[q++]!);
        if (!node) break;
        if (node.id >= 0) {
          id = node.id;
          end = q;
        }
      }
      if (id < 0) {
        p++;
        continue;
      }
      if (p > start) between(utf8.subarray(start, p));
      out.push(id);
      p = end;
      start = end;
    }
    if (start < n) between(start === 0 ? utf8 : utf8.subarray(start));
  }
}
