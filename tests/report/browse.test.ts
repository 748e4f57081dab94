import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError, IntegrityError } from '../../src/core/errors.ts';
import { type BrowsedDocument, type BrowseQuery, browse, browsePoints } from '../../src/report/browse.ts';
import { line, makeRun } from './small-run.ts';

/** Two partitions; what becomes of each document is written in its id. */
const files = [
  [
    line('kept-1', 'the first long sentence', 'prose'),
    line('short-1', 'tiny', 'prose'),
    line('red-1', 'a red house by the sea', 'prose'),
    line('twin-1', 'said twice, word for word', 'prose'),
    line('green-1', 'a green house by the sea', 'verse'),
    line('kept-2', 'another long sentence', 'verse'),
    '{"id": "broken"',
  ],
  [
    line('twin-2', 'said twice, word for word', 'prose'),
    line('short-2', 'bit', 'verse'),
    line('kept-3', 'a third long sentence', 'prose'),
    line('late-1', 'a blue and long sentence', 'prose'),
    line('red-2', 'another red house', 'prose'),
  ],
];
const steps = [
  'short',
  'colours',
  { 'exact-dedup': { keep: 'earliest' } },
  { name: 'blues', colours: { words: ['blue'] } },
  { 'train-tokenizer': { vocabularySize: 270 } },
  'encode',
  'shard',
];

let folder: string;
let runFolder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-browse-'));
  runFolder = join(folder, 'run');
  // Parts of one batch of 4, so that the order over parts is seen too.
  await makeRun(folder, { files, steps, partBytes: 1 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function find(query: Omit<BrowseQuery, 'limit'> & { limit?: number }): Promise<BrowsedDocument[]> {
  const found: BrowsedDocument[] = [];
  for await (const one of browse(runFolder, { limit: 1000, ...query })) found.push(one);
  return found;
}
const ids = (found: readonly BrowsedDocument[]): string[] => found.map(({ document }) => document.id);

describe('browse', () => {
  it('gives what the source let through, in the order of reading, with what later steps refused', async () => {
    const found = await find({ step: 'read' });
    expect(ids(found)).toEqual([
      'kept-1',
      'short-1',
      'red-1',
      'twin-1',
      'green-1',
      'kept-2',
      'twin-2',
      'short-2',
      'kept-3',
      'late-1',
      'red-2',
    ]);
    expect(found[1]!.refusal).toMatchObject({
      step: 'short',
      reason: 'too-few-characters',
      value: 4,
      threshold: 10,
    });
    expect(found[1]!.document.text).toBe('tiny');
    expect(found[0]!.refusal).toBeUndefined();
  });

  it('leaves out what a step and those before it refused', async () => {
    expect(ids(await find({ step: 'short' }))).toEqual([
      'kept-1',
      'red-1',
      'twin-1',
      'green-1',
      'kept-2',
      'twin-2',
      'kept-3',
      'late-1',
      'red-2',
    ]);
    expect(ids(await find({ step: 'colours' }))).toEqual([
      'kept-1',
      'twin-1',
      'kept-2',
      'twin-2',
      'kept-3',
      'late-1',
    ]);
  });

  it('drops duplicates at the head of the next segment', async () => {
    expect(ids(await find({ step: 'exact-dedup' }))).toEqual([
      'kept-1',
      'twin-1',
      'kept-2',
      'kept-3',
      'late-1',
    ]);
    expect(ids(await find({ step: 'exact-dedup', refused: true }))).toEqual(['twin-2']);
    expect(ids(await find({ step: 'blues' }))).toEqual(['kept-1', 'twin-1', 'kept-2', 'kept-3']);
  });

  it('goes back to the segment before where the last one wrote no documents', async () => {
    const last = ['kept-1', 'twin-1', 'kept-2', 'kept-3'];
    expect(ids(await find({ step: 'train-tokenizer' }))).toEqual(last);
    expect(ids(await find({ step: 'encode' }))).toEqual(last);
    expect(ids(await find({ step: 'shard' }))).toEqual(last);
  });

  it('gives what a step refused, of one reason, corpus or id', async () => {
    expect(ids(await find({ step: 'colours', refused: true }))).toEqual(['red-1', 'green-1', 'red-2']);
    const red = await find({ step: 'colours', reason: 'names-red' });
    expect(ids(red)).toEqual(['red-1', 'red-2']);
    expect(red[0]!.refusal).toMatchObject({ detail: 'red', step: 'colours' });
    expect(red[0]!.document.signals).toMatchObject({ 'short.characters': 22, 'colours.colour': 0 });
    expect(ids(await find({ step: 'colours', refused: true, corpus: 'verse' }))).toEqual(['green-1']);
    expect(ids(await find({ step: 'read', id: 'kept-3' }))).toEqual(['kept-3']);
    expect(await find({ step: 'colours', id: 'short-1' })).toEqual([]);
  });

  it('shows records that could not be read', async () => {
    const [bad, ...more] = await find({ step: 'read', refused: true });
    expect(more).toEqual([]);
    expect(bad!.refusal!.detail).toContain('0.jsonl');
    expect(bad!.document.text).toBe('');
  });

  it('stops at the limit, and samples by seed', async () => {
    expect(ids(await find({ step: 'read', limit: 3 }))).toEqual(['kept-1', 'short-1', 'red-1']);
    const draws = new Map<string, number>();
    for (let seed = 0; seed < 60; seed++) {
      const drawn = ids(await find({ step: 'read', limit: 3, seed }));
      expect(drawn.length).toBe(3);
      expect(new Set(drawn).size).toBe(3);
      for (const id of drawn) draws.set(id, (draws.get(id) ?? 0) + 1);
      if (seed < 3) expect(ids(await find({ step: 'read', limit: 3, seed }))).toEqual(drawn);
    }
    // 180 draws of 11 documents: 16 each on average; a document never or always drawn would be a biased sample.
    expect(draws.size).toBe(11);
    expect(Math.max(...draws.values())).toBeLessThan(33);
    expect((await find({ step: 'read', limit: 50, seed: 1 })).length).toBe(11);
  });

  it('names what there is where something is not', async () => {
    await expect(find({ step: 'colour' })).rejects.toThrow(
      /no step 'colour'; expected one of read, short, colours, exact-dedup, blues, train-tokenizer, encode, shard/,
    );
    await expect(find({ step: 'colours', reason: 'too-blue' })).rejects.toThrow(
      /names-red \(2\), names-green \(1\)/,
    );
    await expect(find({ step: 'short', corpus: 'news' })).rejects.toThrow(/expected one of prose, verse/);
    await expect(find({ step: 'short', limit: 0 })).rejects.toThrow(ConfigurationError);
    await expect(browse(folder, { step: 'read', limit: 1 }).next()).rejects.toThrow(/no run here/);
  });

  it('lists the points of a run with their reasons', async () => {
    const points = await browsePoints(runFolder);
    expect(points.map(({ step }) => step)).toEqual([
      'read',
      'short',
      'colours',
      'exact-dedup',
      'blues',
      'train-tokenizer',
      'encode',
      'shard',
    ]);
    const colours = points[2]!;
    expect(colours.in.documents).toBe(9);
    expect(colours.out.documents).toBe(6);
    expect(colours.reasons.map(({ reason, documents }) => [reason, documents])).toEqual([
      ['names-red', 2],
      ['names-green', 1],
    ]);
    expect(colours.corpora).toEqual(['prose', 'verse']);
    expect(points.every(({ keepsDocuments }) => keepsDocuments)).toBe(true);
  });
});

describe('browse in other runs', () => {
  it('reads what an unfinished run has committed, and says where nothing was kept', async () => {
    const other = join(folder, 'other');
    await makeRun(other, { files, steps: steps.slice(0, 3), unitsOnly: 1 });
    const found: string[] = [];
    for await (const { document } of browse(join(other, 'run'), { step: 'colours', limit: 100 }))
      found.push(document.id);
    expect(found).toContain('twin-2');
    expect(found.length).toBe(6);
    const none: string[] = [];
    for await (const { document } of browse(join(other, 'run'), { step: 'exact-dedup', limit: 9 }))
      none.push(document.id);
    expect(none).toEqual([]);
  });

  it('tells damage from absence', async () => {
    const other = join(folder, 'damaged');
    await makeRun(other, { files, steps: ['short'] });
    const path = join(other, 'run', 'units', '00-read.documents', 'tasks', '00001', 'part-00000.documents');
    await truncate(path, 100);
    const all = async (): Promise<void> => {
      for await (const _ of browse(join(other, 'run'), { step: 'short', limit: 100 }));
    };
    await expect(all()).rejects.toThrow(IntegrityError);
  });
});
