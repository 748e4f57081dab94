import { cpSync, existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CancelledError, ResourceError } from '../../src/core/errors.ts';
import { sha256 } from '../../src/core/hash.ts';
import { DiskGuard } from '../../src/execute/disk-guard.ts';
import { withRetries } from '../../src/execute/retry.ts';
import { runPlan } from '../../src/execute/run.ts';
import { lockRunFolder } from '../../src/execute/run-folder.ts';
import { TransientError } from '../../src/index.ts';
import { jsonl, PipelineFolder } from './pipeline-folder.ts';

const READ = `name: p
run: { workers: 1, partitionBytes: 20000, partBytes: 4000, batchDocuments: 8, minFreeBytes: 1MiB }
steps:
  - read: { inputs: [{ files: 'in/*.jsonl', corpus: constructor }] }
  - hold-out: { fraction: 0.2, fractions: { other: 0.5 } }
  - length: { minWords: 25 }
`;

let folder: PipelineFolder;
beforeEach(() => {
  folder = new PipelineFolder();
  for (let i = 0; i < 2; i++) folder.write(`in/${i}.jsonl`, jsonl(i, 100));
});
afterEach(() => folder.remove());

const unit = () => join(folder.run, 'units', '00-read.documents');

/** Digest of each file of documents and of refused documents. */
function files(): Record<string, string> {
  const names = readdirSync(unit(), { recursive: true }) as string[];
  const parts = names.filter((name) => /\.(documents|rejects)$/.test(name)).sort();
  expect(parts.length).toBeGreaterThan(4);
  return Object.fromEntries(parts.map((name) => [name, sha256(readFileSync(join(unit(), name)))]));
}

describe('what does not hold any more', () => {
  it('is made again, byte for byte: a file that is shorter, gone, or (when verified) altered', async () => {
    await folder.go(READ);
    const whole = files();
    const [one, two, three] = Object.keys(whole).filter((name) => name.endsWith('.documents'));
    writeFileSync(join(unit(), one!), 'x');
    expect((await folder.go(READ)).decisions['0-read']!.reasons[0]).toMatch(/is missing or has another size/);
    expect(files()).toEqual(whole);
    const altered = readFileSync(join(unit(), two!));
    altered[altered.length - 1]! ^= 1;
    writeFileSync(join(unit(), two!), altered);
    expect((await folder.go(READ)).summary.nothingToDo).toBe(true);
    const verified = await folder.go(READ, [], { verify: true });
    expect(verified.decisions['0-read']!.reasons[0]).toMatch(/its digest differs/);
    expect(files()).toEqual(whole);
    expect(three).toBeDefined();
  });

  it('is cleared away: files that a killed writer left under a temporary name', async () => {
    await folder.go(READ);
    const whole = files();
    rmSync(join(unit(), 'manifest.json'));
    const left = join(unit(), 'fingerprint.json.6812.48027233.tmp');
    writeFileSync(left, '{');
    await folder.go(READ);
    expect(existsSync(left)).toBe(false);
    expect(files()).toEqual(whole);
  });

  it('is read anew where only verifying shows that an input changed', async () => {
    const path = join(folder.path, 'in/1.jsonl');
    const when = new Date('2020-02-02T02:02:02Z');
    utimesSync(path, when, when);
    await folder.go(READ);
    const before = files();
    writeFileSync(path, jsonl(1, 100).replaceAll('whale', 'WHALE'));
    utimesSync(path, when, when);
    await folder.go(READ, [], { verify: true });
    const after = files();
    expect(Object.keys(after).filter((name) => after[name] !== before[name]).length).toBeGreaterThan(1);
    expect((await folder.go(READ, [], { verify: true })).summary.nothingToDo).toBe(true);
  });

  it('is not the place: a project that moved is complete', async () => {
    await folder.go(READ);
    const other = new PipelineFolder();
    try {
      cpSync(folder.path, other.path, { recursive: true, preserveTimestamps: true });
      expect((await other.go(READ)).summary.nothingToDo).toBe(true);
    } finally {
      other.remove();
    }
  });
});

describe('a corpus called constructor', () => {
  it('has the same share held out as any other, and is counted', async () => {
    const { summary } = await folder.go(READ);
    const tally = summary.steps[1]!.tally!;
    expect(tally.counters['held-out documents']).toBeGreaterThan(20);
    expect(Object.keys(tally.byCorpus)).toEqual(['constructor']);
  });
});

describe('bad records', () => {
  it('of an attempt that was stopped count towards maxBadFraction, once', async () => {
    const good = jsonl(7, 60).trimEnd().split('\n');
    const lines = good.flatMap((line, i) => (i < 30 ? [line, '{"text": '] : [line]));
    folder.write('in/0.jsonl', `${lines.join('\n')}\n`);
    const strict = ['run.partitionBytes=1000000', 'run.maxBadFraction=0.2'];
    await expect(folder.go(READ, strict)).rejects.toThrow(/too many records cannot be read/);
    // What was committed before it failed still counts: on its own, the rest would pass.
    await expect(folder.go(READ, strict)).rejects.toThrow(/too many records cannot be read/);
    const { summary } = await folder.go(READ, ['run.partitionBytes=1000000', 'run.maxBadFraction=0.5']);
    expect(summary.steps[0]!.tally!.drops['invalid-json']!.documents).toBe(30);
    expect(summary.steps[0]!.tally!.in.documents).toBe(190);
  });
});

describe('a limited run', () => {
  it('leaves no digest of inputs that it did not read to the end, and reads a touched one again', async () => {
    await folder.go(READ, [], { limit: 20 });
    const record = JSON.parse(readFileSync(join(unit(), 'tasks/00000/task.json'), 'utf8')) as {
      inputs: { sha256: string }[];
    };
    expect(record.inputs[0]!.sha256).toBe('');
    expect((await folder.go(READ, [], { limit: 20 })).summary.nothingToDo).toBe(true);
    const later = new Date(Date.now() + 5000);
    utimesSync(join(folder.path, 'in/0.jsonl'), later, later);
    expect((await folder.go(READ, [], { limit: 20 })).decisions['0-read']!.tasks!.left).toBe(1);
  });
});

describe('the lock', () => {
  it('is taken by one of many that want it, and from a holder that is dead', async () => {
    const dead = { pid: 2 ** 22 + 1, host: (await import('node:os')).hostname(), since: 'once' };
    folder.write('run/lock', JSON.stringify(dead));
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockRunFolder(folder.run)));
    const taken = tries.filter((one) => one.status === 'fulfilled');
    expect(taken.length).toBe(1);
    await taken[0]!.value();
    expect(readdirSync(folder.run)).toEqual([]);
  });

  it('of another machine is respected, and the message says what to remove', async () => {
    folder.write('run/lock', JSON.stringify({ pid: 1, host: 'elsewhere.invalid', since: 'once' }));
    await expect(lockRunFolder(folder.run)).rejects.toThrow(
      /if elsewhere\.invalid is no more, remove .*lock/,
    );
  });
});

describe('the disk guard', () => {
  it('stops what runs when the room is gone, with the reason', async () => {
    const stopped = await new Promise<ResourceError | undefined>((resolve) => {
      const guard = new DiskGuard(folder.path, 2 ** 60, () => resolve(guard.shortage), 10);
      setTimeout(() => resolve(undefined), 5000).unref();
    });
    expect(stopped).toBeInstanceOf(ResourceError);
    expect(stopped!.message).toMatch(/not enough free disk/);
  });
});

describe('retries', () => {
  it('are made for errors that may pass, so many times, and end with the wait when aborted', async () => {
    let calls = 0;
    const said: string[] = [];
    const work = async (): Promise<string> => {
      if (calls++ < 1) throw new TransientError('busy');
      return 'done';
    };
    expect(await withRetries(2, work, { say: (line) => said.push(line) })).toBe('done');
    expect(said).toEqual(['busy; trying again (1 of 2)']);
    const hopeless = async (): Promise<never> => {
      throw new TransientError('busy');
    };
    await expect(withRetries(0, hopeless, {})).rejects.toThrow('busy');
    const aborter = new AbortController();
    const waiting = withRetries(20, hopeless, { signal: aborter.signal, say: () => aborter.abort() });
    await expect(waiting).rejects.toThrow(CancelledError);
  });
});

describe("a user's step", () => {
  const USE = `${READ}  - use: ./mine.mjs\n`;
  const judge = (body: string): string => `import { defineJudge, KEEP, z } from 'provender';
export default defineJudge({
  kind: 'mine', summary: 'mine', module: import.meta.url, options: z.strictObject({}), signals: [],
  measure: (view) => { if (view.document.id === '1-50') { ${body} } return []; },
  decide: () => KEEP,
});
`;

  it.each([
    [
      "throw new TypeError('no luck')",
      /step mine failed on document 1-50 of in\/1\.jsonl, bytes \d+ to \d+: TypeError: no luck/,
    ],
    ["throw 'a string'", /step mine failed on document 1-50 .*: threw a string/],
    ['throw null', /step mine failed on document 1-50 .*: threw null/],
    ['process.exit(0)', /code of read, hold-out, length, mine ended its worker.*exit code 0/],
    [
      "setTimeout(() => { throw new Error('later'); }); const end = Date.now() + 300; while (Date.now() < end);",
      /a worker died in .*mine: Error: later/,
    ],
  ])('%s: the error says where', async (body, message) => {
    folder.write('mine.mjs', judge(body));
    await expect(folder.go(USE, ['length.minWords=1'])).rejects.toThrow(message);
  });

  it('that hung on a document gets it again once it is mended', async () => {
    folder.write('mine.mjs', judge('for (;;);'));
    const hung = await folder.go(USE, ['run.timeCapSeconds=0.4']);
    expect(hung.said.join()).toMatch(/was set aside/);
    folder.write('mine.mjs', judge(''));
    const { summary } = await folder.go(USE, ['run.timeCapSeconds=0.4']);
    expect(summary.steps[0]!.tally!.drops).toEqual({});
  });

  it('has the same bundle wherever the command runs', async () => {
    folder.write('mine.mjs', judge(''));
    const before = process.cwd();
    await folder.plan(USE);
    process.chdir('/');
    try {
      await folder.plan(USE);
    } finally {
      process.chdir(before);
    }
    const bundles = readdirSync(join(folder.path, '.provender')).filter((name) => name.endsWith('.mjs'));
    expect(bundles.length).toBe(1);
  });
});

describe('stopping', () => {
  it('inside a partition keeps what was committed and reads the rest only', async () => {
    await folder.go(READ);
    const whole = files();
    const other = new PipelineFolder();
    try {
      for (let i = 0; i < 2; i++) other.write(`in/${i}.jsonl`, jsonl(i, 100));
      const aborter = new AbortController();
      const tasks = join(other.run, 'units/00-read.documents/tasks/00000');
      const timer = setInterval(() => existsSync(join(tasks, 'part-00001.json')) && aborter.abort(), 1);
      const run = runPlan(await other.plan(READ), { runFolder: other.run, signal: aborter.signal });
      await run.catch((error: unknown) => expect(error).toBeInstanceOf(CancelledError));
      clearInterval(timer);
      await other.go(READ);
      folder.remove();
      folder = other;
      expect(files()).toEqual(whole);
    } finally {
      if (folder !== other) other.remove();
    }
  });
});
