import type { loadKernel } from '../core/wasm.ts';

const PAGE = 1 << 16;
/** Addresses below are the kernel's own: its static data. */
const FIRST = 4096;

/**
 * A kernel with its memory: what is taken comes first, then one region that grows with the work. Whoever extends it loads
 * the kernel by a name that stands there in full: by that `codeHash` finds it.
 */
export class GrowingKernel<Exports> {
  readonly exports: Exports;
  private readonly memory: ReturnType<typeof loadKernel>['memory'];
  private next = FIRST;

  constructor({ exports, memory }: ReturnType<typeof loadKernel<Exports>>) {
    this.exports = exports;
    this.memory = memory;
  }

  /** Whatever was taken from it before memory grew is detached: take views anew. */
  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }

  /** Where the growing region begins: after all that was taken. */
  get heap(): number {
    return this.next;
  }

  /** Takes bytes at the end, 16-byte aligned; before the growing region is used. */
  take(bytes: number): number {
    const at = this.next;
    this.next = align(at + bytes);
    this.growTo(this.next);
    return at;
  }

  growTo(end: number): void {
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.memory.grow(missing);
  }
}

export function align(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
