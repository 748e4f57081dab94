import type { loadKernel } from '../core/wasm.ts';

/** A WebAssembly.Memory. */
export type LinearMemory = ReturnType<typeof loadKernel>['memory'];

/** Hands out stretches of a kernel's memory from the first page on (below it lie the kernel's own data). */
export class KernelMemory {
  readonly memory: LinearMemory;
  #top = 65536;

  constructor(memory: LinearMemory) {
    this.memory = memory;
  }

  get top(): number {
    return this.#top;
  }

  /** Address of `bytes` new bytes, aligned to 64, zero. */
  take(bytes: number): number {
    const at = (this.#top + 63) & ~63;
    this.ensure(at + bytes);
    this.#top = at + bytes;
    return at;
  }

  /** Address of a copy of `data`. */
  put(data: Uint8Array | Uint16Array | Int32Array | Uint32Array): number {
    const at = this.take(data.byteLength);
    new Uint8Array(this.memory.buffer, at, data.byteLength).set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
    return at;
  }

  /** Grows the memory to `end` bytes at least. */
  ensure(end: number): void {
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
  }
}
