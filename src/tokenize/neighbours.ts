/** What one merge changes on one side of the merged pair, added up by the neighbouring symbol. */
export class Neighbours {
  /** By symbol: how often it stood beside the pair. */
  amount = new Float64Array(0);
  /** By symbol: how many places that were. */
  places = new Uint32Array(0);
  /** Symbols met, each once. */
  readonly touched: number[] = [];
  /** (symbol, place of the new pair), two entries each, places ascending within a word. */
  events = new Uint32Array(1 << 12);
  eventLength = 0;

  /** Makes room for symbols below `symbols`; nothing may be pending. */
  grow(symbols: number): void {
    if (symbols <= this.amount.length) return;
    this.amount = new Float64Array(symbols * 2);
    this.places = new Uint32Array(symbols * 2);
  }

  note(symbol: number, count: number, place: number): void {
    if (this.places[symbol] === 0) this.touched.push(symbol);
    this.amount[symbol]! += count;
    this.places[symbol]!++;
    if (this.eventLength + 2 > this.events.length) {
      const grown = new Uint32Array(this.events.length * 2);
      grown.set(this.events);
      this.events = grown;
    }
    this.events[this.eventLength++] = symbol;
    this.events[this.eventLength++] = place;
  }

  clear(): void {
    for (const symbol of this.touched) {
      this.amount[symbol] = 0;
      this.places[symbol] = 0;
    }
    this.touched.length = 0;
    this.eventLength = 0;
  }
}
