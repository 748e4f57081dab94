/** One judge on one hostile text: prints the CPU seconds it took and the most memory the process held, in MiB. */

import { DocumentBatch } from '../../src/core/batch.ts';
import type { StageContext } from '../../src/core/stage.ts';
import type { JudgeStep, StageStep } from '../../src/core/step.ts';
import { viewOf } from '../../src/core/text-view.ts';
import { STEPS } from '../../src/steps.ts';
import { HOSTILE } from '../quality/hostile.ts';

const [kind, name, units] = process.argv.slice(2) as [string, string, string];
const step = STEPS.find((one) => one.kind === kind)!;
const options = step.options.parse({}) as never;
const text = HOSTILE[name]!(Number(units));
const started = process.cpuUsage();
if (step.role === 'judge') {
  const { judge } = step as unknown as JudgeStep<string, never, never, never>;
  const loaded = (await judge.load?.(options, { baseFolder: '.' } as never)) as never;
  const values = Array.from(judge.measure(viewOf(text), options, loaded));
  if (values.some((value) => !Number.isFinite(value))) throw new Error(`not finite: ${values}`);
  judge.decide(values, options);
} else {
  const stage = step as unknown as StageStep<string, never, 'documents', 'documents', never>;
  const context = { baseFolder: '.', count() {}, watch() {}, refuse() {} } as unknown as StageContext;
  const opened = await stage.open(options, context);
  const document = { id: '1', corpus: 'c', source: 's', start: 0, end: 1, text };
  await opened.process(DocumentBatch.from([document]));
}
// Not the clock's: a busy machine makes no judge slower.
const { user, system } = process.cpuUsage(started);
const seconds = (user + system) / 1e6;
const { maxRSS } = process.resourceUsage();
process.stdout.write(JSON.stringify({ seconds, mebibytes: Math.round(maxRSS / 1024) }));
process.exit(0);
