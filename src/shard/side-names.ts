import { InvariantError } from '../core/errors.ts';
import { MOST_SHAPES } from './side-file.ts';

/** Gives names numbers in order of appearance. */
export class Names {
  readonly list: string[] = [];
  private readonly known = new Map<string, number>();

  index(name: string): number {
    let i = this.known.get(name);
    if (i === undefined) {
      i = this.list.length;
      this.known.set(name, i);
      this.list.push(name);
    }
    return i;
  }
}

/** Gives lists of signals numbers in order of appearance. */
export class Shapes {
  readonly names: Names;
  readonly list: number[][] = [];
  /** The shape of the document that was read last. */
  found = -1;
  private readonly root = new Branch();
  private readonly last: string[] = [];

  constructor(names: Names) {
    this.names = names;
  }

  /** Puts the values of a document's signals to values[k ..), as far as there is room; gives how many there are. */
  read(signals: Readonly<Record<string, number>>, values: Float64Array | number[], k: number): number {
    const { last } = this;
    let n = 0;
    // Most documents have the signals of the one before.
    let isLast = this.found >= 0;
    // A list of the names of each document would be made to be thrown away.
    for (const name in signals) {
      if (last[n] !== name) {
        last[n] = name;
        isLast = false;
      }
      values[k + n++] = signals[name]!;
    }
    if (isLast && n === last.length) return n;
    last.length = n;
    this.found = this.index(last);
    return n;
  }

  index(names: readonly string[]): number {
    let branch = this.root;
    for (const name of names) branch = branch.of(name);
    if (branch.shape < 0) {
      if (this.list.length === MOST_SHAPES)
        throw new InvariantError('the documents of one part have too many sets of signals');
      branch.shape = this.list.length;
      this.list.push(names.map((name) => this.names.index(name)));
    }
    return branch.shape;
  }
}

/** Of the tree of all lists of signals: what may follow on some of them, and the number of that list. */
class Branch {
  shape = -1;
  private readonly next = new Map<string, Branch>();

  of(name: string): Branch {
    let branch = this.next.get(name);
    if (!branch) {
      branch = new Branch();
      this.next.set(name, branch);
    }
    return branch;
  }
}
