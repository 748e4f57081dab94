import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { jsonl, PipelineFolder } from '../execute/pipeline-folder.ts';

const folder = new PipelineFolder();
afterAll(() => folder.remove());

const PIPELINE = (run: string, rejects: string) => `
name: keeps
run: ${run}
steps:
  - read: { inputs: [{ files: [a.jsonl], corpus: speech }] }
  - length: { minWords: 40 }
  - use: ./capital.ts
  - exact-dedup
  - length: { maxWords: 75 }
    name: upper
  - keep-rejects: ${rejects}
  - fineweb
`;

const CAPITAL = `import { defineJudge, drop, KEEP, z } from 'provender';
export default defineJudge({
  kind: 'capital', summary: 'x', module: import.meta.url, options: z.strictObject({}), signals: ['a'],
  measure: ({ text }) => [text.startsWith('a') ? 1 : 0], decide: ([a]) => (a ? drop('begins-with-a', 1, 0, 'a') : KEEP),
});
`;

function rejectsIn(path: string): Record<string, unknown>[] {
  return readdirSync(path)
    .filter((name) => /^part-.*jsonl/.test(name))
    .sort()
    .flatMap((name) => {
      const bytes = readFileSync(join(path, name));
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
      return text.trim().split('\n').filter(Boolean);
    })
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('keep-rejects', () => {
  it('writes what was refused since the last barrier, with reason, value and threshold, and passes the rest on', async () => {
    folder.write('a.jsonl', `${jsonl(3, 400)}not json\n`);
    folder.write('capital.ts', CAPITAL);
    const { summary } = await folder.go(PIPELINE('{ batchDocuments: 9, workers: 1 }', '{ folder: refused }'));
    const tally = (name: string) => summary.steps.find((step) => step.name === name)!.tally!;
    const upper = tally('upper');
    const rejects = rejectsIn(join(folder.path, 'refused'));
    const duplicates = tally('exact-dedup').drops['exact-duplicate']!.documents;
    expect(duplicates).toBeGreaterThan(5);
    expect(rejects).toHaveLength(duplicates + upper.drops['too-many-words']!.documents);
    expect(summary.steps.find(({ name }) => name === 'keep-rejects')!.outcome).toMatchObject({
      documents: rejects.length,
    });
    expect(tally('fineweb').in.documents).toBe(upper.out.documents);
    const long = rejects.find(({ refusal }) => (refusal as { step: string }).step === 'upper')!;
    expect(long.refusal).toMatchObject({ reason: 'too-many-words', threshold: 75 });
    expect((long.refusal as { value: number }).value).toBeGreaterThan(75);
    expect((long.text as string).split(' ').length).toBeGreaterThan(70);
  });

  it('writes the same whatever the batches, in the order of the documents', async () => {
    const of = async (run: string, name: string) => {
      const yaml = PIPELINE(run, `{ folder: ${name}, compression: none }`).replace('  - exact-dedup\n', '');
      await folder.go(yaml, [], { runFolder: join(folder.path, `run-${name}`) });
      return rejectsIn(join(folder.path, name));
    };
    const small = await of('{ batchDocuments: 3, workers: 2 }', 'small');
    const large = await of('{ batchDocuments: 512, workers: 1 }', 'large');
    expect(small).toEqual(large);
    const starts = small.map(({ start }) => start as number);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    const steps = new Set(small.map(({ refusal }) => (refusal as { step: string }).step));
    expect([...steps].sort()).toEqual(['capital', 'length', 'upper']);
  });

  it('leaves what `read` reads like any corpus, reasons and all', async () => {
    const { summary } = await folder.go(
      `
name: again
steps:
  - read: { inputs: [{ files: [small/part-*.jsonl], fields: { corpus: corpus } }] }
  - pipe: { command: [grep, '"reason":"too-few-words"'] }
  - gopher-quality
`,
      [],
      { runFolder: join(folder.path, 'again') },
    );
    const [read, pipe, quality] = summary.steps.map(({ tally }) => tally!);
    expect(read!.in.documents).toBe(rejectsIn(join(folder.path, 'small')).length);
    expect(Object.keys(read!.byCorpus)).toEqual(['speech']);
    expect(pipe!.out.documents).toBeGreaterThan(10);
    expect(quality!.in.documents).toBe(pipe!.out.documents);
  });

  it('keeps only the steps and reasons asked for', async () => {
    const yaml = PIPELINE(
      '{ workers: 1 }',
      '{ folder: some, steps: [length, capital], reasons: [begins-with-a] }',
    );
    await folder.go(yaml.replace('  - exact-dedup\n', ''), [], { runFolder: join(folder.path, 'run-some') });
    const some = rejectsIn(join(folder.path, 'some')).map(({ refusal }) => refusal);
    expect(some.length).toBeGreaterThan(0);
    for (const one of some)
      expect(one).toEqual({ step: 'capital', reason: 'begins-with-a', value: 1, threshold: 0, detail: 'a' });
  });
});
