import pc from 'picocolors';
import {
  bytes,
  count,
  counted,
  duration,
  excerpt,
  inWords,
  percent,
  printable,
  quantity,
  table,
} from '../core/format.ts';
import type { RunSummary, StepSummary } from '../execute/run.ts';
import { compareNames } from '../io/glob.ts';
import type { Usage } from '../train/monitor/run-monitor.ts';
import { isShare } from '../train/recent-losses.ts';

interface BitsPerByte {
  readonly bitsPerByte?: number | null;
  readonly gzipBitsPerByte?: number;
  readonly lossPerToken?: number;
  readonly bytes?: number;
}

interface MixturePart {
  readonly corpus: string;
  readonly epochs: number;
}

function funnel(steps: readonly StepSummary[]): string[] {
  const rows: string[][] = [['step', 'documents in', 'kept', '', 'text in', 'kept', 'dropped, and why']];
  for (const { name, tally } of steps) {
    if (!tally || tally.in.documents === 0) continue;
    const drops = Object.entries(tally.drops).sort(([, a], [, b]) => b.documents - a.documents);
    const why = drops
      .slice(0, 3)
      .map(([reason, amount]) => `${reason} ${count(amount.documents)}`)
      .join(', ');
    rows.push([
      name,
      count(tally.in.documents),
      count(tally.out.documents),
      percent(tally.out.documents, tally.in.documents),
      bytes(tally.in.bytes),
      bytes(tally.out.bytes),
      drops.length > 3
        ? `${why}, ${drops.length - 3} more reasons`
        : why || (['hold-out', 'read'].includes(name) ? '' : 'nothing'),
    ]);
  }
  return rows.length > 1 ? table(rows, ['left', 'right', 'right', 'right', 'right', 'right', 'left']) : [];
}

function outcomeOf(summary: RunSummary, kind: string): Readonly<Record<string, unknown>> | undefined {
  return summary.steps.find((step) => step.kind === kind)?.outcome;
}

interface HeldOut {
  /** Bits per byte, or for masked models a loss that compares with nothing else. */
  readonly measure?: string;
  readonly corpora?: Readonly<Record<string, BitsPerByte>>;
}

/** Table of held-out bits per byte by corpus, from the summary of `train` (or `{heldOut: {after}}` of `evaluate`). */
export function bitsPerByteLines(train: Readonly<Record<string, unknown>> | undefined): string[] {
  const {
    split = 'held-out',
    before,
    after,
  } = (train?.heldOut ?? {}) as {
    split?: string;
    before?: HeldOut;
    after?: HeldOut;
  };
  if (!after?.corpora) return [];
  const comparable = Object.values(after.corpora).some((one) => typeof one.bitsPerByte === 'number');
  const value = (one: BitsPerByte | undefined): string =>
    (comparable ? one?.bitsPerByte : one?.lossPerToken)?.toFixed(3) ?? '-';
  const title = comparable ? `${split} bits per byte` : `${split} loss, nats a masked token`;
  const rows = [[title, ...(before ? ['before'] : []), before ? 'after' : 'model', 'gzip -9', 'text']];
  for (const [corpus, one] of Object.entries(after.corpora)) {
    const gzip = comparable ? (one.gzipBitsPerByte?.toFixed(3) ?? '-') : '-';
    rows.push([
      corpus,
      ...(before ? [value(before.corpora?.[corpus])] : []),
      value(one),
      gzip,
      bytes(one.bytes ?? 0),
    ]);
  }
  return table(rows, ['left', ...rows[0]!.slice(1).map(() => 'right' as const)]);
}

interface GroupLosses {
  readonly steps?: number;
  readonly groups?: Readonly<Record<string, Readonly<Record<string, { loss: number; tokens: number }>>>>;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Groups of one kind that are printed, those with most tokens. */
const MAX_GROUPS = 10;

/** Table of the training loss by corpus, source, copies and deciles, from the summary of `train`. */
export function lossByGroupLines(train: Readonly<Record<string, unknown>> | undefined): string[] {
  const { steps = 0, groups = {} } = (train?.lossByGroup ?? {}) as GroupLosses;
  const rows: string[][] = [];
  for (const [slicing, of] of Object.entries(groups)) {
    const named = Object.entries(of);
    if (named.length < 2) continue;
    const most = named.toSorted(([, a], [, b]) => b.tokens - a.tokens).slice(0, MAX_GROUPS);
    most.sort(([a], [b]) => compareNames(a, b));
    for (const [i, [name, { loss, tokens }]] of most.entries()) {
      rows.push([i === 0 ? slicing : '', excerpt(name, 60), loss.toFixed(3), count(tokens)]);
    }
    if (named.length > MAX_GROUPS) rows.push(['', `and ${named.length - MAX_GROUPS} more`, '', '']);
  }
  if (rows.length === 0) return [];
  const head = [`training loss, last ${counted(steps, 'step')}`, '', 'nats', 'tokens'];
  return table([head, ...rows], ['left', 'left', 'right', 'right']);
}

/** What the objective measures beside the loss: `masked loss 5.120, next sentence accuracy 61 %`. */
export function metricLines(train: Readonly<Record<string, unknown>> | undefined): string[] {
  const { steps = 0, metrics } = (train?.lossByGroup ?? {}) as GroupLosses;
  if (!metrics) return [];
  const parts = Object.entries(metrics).map(
    ([name, value]) => `${inWords(name)} ${isShare(name) ? percent(value, 1) : value.toFixed(3)}`,
  );
  return [`${`last ${counted(steps, 'step')}`.padEnd(17)} ${parts.join(', ')}`];
}

/** What a training took of the machine, in the last call that took a step. */
export function usageLines(usage: Partial<Usage> | undefined): string[] {
  const { flopsPerSecond, peakFlopsPerSecond, peakShare, energyEstimate } = usage ?? {};
  const parts: string[] = [];
  if (flopsPerSecond) {
    const share =
      peakShare && peakFlopsPerSecond
        ? `, ${percent(peakShare, 1)} of the machine's ${quantity(peakFlopsPerSecond, 'FLOP/s')}`
        : '';
    parts.push(`${quantity(flopsPerSecond, 'FLOP/s')}${share}`);
  }
  if (energyEstimate) {
    const { kilowattHours, joulesPerMillionTokens, source } = energyEstimate;
    parts.push(
      `energy by estimate ${quantity(kilowattHours * 1000, 'Wh')}, ${quantity(joulesPerMillionTokens, 'J')} a million tokens (${source})`,
    );
  }
  return parts.length ? [`machine           ${parts.join('; ')}`] : [];
}

function headlines(summary: RunSummary): string[] {
  const lines: string[] = [];
  const minhash = outcomeOf(summary, 'minhash-dedup') as
    | { clusters?: number; removed?: number; largestCluster?: number; indexDocuments?: number }
    | undefined;
  if (minhash) {
    const { clusters = 0, removed = 0, largestCluster = 0, indexDocuments } = minhash;
    const against = indexDocuments === undefined ? '' : ` (index of ${counted(indexDocuments, 'document')})`;
    lines.push(
      `near-duplicates   ${counted(clusters, 'cluster')}, the largest of ${count(largestCluster)}; ${counted(removed, 'document')} removed${against}`,
    );
  }
  const shard = outcomeOf(summary, 'shard') as
    | { trainTokens?: number; validationTokens?: number; heldOutTokens?: number; bytesPerToken?: number }
    | undefined;
  if (shard) {
    const rate = shard.bytesPerToken ? `, ${shard.bytesPerToken.toFixed(2)} bytes a token` : '';
    const looked = shard.validationTokens ? `, ${count(shard.validationTokens)} for validation` : '';
    lines.push(
      `tokens            ${count(shard.trainTokens ?? 0)} to train on${looked}, ${count(shard.heldOutTokens ?? 0)} held out${rate}`,
    );
  }
  const mixture = outcomeOf(summary, 'shard')?.mixture as
    | MixturePart[]
    | { parts?: MixturePart[] }
    | undefined;
  const parts = Array.isArray(mixture) ? mixture : mixture?.parts;
  if (parts?.length) {
    const epochs = parts.map((part) => `${part.corpus} ${part.epochs.toFixed(2)} times`).join(', ');
    lines.push(`mixture           ${epochs} (below 1 leaves documents out, above 1 repeats them)`);
  }
  const train = outcomeOf(summary, 'train') as
    | {
        steps?: number;
        tokens?: number;
        parameters?: number;
        firstLoss?: number;
        lastLoss?: number;
        tokensPerSecond?: number;
        usage?: Partial<Usage>;
        lossByGroup?: unknown;
      }
    | undefined;
  if (train) {
    const loss =
      train.firstLoss !== undefined && train.lastLoss !== undefined
        ? `, loss ${train.firstLoss.toFixed(2)} -> ${train.lastLoss.toFixed(2)} nats`
        : '';
    const speed = train.tokensPerSecond ? `, ${count(train.tokensPerSecond)} tokens/s` : '';
    lines.push(
      `training          ${counted(train.parameters ?? 0, 'parameter')}, ${counted(train.steps ?? 0, 'step')}, ${counted(train.tokens ?? 0, 'token')}${loss}${speed}`,
    );
    lines.push(...metricLines(train), ...usageLines(train.usage));
  }
  return lines;
}

function sample(summary: RunSummary): string[] {
  const samples = outcomeOf(summary, 'generate')?.samples as { prompt?: string; text?: string }[] | undefined;
  const first = samples?.[0];
  if (!first?.text) return [];
  return [
    pc.bold('generated text'),
    ...printable(`${pc.bold(first.prompt ?? '')}${excerpt(first.text, 400)}`)
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}

/** What a run did, for the end of a terminal session. */
export function summaryLines(summary: RunSummary, report: string | undefined): string[] {
  const blocks = [
    funnel(summary.steps),
    headlines(summary),
    bitsPerByteLines(outcomeOf(summary, 'train')),
    lossByGroupLines(outcomeOf(summary, 'train')),
    sample(summary),
    [`${pc.bold(summary.runFolder)}  ${duration(summary.seconds)}${report ? `\nreport: ${report}` : ''}`],
  ];
  return blocks.filter((block) => block.length).flatMap((block) => [...block, '']);
}
