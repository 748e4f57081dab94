import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/core/errors.ts';
import { pipeline } from '../../src/core/pipeline.ts';
import { parseBytes, pipelineJsonSchema, readPipelineFile } from '../../src/core/pipeline-file.ts';
import { planPipeline } from '../../src/execute/plan.ts';
import { readStep } from '../../src/io/steps/read.ts';
import { length } from '../../src/quality/judges/length.ts';
import { shardStep } from '../../src/shard/steps/shard.ts';
import { stepTable } from '../../src/step-table.ts';
import { STEPS } from '../../src/steps.ts';
import { encodeStep } from '../../src/tokenize/steps/encode.ts';
import { trainTokenizer } from '../../src/tokenize/steps/train-tokenizer.ts';

const folder = mkdtempSync(join(tmpdir(), 'provender-pipeline-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'p.yaml');
  writeFileSync(path, text);
  return path;
}

async function problem(text: string, overrides: string[] = []): Promise<string> {
  const path = file(text);
  try {
    await readPipelineFile(path, stepTable, overrides);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message.replaceAll(path, 'p.yaml');
  }
  throw new Error('no problem was found');
}

const GOOD = `name: p
seed: 3
steps:
  - read: { inputs: [{ files: a.txt }] }
  - length: { minWords: 50 }
`;

describe('pipeline files', () => {
  it('resolve with every default filled in', async () => {
    const spec = await readPipelineFile(file(GOOD), stepTable);
    expect(spec.seed).toBe(3);
    expect(spec.run.maxBadFraction).toBe(0.1);
    expect(spec.steps.map((step) => step.kind)).toEqual(['read', 'length']);
    expect(spec.steps[1]!.options).toMatchObject({ minWords: 50 });
    expect(spec.baseFolder).toBe(folder);
  });

  it('name file, line, column and path of an unknown option', async () => {
    expect(await problem(GOOD.replace('minWords', 'minWord'))).toMatch(
      /^p\.yaml:5:15: steps\[1\]\.length\.minWord: unknown option 'minWord'; did you mean 'minWords'\?$/,
    );
  });

  it('name them for a wrong value, and list all problems at once', async () => {
    const message = await problem(GOOD.replace('50', 'many').replace('seed: 3', 'seed: -1'));
    expect(message).toMatch(/p\.yaml:2:7: seed: /);
    expect(message).toMatch(/p\.yaml:5:25: steps\[1\]\.length\.minWords: /);
  });

  it('name an unknown step and suggest one', async () => {
    expect(await problem(GOOD.replace('length:', 'lenght:'))).toMatch(
      /p\.yaml:5:5: steps\[1\]\.lenght: no step is called 'lenght'; did you mean 'length'\?/,
    );
  });

  it('name the place of broken YAML', async () => {
    expect(await problem('name: p\nsteps: [\n')).toMatch(/^p\.yaml:3:1: /);
  });

  it('refuse an empty file and a missing one', async () => {
    expect(await problem('')).toMatch(/a pipeline file is a mapping/);
    await expect(readPipelineFile(join(folder, 'none.yaml'), stepTable)).rejects.toThrow(/no such file/);
  });

  it('take overrides by path and by step', async () => {
    const spec = await readPipelineFile(file(GOOD), stepTable, [
      'seed=9',
      'length.minWords=7',
      'run.workers=1',
      'steps[1].length.maxWords=99',
    ]);
    expect(spec.seed).toBe(9);
    expect(spec.run.workers).toBe(1);
    expect(spec.steps[1]!.options).toMatchObject({ minWords: 7, maxWords: 99 });
    expect(await problem(GOOD, ['nothing.minWords=7'])).toMatch(/no step is called 'nothing'/);
    expect(await problem(GOOD, ['seed'])).toMatch(/expected PATH=VALUE/);
  });

  it('say what is wrong with an override', async () => {
    const text = 'name: p\nsteps:\n  - read: { inputs: [{ files: x }] }\n  - length\n';
    const cases: [string, RegExp][] = [
      ['seed', /expected PATH=VALUE/],
      ['=1', /expected PATH=VALUE/],
      ['run..workers=1', /expected PATH=VALUE, with a path like/],
      ['run.__proto__.polluted=1', /expected PATH=VALUE, with a path like/],
      ['nosuch.x=1', /no step is called 'nosuch'/],
      ['length=1', /name an option of step 'length'/],
      ['length.minWords=[1', /--set length\.minWords=\[1: ./],
      ['length.minWords=many', /steps\[1\]\.length\.minWords/],
      ['steps[9].length.minWords=1', /there is no number 9, only 0 to 1/],
      ['name=..', /name: letters, digits, dots, dashes/],
      ['read=3', /name an option/],
      ['steps=3', /steps: /],
    ];
    for (const [override, message] of cases) expect(await problem(text, [override])).toMatch(message);
    expect(await problem(text, ['steps=3', 'length.minWords=1'])).toMatch(/no step is called 'length'/);
    expect(await problem(text, ['steps[0].read=3', 'read.x=1'])).toMatch(/has no options/);
    expect((Object.prototype as { polluted?: unknown }).polluted).toBeUndefined();
    const spec = await readPipelineFile(file(text), stepTable, ['steps[1].length.minWords=7']);
    expect(spec.steps[1]!.options).toMatchObject({ minWords: 7 });
  });

  it('name the override that is wrong, what was meant by it, and else the file', async () => {
    const train = `${GOOD}  - train: {}\n  - name: again\n    length: {}\n`;
    const cases: [string, RegExp][] = [
      ['lenth.minWords=1', /^--set lenth\.minWords=1: no step is called 'lenth'; did you mean 'length'\?$/],
      [
        'xyz.minWords=1',
        /no step is called 'xyz'; expected one of name, seed, run, steps, read, length, train, again, length$/,
      ],
      ['length.minWords=1', /several steps are called 'length'; expected one of steps\[1\], steps\[3\]$/],
      ['agin.minWords=1', /did you mean 'again'\?$/],
      [
        'run.worker=1',
        /^--set run\.worker=1: run\.worker: unknown option 'worker'; did you mean 'workers'\?$/,
      ],
      ['again.zzzzzzzzz=1', /: unknown option 'zzzzzzzzz'; expected one of \w+(, \w+)+$/],
      [
        'train.modl.width=1',
        /^--set train\.modl\.width=1: steps\[2\]\.train\.modl: unknown option 'modl'; did you mean 'model'\?$/,
      ],
      ['train.optimizer.weightDeacy=1', /did you mean 'weightDecay'\?$/],
      ['train={ modl: 1 }', /name an option of step 'train'; see `provender steps train`$/],
      [
        'train.model={ famly: gpt2 }',
        /^--set train\.model=\{ famly: gpt2 \}: steps\[2\]\.train\.model\.famly: unknown option 'famly'; did you mean 'family'\?$/,
      ],
      ['read.inputs[0].corpse=x', /steps\[0\]\.read\.inputs\[0\]\.corpse: .*did you mean 'corpus'\?$/],
      ['steps[1].length.minWords=x', /^--set steps\[1\]\.length\.minWords=x: steps\[1\]\.length\.minWords: /],
    ];
    for (const [override, message] of cases) expect(await problem(train, [override])).toMatch(message);
    // What the file has wrong is told of the file, whatever else was set.
    const wrong = GOOD.replace('50', 'many');
    expect(await problem(wrong, ['length.maxWords=90', 'seed=2'])).toMatch(/^p\.yaml:5:25: steps/);
    expect(await problem(wrong, ['length.minWords=some'])).toMatch(/^--set length\.minWords=some: steps/);
  });

  it('give every step a name of its own', async () => {
    const steps = ['length', '{ name: length-2, length: }', 'length', 'length'].map(
      (step) => `  - ${step}\n`,
    );
    const text = `name: p\nsteps:\n  - read: { inputs: [{ files: x }] }\n${steps.join('')}`;
    const spec = await readPipelineFile(file(text), stepTable);
    expect(new Set(spec.steps.map(({ name }) => name)).size).toBe(5);
  });

  it('refuse steps in the wrong order, saying what to put where', async () => {
    const order = async (steps: string): Promise<string> => {
      const spec = await readPipelineFile(file(`name: p\nsteps:\n${steps}`), stepTable);
      return planPipeline(spec, stepTable).then(
        () => 'fine',
        (error: Error) => error.message,
      );
    };
    const read = '  - read: { inputs: [{ files: a.txt }] }\n';
    expect(await order('  - length\n')).toMatch(/step 1 \(length\) needs documents.*put 'read' first/);
    expect(await order(`${read}  - encode\n`)).toMatch(/step 2 \(encode\) needs a tokenizer/);
    expect(await order(`${read}  - train-tokenizer\n  - shard\n`)).toMatch(
      /step 3 \(shard\) needs tokens.*put 'encode' before it/,
    );
    expect(await order(`${read}${read}`)).toMatch(/a source must be the first step/);
    expect(await order(`${read}  - train-tokenizer\n  - encode\n`)).toMatch(/tokens that nothing takes/);
    expect(
      await order(`${read}  - length\n  - exact-dedup\n  - train-tokenizer\n  - encode\n  - shard\n`),
    ).toBe('fine');
  });

  it('give a JSON Schema that names every step', () => {
    const schema = pipelineJsonSchema(STEPS) as {
      properties: { steps: { items: { anyOf: { required?: string[] }[] } } };
    };
    const named = schema.properties.steps.items.anyOf.flatMap((one) => one.required ?? []);
    for (const step of STEPS) expect(named).toContain(step.kind);
  });
});

describe('pipelines in TypeScript', () => {
  it('compose in the right order, and compile in no other', () => {
    const inputs = [{ files: 'a.txt' }];
    const good = pipeline('p')
      .step(readStep, { inputs })
      .step(trainTokenizer, {})
      .step(encodeStep, {})
      .step(shardStep, {});
    expect(good.spec('.').steps.map((step) => step.kind)).toEqual([
      'read',
      'train-tokenizer',
      'encode',
      'shard',
    ]);
    // @ts-expect-error documents do not flow before a source
    pipeline('p').step(length, {});
    // @ts-expect-error encode needs a tokenizer
    pipeline('p').step(readStep, { inputs }).step(encodeStep, {});
    // @ts-expect-error shard takes tokens
    pipeline('p').step(readStep, { inputs }).step(trainTokenizer, {}).step(shardStep, {});
    // @ts-expect-error an unknown option
    expect(() => pipeline('p').step(readStep, { inputs, nonsense: 1 })).toThrow(ConfigurationError);
  });
});

describe('parseBytes', () => {
  it('reads sizes with decimal and binary units', () => {
    expect(['64MiB', '1.5 GB', '12', '1k'.toUpperCase(), '2TiB'].map(parseBytes)).toEqual([
      67108864,
      1.5e9,
      12,
      1000,
      2 * 2 ** 40,
    ]);
    expect(parseBytes('lots')).toBeNaN();
  });
});
