import { decodeHTML } from 'entities';
import type { Arena } from './arena.ts';
import type { Page } from './page.ts';
import { TAG } from './tags.ts';

const { pre: PRE, li: LI, ol: OL, ul: UL, td: TD, th: TH, tr: TR, dd: DD, dt: DT } = TAG;

/** Characters that are there to lay text out, not to be read: soft hyphens, zero-width and direction marks, BOM. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;
const COMBINING = /[\u0300-\u036f]/;

/** The text of a block: white space folded, line breaks kept, entities decoded, composed (NFC), trimmed. */
export function blockText(arena: Arena, block: number): string {
  const { html } = arena;
  const first = arena.blockPiece.values[block]!;
  const end = block + 1 < arena.blocks ? arena.blockPiece.values[block + 1]! : arena.pieceStart.length;
  const verbatim = isInPre(arena, block);
  let text = '';
  for (let i = first; i < end; i++) {
    const start = arena.pieceStart.values[i]!;
    if (start < 0) text += '\n';
    else {
      const piece = html.slice(start, arena.pieceEnd.values[i]!);
      text += verbatim ? piece.replace(/\r\n?/g, '\n') : piece.replace(/[\t\n\f\r ]+/g, ' ');
    }
  }
  if (text.includes('&')) text = decodeHTML(text);
  text = text.replace(INVISIBLE, '');
  text = verbatim
    ? text.replace(/^\n+|\s+$/g, '')
    : text
        .replace(/[^\S\n]+/g, ' ')
        .replace(/ ?\n ?/g, '\n')
        .trim();
  return COMBINING.test(text) ? text.normalize('NFC') : text;
}

function isInPre(arena: Arena, block: number): boolean {
  for (let n = arena.blockNode.values[block]!; n >= 0; n = arena.parent.values[n]!)
    if (arena.tag.values[n] === PRE) return true;
  return false;
}

/**
 * Blocks as plain text: an empty line between paragraphs and around lists and tables, `- ` or a number before a list's
 * items, ` | ` between the cells of a row.
 */
export function render(
  page: Page,
  chosen: readonly { readonly block: number; readonly text: string }[],
): string {
  const { arena } = page;
  const numbers = new Map<number, number>();
  let out = '';
  let before: Place | undefined;
  let lastItem = -1;
  for (const { block, text } of chosen) {
    const here = { holder: page.tagOf(block), row: rowOf(arena, block), item: itemOf(arena, block) };
    if (before) out += here.row >= 0 && here.row === before.row ? ' | ' : separator(before, here);
    if (here.item >= 0 && here.item !== lastItem) out += marker(arena, here.item, numbers);
    lastItem = here.item;
    out += text;
    before = here;
  }
  return out;
}

/** Where a block stands: tag of its element, its table row, its list item; -1 for none. */
interface Place {
  readonly holder: number;
  readonly row: number;
  readonly item: number;
}

function separator(before: Place, here: Place): string {
  const sameKind =
    (before.item >= 0 && here.item >= 0) ||
    (before.row >= 0 && here.row >= 0) ||
    (isDefinition(before.holder) && isDefinition(here.holder));
  return sameKind ? '\n' : '\n\n';
}

function isDefinition(tag: number): boolean {
  return tag === DT || tag === DD;
}

/** The innermost list item around a block that no table cell is in between; -1 for none. */
function itemOf(arena: Arena, block: number): number {
  return innermost(arena, block, LI!, TD!, TH!);
}

/** The innermost table row around a block that no list item is in between; -1 for none. */
function rowOf(arena: Arena, block: number): number {
  return innermost(arena, block, TR!, LI!, LI!);
}

function innermost(arena: Arena, block: number, tag: number, stop: number, otherStop: number): number {
  for (let n = arena.blockNode.values[block]!; n >= 0; n = arena.parent.values[n]!) {
    const here = arena.tag.values[n]!;
    if (here === tag) return n;
    if (here === stop || here === otherStop) return -1;
  }
  return -1;
}

/** `- `, or in an ordered list the number of the item among those that stay, indented by the lists around it. */
function marker(arena: Arena, item: number, numbers: Map<number, number>): string {
  const list = arena.parent.values[item]!;
  let depth = 0;
  for (let n = list >= 0 ? arena.parent.values[list]! : -1; n >= 0; n = arena.parent.values[n]!) {
    const tag = arena.tag.values[n]!;
    if (tag === UL || tag === OL) depth++;
  }
  const indent = '  '.repeat(Math.min(depth, 8));
  if (list < 0 || arena.tag.values[list] !== OL) return `${indent}- `;
  const number = (numbers.get(list) ?? 0) + 1;
  numbers.set(list, number);
  return `${indent}${number}. `;
}
