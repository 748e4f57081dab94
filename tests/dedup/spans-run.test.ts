import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { PipelineFolder } from '../execute/pipeline-folder.ts';

const folders: PipelineFolder[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});

const pipeline = (partitionBytes: number, partBytes: number) => `name: spans
run: { partitionBytes: ${partitionBytes}, partBytes: ${partBytes}, batchDocuments: 16 }
steps:
  - read: { inputs: [{ files: 'in/*', format: jsonl, corpus: c }] }
  - hold-out: { fraction: 0.1 }
  - paragraph-dedup: { unit: line, minBytes: 5, minBytesLeft: 20 }
  - sentence-dedup: { sentences: 2, method: bloom, minWordsLeft: 5 }
  - ngram-dedup: { n: 5, minBytesLeft: 20 }
  - substring-dedup: { minLength: 30, minBytesLeft: 20 }
  - write: { folder: out, format: jsonl, compression: none }
`;

const random = new Random('spans');
const POOL = Array.from({ length: 60 }, () => sentence(random));

function sentence(from: Random): string {
  const words = Array.from({ length: 4 + from.below(12) }, () => from.below(2000).toString(36));
  return `A${words.join(' ')}.`;
}

/** Documents of lines, each of a few sentences, a third of which many others have too. */
function jsonl(name: string, documents: number): string {
  const own = new Random(name);
  const one = () => (own.below(3) === 0 ? POOL[own.below(60)]! : sentence(own));
  const line = () => Array.from({ length: 1 + own.below(5) }, one).join(' ');
  return Array.from({ length: documents }, (_, i) => {
    const text = Array.from({ length: 1 + own.below(5) }, line).join('\n');
    return `${JSON.stringify({ id: `${name}-${i}`, text })}\n`;
  }).join('');
}

/** What is written, by id, and the tallies of every step. */
async function outcome(workers: number, partitionBytes: number, partBytes: number, names: readonly string[]) {
  const folder = new PipelineFolder();
  folders.push(folder);
  for (const name of names) folder.write(`in/${name}.jsonl`, jsonl(name, 200));
  const { summary } = await folder.go(pipeline(partitionBytes, partBytes), [`run.workers=${workers}`]);
  const lines = readdirSync(join(folder.path, 'out'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes('.jsonl'))
    .flatMap((name) =>
      readFileSync(join(folder.path, 'out', name), 'utf8')
        .trim()
        .split('\n'),
    );
  const documents = lines.map((line) => JSON.parse(line) as { text: string; id: string });
  return {
    texts: documents.map(({ text }) => text).sort(),
    tallies: summary.steps.map(
      ({ tally }) => tally && { in: tally.in, out: tally.out, drops: tally.drops, counters: tally.counters },
    ),
  };
}

describe('steps on spans in a run', () => {
  it('give the same with one worker and two, however the input is cut', async () => {
    const once = await outcome(1, 1 << 30, 1 << 30, ['a', 'b']);
    expect(once.texts.length).toBeGreaterThan(20);
    const edited = once.tallies.map((tally) => tally?.counters['edited-documents'] ?? 0);
    expect(edited.filter((n) => n > 0).length).toBeGreaterThan(1);
    for (const tally of once.tallies) {
      if (!tally) continue;
      const dropped = Object.values(tally.drops).reduce((sum, { documents }) => sum + documents, 0);
      expect(tally.in.documents).toBe(tally.out.documents + dropped);
    }
    expect(await outcome(2, 9_000, 3_000, ['a', 'b'])).toEqual(once);
  }, 60_000);
});
