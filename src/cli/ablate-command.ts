import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { parseDocument } from 'yaml';
import { ablate, processesOf } from '../ablate/ablate.ts';
import { planArms } from '../ablate/arms.ts';
import { type AblationFile, readAblationFile } from '../ablate/file.ts';
import { planSizes } from '../ablate/trainings.ts';
import { ConfigurationError } from '../core/errors.ts';
import { counted, duration } from '../core/format.ts';
import { stepTable } from '../step-table.ts';
import { AblateView } from './ablate-view.ts';
import { onInterrupt } from './interrupt.ts';

export interface AblateCommandOptions {
  readonly out?: string;
  readonly set: readonly string[];
  readonly processes?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `provender ablate`. Gives the exit code. */
export async function ablateCommand(path: string, options: AblateCommandOptions): Promise<number> {
  const started = performance.now();
  const file = await readAblationFile(path, options.set.map(parseSetting));
  const folder = resolve(options.out ?? join('runs', file.options.name));
  if (options.dryRun) return showPlan(file, folder, options);
  const view = options.quiet || options.json ? undefined : new AblateView(process.stderr);
  const aborter = new AbortController();
  const interrupt = onInterrupt(() => aborter.abort());
  if (view) process.stderr.write(`${pc.bold(file.options.name)} -> ${folder}\n`);
  try {
    const { outcome } = await ablate({
      file,
      table: stepTable,
      folder,
      processes: options.processes,
      observer: view,
      signal: aborter.signal,
      meanwhile: loadAnalysis,
    });
    view?.stop();
    const { analyse, writeAblationReport, differenceLines } = await loadAnalysis();
    const analysis = analyse(outcome);
    const report = await writeAblationReport(folder, outcome, analysis);
    if (options.json) process.stdout.write(`${JSON.stringify({ folder, report, outcome, analysis })}\n`);
    else {
      const took = duration((performance.now() - started) / 1000);
      process.stdout.write(
        `\n${differenceLines(outcome, analysis).join('\n')}\n\n${folder}  ${took}\nreport: ${report}\n`,
      );
    }
    return 0;
  } finally {
    view?.stop();
    interrupt.release();
  }
}

/** Distributions and charts take 0.15 s to load, which no training need wait for. */
async function loadAnalysis() {
  const { analyse } = await import('../ablate/statistics/analyse.ts');
  const { writeAblationReport } = await import('../report/ablation/report.ts');
  const { differenceLines } = await import('./difference-view.ts');
  return { analyse, writeAblationReport, differenceLines };
}

/** `path=value`; the value is YAML. */
function parseSetting(text: string): { text: string; value: unknown } {
  const equals = text.indexOf('=');
  if (equals < 1) throw new ConfigurationError(`--set ${text}: expected PATH=VALUE`);
  const yaml = parseDocument(text.slice(equals + 1), { prettyErrors: false });
  if (yaml.errors.length) throw new ConfigurationError(`--set ${text}: ${yaml.errors[0]!.message}`);
  return { text, value: yaml.toJS() as unknown };
}

async function showPlan(
  file: AblationFile,
  folder: string,
  { json, processes }: AblateCommandOptions,
): Promise<number> {
  const arms = await planArms(file, stepTable);
  const sizes = planSizes(file);
  const each = sizes.reduce((sum, { learningRates }) => sum + learningRates.length, 0);
  const trainings = arms.length * file.options.seeds * each;
  if (json) {
    const shown = arms.map(({ name, role, summary, changes }) => ({ name, role, summary, changes }));
    process.stdout.write(
      `${JSON.stringify({ folder, question: file.options.question, arms: shown, trainings })}\n`,
    );
    return 0;
  }
  process.stdout.write(`${file.options.question}\n\n`);
  for (const { name, role, summary } of arms)
    process.stdout.write(`${name.padEnd(24)} ${role === 'treatment' ? '' : `${role}: `}${summary}\n`);
  const rates = each === sizes.length ? '' : ', learning rates';
  process.stdout.write(
    `\n${counted(trainings, 'training')}: ${counted(arms.length, 'arm')}, ${counted(file.options.seeds, 'seed')}, ${counted(sizes.length, 'size')}${rates}; ` +
      `${processes ?? processesOf(file)} side by side\n`,
  );
  return 0;
}
