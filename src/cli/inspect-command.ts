import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { ensureFolder, writeFileAtomic } from '../core/files.ts';
import { type PipelineSpec, readPipelineFile } from '../core/pipeline-file.ts';
import { readPlan } from '../execute/run-folder.ts';
import { answer, readLabels } from '../inspect/answer.ts';
import { type Check, checksOf, type Labels } from '../inspect/checks.ts';
import {
  DEFAULT_FILTERS,
  filePipeline,
  type InspectedStep,
  type Inspection,
  inspectionOf,
  withOverrides,
} from '../inspect/inspection.ts';
import { measureSignals } from '../inspect/measure-signals.ts';
import { pageData } from '../inspect/page/page-data.ts';
import { renderInspection } from '../inspect/page/render.ts';
import { versionOf } from '../report/run-data.ts';
import { stepTable } from '../step-table.ts';
import { artifactFolder, isRun } from './artifacts.ts';
import { checkName, inspectLines } from './inspect-view.ts';
import { onInterrupt } from './interrupt.ts';
import { ProgressView } from './progress-view.ts';

export interface InspectCommandOptions {
  readonly set: readonly string[];
  readonly filter: readonly string[];
  readonly show?: string;
  readonly number: number;
  readonly out?: string;
  readonly limit?: number;
  readonly workers?: number;
  readonly tokenizer?: string;
  readonly format?: string;
  readonly field?: string;
  readonly unit?: string;
  readonly html?: string | boolean;
  readonly pageDocuments: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

interface Target {
  readonly title: string;
  readonly spec: PipelineSpec;
  readonly folder: string;
  /** How a command that takes thresholds over begins. */
  readonly command: string;
  /** A tokenizer that the run has made. */
  readonly tokenizer?: string;
}

/** A run directory, a pipeline file, or files of documents. */
async function targetOf(sources: readonly string[], options: InspectCommandOptions): Promise<Target> {
  const [first] = sources as [string];
  if (sources.length === 1 && (await isRun(first))) {
    const { spec } = await readPlan(first);
    const tokenizer = await artifactFolder(first, 'tokenizer').catch(() => undefined);
    return {
      title: basename(resolve(first)),
      spec,
      folder: join(first, 'inspect'),
      command: `provender run ${spec.name}.yaml`,
      tokenizer: tokenizer && join(resolve(tokenizer), 'tokenizer.json'),
    };
  }
  if (sources.length === 1 && /\.ya?ml$/i.test(first)) {
    const spec = await readPipelineFile(first, stepTable);
    return {
      title: basename(first),
      spec,
      folder: join('runs', spec.name, 'inspect'),
      command: `provender run ${first}`,
    };
  }
  if (sources.length === 1 && existsSync(first) && statSync(first).isDirectory())
    throw new ConfigurationError('a folder that no run made', {
      file: first,
      expected: 'a run directory, a pipeline file (.yaml), or files of documents',
    });
  // A pattern, or a file that is named by its ending, is looked for with the other files.
  if (sources.length === 1 && !existsSync(first) && !/[*?[{=]/.test(first) && !basename(first).includes('.'))
    throw new ConfigurationError('no run here', {
      file: first,
      expected: 'a run directory, a pipeline file (.yaml), or files of documents',
    });
  const name = basename(first)
    .replace(/(\.[a-z]+)+$/i, '')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^\.*$/, 'files');
  const { filter, format, field, unit } = options;
  const kinds = filter.length > 0 ? filter : DEFAULT_FILTERS;
  const spec = await filePipeline(sources, kinds, name, { format, field, unit });
  return {
    title: sources.map((source) => basename(source)).join(' '),
    spec,
    folder: join('runs', `inspect-${name}`),
    command: `provender inspect ${sources.join(' ')}`,
  };
}

/** Measures what is not measured yet, showing how far it is. */
async function measure(
  spec: PipelineSpec,
  runFolder: string,
  { limit, workers, quiet, json }: InspectCommandOptions,
): Promise<string[]> {
  await ensureFolder(runFolder);
  const run = workers === undefined ? spec.run : { ...spec.run, workers };
  const observer = quiet || json ? undefined : new ProgressView(process.stderr);
  const aborter = new AbortController();
  const interrupt = onInterrupt(() => aborter.abort());
  try {
    return await measureSignals({ ...spec, run }, { runFolder, limit, signal: aborter.signal, observer });
  } finally {
    observer?.stop();
    interrupt.release();
  }
}

/** Throws a ConfigurationError where `--show` names no rule, before anything is measured for it. */
function requireShown(name: string, steps: readonly InspectedStep[]): void {
  const names = steps.flatMap(({ measured }, step) =>
    measured.rules.map((rule) => checkName(steps, { step, reason: rule.reason, rule })),
  );
  if (names.includes(name)) return;
  const expected = names.length > 0 ? `one of ${names.join(', ')}` : 'a filter with rules';
  const own = steps.find(
    ({ measured }) => name.startsWith(`${measured.name}.`) && measured.rules.length === 0,
  );
  if (own === undefined) throw new ConfigurationError(`--show ${name}`, { expected });
  throw new ConfigurationError(
    `--show ${name}: ${own.measured.name} decides by code of its own (decide), so its values have no threshold to show`,
    {
      expected: names.length > 0 ? expected : 'rules in place of decide',
      found: `the options ${Object.keys(own.options).join(', ') || 'none'}, for --set`,
    },
  );
}

/** Number of the check that `STEP.OPTION` names. */
function checkCalled(name: string, checks: readonly Check[], steps: readonly InspectedStep[]): number {
  const names = checks.map((check) => (check.rule ? checkName(steps, check) : ''));
  const found = names.indexOf(name);
  if (found >= 0) return found;
  throw new ConfigurationError(`--show ${name}`, { expected: `one of ${names.filter(Boolean).join(', ')}` });
}

/** The page with its sliders; gives its path. */
async function writePage(
  files: readonly string[],
  { steps, leftOut }: Inspection,
  labels: Labels,
  folder: string,
  { title, command }: Target,
  countedTokens: boolean,
  options: InspectCommandOptions,
): Promise<string> {
  const path = typeof options.html === 'string' ? resolve(options.html) : join(folder, 'inspect.html');
  const data = await pageData(files, steps, labels, {
    title,
    command,
    countedTokens,
    leftOut,
    mostDocuments: options.pageDocuments,
  });
  await ensureFolder(dirname(path));
  await writeFileAtomic(path, renderInspection(data, versionOf()));
  return path;
}

/** `provender inspect`. Gives the exit code. */
export async function inspectCommand(
  sources: readonly string[],
  options: InspectCommandOptions,
): Promise<number> {
  const target = await targetOf(sources, options);
  const folder = resolve(options.out ?? target.folder);
  const tokenizer = options.tokenizer === undefined ? target.tokenizer : resolve(options.tokenizer);
  const countedTokens = tokenizer !== undefined;
  const tried = await inspectionOf(await withOverrides(target.spec, options.set), tokenizer);
  const before = await inspectionOf(target.spec, tokenizer);
  if (options.show !== undefined) requireShown(options.show, tried.steps);
  const files = await measure(tried.spec, folder, options);
  const labels = await readLabels(files, tried.steps);
  const check =
    options.show === undefined
      ? undefined
      : checkCalled(options.show, checksOf(tried.steps, labels), tried.steps);
  const found = await answer(files, tried.steps, before.steps, labels, { check, examples: options.number });
  if (options.json) {
    const { funnel, checks } = found;
    const named = checks.map((one, c) => ({
      name: checkName(tried.steps, one),
      reason: one.reason,
      ...funnel.checks[c],
    }));
    process.stdout.write(
      `${JSON.stringify({ ...funnel, checks: named, before: found.before.kept, labels, gone: found.gone, stays: found.stays, signals: files })}\n`,
    );
    return 0;
  }
  const page =
    options.html === false
      ? undefined
      : await writePage(files, tried, labels, folder, target, countedTokens, options);
  const lines = inspectLines(found, tried.steps, {
    title: target.title,
    check,
    countedTokens,
    leftOut: tried.leftOut,
  });
  process.stdout.write(
    `${lines.join('\n')}\n\nsignals: ${files[0] ?? 'none'}${files.length > 1 ? ` and ${files.length - 1} more` : ''}\n${page === undefined ? '' : `page:    ${page}\n`}`,
  );
  return 0;
}
