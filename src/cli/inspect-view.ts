import pc from 'picocolors';
import { bytes, count, counted, excerpt, percent, table } from '../core/format.ts';
import { boundOf } from '../core/rules.ts';
import { type Answer, droppedBy, type Example, type Values } from '../inspect/answer.ts';
import type { Check } from '../inspect/checks.ts';
import type { Amount } from '../inspect/decision.ts';
import type { InspectedStep } from '../inspect/inspection.ts';
import type { MeasuredStep } from '../inspect/measured-step.ts';
import { figure } from '../report/figures.ts';
import { type Bar, barsOf } from '../report/histogram.ts';

const EXCERPT_CHARACTERS = 220;
const BAR = 40;

/** `gopher-quality.minWords`, or `url-filter listed-domain` for a refusal without a rule. */
export function checkName(steps: readonly InspectedStep[], check: Check): string {
  const step = steps[check.step]!.measured.name;
  return typeof check.rule?.bound === 'string' ? `${step}.${check.rule.bound}` : `${step} ${check.reason}`;
}

function signed(n: number): string {
  return n === 0 ? '' : `${n > 0 ? '+' : '-'}${count(Math.abs(n))}`;
}

/** The table of rules: what each would drop alone, what it is the first to drop, what nothing else drops. */
function ruleTable(answer: Answer, steps: readonly InspectedStep[]): string[] {
  const { funnel, before, checks } = answer;
  const all = funnel.documents.documents;
  const compare = funnel.kept.documents !== before.kept.documents;
  const head = ['', 'threshold', 'would drop', '', 'drops', 'bytes', 'tokens', 'nothing else drops'];
  const rows: string[][] = [compare ? [...head, 'was'] : head];
  steps.forEach(({ measured, options }, s) => {
    const mine = checks.flatMap((check, c) => (check.step === s ? [c] : []));
    if (mine.length === 0) return;
    const total = funnel.breaks[s]!;
    const drops = sum(mine.map((c) => funnel.checks[c]!.drops));
    rows.push([
      measured.name,
      ownThresholds(measured, options),
      count(total.documents),
      percent(total.documents, all),
      count(drops.documents),
      bytes(drops.bytes),
      count(drops.tokens),
      count(funnel.alone[s]!),
    ]);
    for (const c of mine) {
      const check = checks[c]!;
      const bound = check.rule ? boundOf(check.rule, options) : undefined;
      const { breaks, drops: first, only } = funnel.checks[c]!;
      if (bound === null && before.checks[c]!.drops.documents === 0) continue;
      const name = typeof check.rule?.bound === 'string' ? check.rule.bound : check.reason;
      rows.push([
        `  ${name}`,
        bound === null ? 'off' : bound === undefined ? '' : figure(bound),
        count(breaks.documents),
        percent(breaks.documents, all),
        count(first.documents),
        bytes(first.bytes),
        count(first.tokens),
        count(only.documents),
        ...(compare ? [count(before.checks[c]!.drops.documents)] : []),
      ]);
    }
  });
  return table(rows, ['left', ...Array.from({ length: 8 }, () => 'right' as const)]);
}

/** Numbers among the options of a user's step that decides by code: nobody knows which of them are thresholds. */
function ownThresholds({ use, rules }: MeasuredStep, options: Readonly<Record<string, unknown>>): string {
  if (use === undefined || rules.length > 0) return '';
  return Object.entries(options)
    .flatMap(([name, value]) => (typeof value === 'number' ? [`${name} ${figure(value)}`] : []))
    .join(', ');
}

function sum(amounts: readonly Amount[]): Amount {
  const total = { documents: 0, bytes: 0, tokens: 0 };
  for (const one of amounts) {
    total.documents += one.documents;
    total.bytes += one.bytes;
    total.tokens += one.tokens;
  }
  return total;
}

function overlapTable({ funnel }: Answer, steps: readonly InspectedStep[]): string[] {
  const shown = steps.flatMap((_, s) => (funnel.breaks[s]!.documents > 0 ? [s] : []));
  if (shown.length < 2) return [];
  const names = shown.map((s) => steps[s]!.measured.name);
  const rows = shown.map((a, row) => [
    names[row]!,
    ...shown.map((b) => count(funnel.overlap[a]![b]!)),
    count(funnel.alone[a]!),
  ]);
  return [
    '',
    'documents that rules of both would drop',
    ...table([['', ...names, 'no other'], ...rows], ['left', ...rows.map(() => 'right' as const), 'right']),
  ];
}

function labelTable(
  title: string,
  names: readonly string[],
  { funnel }: Answer,
  dimension: number,
): string[] {
  if (names.length < 2 && !names[0]) return [];
  const rows = names.map((name, i) => {
    const { documents, kept } = funnel.byLabel[dimension]![i]!;
    return [
      name || '(unknown)',
      count(documents.documents),
      count(kept.documents),
      percent(kept.documents, documents.documents),
      bytes(documents.bytes),
      bytes(kept.bytes),
      count(kept.tokens),
    ];
  });
  const most = [...rows.keys()]
    .sort(
      (a, b) =>
        funnel.byLabel[dimension]![b]!.documents.documents -
        funnel.byLabel[dimension]![a]!.documents.documents,
    )
    .slice(0, 20);
  const head = [title, 'documents', 'kept', '', 'text', 'kept', 'tokens kept'];
  const more = rows.length - most.length;
  return [
    '',
    ...table(
      [head, ...most.map((i) => rows[i]!)],
      ['left', ...Array.from({ length: 6 }, () => 'right' as const)],
    ),
    ...(more > 0 ? [`and ${count(more)} more`] : []),
  ];
}

function exampleLines(title: string, list: readonly Example[], steps: readonly InspectedStep[]): string[] {
  if (list.length === 0) return [];
  const lines = ['', pc.bold(title)];
  for (const { id, corpus, value, check, excerpt: text } of list) {
    const measured = Number.isNaN(value) ? '' : `  ${Number(value.toPrecision(6))}`;
    const why = check ? pc.yellow(`  dropped: ${checkName(steps, check)}`) : pc.dim('  stays');
    lines.push(`${excerpt(corpus, 30)}  ${excerpt(id, 80)}${measured}${why}`);
    lines.push(pc.dim(`    ${excerpt(text, EXCERPT_CHARACTERS)}`));
  }
  return lines;
}

function isShare({ sorted }: Values): boolean {
  return sorted.length > 0 && sorted[0]! >= 0 && sorted.at(-1)! <= 1 && sorted.some((v) => v % 1 !== 0);
}

/** Shares in twentieths, what is 1 in the last. */
function shareBars({ sorted }: Values): Bar[] {
  const bars = Array.from({ length: 20 }, (_, i) => ({ low: i / 20, high: (i + 1) / 20, count: 0 }));
  for (const value of sorted) bars[Math.min(19, Math.floor(value * 20))]!.count++;
  return bars;
}

function logBars({ histogram }: Values): Bar[] {
  const { negative, zero, positive } = barsOf(histogram, 24);
  return [...negative, ...(zero > 0 ? [{ low: 0, high: 0, count: zero }] : []), ...positive];
}

function histogramLines(values: Values, bound: number | null): string[] {
  const bars = isShare(values) ? shareBars(values) : logBars(values);
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const rows = bars.map(({ low, high, count: n }) => {
    const here = bound !== null && bound >= low && (bound < high || low === high);
    return [
      low === high ? '0' : `${figure(low)} to ${figure(high)}`,
      '█'.repeat(Math.ceil((BAR * n) / most)).padEnd(BAR),
      count(n),
      here ? `<- threshold ${figure(bound)}` : '',
    ];
  });
  return table(rows, ['right', 'left', 'right', 'left']);
}

/** Thresholds at which a twentieth, a tenth, ... of the documents would go, and round ones about the present one. */
function ladder(values: Values, comparison: 'min' | 'max', bound: number | null): string[] {
  const { sorted } = values;
  const n = sorted.length;
  if (n === 0) return [];
  const shares = [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9];
  const quantiles = shares.map(
    (q) => sorted[Math.min(n - 1, Math.floor((comparison === 'min' ? q : 1 - q) * n))]!,
  );
  const bounds = [...new Set([...quantiles, ...(bound === null ? [] : [bound])])].sort((a, b) => a - b);
  const rows = bounds.map((one) => {
    const { documents, bytes: size, tokens } = droppedBy(values, comparison, one);
    return [
      `${figure(one)}${one === bound ? ' <-' : ''}`,
      count(documents),
      percent(documents, n),
      bytes(size),
      count(tokens),
    ];
  });
  return [
    '',
    ...table(
      [[comparison === 'min' ? 'at least' : 'at most', 'would drop', '', 'bytes', 'tokens'], ...rows],
      ['right', 'right', 'right', 'right', 'right'],
    ),
  ];
}

/** One threshold in detail. */
function valueLines(answer: Answer, steps: readonly InspectedStep[], c: number): string[] {
  const check = answer.checks[c]!;
  const rule = check.rule!;
  const bound = boundOf(rule, steps[check.step]!.options);
  const values = answer.values!;
  const side = rule.comparison === 'min' ? 'below' : 'above';
  return [
    '',
    `${pc.bold(checkName(steps, check))}: drops what is ${side} ${bound === null ? 'nothing (off)' : figure(bound)}; signal ${rule.signal}`,
    ...histogramLines(values, bound),
    ...ladder(values, rule.comparison, bound),
    ...exampleLines(`just ${side} the threshold`, values.dropped, steps),
    ...exampleLines('just inside', values.left, steps),
  ];
}

export interface InspectViewOptions {
  readonly title: string;
  /** Number of the check whose values are laid out. */
  readonly check?: number;
  /** Whether tokens were counted rather than taken to be four bytes each. */
  readonly countedTokens: boolean;
  readonly leftOut: readonly string[];
}

/** The answer as lines for a terminal. */
export function inspectLines(
  answer: Answer,
  steps: readonly InspectedStep[],
  { title, check, countedTokens, leftOut }: InspectViewOptions,
): string[] {
  const { funnel, before, labels } = answer;
  const { documents, kept } = funnel;
  const about = countedTokens ? '' : ' (taken to be 4 bytes each)';
  const lines = [
    `${pc.bold(title)}: ${counted(documents.documents, 'document')}, ${bytes(documents.bytes)}, ${counted(documents.tokens, 'token')}${about}`,
  ];
  if (labels.heldOut > 0) lines.push(`${count(labels.heldOut)} held-out documents are never judged`);
  if (leftOut.length > 0)
    lines.push(`counted as if ${leftOut.join(', ')} dropped nothing: it looks at all documents together`);
  lines.push('', ...ruleTable(answer, steps), '');
  const change = signed(kept.documents - before.kept.documents);
  lines.push(
    `kept ${counted(kept.documents, 'document')} (${percent(kept.documents, documents.documents)}), ${bytes(kept.bytes)}, ${counted(kept.tokens, 'token')}${change === '' ? '' : `: ${change} documents, ${signed(kept.tokens - before.kept.tokens) || '0'} tokens against the pipeline's thresholds`}`,
  );
  lines.push(...overlapTable(answer, steps));
  lines.push(...labelTable('corpus', labels.corpora, answer, 0));
  lines.push(...labelTable('language', labels.languages, answer, 1));
  if (check !== undefined) lines.push(...valueLines(answer, steps, check));
  lines.push(...exampleLines('some of what goes', answer.gone, steps));
  lines.push(...exampleLines('some of what stays', answer.stays, steps));
  return lines;
}
