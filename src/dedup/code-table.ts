import type { MinhashKernel } from './kernel.ts';

const CODES = 0x110000;
const SLOTS = 1 << 16;
/** Of a slot: its length, and so many bytes of text. */
const SLOT_TEXT = 15;

/** Kinds of a code point, as the kernel knows them; what is none of them, the kernel leaves to JavaScript. */
export const LETTER = 1;
export const BLANK = 2;
export const NOTHING = 3;
export const DIGIT = 4;
export const SYMBOL = 5;
const HARD = 7;

/** What a code point becomes; `text` counts for letters and symbols. Without one, it depends on its neighbours. */
export interface CodeMeaning {
  readonly kind: number;
  readonly text?: string;
}

const encoder = new TextEncoder();

/** What code points beyond ASCII become, in the kernel's memory: filled as they are met. */
export class CodeTable {
  private readonly kernel: MinhashKernel;
  readonly codes: number;
  readonly slots: number;
  private usedSlots = 0;

  constructor(kernel: MinhashKernel) {
    this.kernel = kernel;
    this.codes = kernel.take(CODES * 4);
    this.slots = kernel.take(SLOTS * 16 + 16);
  }

  set(code: number, meaning: CodeMeaning | undefined): void {
    new Uint32Array(this.kernel.buffer, this.codes, CODES)[code] = this.entryOf(meaning);
  }

  private entryOf(meaning: CodeMeaning | undefined): number {
    if (meaning === undefined) return HARD << 24;
    const { kind, text = '' } = meaning;
    if (kind !== LETTER && kind !== SYMBOL) return kind << 24;
    const bytes = encoder.encode(text);
    if (bytes.length > SLOT_TEXT || this.usedSlots === SLOTS) return HARD << 24;
    const slot = this.usedSlots++;
    const target = new Uint8Array(this.kernel.buffer, this.slots + slot * 16, 16);
    target[0] = bytes.length;
    target.set(bytes, 1);
    return ((kind << 24) | slot) >>> 0;
  }
}
