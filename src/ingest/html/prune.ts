import { Attributes } from './attributes.ts';
import { BESIDE, BODY_TEXT, hintsOf, UNLIKELY } from './hints.ts';
import { HEADINGS, type Page, TABLE_PARTS } from './page.ts';
import { BLOCK, TAG, TAG_FLAGS } from './tags.ts';

const { nav, footer, menu, dialog, aside, option, legend, form, figure, header, body, html: HTML } = TAG;
const { h1: H1, ul, ol, dl, table, p: P, article, main } = TAG;
/** Elements that are made for what is around the text. */
const SURROUNDINGS: ReadonlySet<number> = new Set([nav!, footer!, menu!, dialog!, aside!, option!, legend!]);
const LISTS: ReadonlySet<number> = new Set([ul!, ol!, dl!, table!]);

/** What was taken out of a page: by node, and by block. The hints of each block-level node that has text are kept. */
export class Pruning {
  nodes = new Uint8Array(0);
  blocks = new Uint8Array(0);
  hints = new Uint8Array(0);

  reset(nodes: number, blocks: number): void {
    if (this.nodes.length < nodes) {
      this.nodes = new Uint8Array(nodes * 2);
      this.hints = new Uint8Array(nodes * 2);
    }
    if (this.blocks.length < blocks) this.blocks = new Uint8Array(blocks * 2);
    this.nodes.fill(0, 0, nodes);
    this.hints.fill(0, 0, nodes);
    this.blocks.fill(0, 0, blocks);
  }
}

const attributes = new Attributes();

/**
 * Takes out what surrounds the text: elements made for it, elements named for it, what is hidden, runs of links. An
 * element that holds a good part of the page's prose stays, whatever it is called: names lie. Without `byName` only
 * elements and links count: for pages whose text is in comments or widgets.
 */
export function prune(page: Page, out: Pruning, byName: boolean): void {
  const { arena } = page;
  const { nodes, blocks } = arena;
  const tags = arena.tag.values;
  const parents = arena.parent.values;
  const allProse = page.prose.between(0, blocks);
  const allPlain = page.chars.between(0, blocks) - page.linkChars.between(0, blocks);
  out.reset(nodes, blocks);
  for (let n = 0; n < nodes; n++) {
    const first = arena.firstBlock.values[n]!;
    const end = arena.endBlock.values[n]!;
    const tag = tags[n]!;
    if (end <= first || !(TAG_FLAGS[tag]! & BLOCK)) continue;
    const parent = parents[n]!;
    if (parent >= 0 && out.nodes[parent]) {
      out.nodes[n] = 1;
      continue;
    }
    attributes.read(arena.html, arena.attributesStart.values[n]!, arena.attributesEnd.values[n]!);
    const hints = hintsOfElement(arena.html);
    out.hints[n] = hints;
    if (tag === body || tag === HTML) continue;
    const chars = page.chars.between(first, end);
    const links = page.linkChars.between(first, end);
    const prose = page.prose.between(first, end);
    const share = allProse > 0 ? prose / allProse : (chars - links) / Math.max(1, allPlain);
    if (
      (attributes.hidden && share < 0.5) ||
      (SURROUNDINGS.has(tag) && share < 0.5) ||
      ((tag === form || tag === figure) && share < 0.3) ||
      (byName && hints & UNLIKELY && !(hints & BODY_TEXT) && share < 0.4) ||
      (byName &&
        (hints & BESIDE || tag === header) &&
        share < 0.1 &&
        prose < 60 &&
        !mayHoldTitle(page, n, first, end)) ||
      isLinks(tag, hints, chars, links, prose)
    ) {
      out.nodes[n] = 1;
      out.blocks.fill(1, first, end);
    }
  }
}

function hintsOfElement(html: string): number {
  const { classStart, classEnd, idStart, idEnd, roleStart, roleEnd } = attributes;
  let hints = 0;
  if (classEnd > classStart) hints |= hintsOf(html.slice(classStart, classEnd));
  if (idEnd > idStart) hints |= hintsOf(html.slice(idStart, idEnd));
  if (roleEnd > roleStart) hints |= hintsOf(html.slice(roleStart, roleEnd));
  return hints;
}

/** A heading or a table cell is judged by what is around it, not by its name; and the page's title is a heading. */
function mayHoldTitle(page: Page, node: number, first: number, end: number): boolean {
  const { arena } = page;
  const tag = arena.tag.values[node]!;
  if (HEADINGS.has(tag) || TABLE_PARTS.has(tag)) return true;
  if (end === first + 1 && page.isHeading(first)) return true;
  for (let n = node + 1; n < arena.nodes && arena.firstBlock.values[n]! < end; n++)
    if (arena.tag.values[n] === H1 && arena.endBlock.values[n]! > arena.firstBlock.values[n]!) return true;
  return false;
}

/** Mostly links, and next to no prose: a menu, a list of other pages. */
function isLinks(tag: number, hints: number, chars: number, links: number, prose: number): boolean {
  const density = links / Math.max(1, chars);
  if (LISTS.has(tag) && density > 0.5 && prose < 0.3 * chars) return true;
  if (tag === article || tag === main || hints & BODY_TEXT) return false;
  if (tag === P) return density > 0.8 && chars <= 200;
  return density > 0.6 && prose < 0.15 * chars && prose < 120;
}
