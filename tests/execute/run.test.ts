import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CancelledError, ConfigurationError, InputError } from '../../src/core/errors.ts';
import { sha256 } from '../../src/core/hash.ts';
import { dryRun } from '../../src/execute/run.ts';
import { jsonl, PipelineFolder } from './pipeline-folder.ts';

const PIPELINE = `name: p
run: { workers: 1, partitionBytes: 20000, partBytes: 8000, batchDocuments: 16 }
steps:
  - read: { inputs: [{ files: 'in/*.jsonl', corpus: c }] }
  - hold-out: { fraction: 0.1 }
  - length: { minWords: 25 }
  - exact-dedup
  - train-tokenizer: { vocabularySize: 300 }
  - encode
  - shard
`;

let folder: PipelineFolder;
beforeEach(() => {
  folder = new PipelineFolder();
  for (let i = 0; i < 3; i++) folder.write(`in/${i}.jsonl`, jsonl(i, 120));
});
afterEach(() => folder.remove());

function shardBytes(run: string): string {
  const unit = readdirSync(join(run, 'units')).find((name) => name.endsWith('-shard'))!;
  const artifact = join(run, 'units', unit, 'artifact');
  const files = readdirSync(artifact).sort();
  expect(files.length).toBeGreaterThan(1);
  return files.map((name) => `${name} ${sha256(readFileSync(join(artifact, name)))}`).join('\n');
}

describe('a run', () => {
  it('accounts for every document, and does nothing the second time', async () => {
    const { summary } = await folder.go(PIPELINE);
    const tally = Object.fromEntries(summary.steps.map((step) => [step.name, step.tally]));
    expect(tally.read!.in.documents).toBe(360);
    expect(tally.length!.in.documents).toBe(360);
    expect(tally.length!.drops['too-few-words']!.documents).toBe(360 - tally.length!.out.documents);
    const exact = tally['exact-dedup']!;
    expect(exact.in.documents).toBe(tally.length!.out.documents);
    expect(exact.out.documents).toBeLessThan(exact.in.documents);
    expect(tally['hold-out']!.counters['held-out documents']).toBeGreaterThan(5);
    const again = await folder.go(PIPELINE);
    expect(again.summary.nothingToDo).toBe(true);
    expect(again.summary.steps).toEqual(summary.steps);
  });

  it('writes the same bytes for any number of workers, and for partitions cut elsewhere', async () => {
    await folder.go(PIPELINE);
    const bytes = shardBytes(folder.run);
    for (const overrides of [
      ['run.workers=3'],
      ['run.partitionBytes=1000000', 'run.partBytes=3000', 'run.batchDocuments=7'],
    ]) {
      const other = new PipelineFolder();
      try {
        for (let i = 0; i < 3; i++) other.write(`in/${i}.jsonl`, jsonl(i, 120));
        await other.go(PIPELINE, overrides);
        expect(shardBytes(other.run)).toBe(bytes);
      } finally {
        other.remove();
      }
    }
  });

  it('names the option that changed, redoes what follows from it, and stops where the outcome is the same', async () => {
    await folder.go(PIPELINE);
    const longer = await folder.go(PIPELINE, ['length.minWords=40']);
    expect(longer.decisions['0-read']).toMatchObject({ runs: true, reasons: ['length.minWords: 25 -> 40'] });
    expect(longer.decisions['1-exact-dedup']!.runs).toBe(true);
    const vocabulary = await folder.go(PIPELINE, [
      'length.minWords=40',
      'train-tokenizer.vocabularySize=290',
    ]);
    expect(vocabulary.decisions['0-read']!.runs).toBe(false);
    expect(vocabulary.decisions['2-after-exact-dedup']!.runs, 'counting does not depend on the size').toBe(
      false,
    );
    expect(vocabulary.decisions['3-train-tokenizer']).toMatchObject({
      runs: true,
      reasons: ['train-tokenizer.vocabularySize: 300 -> 290'],
    });
    // Every document has 20 words or more: a lower threshold changes the fingerprint, not the outcome.
    await folder.go(PIPELINE, ['length.minWords=1']);
    const same = await folder.go(PIPELINE, ['length.minWords=2']);
    expect(same.decisions['0-read']!.runs).toBe(true);
    expect(same.decisions['1-exact-dedup']!.runs).toBe(false);
  });

  it('redoes only the partition whose input changed, and none for a file that was only touched', async () => {
    await folder.go(PIPELINE);
    const path = join(folder.path, 'in/1.jsonl');
    const later = new Date(Date.now() + 5000);
    utimesSync(path, later, later);
    expect((await folder.go(PIPELINE)).summary.nothingToDo).toBe(true);
    writeFileSync(path, jsonl(1, 120).replace('whale', 'WHALE'));
    const changed = await folder.go(PIPELINE);
    expect(changed.decisions['0-read']!.tasks!.left).toBe(1);
    expect(changed.decisions['0-read']!.reasons[0]).toMatch(/input changed: .*1\.jsonl/);
  });

  it('finds a change that kept size and time only when asked to verify', async () => {
    const path = join(folder.path, 'in/2.jsonl');
    const when = new Date('2020-02-02T02:02:02Z');
    utimesSync(path, when, when);
    await folder.go(PIPELINE);
    writeFileSync(path, jsonl(2, 120).replace('whale', 'WHALE'));
    utimesSync(path, when, when);
    expect((await folder.go(PIPELINE)).summary.nothingToDo).toBe(true);
    expect((await folder.go(PIPELINE, [], { verify: true })).decisions['0-read']!.tasks!.left).toBe(1);
  });

  it('makes a missing or shortened intermediate file again', async () => {
    await folder.go(PIPELINE);
    const unit = join(folder.run, 'units', '00-read.documents', 'tasks', '00000');
    const part = readdirSync(unit).find((name) => name.endsWith('.documents'))!;
    const whole = readFileSync(join(unit, part));
    writeFileSync(join(unit, part), 'x');
    const bytes = shardBytes(folder.run);
    const { decisions } = await folder.go(PIPELINE);
    expect(decisions['0-read']).toMatchObject({ runs: true, tasks: { left: 1 } });
    expect(readFileSync(join(unit, part)).equals(whole)).toBe(true);
    expect(shardBytes(folder.run)).toBe(bytes);
  });

  it('says what a dry run would do, and does nothing', async () => {
    const plan = await folder.plan(PIPELINE);
    const before = await dryRun(plan, { runFolder: folder.run });
    expect(before[0]!.decision.runs).toBe(true);
    expect(before[1]!.decision.reasons[0]).toMatch(/follows read/);
    expect(() => statSync(join(folder.run, 'units'))).toThrow();
    await folder.go(PIPELINE);
    expect((await dryRun(plan, { runFolder: folder.run })).every(({ decision }) => !decision.runs)).toBe(
      true,
    );
  });

  it('reads only so many documents when it is limited', async () => {
    const { summary } = await folder.go(PIPELINE, [], { limit: 60 });
    const read = summary.steps[0]!.tally!.in.documents;
    expect(read).toBeGreaterThanOrEqual(54);
    expect(read).toBeLessThanOrEqual(66);
  });

  it('refuses a second run in the same directory while the first lives', async () => {
    const both = await Promise.allSettled([folder.go(PIPELINE), folder.go(PIPELINE)]);
    const refused = both.filter((one) => one.status === 'rejected');
    expect(refused.length).toBe(1);
    expect(String(refused[0]!.reason)).toMatch(/is running here/);
  });

  it('stops when told to, and goes on to the same bytes', async () => {
    await folder.go(PIPELINE);
    const bytes = shardBytes(folder.run);
    const other = new PipelineFolder();
    try {
      for (let i = 0; i < 3; i++) other.write(`in/${i}.jsonl`, jsonl(i, 120));
      const aborter = new AbortController();
      const plan = await other.plan(PIPELINE);
      const { runPlan } = await import('../../src/execute/run.ts');
      await expect(
        runPlan(plan, {
          runFolder: other.run,
          signal: aborter.signal,
          observer: { unitDone: (unit) => unit.index === 2 && aborter.abort() },
        }),
      ).rejects.toThrow(CancelledError);
      await other.go(PIPELINE);
      expect(shardBytes(other.run)).toBe(bytes);
    } finally {
      other.remove();
    }
  });
});

describe('bad input', () => {
  const READ = `name: p
run: { workers: 1, batchDocuments: 16 }
steps:
  - read: { inputs: [{ files: 'in/*', format: jsonl, corpus: c }] }
  - length: { minWords: 1 }
`;

  it('costs nothing but itself: a broken line is counted, located and kept', async () => {
    const lines = jsonl(5, 40).trimEnd().split('\n');
    lines.splice(7, 0, '{"id": "broken", "text": ');
    folder.write('in/bad.jsonl', `${lines.join('\n')}\n`);
    const { summary } = await folder.go(READ);
    const read = summary.steps[0]!.tally!;
    expect(read.in.documents).toBe(360 + 41);
    expect(read.out.documents).toBe(360 + 40);
    expect(read.drops['invalid-json']!.documents).toBe(1);
  });

  it('fails the run where there is too much of it', async () => {
    folder.write('in/0.jsonl', '{"text": \n'.repeat(200));
    await expect(folder.go(READ)).rejects.toThrow(
      /too many records cannot be read.*expected at most 10 %.*invalid-json \d+, the first: .*0\.jsonl/s,
    );
    await expect(folder.go(READ)).rejects.toThrow(InputError);
    const { summary } = await folder.go(READ, ['run.maxBadFraction=1']);
    expect(summary.steps[0]!.tally!.drops['invalid-json']!.documents).toBe(200);
  });

  it('names a path that is missing', async () => {
    await expect(folder.go(READ.replace('in/*', 'nowhere/x.jsonl'))).rejects.toThrow(/nowhere\/x\.jsonl/);
  });

  it('says so when a step drops everything', async () => {
    const { said } = await folder.go(READ, ['length.minWords=100000']);
    expect(said.join()).toMatch(/length dropped every one of its 360 documents: 360 too-few-words/);
  });

  it('names the input files that are empty, once', async () => {
    folder.write('in/7.jsonl', '');
    const { said, summary } = await folder.go(READ);
    const warnings = said.filter((line) => line.includes('no bytes'));
    expect(warnings).toEqual([`warning: 1 input file has no bytes: ${join(folder.path, 'in/7.jsonl')}`]);
    expect(summary.steps[0]!.tally!.drops['empty-file']!.documents).toBe(1);
    expect((await folder.go(READ)).said).toEqual([]);
    for (let i = 10; i < 18; i++) folder.write(`in/${i}.jsonl`, '');
    expect((await folder.go(READ)).said.join()).toMatch(
      /9 input files have no bytes: .*13\.jsonl and 4 more$/,
    );
  });

  it('stops before the disk is full', async () => {
    await expect(folder.go(READ, ['run.minFreeBytes=1000TiB'])).rejects.toThrow(/not enough free disk/);
  });
});

describe("a user's own step", () => {
  const judge = (threshold: string): string => `import { defineJudge, drop, KEEP, z } from 'provender';
import { letter } from './letter.ts';
export default defineJudge({
  kind: 'vowels', summary: 'keeps texts with vowels', module: import.meta.url,
  options: z.strictObject({ min: z.number().default(${threshold}).describe('share') }),
  signals: ['share'],
  measure: (view) => [[...view.text].filter((c) => letter(c)).length / view.text.length],
  decide: ([share], { min }) => share! < min ? drop('too-few-vowels', share, min) : KEEP,
});
`;
  const USE = `name: p
run: { workers: 1 }
steps:
  - read: { inputs: [{ files: 'in/*', format: jsonl, corpus: c }] }
  - use: ./vowels.ts
    with: { min: 0.3 }
`;

  it('runs from TypeScript, and its source is part of the fingerprint', async () => {
    folder.write('letter.ts', "export const letter = (c: string): boolean => 'aeiou'.includes(c);\n");
    folder.write('vowels.ts', judge('0.1'));
    const { summary } = await folder.go(USE);
    const tally = summary.steps[1]!.tally!;
    expect(tally.in.documents).toBe(360);
    expect(tally.drops['too-few-vowels']!.documents).toBe(360 - tally.out.documents);
    expect((await folder.go(USE)).summary.nothingToDo).toBe(true);
    folder.write('letter.ts', "export const letter = (c: string): boolean => 'aeiouy'.includes(c);\n");
    const changed = await folder.go(USE);
    expect(changed.decisions['0-read']!.reasons).toContain('code.vowels changed');
  });

  it('that gives no verdict, or other numbers than its signals, is told so', async () => {
    folder.write('letter.ts', "export const letter = (c: string): boolean => 'aeiou'.includes(c);\n");
    folder.write('vowels.ts', judge('0.1').replace(/decide: .*/, 'decide: () => true as never,'));
    await expect(folder.go(USE)).rejects.toThrow(/vowels gave no verdict.*found true/);
    folder.write('vowels.ts', judge('0.1').replace("signals: ['share']", "signals: ['share', 'more']"));
    await expect(folder.go(USE)).rejects.toThrow(/expected 2 numbers for share, more; found 1/);
  });

  it('answers to the name of its file in --set', async () => {
    folder.write('letter.ts', "export const letter = (c: string): boolean => 'aeiou'.includes(c);\n");
    folder.write('vowels.ts', judge('0.1'));
    const { summary } = await folder.go(USE, ['vowels.min=0.99']);
    expect(summary.steps[1]!.tally!.out.documents).toBe(0);
  });

  it('that is not a step gets an error with its place', async () => {
    folder.write('vowels.ts', 'export default 42;\n');
    await expect(folder.go(USE)).rejects.toThrow(/p\.yaml:5:10: steps\[1\]\.use: .*exports a step/s);
    await expect(folder.go(USE)).rejects.toThrow(ConfigurationError);
  });

  it('that hangs on one document costs that document', async () => {
    folder.write(
      'vowels.ts',
      `import { defineJudge, KEEP, z } from 'provender';
export default defineJudge({
  kind: 'hang', summary: 'hangs', module: import.meta.url, options: z.strictObject({ min: z.number() }), signals: [],
  measure: (view) => { while (view.document.id === '1-50') {} return []; },
  decide: () => KEEP,
});
`,
    );
    const { summary, said } = await folder.go(USE, ['run.timeCapSeconds=0.6']);
    expect(summary.steps[0]!.tally!.drops).toEqual({ 'time-cap': expect.objectContaining({ documents: 1 }) });
    expect(summary.steps[1]!.tally!.out.documents).toBe(359);
    expect(said.join()).toMatch(/took longer than 0\.6 s and was set aside/);
  });
});

describe('pipe', () => {
  const script = (body: string): string => `let s = '';
process.stdin.on('data', (d) => { s += d; }).on('end', () => {
  for (const line of s.trim().split('\\n')) { const doc = JSON.parse(line); ${body} }
});
`;
  const PIPE = (path: string): string => `name: p
run: { workers: 1, batchDocuments: 100 }
steps:
  - read: { inputs: [{ files: 'in/*', format: jsonl, corpus: c }] }
  - pipe: { command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(path)}], reason: not-mine }
`;

  it('drops what the program leaves out and takes its changes', async () => {
    const path = folder.write(
      'filter.cjs',
      script("if (doc.text.length % 2) { doc.text += ' \\u00e9!'; console.log(JSON.stringify(doc)); }"),
    );
    const { summary } = await folder.go(PIPE(path));
    const tally = summary.steps[1]!.tally!;
    expect(tally.drops['not-mine']!.documents).toBe(360 - tally.out.documents);
    expect(tally.out.documents).toBeGreaterThan(100);
    expect(tally.out.bytes).toBe(tally.in.bytes - tally.drops['not-mine']!.bytes + 4 * tally.out.documents);
  });

  it('says what went wrong with the program', async () => {
    const failing = folder.write('fail.cjs', "console.error('no such luck'); process.exit(3);\n");
    await expect(folder.go(PIPE(failing))).rejects.toThrow(/expected exit code 0; found 3: no such luck/);
    const babbling = folder.write('babble.cjs', script("console.log('hello');"));
    await expect(folder.go(PIPE(babbling))).rejects.toThrow(/a line that is not JSON/);
  });
});
