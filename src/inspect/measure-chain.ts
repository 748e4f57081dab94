import type { z } from 'zod';
import type { DocumentRow } from '../core/batch.ts';
import { DocumentBatch } from '../core/batch.ts';
import { Random } from '../core/random.ts';
import type { Artifact, Judge, Stage, StageContext } from '../core/stage.ts';
import type { JudgeStep, StageStep } from '../core/step.ts';
import { BatchTextView } from '../core/text-view.ts';
import type { Drop } from '../core/verdict.ts';
import { loadStep } from '../execute/load-step.ts';
import { type MeasuredStep, moduleUrl } from './measured-step.ts';

/** What one batch's documents measured, by its index; in the order of the columns. */
export interface Measured {
  readonly values: Float64Array[];
  readonly refusals: (string | undefined)[][];
  readonly sizes: number[][];
  /** As the last step left them: metadata may have come in on the way. */
  readonly rows: readonly DocumentRow[];
}

type DocumentStage = Stage<DocumentBatch, DocumentBatch>;

interface Link {
  readonly step: MeasuredStep;
  readonly judge?: Judge<unknown, unknown>;
  /** What the judge loaded: a model, an index. */
  readonly loaded?: unknown;
  readonly stage?: DocumentStage;
  readonly seesHeldOut: boolean;
}

/**
 * Sends documents through filters without dropping any: judges measure, and what a stage refuses is noted, then goes
 * on as it was. Held-out documents go around, as they do in a run.
 */
export class MeasureChain {
  private readonly links: readonly Link[];
  /** What the stage at work refuses, by ordinal. */
  private readonly refused: Map<number, Drop>;
  private readonly context: StageContext;

  private constructor(links: readonly Link[], refused: Map<number, Drop>, context: StageContext) {
    this.links = links;
    this.refused = refused;
    this.context = context;
  }

  static async open(
    steps: readonly MeasuredStep[],
    seed: number,
    context: StageContext,
  ): Promise<MeasureChain> {
    const refused = new Map<number, Drop>();
    const links: Link[] = [];
    for (const step of steps) {
      const definition = await loadStep(moduleUrl(step), step);
      if (step.role === 'judge') {
        const { judge } = definition as unknown as JudgeStep<string, z.ZodType, Artifact, unknown>;
        const loaded = await judge.load?.(step.options, context);
        links.push({ step, judge, loaded, seesHeldOut: false });
        continue;
      }
      const stage = definition as unknown as StageStep<string, z.ZodType, 'documents', 'documents', Artifact>;
      const opened = await stage.open(step.options, {
        ...context,
        random: new Random(`${seed}/${step.name}`),
        count: () => {},
        refuse: (batch, i, drop) => refused.set(batch.rows[i]!.ordinal, drop),
      });
      links.push({ step, stage: opened, seesHeldOut: stage.seesHeldOut === true });
    }
    return new MeasureChain(links, refused, context);
  }

  async measure(batch: DocumentBatch): Promise<Measured> {
    const n = batch.length;
    const columns = this.links.reduce((sum, { step }) => sum + step.signals.length, 0);
    const values = Array.from({ length: n }, () => new Float64Array(columns).fill(Number.NaN));
    const refusals: (string | undefined)[][] = Array.from({ length: n }, () => []);
    const sizes: number[][] = Array.from({ length: n }, () => []);
    let current = batch;
    let views: BatchTextView[] = [];
    let column = 0;
    for (const link of this.links) {
      const { step, stage, seesHeldOut } = link;
      if (link.judge) {
        if (views.length === 0) views = Array.from({ length: n }, (_, i) => new BatchTextView(current, i));
        this.judge(link, current, views, values, refusals, column);
      } else {
        const went = await this.pass(stage!, current, seesHeldOut);
        for (let i = 0; i < n; i++) {
          const row = went.rows[i]!;
          step.signals.forEach((name, k) => {
            values[i]![column + k] = row.signals[`${step.kind}.${name}`] ?? Number.NaN;
          });
          refusals[i]!.push(this.refused.get(row.ordinal)?.reason);
          sizes[i]!.push(went.size(i));
        }
        this.refused.clear();
        if (went !== current) views = [];
        current = went;
      }
      column += step.signals.length;
    }
    return { values, refusals, sizes, rows: current.rows };
  }

  private judge(
    { step, judge, loaded }: Link,
    batch: DocumentBatch,
    views: readonly BatchTextView[],
    values: readonly Float64Array[],
    refusals: readonly (string | undefined)[][],
    column: number,
  ): void {
    for (let i = 0; i < batch.length; i++) {
      const row = batch.rows[i]!;
      const heldOut = row.split !== 'train';
      if (!heldOut) {
        this.context.watch(row.ordinal);
        const measured = judge!.measure(views[i]!, step.options, loaded);
        if (judge!.describe) {
          const names = judge!.describe(measured, step.options, loaded, views[i]!);
          row.metadata = { ...row.metadata, ...names };
        }
        values[i]!.set(measured, column);
        if (step.refuses) {
          const verdict = judge!.decide(measured, step.options);
          refusals[i]!.push(verdict.keep ? undefined : verdict.reason);
        }
      } else if (step.refuses) refusals[i]!.push(undefined);
    }
  }

  /** The batch as the stage leaves it, document for document: what it refused stands in its place unchanged. */
  private async pass(
    stage: DocumentStage,
    batch: DocumentBatch,
    seesHeldOut: boolean,
  ): Promise<DocumentBatch> {
    const shown: number[] = [];
    for (let i = 0; i < batch.length; i++) if (seesHeldOut || batch.rows[i]!.split === 'train') shown.push(i);
    if (shown.length === 0) return batch;
    const out = await stage.process(shown.length === batch.length ? batch : batch.select(shown));
    if (out.length === batch.length) return out;
    const there = new Set(out.rows.map(({ ordinal }) => ordinal));
    const absent: number[] = [];
    for (let i = 0; i < batch.length; i++) if (!there.has(batch.rows[i]!.ordinal)) absent.push(i);
    return DocumentBatch.merge(out, batch.select(absent));
  }

  async close(): Promise<void> {
    for (const { stage } of this.links) await stage?.close?.();
  }
}
