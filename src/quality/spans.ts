/** Half-open ranges of UTF-16 units in one text, in order, without an object for each. */
export class Spans {
  length = 0;
  /** Only the first `length` entries count. */
  starts: Uint32Array;
  ends: Uint32Array;

  constructor(capacity = 16) {
    this.starts = new Uint32Array(capacity);
    this.ends = new Uint32Array(capacity);
  }

  push(start: number, end: number): void {
    const i = this.length++;
    if (i === this.starts.length) this.grow();
    this.starts[i] = start;
    this.ends[i] = end;
  }

  private grow(): void {
    const size = this.starts.length * 2;
    const starts = new Uint32Array(size);
    const ends = new Uint32Array(size);
    starts.set(this.starts);
    ends.set(this.ends);
    this.starts = starts;
    this.ends = ends;
  }
}
