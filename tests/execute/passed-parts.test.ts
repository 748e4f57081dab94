import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDocumentFile } from '../../src/core/document-file.ts';
import { sha256 } from '../../src/core/hash.ts';
import type { StepTally } from '../../src/core/tally.ts';
import type { TaskRecord } from '../../src/execute/tasks.ts';
import { jsonl, PipelineFolder } from './pipeline-folder.ts';

const YAML = `name: p
run: { workers: 2, partitionBytes: 20000, partBytes: 4000, batchDocuments: 8, minFreeBytes: 1MiB }
steps:
  - read: { inputs: [{ files: 'in/0.jsonl', corpus: constructor }, { files: 'in/1.jsonl', corpus: other }] }
  - length: { minWords: 25 }
  - write: { compression: none }
`;
const BEFORE = '00-read.documents';
const AFTER = '02-after-write.documents';

let folder: PipelineFolder;
beforeEach(() => {
  folder = new PipelineFolder();
  for (let i = 0; i < 2; i++) folder.write(`in/${i}.jsonl`, jsonl(i, 100));
});
afterEach(() => folder.remove());

const tasksOf = (unit: string) => join(folder.run, 'units', unit, 'tasks');

function namesOf(unit: string, ending: RegExp): string[] {
  const names = readdirSync(tasksOf(unit), { recursive: true }) as string[];
  return names.filter((name) => ending.test(name)).sort();
}

function recordsOf(unit: string): TaskRecord[] {
  return namesOf(unit, /task\.json$/).map(
    (name) => JSON.parse(readFileSync(join(tasksOf(unit), name), 'utf8')) as TaskRecord,
  );
}

/** Digest of every file of a unit. */
function digests(unit: string): Record<string, string> {
  const names = namesOf(unit, /\.(documents|json)$/);
  return Object.fromEntries(names.map((name) => [name, sha256(readFileSync(join(tasksOf(unit), name)))]));
}

/** Documents and bytes by corpus, counted anew. */
async function counted(unit: string): Promise<Record<string, { documents: number; bytes: number }>> {
  const counts: Record<string, { documents: number; bytes: number }> = Object.create(null);
  for (const name of namesOf(unit, /\.documents$/))
    for await (const { batch } of readDocumentFile(join(tasksOf(unit), name)))
      for (let i = 0; i < batch.length; i++) {
        const amount = (counts[batch.rows[i]!.corpus] ??= { documents: 0, bytes: 0 });
        amount.documents++;
        amount.bytes += batch.size(i);
      }
  return counts;
}

describe('documents that nothing happens to', () => {
  it('are the same files under another name, counted as if they had been streamed', async () => {
    const { summary } = await folder.go(YAML);
    const files = namesOf(AFTER, /\.documents$/);
    expect(files.length).toBeGreaterThan(4);
    expect(files).toEqual(namesOf(BEFORE, /\.documents$/));
    for (const name of files)
      expect(statSync(join(tasksOf(AFTER), name)).ino).toBe(statSync(join(tasksOf(BEFORE), name)).ino);

    const [before, after] = [recordsOf(BEFORE), recordsOf(AFTER)];
    for (const [i, { parts, documents, textBytes }] of after.entries()) {
      expect([documents, textBytes]).toEqual([before[i]!.documents, before[i]!.textBytes]);
      expect(parts.map(({ files: { documents: file } }) => file)).toEqual(
        before[i]!.parts.map(({ files: { documents: file } }) => file),
      );
      expect(parts.at(-1)!.next.ordinal).toBe(documents);
    }
    const tally = summary.steps[2]!.tally as StepTally;
    const recount = await counted(AFTER);
    expect(Object.keys(recount).sort()).toEqual(['constructor', 'other']);
    for (const [corpus, amount] of Object.entries(recount))
      expect(tally.byCorpus[corpus]).toEqual({ in: amount, out: amount });
    expect(tally.in).toEqual(summary.steps[1]!.tally!.out);
    expect([tally.out, tally.drops]).toEqual([tally.in, {}]);
  });

  it('were digested when they were committed: the files of `write` have those digests', async () => {
    await folder.go(YAML);
    const job = join(folder.run, 'units', '01-write');
    const { files } = JSON.parse(readFileSync(join(job, 'manifest.json'), 'utf8')) as {
      files: { path: string; bytes: number; sha256: string }[];
    };
    expect(files.length).toBeGreaterThan(4);
    for (const { path, bytes, sha256: digest } of files) {
      const content = readFileSync(join(job, 'artifact', path));
      expect([content.length, sha256(content)]).toEqual([bytes, digest]);
    }
  });

  it('go on after a part that a killed run left, to the same records', async () => {
    await folder.go(YAML);
    const whole = digests(AFTER);
    const [task] = namesOf(AFTER, /task\.json$/);
    const parts = namesOf(AFTER, /part-\d+\.json$/).filter((name) => name.startsWith(task!.slice(0, 5)));
    expect(parts.length).toBeGreaterThan(1);
    // Killed between the second name of the last file and its record; and halfway through the one before.
    rmSync(join(folder.run, 'units', AFTER, 'manifest.json'));
    rmSync(join(tasksOf(AFTER), task!));
    rmSync(join(tasksOf(AFTER), parts.at(-1)!));
    writeFileSync(join(tasksOf(AFTER), task!.slice(0, 5), 'part-00001.documents.tmp-1'), 'x');
    const { decisions } = await folder.go(YAML);
    expect(decisions['2-after-write']!.tasks).toEqual({
      total: Object.keys(recordsOf(AFTER)).length,
      left: 1,
    });
    expect(digests(AFTER)).toEqual(whole);
  });

  it('are none where none are left', async () => {
    const { summary } = await folder.go(YAML.replace('minWords: 25', 'minWords: 1000'));
    expect(namesOf(AFTER, /\.documents$/)).toEqual([]);
    expect(recordsOf(AFTER).every(({ parts }) => parts.length === 1)).toBe(true);
    expect(summary.steps[2]!.tally?.in.documents ?? 0).toBe(0);
    expect((await folder.go(YAML.replace('minWords: 25', 'minWords: 1000'))).summary.nothingToDo).toBe(true);
  });

  it('are streamed where a step follows', async () => {
    const { summary } = await folder.go(`${YAML}  - name: longer\n    length: { minWords: 40 }\n`);
    const tally = summary.steps[3]!.tally!;
    expect(tally.drops['too-few-words']!.documents).toBeGreaterThan(10);
    expect(tally.in).toEqual(summary.steps[2]!.tally!.out);
  });

  it('that were damaged since are made again before they are taken over', async () => {
    await folder.go(YAML);
    rmSync(join(folder.run, 'units', AFTER), { recursive: true });
    const [name] = namesOf(BEFORE, /\.documents$/);
    const path = join(tasksOf(BEFORE), name!);
    const text = readFileSync(path);
    writeFileSync(path, text.subarray(0, text.length - 1));
    const { decisions } = await folder.go(YAML);
    expect(decisions['0-read']!.runs).toBe(true);
    expect(sha256(readFileSync(join(tasksOf(AFTER), name!)))).toBe(sha256(text));
  });
});
