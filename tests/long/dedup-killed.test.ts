import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterReader, KEPT } from '../../src/dedup/cluster-file.ts';
import { Shell } from '../cli/command.ts';
import { DOCUMENT_BYTES, generateText } from './dedup-generated.ts';

/**
 * Two crawls, the second against the index of the first, with each of the four jobs of the second ended by SIGKILL
 * (KILLS times): clusters, documents that stay and the index must be those of an undisturbed run. The same with another
 * number of workers, and with the input files in another order.
 */
const KILLS = Number(process.env.KILLS ?? 3);
const DOCUMENTS = 24_000;
const FILES = 6;

const shell = new Shell();
const at = (...names: string[]): string => join(shell.folder, ...names);

function pipeline(name: string, folder: string, options: string): void {
  writeFileSync(
    at(`${name}.yaml`),
    `name: ${name}
run: { partitionBytes: 4000000, partBytes: 2000000, minFreeBytes: 1 }
steps:
  - read: { inputs: [{ files: '${folder}/*.jsonl', corpus: c }] }
  - minhash-dedup: { keepIndex: true, ${options} }
`,
  );
}

/** Documents [first, first + DOCUMENTS) in files; `names` gives the order in which they are read. */
function writeCrawl(folder: string, first: number, names: readonly string[]): void {
  mkdirSync(at(folder));
  const text = new Uint8Array(DOCUMENT_BYTES);
  names.forEach((name, file) => {
    const lines: string[] = [];
    for (let i = file; i < DOCUMENTS; i += FILES) {
      generateText(first + i, text);
      lines.push(JSON.stringify({ id: `d${first + i}`, text: Buffer.from(text).toString() }));
    }
    writeFileSync(at(folder, name), `${lines.join('\n')}\n`);
  });
}

const namesIn = (folder: string, recursive = false): string[] =>
  existsSync(folder) ? readdirSync(folder, { recursive }).map(String) : [];

const unit = (run: string, number: string): string =>
  at(run, 'units', namesIn(at(run, 'units')).find((name) => name.startsWith(number)) ?? 'none');

/** Digest of every file of the deduplication's artifact. */
function artifacts(run: string): unknown {
  return (JSON.parse(readFileSync(join(unit(run, '01'), 'manifest.json'), 'utf8')) as { files: unknown })
    .files;
}

/** By document: its cluster and what became of it, by id; and who is left. */
function fates(run: string): Record<string, unknown> {
  const reader = new ClusterReader(join(unit(run, '01'), 'artifact'));
  const found: Record<string, unknown> = {};
  for (const { label, fate, cluster, other, similarity } of reader)
    found[label.id] = [cluster, fate, fate === KEPT ? other : reader.labelOf(other)!.id, similarity];
  reader.close();
  return found;
}

/** Whether a job of the second crawl is under way. */
const UNDER_WAY: Readonly<Record<string, (run: string) => boolean>> = {
  signatures: (run) => namesIn(unit(run, '00'), true).some((name) => name.includes('.side')),
  candidates: (run) => existsSync(join(unit(run, '01'), 'artifact/index')),
  clusters: (run) => existsSync(join(unit(run, '01'), 'artifact/clusters.blocks')),
  removal: (run) => existsSync(unit(run, '02')),
};

beforeAll(async () => {
  const names = Array.from({ length: FILES }, (_, i) => `${i}.jsonl`);
  writeCrawl('one', 0, names);
  // The second crawl has groups of the first again: half of its documents are known.
  writeCrawl('two', DOCUMENTS / 2, names);
  writeCrawl('turned', DOCUMENTS / 2, [...names].reverse());
  pipeline('one', 'one', '');
  for (const name of ['two', 'turned']) pipeline(name, name, 'index: runs/one');
  expect(await shell.run('run', 'one.yaml', '-q')).toMatchObject({ code: 0 });
  expect(await shell.run('run', 'two.yaml', '-q', '-o', 'calm', '-w', '1')).toMatchObject({ code: 0 });
  const { outcome } = (
    JSON.parse(readFileSync(at('calm/summary.json'), 'utf8')) as {
      steps: { kind: string; outcome?: object }[];
    }
  ).steps.find(({ kind }) => kind === 'minhash-dedup')!;
  expect(outcome).toMatchObject({ indexDocuments: DOCUMENTS, removedForIndex: expect.any(Number) });
  expect((outcome as { removedForIndex: number }).removedForIndex).toBeGreaterThanOrEqual(DOCUMENTS / 2);
}, 600_000);
afterAll(() => shell.remove());

describe('an incremental deduplication', () => {
  it('does not depend on the number of workers', async () => {
    expect(await shell.run('run', 'two.yaml', '-q', '-o', 'wide', '-w', '3')).toMatchObject({ code: 0 });
    expect(artifacts('wide')).toEqual(artifacts('calm'));
  }, 600_000);

  it('does not depend on the order of the input files', async () => {
    expect(await shell.run('run', 'turned.yaml', '-q', '-o', 'around')).toMatchObject({ code: 0 });
    expect(fates('around')).toEqual(fates('calm'));
  }, 600_000);

  it.each(Object.keys(UNDER_WAY))(
    `ended by SIGKILL during %s, ${KILLS} times, comes to the same`,
    async (job) => {
      const run = `killed-${job}`;
      for (let kills = 0; kills < KILLS; kills++) {
        rmSync(at(run), { recursive: true, force: true });
        const { child, ended } = shell.start(['run', 'two.yaml', '-q', '-o', run]);
        const done = (): boolean => child.exitCode !== null || child.signalCode !== null;
        while (!done() && !UNDER_WAY[job]!(run)) await delay(1);
        // Somewhere inside the job, not only at its beginning.
        await delay(kills * 30);
        child.kill('SIGKILL');
        const { code, signal } = await ended;
        // A machine so quick that the run was over first has shown nothing, but nothing wrong either.
        expect([code, signal]).toSatisfy(([c, s]) => s === 'SIGKILL' || c === 0);
        if (kills === 0) expect(signal).toBe('SIGKILL');
        expect(await shell.run('run', 'two.yaml', '-q', '-o', run)).toMatchObject({ code: 0 });
        expect(artifacts(run)).toEqual(artifacts('calm'));
        const left = namesIn(at(run), true);
        expect(left.filter((name) => /\.tmp$|lock$/.test(name))).toEqual([]);
      }
    },
    1_800_000,
  );
});
