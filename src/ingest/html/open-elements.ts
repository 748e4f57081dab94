import type { Arena } from './arena.ts';
import { BLOCK, DROP, SCOPE, TAG, TAG_FLAGS } from './tags.ts';

/** Elements nested deeper are taken as part of the one at this depth. */
export const MAX_DEPTH = 512;

const { a: A, ul: UL, ol: OL, dl: DL, table: TABLE, div: DIV, p: P, address: ADDRESS } = TAG;
const { tr: TR, tbody: TBODY, thead: THEAD, tfoot: TFOOT, td: TD, th: TH } = TAG;
const { li: LI, dt: DT, dd: DD, option: OPTION, head: HEAD, body: BODY } = TAG;
const TABLE_SECTIONS: ReadonlySet<number> = new Set([TR!, TBODY!, THEAD!, TFOOT!]);

/**
 * The stack of open elements of the HTML standard's tree builder. The searches give the depth at which an element is
 * open, so that everything from there on is to be closed; -1 where none is to be.
 */
export class OpenElements {
  readonly #arena: Arena;
  readonly nodes = new Int32Array(MAX_DEPTH + 1);
  depth = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** The innermost open element; -1 for none. */
  get top(): number {
    return this.depth ? this.nodes[this.depth - 1]! : -1;
  }

  tagAt(depth: number): number {
    return this.#arena.tag.values[this.nodes[depth]!]!;
  }

  /** The innermost open block-level element; -1 for none. */
  get block(): number {
    let depth = this.depth - 1;
    while (depth >= 0 && !(TAG_FLAGS[this.tagAt(depth)]! & BLOCK)) depth--;
    return depth >= 0 ? this.nodes[depth]! : -1;
  }

  /** The innermost `tag`, unless an element with one of `limit`'s flags is in between. */
  nearest(tag: number, limit: number): number {
    for (let depth = this.depth - 1; depth >= 0; depth--) {
      const other = this.tagAt(depth);
      if (other === tag) return depth;
      if (TAG_FLAGS[other]! & limit) return -1;
    }
    return -1;
  }

  /** The open element that the start of `tag` ends without an end tag of its own. */
  impliedBy(tag: number): number {
    switch (tag) {
      case LI:
        return this.item(LI!, LI!);
      case DT:
      case DD:
        return this.item(DT!, DD!);
      case TD:
      case TH:
        return this.tablePart(TD!, TH!, TR!);
      case TR:
        return this.tablePart(TR!, TR!, TABLE!);
      case TBODY:
      case THEAD:
      case TFOOT:
        return this.tablePart(TBODY!, THEAD!, TABLE!);
      case OPTION:
        return this.nearest(OPTION!, BLOCK);
      case BODY:
        return this.nearest(HEAD!, 0);
      default:
        return -1;
    }
  }

  /** The open item of the innermost list that a new item ends (13.2.6.4.7, "li", "dd", "dt"). */
  item(one: number, two: number): number {
    for (let depth = this.depth - 1; depth >= 0; depth--) {
      const other = this.tagAt(depth);
      if (other === one || other === two) return depth;
      if (other === UL || other === OL || other === DL) return -1;
      if (TAG_FLAGS[other]! & BLOCK && other !== DIV && other !== P && other !== ADDRESS) return -1;
    }
    return -1;
  }

  /** The open part of the innermost table, `one` or `two`, inside the innermost `limit`. */
  tablePart(one: number, two: number, limit: number): number {
    for (let depth = this.depth - 1; depth >= 0; depth--) {
      const other = this.tagAt(depth);
      if (other === one || other === two) return depth;
      if (other === limit || other === TABLE) return -1;
    }
    return -1;
  }

  /** An open link that no block inside it keeps open. */
  link(): number {
    return this.nearest(A!, BLOCK);
  }

  /**
   * What an end tag closes. An inline one does not close the blocks around it, and no end tag closes a cell or a table
   * from inside. `isSame` tells whether a node of an element that is not in the table has the end tag's name.
   */
  closedBy(tag: number, isSame: (node: number) => boolean): number {
    const bits = TAG_FLAGS[tag]!;
    const crossesScope = (bits & SCOPE) !== 0 || TABLE_SECTIONS.has(tag);
    for (let depth = this.depth - 1; depth >= 0; depth--) {
      const other = this.tagAt(depth);
      if (other === tag && (tag !== 0 || isSame(this.nodes[depth]!))) return depth;
      const otherBits = TAG_FLAGS[other]!;
      if (bits & (BLOCK | DROP) ? otherBits & SCOPE && !crossesScope : otherBits & BLOCK) return -1;
    }
    return -1;
  }
}
