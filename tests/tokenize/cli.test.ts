import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../src/cli/open-tokenizer.ts';
import { corpusPieces, Rejections, sampleCorpora } from '../../src/cli/tokenizer-corpus.ts';
import { trainTokenizerCommand } from '../../src/cli/tokenizer-train-command.ts';
import { inspectedTokens, splitText, tokenTable } from '../../src/cli/tokenizer-view.ts';
import { ConfigurationError } from '../../src/core/errors.ts';
import { loadTokenizer, tokenizerJson } from '../../src/tokenize/tokenizer.ts';
import { line, makeRun } from '../report/small-run.ts';
import { trainOn } from './helpers.ts';

const CLI = 'dist/cli.js';
const folder = mkdtempSync(join(tmpdir(), 'provender-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

function provender(args: readonly string[], input?: string, env: Record<string, string> = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'tokenizer', ...args], {
    input: input ?? '',
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const words = 'the cat sat on the mat and the cat ate the rat';
writeFileSync(at('en.txt'), words);
writeFileSync(
  at('de.jsonl.gz'),
  gzipSync(
    ['der Hund und der Hut', 'das Haus', '\u001b[31mrot'].map((body) => JSON.stringify({ body })).join('\n'),
  ),
);
const hello = trainOn(['hello hello world'], {
  vocabularySize: 300,
  specialTokens: ['<|endoftext|>', '[MASK]'],
});
writeFileSync(at('hello.json'), tokenizerJson(hello));

describe.skipIf(!existsSync(CLI))('provender tokenizer train', () => {
  const train = (out: string, ...more: string[]) =>
    provender([
      'train',
      `english=${at('en.txt')}`,
      at('de.jsonl.gz'),
      '--field',
      'body',
      '-o',
      at(out),
      ...more,
    ]);

  it('writes a tokenizer, the same for one thread and two, and reports on it', async () => {
    const set = ['--set', 'vocabularySize=300', '--set', 'specialTokens=[<|endoftext|>, "[PAD]"]'];
    const one = train('one', ...set, '--compare', at('hello.json'), '--workers', '1');
    expect([one.status, one.stderr]).toEqual([0, '']);
    const two = train('two', ...set, '--json', '--workers', '2');
    const files = [
      'special_tokens_map.json',
      'tokenizer-report.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ];
    expect(readdirSync(at('one')).sort()).toEqual(files);
    for (const name of files.filter((file) => file !== 'tokenizer-report.json'))
      expect(readFileSync(at(`two/${name}`), 'utf8')).toBe(readFileSync(at(`one/${name}`), 'utf8'));

    // The same as training on the documents directly.
    const documents = [words, 'der Hund und der Hut', 'das Haus', '\u001b[31mrot'];
    const options = { vocabularySize: 300, minFrequency: 2, specialTokens: ['<|endoftext|>', '[PAD]'] };
    expect(readFileSync(at('one/tokenizer.json'), 'utf8')).toBe(tokenizerJson(trainOn(documents, options)));
    expect(JSON.parse(readFileSync(at('one/special_tokens_map.json'), 'utf8'))).toMatchObject({
      eos_token: '<|endoftext|>',
      pad_token: '[PAD]',
    });

    const report = JSON.parse(two.stdout);
    const tokenizer = await loadTokenizer(at('two/tokenizer.json'));
    const english = report.report.corpora[''].find((one: { corpus: string }) => one.corpus === 'english');
    expect(english).toMatchObject({ bytes: words.length, words: 12, tokens: tokenizer.encode(words).length });
    expect(report.vocabularySize).toBe(tokenizer.vocabularySize);
    expect(one.stdout).toMatch(/english +46 B +this one +\d/);
    expect(one.stdout).toMatch(/hello\.json +\d/);
    expect(one.stdout).toMatch(/longest tokens.*" the"/);
    expect(one.stdout).not.toContain('\u001b');
  });

  it('says what is wrong with what it is given, and leaves nothing behind', async () => {
    const wrong = train('wrong', '--set', 'vocabularySize=3');
    expect([wrong.status, wrong.stderr]).toEqual([
      2,
      expect.stringContaining('train-tokenizer.vocabularySize'),
    ]);
    const options = { out: at('blank'), set: [], compare: [], reportMegabytes: 1, quiet: true };
    writeFileSync(at('blank.txt'), '');
    await expect(trainTokenizerCommand([at('blank.txt')], options)).rejects.toThrow(/no text to train on/);
    expect(readdirSync(at('blank'))).toEqual([]);
    writeFileSync(at('body.jsonl'), '{"body":"a b"}\n{"body":"c d"}\n');
    await expect(trainTokenizerCommand([at('body.jsonl')], options)).rejects.toThrow(
      /no text to train on: 2 records have no text in the field 'text' \(--field names another one\)$/,
    );
    await expect(trainTokenizerCommand([at('nowhere.txt')], options)).rejects.toThrow(/input not found/);
  });

  it('learns from the training documents that a run keeps', async () => {
    const run = at('of-a-run');
    await makeRun(run, {
      files: [Array.from({ length: 20 }, (_, i) => line(`${i}`, `${words} ${i}`))],
      steps: [{ 'hold-out': { fraction: 0.5 } }, 'short', 'exact-dedup'],
    });
    const { status, stderr, stdout } = provender([
      'train',
      join(run, 'run'),
      '-o',
      at('from-run'),
      '--set',
      'vocabularySize=300',
      '--json',
    ]);
    expect([status, stderr]).toEqual([0, '']);
    const report = JSON.parse(stdout);
    // Measured on all, trained on what is not held out.
    expect(report.report.corpora[''][0].bytes).toBeGreaterThan(report.trainedOnBytes);
    expect(report.trainedOnBytes).toBeGreaterThan(0);
  });
});

describe.skipIf(!existsSync(CLI))('provender tokenizer encode and decode', () => {
  it('give a text back byte for byte through pipes', async () => {
    const text = 'hello <|endoftext|> naïve 中文\r\n \u001b[0m';
    const encoded = provender(['encode', at('hello.json')], text);
    const tokenizer = await loadTokenizer(at('hello.json'));
    expect(encoded.stdout).toBe(`${[...tokenizer.encode(text)].join(' ')}\n`);
    expect(provender(['decode', at('hello.json')], encoded.stdout).stdout).toBe(text);
  });

  it('take special tokens for text unless asked', async () => {
    const tokenizer = await loadTokenizer(at('hello.json'));
    const asked = provender(['encode', at('hello.json'), '--special-tokens', '--json'], 'hello[MASK]');
    expect(JSON.parse(asked.stdout).ids).toEqual([...tokenizer.encode('hello'), 1]);
    const decoded = provender(['decode', at('hello.json'), '1', '0']);
    expect(decoded.stdout).toBe('[MASK]<|endoftext|>');
  });

  it('go through files document by document', () => {
    const { stdout } = provender([
      'encode',
      at('hello.json'),
      at('de.jsonl.gz'),
      '--field',
      'body',
      '--json',
      '-c',
    ]);
    const lines = stdout
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one));
    expect(lines).toHaveLength(3);
    expect(lines[1]).toEqual({ corpus: 'de', id: expect.any(String), tokens: 8 });
  });

  it.each([[['decode', at('hello.json'), '5', 'x'], 'not an id; expected whole numbers; found "x"']])(
    '%j says what is wrong',
    (args, message) => {
      const { status, stderr, stdout } = provender(args);
      expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
    },
  );

  it.each([
    ['none.json', ConfigurationError, /none.json: no such file/],
    ['ranks.tiktoken', ConfigurationError, /a rank file does not say how text is cut/],
    ['ranks.tiktoken:gpt9', ConfigurationError, /found gpt9/],
    ['one', undefined, undefined],
  ])('open %s, or say why not', async (name, type, message) => {
    if (!type) expect((await openTokenizer(at(name))).specialTokens.get('[PAD]')).toBe(1);
    else {
      await expect(openTokenizer(at(name))).rejects.toThrow(type);
      await expect(openTokenizer(at(name))).rejects.toThrow(message);
    }
  });
});

describe.skipIf(!existsSync(CLI))('provender tokenizer inspect', () => {
  it('shows the tokens apart, by colours where there are some', () => {
    const plain = provender(['inspect', at('hello.json'), 'hello hello\n中']);
    expect(plain.stdout).toBe('hello| hello|⏎\n|<e4>|<b8>|<ad>\n\n6 tokens, 15 B, 2.50 bytes a token\n');
    const coloured = provender(['inspect', at('hello.json'), 'hello hello'], '', {
      FORCE_COLOR: '1',
      NO_COLOR: '',
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
    expect(coloured.stdout).toMatch(/^\u001b\[46m\u001b\[30mhello\u001b.*\u001b\[43m\u001b\[30m hello\u001b/);
  });

  it('lets no control character of the text reach the terminal', async () => {
    const tokenizer = await loadTokenizer(at('hello.json'));
    const ids = tokenizer.encode('a\u001b[31m\u0007\u202eb');
    const table = tokenTable(inspectedTokens(tokenizer, ids)).join('\n');
    for (const shown of [splitText(tokenizer, ids, false), splitText(tokenizer, ids, true), table]) {
      // Colours are off in a test: what is left of control characters is the text's.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
      expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      expect(shown).toContain('b');
    }
  });

  it('gives the tokens as JSON', () => {
    const { stdout } = provender(['inspect', at('hello.json'), '--json', '--special-tokens', 'é[MASK]']);
    expect(JSON.parse(stdout)).toEqual([
      { id: expect.any(Number), text: '\ufffd', bytes: 'c3' },
      { id: expect.any(Number), text: '\ufffd', bytes: 'a9' },
      { id: 1, text: '[MASK]', bytes: Buffer.from('[MASK]').toString('hex') },
    ]);
  });
});

describe.skipIf(!existsSync(CLI))('provender tokenizer compare', () => {
  it('measures each tokenizer on each corpus', async () => {
    writeFileSync(at('bytes.json'), tokenizerJson(trainOn(['x'], { vocabularySize: 256 })));
    const args = ['compare', at('en.txt'), at('de.jsonl.gz'), '--field', 'body', '-t', at('hello.json')];
    const { stdout } = provender([...args, '-t', at('bytes.json'), '--json']);
    const tokenizer = await loadTokenizer(at('hello.json'));
    const [ours, bytes] = JSON.parse(stdout);
    expect(ours.corpora[0]).toMatchObject({
      corpus: 'en',
      words: 12,
      tokens: tokenizer.encode(words).length,
      bytesPerToken: words.length / tokenizer.encode(words).length,
    });
    expect(bytes.corpora.map((one: { bytesPerToken: number }) => one.bytesPerToken)).toEqual([1, 1]);
    expect(Object.values(ours.megabytesPerSecond).every((speed) => (speed as number) > 0)).toBe(true);
    const table = provender(args).stdout.split('\n');
    expect(table[0]).toMatch(/^corpus +text +tokenizer +bytes\/token +tokens\/word +MB\/s$/);
    expect(table.filter((row) => row.startsWith('en '))).toHaveLength(1);
  });

  it('takes the first of each corpus, or of each value of a metadata field', async () => {
    const rows = [
      { text: 'hello', language: 'en' },
      { text: 'hallo', language: 'de' },
      { text: 'hello world', language: 'en' },
    ];
    writeFileSync(at('by.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const pieces = await corpusPieces([at('by.jsonl')], {});
    const sample = await sampleCorpora(pieces, 1e6, 'language', new Rejections());
    expect(sample.map(({ corpus, utf8 }) => [corpus, Buffer.from(utf8).toString()])).toEqual(
      rows.map(({ language, text }) => [language, text]),
    );
    const little = await sampleCorpora(pieces, 5, 'language', new Rejections());
    expect(little.map(({ corpus }) => corpus)).toEqual(['en', 'de']);
  });
});
