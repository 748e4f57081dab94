import { addBlock, type Block, emptyFunnel, type Funnel } from '../decision.ts';
import { breaksAt } from './codes.ts';
import type { PageData } from './page-types.ts';

/** Documents of one bar of a histogram: dropped by the rule itself, by others only, or by nothing. */
export interface BarCount {
  readonly own: number;
  readonly others: number;
  readonly kept: number;
}

/** The page's state and all its counting; knows nothing of the page's elements. */
export class Inspector {
  readonly data: PageData;
  /** [checks][documents] */
  readonly codes: readonly Uint8Array[];
  private readonly block: Block;
  /** [checks] place of each threshold in its grid; -1: off. */
  readonly at: number[];
  /** [steps] whether a step drops anything. */
  readonly on: boolean[];
  /** [documents] the check that drops each, -1 where none does: of the last count. */
  first: Int16Array;

  /** `bytes`: the columns of `data`, inflated. */
  constructor(data: PageData, bytes: Uint8Array<ArrayBuffer>) {
    const n = data.documents;
    let offset = 0;
    const words = (): Uint32Array => {
      const list = new Uint32Array(bytes.buffer, bytes.byteOffset + offset, n);
      offset += 4 * n;
      return list;
    };
    const tokens = words();
    const versions = 1 + (data.plan.sizeOut.at(-1) ?? 0);
    const sizes = Array.from({ length: versions }, words);
    const labels = data.plan.labels.map(words);
    this.data = data;
    this.codes = data.checks.map(() => {
      const list = bytes.subarray(offset, offset + n);
      offset += n;
      return list;
    });
    this.block = { length: n, tokens, sizes, labels };
    this.at = data.checks.map(({ at }) => at);
    this.on = data.steps.map(() => true);
    this.first = new Int16Array(n);
  }

  /** Counts anew under the thresholds as they stand. */
  count(): Funnel {
    const { plan } = this.data;
    const funnel = emptyFunnel(plan);
    const { codes } = this;
    const tables = this.data.checks.map((_, c) => this.broken(c));
    this.first = addBlock(funnel, plan, this.block, (c, i) => tables[c]![codes[c]![i]!] === 1);
    return funnel;
  }

  /** [256] by code: whether it breaks a check as it stands. */
  private broken(check: number): Uint8Array {
    const { step, comparison } = this.data.checks[check]!;
    const at = this.on[step]! ? this.at[check]! : -1;
    return Uint8Array.from({ length: 256 }, (_, code) => Number(breaksAt(code, comparison, at)));
  }

  breaks(check: number, row: number): boolean {
    return breaksAt(this.codes[check]![row]!, this.data.checks[check]!.comparison, this.at[check]!);
  }

  /** [thresholds + 1] what lies between two thresholds of a check's grid; call after `count`. */
  histogram(check: number): BarCount[] {
    const codes = this.codes[check]!;
    const all = new Uint32Array(256);
    const gone = new Uint32Array(256);
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i]!;
      all[code]!++;
      if (this.first[i]! >= 0) gone[code]!++;
    }
    const broken = this.broken(check);
    return Array.from({ length: this.data.checks[check]!.grid.length + 1 }, (_, code) =>
      broken[code] === 1
        ? { own: all[code]!, others: 0, kept: 0 }
        : { own: 0, others: gone[code]!, kept: all[code]! - gone[code]! },
    );
  }

  /** Options that are not as the pipeline has them, as `STEP.OPTION=VALUE`. */
  changes(): string[] {
    return this.data.checks.flatMap(({ step, option, grid, at }, c) => {
      if (option === undefined || !this.on[step]! || this.at[c] === at) return [];
      return [`${this.data.steps[step]}.${option}=${this.at[c]! < 0 ? 'null' : grid[this.at[c]!]}`];
    });
  }
}
