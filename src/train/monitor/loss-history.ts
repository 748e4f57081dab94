/** The loss so far in bounded space, and the corpora that it is made of. */

const POINTS = 240;
/** Weight of the newest step in what is shown of a corpus: some ten steps are looked back on. */
const NEWEST = 0.1;

export class LossHistory {
  private points: number[] = [];
  private stepsPerPoint = 1;
  private sum = 0;
  private inLast = 0;
  private readonly corpora = new Map<string, { loss: number; tokens: number }>();

  /** A line of metrics.jsonl, of which those of steps count. */
  add(line: Readonly<Record<string, unknown>>): void {
    const { kind, loss, byCorpus } = line;
    if (kind !== 'step' || typeof loss !== 'number' || !Number.isFinite(loss)) return;
    this.sum += loss;
    if (++this.inLast === this.stepsPerPoint) this.closePoint();
    const parts = Object.entries((byCorpus ?? {}) as Record<string, { loss: number; tokens: number }>);
    for (const [name, part] of parts) this.addCorpus(name, part);
  }

  /** The last point may be the mean of fewer steps. */
  get curve(): number[] {
    return this.inLast === 0 ? [...this.points] : [...this.points, this.sum / this.inLast];
  }

  /** Of the corpora with most tokens so far. */
  largest(most: number): Record<string, number> {
    const sorted = [...this.corpora].sort(([a, x], [b, y]) => y.tokens - x.tokens || (a < b ? -1 : 1));
    return Object.fromEntries(sorted.slice(0, most).map(([name, { loss }]) => [name, loss]));
  }

  private closePoint(): void {
    this.points.push(this.sum / this.stepsPerPoint);
    this.sum = 0;
    this.inLast = 0;
    if (this.points.length < POINTS) return;
    this.points = Array.from(
      { length: POINTS / 2 },
      (_, i) => (this.points[2 * i]! + this.points[2 * i + 1]!) / 2,
    );
    this.stepsPerPoint *= 2;
  }

  private addCorpus(name: string, { loss, tokens }: { loss: number; tokens: number }): void {
    const known = this.corpora.get(name);
    if (known === undefined) {
      this.corpora.set(name, { loss, tokens });
      return;
    }
    known.loss += NEWEST * (loss - known.loss);
    known.tokens += tokens;
  }
}
