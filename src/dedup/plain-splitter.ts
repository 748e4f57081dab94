import type { MinhashKernel } from './kernel.ts';

/** What Python's `\w` is not, once a text is in lower case. */
const NO_WORD = /[^\p{L}\p{N}_]/gu;
const encoder = new TextEncoder();

/** text-dedup's words: lower case, split at every character that is in no word, empty words and all. */
export function textDedupWords(text: string): string[] {
  return text.toLowerCase().split(NO_WORD);
}

/** Puts text-dedup's words into the kernel's memory, as `EnglishSplitter` does datatrove's. */
export class PlainSplitter {
  private readonly kernel: MinhashKernel;

  constructor(kernel: MinhashKernel) {
    this.kernel = kernel;
  }

  split(
    text: number,
    length: number,
    to: number,
    used: number,
    startsAt: number,
    words: number,
    isLast: boolean,
  ): number {
    const { buffer } = this.kernel;
    const part = Buffer.from(buffer, text, length).toString('utf8');
    // Each word ends in a space; what follows a part's last separator begins the next part.
    const bytes = encoder.encode(part.toLowerCase().replace(NO_WORD, ' ') + (isLast ? ' ' : ''));
    new Uint8Array(buffer, to + used, bytes.length).set(bytes);
    const starts = new Uint32Array(buffer, startsAt);
    let count = words;
    starts[count] = used;
    for (let i = 0; i < bytes.length; i++) if (bytes[i] === 32) starts[++count] = used + i + 1;
    return count;
  }
}
