import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { PipelineFolder } from '../execute/pipeline-folder.ts';
import { golden } from './golden.ts';

const JUDGES = ['c4', 'gopher-quality', 'gopher-repetition', 'fineweb', 'dolma-gopher', 'dclm-gopher'];

describe('verdicts', () => {
  const folder = new PipelineFolder();
  afterAll(() => folder.remove());

  /** What a run with one judge refuses and keeps, in the order of the documents. */
  async function verdicts(
    kind: string,
    name: string,
    run: string,
  ): Promise<{ kept: string; refused: string }> {
    const yaml = `
name: verdicts
run: ${run}
steps:
  - read: { inputs: [{ files: [a.jsonl] }] }
  - ${kind}
  - keep-rejects: { folder: ${name}/refused }
  - write: { format: jsonl, compression: none, folder: ${name}/kept }
`;
    await folder.go(yaml, [], { runFolder: join(folder.path, `run-${name}`) });
    const lines = (part: string) => {
      const path = join(folder.path, name, part);
      return readdirSync(path, { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.jsonl(\.gz)?$/.test(file))
        .sort()
        .map((file) => readFileSync(join(path, file)))
        .map((bytes) => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString())
        .join('');
    };
    return { kept: lines('kept'), refused: lines('refused') };
  }

  it.each(JUDGES)('of %s are the same whatever the batches, the workers and the partitions', async (kind) => {
    const texts = golden.documents.flatMap(({ text }) => (text === undefined ? [] : [text]));
    folder.write('a.jsonl', texts.map((text, i) => JSON.stringify({ id: `${i}`, text })).join('\n'));
    const one = await verdicts(kind, `${kind}-one`, '{ workers: 1, batchDocuments: 500 }');
    const many = await verdicts(
      kind,
      `${kind}-many`,
      '{ workers: 2, batchDocuments: 3, partitionBytes: 70000, partBytes: 20000 }',
    );
    expect(many).toEqual(one);
    const refused = one.refused.trim().split('\n');
    expect(refused.length).toBeGreaterThan(20);
    for (const line of refused)
      expect((JSON.parse(line) as { refusal: object }).refusal).toHaveProperty('reason');
    // A text may have been empty: those a reader leaves out.
    expect(refused.length + one.kept.split('\n').length - 1).toBeGreaterThan(texts.length - 5);
  });
});
