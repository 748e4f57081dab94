interface Node {
  readonly next: Map<string, Node>;
  last: boolean;
}

/** A letter, digit or underscore of any script: what Python's `\w` matches. */
const WORD = /[\p{L}\p{N}_]/u;

/**
 * Finds any of many phrases, in lower case, in one pass. With `whole` a phrase must stand between characters that belong
 * to no word; without it (scripts that write words together) anywhere.
 */
export class PhraseSet {
  private readonly root: Node = { next: new Map(), last: false };
  private readonly whole: boolean;
  readonly size: number;

  constructor(phrases: Iterable<string>, whole: boolean) {
    let size = 0;
    for (const phrase of phrases) {
      const trimmed = phrase.trim().toLowerCase();
      if (trimmed === '') continue;
      size++;
      let node = this.root;
      for (const unit of trimmed.split('')) {
        let next = node.next.get(unit);
        if (next === undefined) {
          next = { next: new Map(), last: false };
          node.next.set(unit, next);
        }
        node = next;
      }
      node.last = true;
    }
    this.size = size;
    this.whole = whole;
  }

  /** How many phrases stand in a text, the longest at each place, none overlapping another. */
  count(text: string): number {
    const lower = text.toLowerCase();
    let hits = 0;
    for (let i = 0; i < lower.length; ) {
      const end = this.match(lower, i);
      if (end > i) hits++;
      i = Math.max(i + 1, end);
    }
    return hits;
  }

  /** The end of the longest phrase that begins at a place, -1 where none does. */
  private match(text: string, from: number): number {
    let node: Node | undefined = this.root.next.get(text.charAt(from));
    if (node === undefined || (this.whole && from > 0 && isWord(text, from - 1))) return -1;
    let found = -1;
    for (let i = from + 1; node !== undefined; i++) {
      if (node.last && (!this.whole || i >= text.length || !isWord(text, i))) found = i;
      node = i < text.length ? node.next.get(text.charAt(i)) : undefined;
    }
    return found;
  }
}

function isWord(text: string, i: number): boolean {
  const c = text.charCodeAt(i);
  if (c < 128) return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || c === 95 || (c >= 97 && c <= 122);
  // Half of a pair: the whole character counts.
  const at = c >= 0xdc00 && c < 0xe000 && i > 0 ? i - 1 : i;
  return WORD.test(String.fromCodePoint(text.codePointAt(at)!));
}
