import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Listings } from '../../src/execute/listings.ts';
import { jsonl, PipelineFolder } from './pipeline-folder.ts';

const PIPELINE = `name: p
run: { workers: 1, partitionBytes: 8000 }
steps:
  - read: { inputs: [{ files: 'in/*.jsonl', corpus: c }] }
  - length: { minWords: 5 }
`;

describe('listings', () => {
  let folder: PipelineFolder;
  afterEach(() => folder.remove());

  it('are made once for the runs that share them, and are the same to a run that does not', async () => {
    folder = new PipelineFolder();
    for (let i = 0; i < 3; i++) folder.write(`in/${i}.jsonl`, jsonl(i, 60));
    const listings = new Listings();
    const first = await folder.go(PIPELINE, [], { listings });
    folder.write('in/3.jsonl', jsonl(3, 60));
    // The run directory was filled by a run with the shared listings: any other recipe would run again.
    const shared = await folder.go(PIPELINE, [], { listings });
    expect(shared.summary.nothingToDo).toBe(true);
    const own = await folder.go(PIPELINE, [], { listings: new Listings() });
    const none = await folder.go(PIPELINE);
    const read = ({ summary }: typeof own) => summary.steps[0]!.tally!.in.documents;
    expect([first, own, none].map(read)).toEqual([180, 240, 240]);
    expect(none.summary.nothingToDo).toBe(true);
  });

  it('are apart for sources that differ', async () => {
    folder = new PipelineFolder();
    for (let i = 0; i < 2; i++) folder.write(`in/${i}.jsonl`, jsonl(i, 60));
    const listings = new Listings();
    const one = PIPELINE.replace('*', '0');
    const documents: number[] = [];
    for (const [i, yaml] of [PIPELINE, one, PIPELINE].entries()) {
      const { summary } = await folder.go(yaml, [], { listings, runFolder: join(folder.path, `run-${i}`) });
      documents.push(summary.steps[0]!.tally!.in.documents);
    }
    expect(documents).toEqual([120, 60, 120]);
  });
});
