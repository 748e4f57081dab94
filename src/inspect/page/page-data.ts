import { deflateRawSync } from 'node:zlib';
import { boundOf, type Rule } from '../../core/rules.ts';
import { cut } from '../../report/html.ts';
import { countedBlock, drawOf, judgedOnly } from '../answer.ts';
import { type Check, checksOf, type Labels, planOf } from '../checks.ts';
import type { InspectedStep } from '../inspection.ts';
import { readSignals } from '../read-signals.ts';
import { BREAKS_NOTHING, codeOf } from './codes.ts';
import { exampleRows } from './examples.ts';
import { gridOf } from './grid.ts';
import type { PageCheck, PageData } from './page-types.ts';

export interface PageRequest {
  readonly title: string;
  readonly command: string;
  readonly countedTokens: boolean;
  readonly leftOut: readonly string[];
  /** Documents that the page may hold; of a larger corpus a sample is drawn, the same at every call. */
  readonly mostDocuments: number;
}

const EXCERPT_UNITS = 300;

/** Columns of the documents that the page holds. */
interface Collected {
  readonly corpus: string[];
  readonly id: string[];
  readonly text: string[];
  readonly tokens: number[];
  readonly sizes: number[][];
  readonly labels: number[][];
  /** [checks] values, or 0 and 1 for a refusal. */
  readonly values: number[][];
}

async function collect(
  files: readonly string[],
  steps: readonly InspectedStep[],
  checks: readonly Check[],
  labels: Labels,
  mostDocuments: number,
): Promise<Collected> {
  const plan = planOf(steps, checks, labels);
  const versions = 1 + (plan.sizeOut.at(-1) ?? 0);
  const lists = (n: number): number[][] => Array.from({ length: n }, () => []);
  const found: Collected = {
    corpus: [],
    id: [],
    text: [],
    tokens: [],
    sizes: lists(versions),
    labels: lists(2),
    values: lists(checks.length),
  };
  const share = labels.documents > mostDocuments ? mostDocuments / labels.documents : 1;
  for await (const all of readSignals(
    files,
    steps.map(({ measured }) => measured),
  )) {
    const block = judgedOnly(all);
    const counted = countedBlock(block, labels);
    for (let i = 0; i < block.length; i++) {
      if (share < 1 && drawOf(block.corpus[i]!, block.id[i]!) >= share) continue;
      found.corpus.push(block.corpus[i]!);
      found.id.push(block.id[i]!);
      found.text.push(cut(block.excerpt[i]!, EXCERPT_UNITS).text);
      found.tokens.push(counted.tokens[i]!);
      found.sizes.forEach((list, v) => {
        list.push(counted.sizes[v]![i]!);
      });
      found.labels.forEach((list, d) => {
        list.push(counted.labels[d]![i]!);
      });
      checks.forEach(({ rule, values, refusals, reason }, c) => {
        const value = rule ? block.values[values!]![i]! : Number(block.refusals[refusals!]![i] === reason);
        found.values[c]!.push(value);
      });
    }
  }
  return found;
}

/** What a rule under these options never drops, though its comparison would. */
function spares(rule: Rule | undefined, options: Readonly<Record<string, unknown>>): boolean {
  return rule?.spareZero !== undefined && options[rule.spareZero] === true;
}

function pageCheck(check: Check, step: InspectedStep, values: readonly number[]): PageCheck {
  const { rule, reason } = check;
  if (rule === undefined)
    return { step: check.step, reason, signal: 'refused', comparison: 'max', grid: [0], at: 0 };
  const bound = boundOf(rule, step.options);
  const wanted = bound === null ? [] : [bound];
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  const constant = typeof rule.bound === 'number';
  const grid = constant ? wanted : gridOf(sorted, wanted);
  return {
    step: check.step,
    reason,
    signal: rule.signal,
    option: constant ? undefined : (rule.bound as string),
    comparison: rule.comparison,
    grid,
    at: bound === null ? -1 : grid.indexOf(bound),
  };
}

/** Reads the signals and gives what the page needs of them. */
export async function pageData(
  files: readonly string[],
  steps: readonly InspectedStep[],
  labels: Labels,
  request: PageRequest,
): Promise<PageData> {
  const checks = checksOf(steps, labels);
  const found = await collect(files, steps, checks, labels, request.mostDocuments);
  const pageChecks = checks.map((check, c) => pageCheck(check, steps[check.step]!, found.values[c]!));
  const codes = checks.map(({ step, rule }, c) => {
    const { comparison, grid } = pageChecks[c]!;
    const spared = spares(rule, steps[step]!.options);
    return Uint8Array.from(found.values[c]!, (value) =>
      spared && value === 0 ? BREAKS_NOTHING : codeOf(value, comparison, grid),
    );
  });
  const draws = found.id.map((id, row) => drawOf(found.corpus[row]!, id));
  return {
    title: request.title,
    steps: steps.map(({ measured }) => measured.name),
    checks: pageChecks,
    plan: planOf(steps, checks, labels),
    corpora: labels.corpora,
    languages: labels.languages,
    documents: found.id.length,
    total: labels.documents,
    heldOut: labels.heldOut,
    countedTokens: request.countedTokens,
    leftOut: request.leftOut,
    command: request.command,
    examples: exampleRows(pageChecks, codes, draws).map((row) => ({
      row,
      id: found.id[row]!,
      text: found.text[row]!,
      values: found.values.map((column) =>
        Number.isNaN(column[row]!) ? null : Number(column[row]!.toPrecision(4)),
      ),
    })),
    columns: packed(found, codes),
  };
}

function packed({ tokens, sizes, labels }: Collected, codes: readonly Uint8Array[]): string {
  const words = [tokens, ...sizes, ...labels].map((list) => Buffer.from(Uint32Array.from(list).buffer));
  return deflateRawSync(Buffer.concat([...words, ...codes]), { level: 9 }).toString('base64');
}
