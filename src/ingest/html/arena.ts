/** Growable columns that are used again for page after page: parsing allocates next to nothing. */
class Column {
  values: Int32Array;
  length = 0;

  constructor(capacity: number) {
    this.values = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Int32Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}

/**
 * A page as flat columns. A *node* is an element; nodes are in document order, a node's subtree is a run of blocks.
 * A *block* is a run of text between two block boundaries. A *piece* is a run of characters of the source inside a
 * block, or a line break (`start` is -1).
 */
export class Arena {
  html = '';
  /** Nodes: tag id, parent (-1 for none), range of the attributes in the source, run of blocks [first, end). */
  readonly tag = new Column(4096);
  readonly parent = new Column(4096);
  readonly attributesStart = new Column(4096);
  readonly attributesEnd = new Column(4096);
  readonly firstBlock = new Column(4096);
  readonly endBlock = new Column(4096);
  /** Blocks: the innermost block-level element, first piece; then counts over the block's text. */
  readonly blockNode = new Column(1024);
  readonly blockPiece = new Column(1024);
  /** Characters that are not white space, and how many of them are in links. */
  readonly chars = new Column(1024);
  readonly linkChars = new Column(1024);
  readonly words = new Column(1024);
  /** Punctuation that ends sentences, and commas and the like. */
  readonly stops = new Column(1024);
  readonly commas = new Column(1024);
  /** Pieces: range in the source. */
  readonly pieceStart = new Column(4096);
  readonly pieceEnd = new Column(4096);
  /** Range of the title's text, if any. */
  titleStart = 0;
  titleEnd = 0;
  /** Start of each `<meta>` and `<link>`'s attributes, and their ends. */
  readonly headStart = new Column(64);
  readonly headEnd = new Column(64);

  reset(html: string): void {
    this.html = html;
    for (const column of this.#columns()) column.length = 0;
    this.titleStart = 0;
    this.titleEnd = 0;
  }

  get nodes(): number {
    return this.tag.length;
  }

  get blocks(): number {
    return this.blockNode.length;
  }

  *#columns(): Generator<Column> {
    for (const value of Object.values(this)) if (value instanceof Column) yield value;
  }
}
