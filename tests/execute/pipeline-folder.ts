import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPipelineFile } from '../../src/core/pipeline-file.ts';
import { Random } from '../../src/core/random.ts';
import { type Plan, planPipeline } from '../../src/execute/plan.ts';
import { type Decision, type RunSettings, type RunSummary, runPlan } from '../../src/execute/run.ts';
import { stepTable } from '../../src/step-table.ts';

/** A folder with inputs, a pipeline file and a run directory, removed at the end. */
export class PipelineFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'provender-run-'));
  readonly run = join(this.path, 'run');

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  async plan(yaml: string, overrides: string[] = []): Promise<Plan> {
    return planPipeline(await readPipelineFile(this.write('p.yaml', yaml), stepTable, overrides), stepTable);
  }

  /** Runs the pipeline; gives its summary, what each unit did, and what was said. */
  async go(yaml: string, overrides: string[] = [], settings: Partial<RunSettings> = {}): Promise<Outcome> {
    const decisions: Record<string, Decision> = {};
    const said: string[] = [];
    const summary = await runPlan(await this.plan(yaml, overrides), {
      runFolder: this.run,
      ...settings,
      observer: {
        unitStarted: (unit, decision) => {
          decisions[`${unit.index}-${unit.name}`] = decision;
        },
        say: (line) => said.push(line),
      },
    });
    return { summary, decisions, said };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface Outcome {
  readonly summary: RunSummary;
  readonly decisions: Readonly<Record<string, Decision>>;
  readonly said: readonly string[];
}

const WORDS =
  'the be to of and that have with a whale ship sea captain speech nation people peace letter mail wind'.split(
    ' ',
  );

/** Seeded sentences: real enough for a tokenizer, with some duplicates. */
export function jsonl(seed: number, documents: number): string {
  const random = new Random(`jsonl/${seed}`);
  const lines: string[] = [];
  for (let i = 0; i < documents; i++) {
    const words = Array.from({ length: 20 + random.below(60) }, () => WORDS[random.below(WORDS.length)]);
    const text = i % 10 === 9 ? (JSON.parse(lines[i - 1]!) as { text: string }).text : `${words.join(' ')}.`;
    lines.push(JSON.stringify({ id: `${seed}-${i}`, text }));
  }
  return `${lines.join('\n')}\n`;
}
