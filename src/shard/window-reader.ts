import type { WindowBatch } from './batch.ts';
import type { Packing } from './packing.ts';
import type { ShardFile } from './shard-file.ts';
import { TokenSequence } from './token-sequence.ts';
import { ConcatenatedPlan, PackedPlan, type WindowPlan } from './window-plan.ts';

export interface WindowSettings {
  /** Tokens that the model sees at once; a window holds one more. */
  readonly context: number;
  readonly packing: Packing;
  /** The token that fills what documents leave of a window. */
  readonly padding: number;
}

/** Gives windows by number from the shards of a split, to which further shards may be added. */
export class WindowReader {
  plan: WindowPlan;
  sequence: TokenSequence;
  private readonly settings: WindowSettings;
  private readonly packed: PackedPlan | undefined;

  constructor(settings: WindowSettings, shards: readonly ShardFile[]) {
    this.settings = settings;
    this.sequence = new TokenSequence([]);
    this.plan = new ConcatenatedPlan(0, settings.context);
    if (settings.packing !== 'concatenate')
      this.plan = this.packed = new PackedPlan(settings.context, settings.packing);
    this.add(shards);
  }

  get shards(): readonly ShardFile[] {
    return this.sequence.shards;
  }

  /** Adds the shards that follow. No window that was there before changes. */
  add(shards: readonly ShardFile[]): void {
    this.sequence = new TokenSequence([...this.sequence.shards, ...shards]);
    if (this.packed) for (const shard of shards) this.packed.add(shard);
    else this.plan = new ConcatenatedPlan(this.sequence.tokens, this.settings.context);
  }

  /** `spent`: a batch that nobody needs any more, whose memory is used again. */
  read(windows: readonly number[], spent?: WindowBatch): WindowBatch {
    const { context, padding } = this.settings;
    if (!this.packed) {
      return this.sequence.windows(
        windows.map((window) => window * context),
        context + 1,
        spent,
      );
    }
    const rows = windows.map((window) => this.plan.pieces(window));
    return this.sequence.packed(rows, context + 1, padding, spent);
  }

  close(): void {
    for (const shard of this.shards) shard.close();
  }
}
