import type { Arena } from './arena.ts';
import { MAX_DEPTH, OpenElements } from './open-elements.ts';
import { after, endOfName, endOfTag, isLetter, TextCounts } from './scan.ts';
import { BLOCK, DROP, ENDS_P, RAW, SCOPE, TAG, TAG_FLAGS, TAG_NAMES, tagAt, VOID } from './tags.ts';

const { p: P, a: A, br: BR } = TAG;
const { title: TITLE, meta: META, link: LINK, body: BODY, html: HTML, noscript: NOSCRIPT } = TAG;

/**
 * Reads HTML into an arena in one pass over the characters, in time linear in the page (times MAX_DEPTH at worst).
 * What the standard's tree builder does is done as far as it moves text from one block to another: implied end tags,
 * end tags without a start, raw text, links that are left open. Never throws.
 */
export class HtmlParser {
  readonly #arena: Arena;
  readonly #open: OpenElements;
  readonly #counts = new TextCounts();
  #html = '';
  /** Whether what is in <noscript> counts as text. */
  #noscript = false;
  /** Elements open beyond MAX_DEPTH. */
  #overflow = 0;
  /** Depth of the outermost open element whose text is dropped; 0 for none. */
  #dropAt = 0;
  #inLink = false;
  #blockOpen = false;
  #breaks = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#open = new OpenElements(arena);
  }

  parse(html: string, noscript = false): void {
    this.#arena.reset(html);
    this.#html = html;
    this.#noscript = noscript;
    this.#open.depth = 0;
    this.#overflow = 0;
    this.#dropAt = 0;
    this.#inLink = false;
    this.#closeBlock();
    const { length } = html;
    for (let at = 0; at < length; ) {
      let open = html.indexOf('<', at);
      // A "<" that begins no tag is text.
      while (open >= 0 && !this.#beginsMarkup(open)) open = html.indexOf('<', open + 1);
      const end = open < 0 ? length : open;
      if (end > at && this.#dropAt === 0) this.#text(at, end);
      at = open < 0 ? length : this.#markup(open);
    }
    this.#popTo(0);
  }

  #beginsMarkup(open: number): boolean {
    const c = this.#html.charCodeAt(open + 1);
    return isLetter(c) || c === 0x21 || c === 0x3f || c === 0x2f;
  }

  /** Takes the tag, comment or declaration at `open`; gives where it ends. */
  #markup(open: number): number {
    const html = this.#html;
    const c = html.charCodeAt(open + 1);
    if (c === 0x21 && html.startsWith('--', open + 2)) return after(html, '-->', open + 2);
    // What begins like an end tag and has no name is left out up to its end, like a comment.
    const nameless = c === 0x2f && !isLetter(html.charCodeAt(open + 2));
    if (c === 0x21 || c === 0x3f || nameless) return after(html, '>', open);
    const nameStart = c === 0x2f ? open + 2 : open + 1;
    const nameEnd = endOfName(html, nameStart);
    const tag = tagAt(html, nameStart, nameEnd);
    if (c !== 0x2f) return this.#startTag(tag, nameEnd, endOfTag(html, nameEnd));
    this.#endTag(tag, nameStart, nameEnd);
    return after(html, '>', nameEnd);
  }

  #startTag(tag: number, attributesStart: number, end: number): number {
    const arena = this.#arena;
    const open = this.#open;
    const bits = TAG_FLAGS[tag]!;
    if (bits & VOID) {
      this.#voidTag(tag, bits, attributesStart, end);
      return end + 1;
    }
    if (bits & BLOCK) this.#impliedEnds(tag, bits);
    else if (tag === A) this.#popTo(open.link());
    const node = arena.nodes;
    arena.tag.push(tag);
    arena.parent.push(open.top);
    arena.attributesStart.push(attributesStart);
    arena.attributesEnd.push(end);
    if (bits & BLOCK) this.#closeBlock();
    // An inline element inside an open block begins in that block.
    arena.firstBlock.push(arena.blocks - (this.#blockOpen ? 1 : 0));
    arena.endBlock.push(arena.blocks);
    if (bits & RAW) return this.#raw(tag, end + 1);
    if (tag === A) this.#inLink = true;
    if (open.depth === MAX_DEPTH) {
      this.#overflow++;
      return end + 1;
    }
    open.nodes[open.depth++] = node;
    if (bits & DROP && this.#dropAt === 0 && !(tag === NOSCRIPT && this.#noscript)) this.#dropAt = open.depth;
    return end + 1;
  }

  #voidTag(tag: number, bits: number, attributesStart: number, end: number): void {
    if (tag === BR) this.#break();
    else if (tag === META || tag === LINK) {
      this.#arena.headStart.push(attributesStart);
      this.#arena.headEnd.push(end);
    } else if (bits & BLOCK) this.#closeBlock();
  }

  /** Skips to after the end tag of an element whose content is not markup. */
  #raw(tag: number, start: number): number {
    const html = this.#html;
    const name = `/${TAG_NAMES[tag]}`;
    for (let at = html.indexOf('</', start); at >= 0; at = html.indexOf('</', at + 2)) {
      const end = at + 1 + name.length;
      const next = html.charCodeAt(end);
      if (next !== 0x3e && next !== 0x2f && next > 0x20) continue;
      if (html.slice(at + 1, end).toLowerCase() !== name) continue;
      if (tag === TITLE && this.#arena.titleEnd === 0) {
        this.#arena.titleStart = start;
        this.#arena.titleEnd = at;
      }
      return after(html, '>', at);
    }
    return html.length;
  }

  #endTag(tag: number, nameStart: number, nameEnd: number): void {
    const bits = TAG_FLAGS[tag]!;
    if (tag === BR) this.#break();
    else if (this.#overflow > 0) {
      this.#overflow--;
      if (bits & BLOCK) this.#closeBlock();
    } else {
      if (tag === A) this.#inLink = false;
      if (bits & VOID || tag === BODY || tag === HTML) return;
      const name = () => this.#html.slice(nameStart, nameEnd).toLowerCase();
      const depth = this.#open.closedBy(tag, (node) => this.#nameOf(node, nameEnd - nameStart) === name());
      if (depth >= 0) this.#popTo(depth);
      else if (bits & BLOCK) this.#closeBlock();
    }
  }

  /** So many characters before a node's attributes: its name, if it is so long. */
  #nameOf(node: number, length: number): string {
    const end = this.#arena.attributesStart.values[node]!;
    return this.#html.charCodeAt(end - length - 1) === 0x3c
      ? this.#html.slice(end - length, end).toLowerCase()
      : '';
  }

  #impliedEnds(tag: number, bits: number): void {
    const open = this.#open;
    if (bits & ENDS_P) this.#popTo(open.nearest(P!, SCOPE | BLOCK));
    this.#popTo(open.impliedBy(tag));
  }

  /** Closes every element from this depth on; none where it is -1. */
  #popTo(depth: number): void {
    if (depth < 0) return;
    const arena = this.#arena;
    const open = this.#open;
    while (open.depth > depth) {
      const node = open.nodes[--open.depth]!;
      const tag = arena.tag.values[node]!;
      if (TAG_FLAGS[tag]! & BLOCK) this.#closeBlock();
      else if (tag === A) this.#inLink = false;
      arena.endBlock.values[node] = arena.blocks;
      if (this.#dropAt > open.depth) this.#dropAt = 0;
    }
  }

  #closeBlock(): void {
    this.#blockOpen = false;
    this.#breaks = 0;
  }

  /** One line break; two in a row end the block, as a paragraph would. */
  #break(): void {
    if (!this.#blockOpen) return;
    if (++this.#breaks > 1) this.#closeBlock();
    else this.#piece(-1, -1);
  }

  #piece(start: number, end: number): void {
    const arena = this.#arena;
    arena.pieceStart.push(start);
    arena.pieceEnd.push(end);
  }

  #text(start: number, end: number): void {
    const arena = this.#arena;
    const counts = this.#counts;
    counts.count(this.#html, start, end);
    if (counts.chars === 0) {
      if (this.#blockOpen) this.#piece(start, end);
      return;
    }
    this.#breaks = 0;
    if (!this.#blockOpen) this.#openBlock();
    this.#piece(start, end);
    const block = arena.blocks - 1;
    arena.chars.values[block]! += counts.chars;
    if (this.#inLink) arena.linkChars.values[block]! += counts.chars;
    arena.words.values[block]! += counts.words;
    arena.stops.values[block]! += counts.stops;
    arena.commas.values[block]! += counts.commas;
  }

  #openBlock(): void {
    const arena = this.#arena;
    this.#blockOpen = true;
    arena.blockNode.push(this.#open.block);
    arena.blockPiece.push(arena.pieceStart.length);
    arena.chars.push(0);
    arena.linkChars.push(0);
    arena.words.push(0);
    arena.stops.push(0);
    arena.commas.push(0);
  }
}
