import { Arena } from './arena.ts';
import { HtmlParser } from './parse.ts';
import { TAG } from './tags.ts';

const { h1, h2, h3, h4, h5, h6, table, tbody, thead, tr, td, th, p, li, dd, dt, pre, blockquote } = TAG;
export const HEADINGS: ReadonlySet<number> = new Set([h1!, h2!, h3!, h4!, h5!, h6!]);
export const TABLE_PARTS: ReadonlySet<number> = new Set([table!, tbody!, thead!, tr!, td!, th!]);
/** Elements that hold text by design: short lines in them are not suspect. */
export const TEXT_HOLDERS: ReadonlySet<number> = new Set([p!, li!, td!, th!, dd!, dt!, pre!, blockquote!]);

/** Running sums over blocks, so that what any run of blocks has in all is one subtraction. Grown, never shrunk. */
export class Sums {
  #values = new Float64Array(1024);

  fill(blocks: number, of: (block: number) => number): void {
    if (this.#values.length <= blocks) this.#values = new Float64Array(blocks * 2 + 1);
    const values = this.#values;
    let sum = 0;
    for (let b = 0; b < blocks; b++) {
      values[b] = sum;
      sum += of(b);
    }
    values[blocks] = sum;
  }

  between(first: number, end: number): number {
    return this.#values[end]! - this.#values[first]!;
  }
}

/** A parsed page and what is summed over its blocks. One at a time: the columns are used again for the next page. */
export class Page {
  readonly arena = new Arena();
  readonly chars = new Sums();
  readonly linkChars = new Sums();
  /** Characters outside links of the blocks that read like prose. */
  readonly prose = new Sums();
  readonly #parser = new HtmlParser(this.arena);

  load(html: string, noscript: boolean): void {
    const { arena } = this;
    this.#parser.parse(html, noscript);
    const chars = arena.chars.values;
    const links = arena.linkChars.values;
    this.chars.fill(arena.blocks, (b) => chars[b]!);
    this.linkChars.fill(arena.blocks, (b) => links[b]!);
    this.prose.fill(arena.blocks, (b) => (this.isProse(b) ? chars[b]! - links[b]! : 0));
  }

  /** Sentences rather than labels: enough words, some punctuation, mostly not links. */
  isProse(block: number): boolean {
    const { chars, linkChars, words, stops, commas } = this.arena;
    return (
      linkChars.values[block]! * 2 < chars.values[block]! &&
      words.values[block]! >= 8 &&
      (stops.values[block]! + commas.values[block]! > 0 || words.values[block]! > 20)
    );
  }

  /** Tag of the element that a block is in; 0 for none. */
  tagOf(block: number): number {
    const node = this.arena.blockNode.values[block]!;
    return node < 0 ? 0 : this.arena.tag.values[node]!;
  }

  isHeading(block: number): boolean {
    return HEADINGS.has(this.tagOf(block));
  }
}
