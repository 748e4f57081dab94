import { sha256 } from '../../core/hash.ts';

export interface Sampled {
  readonly corpus: string;
  readonly id: string;
  readonly bytes: number;
}

/**
 * Documents in the order of their hash until so many bytes are reached, whatever order they come in; at most four
 * times as much is held meanwhile.
 */
export class HashSample<D extends Sampled> {
  private readonly most: number;
  private held: { rank: string; document: D }[] = [];
  private bytes = 0;

  constructor(most: number) {
    this.most = most;
  }

  add(document: D): void {
    this.held.push({ rank: sha256(`${document.corpus}\0${document.id}`), document });
    this.bytes += document.bytes;
    if (this.bytes > 4 * this.most) this.prune();
  }

  /** The sample; one document at least, where there is any. */
  take(): D[] {
    this.prune();
    return this.held.map(({ document }) => document);
  }

  private prune(): void {
    this.held.sort((a, b) => (a.rank < b.rank ? -1 : 1));
    let bytes = 0;
    let count = 0;
    for (const { document } of this.held) {
      if (count > 0 && bytes >= this.most) break;
      bytes += document.bytes;
      count++;
    }
    this.held.length = count;
    this.bytes = bytes;
  }
}
