import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STEPS } from '../../src/steps.ts';
import { jsonl } from '../execute/pipeline-folder.ts';
import { CLI, type Ended, Shell } from './command.ts';

const TINY = `name: tiny
run: { workers: 2, partitionBytes: 30000, batchDocuments: 16, minFreeBytes: 1MiB }
steps:
  - read: { inputs: [{ files: 'in/*.jsonl', corpus: talk }] }
  - hold-out: { fraction: 0.1 }
  - length: { minWords: 25 }
  - exact-dedup
  - train-tokenizer: { vocabularySize: 290 }
  - encode
  - shard
  - train:
      model: { family: gpt2, layers: 1, width: 16, heads: 2, context: 32 }
      rows: 2
      steps: 4
      evaluateEvery: 0
  - evaluate
  - generate: { prompts: ['the whale'], maxTokens: 8 }
`;

const shell = new Shell();
let first: Ended;

beforeAll(async () => {
  mkdirSync(join(shell.folder, 'in'));
  for (let i = 0; i < 2; i++) writeFileSync(join(shell.folder, `in/${i}.jsonl`), jsonl(i, 150));
  writeFileSync(join(shell.folder, 'tiny.yaml'), TINY);
  writeFileSync(join(shell.folder, 'gone.yaml'), TINY.replace('in/*.jsonl', 'gone.jsonl'));
  first = await shell.run('run', 'tiny.yaml', '--json');
});
afterAll(() => shell.remove());

function json(ended: Ended): unknown {
  expect(ended.stderr).toBe('');
  expect(ended.code).toBe(0);
  return JSON.parse(ended.stdout);
}

describe('models handed over', () => {
  it('go out with the terms of their data, come back, and write and train on', async () => {
    const { files, architecture } = json(
      await shell.run('export-model', 'runs/tiny', '-o', 'handed', '--name', 'Tiny', '--json'),
    ) as { files: string[]; architecture: string };
    expect(architecture).toBe('GPT2LMHeadModel');
    for (const file of files) expect(existsSync(join(shell.folder, 'handed', file)), file).toBe(true);
    const card = readFileSync(join(shell.folder, 'handed/README.md'), 'utf8');
    expect(card).toMatch(/^# Tiny$/m);
    // 4 steps of 2 rows of 32 tokens
    expect(card).toMatch(/^\| talk \| 256 \| 0\.\d\d \| \d+ \| not known \|$/m);
    const imported = await shell.run('import-model', 'handed', '-o', 'models/back');
    expect(imported.stdout).toMatch(/^GPT2LMHeadModel, [\d,]+ parameters: 1 layer of 16, 2 heads/);
    const greedy = ['-p', 'the whale', '--set', 'temperature=0', '--set', 'maxTokens=8', '--json'];
    const [before, after] = await Promise.all(
      ['runs/tiny', 'models/back'].map((model) => shell.run('sample', model, ...greedy)),
    );
    expect(json(after!)).toEqual(json(before!));
    const more = ['--set', 'init.from=handed', '--set', 'model={}', '--set', 'steps=1', '--json'];
    const on = json(await shell.run('train', 'runs/tiny', '-o', 'models/on', ...more));
    const first = (
      json(await shell.run('sample', 'models/on', ...greedy, '--show-probabilities')) as {
        steps: object[];
      }[]
    )[0]!;
    expect(on).toMatchObject({ steps: 1, parameters: expect.any(Number) });
    expect(first.steps[0]).toMatchObject({ index: 0, top: { length: 5 } });
    const wrong = await shell.run(
      'train',
      'runs/tiny',
      '-o',
      'models/no',
      ...more,
      '--set',
      'init.from=nowhere',
    );
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('train.init.from: no such folder');
  });
});

describe('help', () => {
  const commands =
    'run status view train eval sample export-model import-model trace export import receipt remove steps schema report clean'.split(
      ' ',
    );

  it('of the program names every command', async () => {
    const { code, stdout } = await shell.run('--help');
    expect(code).toBe(0);
    for (const name of commands) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it('of every command has examples that name it', async () => {
    const helps = await Promise.all(commands.map((name) => shell.run(name, '--help')));
    helps.forEach(({ code, stdout }, i) => {
      expect([commands[i], code]).toEqual([commands[i], 0]);
      expect(stdout).toMatch(new RegExp(`Examples:\\n( {2}\\$ provender ${commands[i]}.*\\n)+`));
    });
  });
});

describe('exit code 2, wrong usage or configuration', () => {
  const cases: [string, string[], RegExp][] = [
    ['an unknown command', ['cook'], /unknown command 'cook'/],
    ['an unknown option', ['run', 'tiny.yaml', '--fast'], /unknown option '--fast'/],
    ['a number that is none', ['run', 'tiny.yaml', '--limit', 'all'], /a whole number/],
    ['a missing pipeline file', ['run', 'nowhere.yaml'], /nowhere\.yaml: no such file/],
    [
      'an unknown option of a step',
      ['run', 'tiny.yaml', '--set', 'length.minWord=3'],
      /--set length\.minWord=3: .*unknown option 'minWord'; did you mean 'minWords'\?/,
    ],
    [
      'a --set for no step',
      ['run', 'tiny.yaml', '--set', 'nosuch.x=1'],
      /no step is called 'nosuch'; expected one of name, seed, run, steps, read, /,
    ],
    [
      'an unknown option of a command that takes those of a step',
      ['train', 'runs/tiny', '-o', 'none', '--set', 'model.famly=gpt2'],
      /--set model\.famly=gpt2: train\.model\.famly: unknown option 'famly'; did you mean 'family'\?/,
    ],
    ['a missing input', ['run', 'gone.yaml', '-o', 'gone'], /gone\.jsonl: input not found/],
    ['a folder that is no run', ['status', '.'], /no run here/],
    ['an unknown step', ['steps', 'cook'], /no step is called 'cook'/],
    ['a step that the run lacks', ['view', 'runs/tiny', 'c4'], /this run has no step 'c4'/],
    ['a model into the run itself', ['train', 'runs/tiny', '-o', 'runs/tiny'], /this folder holds a run/],
    ['a model among the units', ['train', 'runs/tiny', '-o', 'runs/tiny/units/x'], /in the run .*runs\/tiny/],
    ['an evaluation into the run', ['eval', 'runs/tiny', '-o', 'runs/tiny'], /this folder holds a run/],
    ['a shard that is not there', ['trace', 'runs/tiny', '--shard', '9'], /no shard 9 in train/],
    ['a tokenizer that is not there', ['tokenizer', 'encode', 'none', 'hi'], /none: no such file/],
    ['ids that are none', ['tokenizer', 'decode', 'runs/tiny', 'abc'], /not an id/],
    [
      'an output folder that is a file',
      ['receipt', 'runs/tiny', '-o', 'tiny.yaml'],
      /tiny\.yaml: a file lies here/,
    ],
    ['a run that is not there', ['inspect', 'runs/nope'], /runs\/nope: no run here/],
    ['a trace of nothing', ['trace', 'runs/tiny'], /give --shard and --token/],
    [
      'a trace of a step that no training reached',
      ['trace', 'runs/tiny', '--step', '100000'],
      /--step 100000: the training ended before; expected at most \d+, its last step/,
    ],
  ];
  it.each(cases)('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await shell.run(...args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([2, '']);
  });
});

describe("a judge of one's own", () => {
  const own = (name: string, body: string) => {
    writeFileSync(
      join(shell.folder, `${name}.ts`),
      `import { defineJudge, drop, KEEP, z } from 'provender';

interface Mine { readonly most: number }
export default defineJudge({
  kind: '${name}', summary: 'mine', module: import.meta.url,
  options: z.strictObject({ most: z.number().default(9) }),
  signals: ['size'],
  measure: ({ text }) => {
    ${body}
  },
  decide: ([size], o: Mine) => (size > o.most ? drop('large', size, o.most) : KEEP),
});
`,
    );
    writeFileSync(
      join(shell.folder, `${name}.jsonl`),
      '{"id":"a","text":"some text"}\n{"id":"b","text":"a longer text"}\n',
    );
    writeFileSync(
      join(shell.folder, `${name}.yaml`),
      `name: ${name}\nsteps:\n  - read: { inputs: [{ files: ${name}.jsonl }] }\n  - use: ./${name}.ts\n    name: ${name}\n`,
    );
  };

  it('that throws is told once, with the document and the line of its source', async () => {
    own('throwing', "throw new Error('boom');");
    const { code, stderr } = await shell.run('run', 'throwing.yaml', '-q');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: .*step throwing failed on document a of throwing\.jsonl.*: Error: boom\n {4}at throwing\.ts:9:11\n$/,
    );
  });

  it('without rules is refused by inspect --show before it is measured; its options are in its row', async () => {
    own('large', 'return [text.length];');
    const shown = await shell.run('inspect', 'large.yaml', '--show', 'large.most');
    expect(shown.stderr).toMatch(
      /^error: --show large\.most: large decides by code of its own .*found the options most/,
    );
    expect(shown.code).toBe(2);
    const { stdout } = await shell.run('inspect', 'large.yaml', '-q', '--no-html', '--set', 'large.most=10');
    expect(stdout).toMatch(/^large +most 10 +1 /m);
  });
});

describe('exit code 1, failed', () => {
  it.each([
    ['a disk without room', 'run.minFreeBytes=1000TiB', /not enough free disk/],
    ['no document left for a tokenizer', 'length.minWords=9999', /no text reached the tokenizer/],
  ])('%s', async (_, override, message) => {
    const out = join(shell.folder, 'failed');
    const { code, stderr } = await shell.run(
      'run',
      'tiny.yaml',
      '-o',
      out,
      '-q',
      '--set',
      override,
      '--set',
      'hold-out.fraction=0',
      '--set',
      'evaluate.split=train',
    );
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
    const status = await shell.run('status', out, '--once');
    expect(status.stdout).toMatch(/^failed: /);
    expect(status.code).toBe(1);
  });
});

describe('a run', () => {
  it('prints its summary for machines', () => {
    const summary = json(first) as {
      name: string;
      report: string;
      nothingToDo: boolean;
      steps: { name: string; tally?: { in: { documents: number } }; outcome?: Record<string, unknown> }[];
    };
    expect(summary).toMatchObject({ name: 'tiny', nothingToDo: false });
    expect(summary.steps.find(({ name }) => name === 'read')!.tally!.in.documents).toBe(300);
    expect(summary.steps.find(({ name }) => name === 'train')!.outcome).toMatchObject({ steps: 4 });
    expect(readFileSync(summary.report, 'utf8')).toMatch(/^<!doctype html>/i);
  });

  it('does nothing the second time, says so, and writes plain lines where nobody is at a terminal', async () => {
    const { code, stdout, stderr } = await shell.run('run', 'tiny.yaml');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^nothing to do: every step is complete/);
    expect(stdout).toMatch(/^length +300 +\d+ /m);
    expect(stderr).toMatch(/ {2}shard +already done\n/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be written is one
    expect(stdout + stderr).not.toMatch(/\u001b|\r/);
  });

  it('is shown by status, and by a dry run', async () => {
    const { code, stdout } = await shell.run('status', 'runs/tiny', '--once');
    expect([code, stdout.split(' ')[0]]).toEqual([0, 'done']);
    expect(json(await shell.run('status', 'runs/tiny', '--json'))).toMatchObject({
      state: 'done',
      alive: false,
    });
    const dry = await shell.run('run', 'tiny.yaml', '--dry-run', '--set', 'train.steps=5');
    expect(dry.stdout).toMatch(/^complete +shard\nwould run +train\n +train\.steps: 4 -> 5\n/m);
    await shell.run('run', 'tiny.yaml', '--dry-run', '-o', 'never/made');
    expect(existsSync(join(shell.folder, 'never'))).toBe(false);
  });

  it('is viewed: points, kept and refused documents', async () => {
    expect((await shell.run('view', 'runs/tiny')).stdout).toMatch(
      /^length {2}300 in .*\n +too-few-words +\d+/m,
    );
    const refused = await shell.run(
      'view',
      'runs/tiny',
      'length',
      '--reason',
      'too-few-words',
      '-n',
      '2',
      '--json',
    );
    const documents = refused.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string });
    expect(documents.length).toBe(2);
    for (const { text } of documents) expect(text.split(' ').length).toBeLessThan(25);
  });

  it('is traced from a token to its document and back', async () => {
    const found = json(await shell.run('trace', 'runs/tiny', '--shard', '0', '--token', '100', '--json')) as {
      document: { id: string; tokenRange: [number, number] };
    };
    const { stdout } = await shell.run('trace', 'runs/tiny', '--document', found.document.id, '--json');
    const [place, way] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(place).toMatchObject({ document: { id: found.document.id } });
    const kept = (step: string) => ({ step, verdict: 'kept' });
    expect(way.story).toMatchObject(
      'read hold-out length exact-dedup train-tokenizer encode shard'.split(' ').map(kept),
    );
    expect(way.story[2]).toMatchObject({ signals: { words: expect.any(Number) }, limits: { minWords: 25 } });
    const refused = await shell.run('view', 'runs/tiny', 'length', '--refused', '-n', '1', '--json');
    const { id } = json(refused) as { id: string };
    const gone = await shell.run('trace', 'runs/tiny', '--document', id);
    expect(gone.stdout).toMatch(/length +refused \(too-few-words, \d+, threshold 25\)/);
    expect(gone.stdout).toMatch(/\nnone of its tokens are in the shards\n$/);
  });

  it('is exported, and documents are taken out of its shards for good', async () => {
    const { files } = json(
      await shell.run('export', 'runs/tiny', '-f', 'nanogpt', '-o', 'nano', '--json'),
    ) as { files: string[] };
    expect(files).toEqual(['train.bin', 'val.bin']);
    const back = ['import', 'nano', '-f', 'nanogpt', '-t', 'runs/tiny', '-o', 'brought', '--json'];
    const index = json(await shell.run(...back)) as {
      splits: Record<string, { tokens: number }>;
    };
    expect(Object.values(index.splits).map(({ tokens }) => 2 * tokens)).toEqual(
      files.map((name) => statSync(join(shell.folder, 'nano', name)).size),
    );
    const traced = await shell.run('trace', 'brought', '--shard', '0', '--token', '9', '--json');
    expect(json(traced)).toMatchObject({ document: { source: 'train.bin', corpus: 'imported' } });
    const wrong = await shell.run('export', 'runs/tiny', '-f', 'zip', '-o', 'zip');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/one of megatron, llm\.c, /)]);
    const help = await Promise.all(['export', 'import'].map((name) => shell.run(name, '--help')));
    for (const { stdout } of help) expect(stdout).toContain('arrow');

    const receipt = json(await shell.run('receipt', 'runs/tiny', '--json', '-o', 'told')) as object;
    expect(receipt).toMatchObject({ name: 'tiny', corpora: [{ name: 'talk', terms: null }] });
    const [unit] = readdirSync(join(shell.folder, 'runs/tiny/units')).filter((name) =>
      name.endsWith('-shard'),
    );
    const beside = join(shell.folder, `runs/tiny/units/${unit}/artifact`);
    expect(JSON.parse(readFileSync(join(beside, 'receipt.json'), 'utf8'))).toEqual(receipt);
    expect(readFileSync(join(beside, 'README.md'), 'utf8')).toMatch(/^---\npretty_name: tiny\n/);

    cpSync(join(shell.folder, 'runs/tiny'), join(shell.folder, 'runs/less'), { recursive: true });
    const token = ['trace', 'runs/less', '--shard', '0', '--token', '100', '--json'];
    const { id } = (json(await shell.run(...token)) as { document: { id: string } }).document;
    const args = ['remove', 'runs/less', '--id', id, '--reason', 'asked for', '--json'];
    const dry = json(await shell.run(...args, '--dry-run')) as { removed: boolean; documents: unknown[] };
    expect([dry.removed, dry.documents.length]).toEqual([false, 1]);
    const gone = json(await shell.run(...args)) as { removed: boolean; shards: string[] };
    expect([gone.removed, gone.shards]).toEqual([true, ['train-00000.shard']]);
    const again = await shell.run(...args);
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toMatchObject({ removed: false, documents: [] });
    const nobody = await shell.run('trace', 'runs/less', '--document', 'nobody');
    expect([nobody.code, nobody.stdout]).toEqual([1, expect.stringContaining('no such document')]);
    // The shards are whole as they are; what was trained on the old ones is not.
    const { stdout } = await shell.run('run', 'tiny.yaml', '-o', 'runs/less', '--dry-run', '--verify');
    expect(stdout).toMatch(/^complete +shard\nwould run +train/m);
  });

  it('is evaluated, sampled from and reported on', async () => {
    const evaluation = json(await shell.run('eval', 'runs/tiny', '--json', '-o', 'evaluated')) as {
      corpora: Record<string, { bitsPerByte: number }>;
    };
    expect(evaluation.corpora.talk!.bitsPerByte).toBeGreaterThan(1);
    const [one, two] = await Promise.all(
      [1, 2].map(() => shell.run('sample', 'runs/tiny', '-p', 'the whale', '--set', 'maxTokens=12')),
    );
    expect(one!.stdout).toMatch(/^the whale./);
    expect(two!.stdout, 'the same seed, the same text').toBe(one!.stdout);
    expect((await shell.run('report', 'runs/tiny')).stdout).toMatch(/report\.html\n$/);
  });

  it('trains with another objective, whose own options alone count', async () => {
    const set = ['objective.kind=masked', 'model.family=bert', 'steps=2'].flatMap((one) => ['--set', one]);
    const summary = json(await shell.run('train', 'runs/tiny', '--out', 'masked', '--json', ...set));
    expect(summary).toMatchObject({
      objective: 'masked',
      steps: 2,
      heldOut: { after: { comparable: false } },
    });
    // The shards are those that it was trained on, wherever both have moved together.
    const named = json(await shell.run('eval', 'masked', '--shards', 'runs/tiny', '--json'));
    expect(json(await shell.run('eval', 'masked', '--json'))).toEqual(named);
    cpSync(join(shell.folder, 'masked'), join(shell.folder, 'moved/masked'), { recursive: true });
    cpSync(join(shell.folder, 'runs/tiny'), join(shell.folder, 'moved/runs/tiny'), { recursive: true });
    expect(json(await shell.run('eval', 'moved/masked', '--json'))).toEqual(named);
    const units = join(shell.folder, 'moved/runs/tiny/units');
    const index = join(
      units,
      readdirSync(units).find((name) => name.endsWith('-shard'))!,
      'artifact/index.json',
    );
    const token = ['trace', 'moved/runs/tiny', '--shard', '0', '--token', '100', '--json'];
    const { id } = (json(await shell.run(...token)) as { document: { id: string } }).document;
    expect((await shell.run('remove', 'moved/runs/tiny', '--id', id, '--reason', 'asked for')).code).toBe(0);
    const others = await shell.run('eval', 'moved/masked');
    expect([others.code, others.stderr]).toEqual([
      2,
      expect.stringMatching(/trained on are others by now; .*--shards RUN/),
    ]);
    rmSync(index);
    const gone = await shell.run('eval', 'moved/masked');
    expect([gone.code, gone.stderr]).toEqual([
      2,
      expect.stringMatching(/trained on are gone; expected index\.json in .*--shards RUN/),
    ]);
    rmSync(join(shell.folder, 'moved/masked/training.json'));
    const untold = await shell.run('eval', 'moved/masked');
    expect([untold.code, untold.stderr]).toEqual([
      2,
      expect.stringMatching(/does not tell which shards .*--shards RUN/),
    ]);
    const wrong = await shell.run('train', 'runs/tiny', '--out', 'wrong', '--set', 'objective.kind=mask');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/train\.objective\.kind: /);
  });

  it('says what a training would be, and writes nothing', async () => {
    const args = ['train', 'runs/tiny', '--out', 'planned', '--dry-run', '--set', 'steps=3'];
    const said = await shell.run(...args);
    expect(said.stderr).toBe('');
    expect(said.stdout).toMatch(/^model {7}gpt2, 1 layer, width 16, 2 heads, vocabulary /);
    expect(said.stdout).toMatch(/\ndata {8}3 steps of 64 tokens, [\d.]+ epochs of [\d,]+ tokens\n$/);
    const plan = json(await shell.run(...args, '--json')) as { estimate: { parameters: number } };
    const summary = json(
      await shell.run('train', 'runs/tiny', '--out', 'trained', '--json', '--set', 'steps=3'),
    );
    const { parameters, usage } = summary as { parameters: number; usage: { flops: number } };
    expect(plan.estimate.parameters).toBe(parameters);
    expect(plan).toMatchObject({ steps: 3, tokens: 192, flops: usage.flops });
    expect(existsSync(join(shell.folder, 'planned'))).toBe(false);
    expect(existsSync(join(shell.folder, 'trained/events.out.tfevents.0000000000.provender'))).toBe(true);
  });

  it('trains another model on its shards, and refuses to mix two trainings', async () => {
    const args = ['train', 'runs/tiny', '--out', 'other', '--json', '--set', 'steps=2'];
    expect(json(await shell.run(...args))).toMatchObject({ steps: 2 });
    const mixed = await shell.run(...args, '--seed', '2');
    expect(mixed.stderr).toMatch(/another training lies here.*seed: 1 -> 2/);
    expect(mixed.code).toBe(2);
  });

  it('options that are refused leave nothing in the way of right ones', async () => {
    const args = ['train', 'runs/tiny', '--out', 'corrected', '--json', '--set', 'steps=1', '--set'];
    // The first is seen by the options alone, the second by the shards.
    for (const [set, code, message] of [
      ['model.heads=3', 2, 'model.heads'],
      ['evaluateOn=validation', 2, 'evaluateOn'],
    ] as const) {
      const refused = await shell.run(...args, set);
      expect([refused.code, refused.stderr]).toEqual([code, expect.stringContaining(message)]);
      expect(existsSync(join(shell.folder, 'corrected/training.json'))).toBe(false);
    }
    expect(json(await shell.run(...args, 'seed=5'))).toMatchObject({ steps: 1 });
  });

  it('after clean: nothing to do; a change makes again only what it needs', async () => {
    const points = await shell.run('view', 'runs/tiny');
    const { stdout } = await shell.run('clean', 'runs/tiny');
    expect(stdout).toMatch(/removed .*00-read\.documents\/tasks\n/);
    expect(existsSync(join(shell.folder, 'runs/tiny/units/00-read.documents/tasks'))).toBe(false);
    expect(json(await shell.run('run', 'tiny.yaml', '--json'))).toMatchObject({ nothingToDo: true });
    // The counts are still there; of the documents it is said what became of them.
    expect(await shell.run('view', 'runs/tiny')).toEqual(points);
    for (const args of [['length'], ['length', '--refused'], ['encode', '--id', 'nobody']]) {
      const gone = await shell.run('view', 'runs/tiny', ...args);
      expect([gone.code, gone.stdout]).toEqual([2, '']);
      expect(gone.stderr).toMatch(
        /the documents of step '\w+' were removed by `provender clean`; .*units\/0\d-[\w.-]+: to have them again, remove/,
      );
    }
    const changed = await shell.run('run', 'tiny.yaml', '--set', 'train-tokenizer.vocabularySize=280');
    expect(changed.code).toBe(0);
    expect(changed.stderr).toMatch(
      /read runs again: its documents, removed by `provender clean`, are needed/,
    );
    expect(changed.stderr).toMatch(/ {2}exact-dedup +already done/);
    // As the message says: what is removed is made again, and nothing else.
    await shell.run('clean', 'runs/tiny');
    rmSync(join(shell.folder, 'runs/tiny/units/00-read.documents'), { recursive: true });
    const again = await shell.run('run', 'tiny.yaml', '--set', 'train-tokenizer.vocabularySize=280');
    expect(again.stderr).toMatch(/✓ read/);
    expect(again.stderr.match(/✓/g)).toHaveLength(1);
    expect((await shell.run('view', 'runs/tiny', 'length', '--number', '1')).stdout).toMatch(/\S/);
    expect((await shell.run('clean', 'runs/tiny', '--all')).code).toBe(0);
    expect(existsSync(join(shell.folder, 'runs/tiny'))).toBe(false);
  });
});

describe('interruption', () => {
  const LONG = [
    'run',
    'tiny.yaml',
    '-o',
    'long',
    '--set',
    'train.steps=200000',
    '--set',
    'train.checkpoint.everySteps=100000',
  ];

  /** Resolves when the process has written `text` to standard error; rejects where it ends without. */
  async function told({ child, ended }: ReturnType<Shell['start']>, text: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      let seen = '';
      child.stderr!.on('data', (more: string) => {
        seen += more;
        if (seen.includes(text)) resolve();
      });
      ended.then(({ stderr }) => reject(new Error(`it ended before it said '${text}': ${stderr}`)));
    });
  }

  async function inTraining(): Promise<ReturnType<Shell['start']>> {
    const started = shell.start(LONG);
    await told(started, 'steps of');
    return started;
  }

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends with exit code 130 and leaves a run that can go on',
    async (signal) => {
      const { child, ended } = await inTraining();
      child.kill(signal);
      const { code, stderr } = await ended;
      expect(stderr).toMatch(/interrupted: finishing the step at hand/);
      expect(code).toBe(130);
      expect(existsSync(join(shell.folder, 'long/lock'))).toBe(false);
      expect((await shell.run('status', 'long', '--once')).stdout).toMatch(/^interrupted/);
    },
  );

  it('a second one ends it at once; a third process sees that it was killed, and the lock is no obstacle', async () => {
    const started = await inTraining();
    const { child, ended } = started;
    // Two pending signals of a kind are one: the handler must have run.
    const handled = told(started, 'interrupted');
    child.kill('SIGINT');
    await handled;
    child.kill('SIGINT');
    const { code, signal } = await ended;
    // Either it was still saving, or it had just got through.
    expect(signal === 'SIGINT' || code === 130).toBe(true);
    expect((await shell.run('status', 'long', '--once')).stdout).toMatch(/^(killed|interrupted)/);
    const { code: next } = await shell.run('run', 'tiny.yaml', '-o', 'long', '--set', 'train.steps=4');
    expect(next).toBe(0);
  });

  it('a second run in the directory is refused and does not touch the status of the first', async () => {
    const { child, ended } = await inTraining();
    const second = await shell.run(...LONG);
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/is running here since/);
    expect((await shell.run('status', 'long', '--json')).stdout).toMatch(/"state":"running".*"alive":true/);
    expect((await shell.run('clean', 'long')).code).toBe(2);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });
});

describe('models', () => {
  it('list the named sizes with what they take', async () => {
    const rows = json(await shell.run('models', '--vocabulary', '50304', '--json')) as Record<
      string,
      unknown
    >[];
    expect(rows.find(({ name }) => name === 'datadecide-150M')).toMatchObject({
      ...{ layers: 12, width: 768, heads: 12, context: 2048 },
      parametersButInputEmbedding: 151_898_880,
    });
  });
});

describe('steps and schema', () => {
  it('list every step with its options and defaults', async () => {
    const { stdout } = await shell.run('steps');
    for (const { kind } of STEPS) expect(stdout).toMatch(new RegExp(`^${kind} `, 'm'));
    expect((await shell.run('steps', 'length')).stdout).toMatch(
      /^ {2}minCharacters: integer \| null = 1\n {6}\w/m,
    );
    const steps = json(await shell.run('steps', '--json')) as { kind: string; options: object }[];
    expect(steps.map(({ kind }) => kind)).toEqual(STEPS.map(({ kind }) => kind));
    const schema = json(await shell.run('schema')) as {
      properties: { steps: { items: { anyOf: object[] } } };
    };
    expect(schema.properties.steps.items.anyOf.length).toBe(STEPS.length + 2);
  });

  it('take a closed pipe for the end, not for an error', () => {
    const script = `'${process.execPath}' '${CLI}' steps --json | head -c 10; echo " \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
    expect(stdout).toBe('[{"kind":" 0\n');
    expect(stderr).toBe('');
  });
});
