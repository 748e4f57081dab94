import { readFile } from 'node:fs/promises';
import { ConfigurationError, classifySystemError, InputError } from '../core/errors.ts';
import { bytes, count, printable } from '../core/format.ts';
import { TokenizerReportBuilder } from '../tokenize/report.ts';
import { SpecialTokenEncoder } from '../tokenize/special-tokens.ts';
import { TokenBuffer, type Tokenizer } from '../tokenize/tokenizer.ts';
import { openTokenizer, openTokenizers } from './open-tokenizer.ts';
import type { CorpusOptions, SampledText } from './tokenizer-corpus.ts';
import {
  fertilityLines,
  inspectedTokens,
  type MeasuredTokenizer,
  splitText,
  tokenTable,
} from './tokenizer-view.ts';

async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export interface EncodeCommandOptions extends CorpusOptions {
  readonly specialTokens?: boolean;
  readonly count?: boolean;
  readonly json?: boolean;
}

/** `provender tokenizer encode`: the ids of each document on a line. */
export async function encodeCommand(
  path: string,
  sources: readonly string[],
  options: EncodeCommandOptions,
): Promise<number> {
  const tokenizer = await openTokenizer(path);
  const encoder = options.specialTokens ? new SpecialTokenEncoder(tokenizer) : tokenizer;
  const out = new TokenBuffer(1 << 12);
  const write = (utf8: Uint8Array, document: { corpus?: string; id?: string }): void => {
    out.clear();
    encoder.encodeInto(utf8, out);
    const line = options.json
      ? JSON.stringify({ ...document, tokens: out.length, ...(!options.count && { ids: [...out.ids()] }) })
      : options.count
        ? `${out.length}`
        : out.ids().join(' ');
    process.stdout.write(`${line}\n`);
  };
  if (sources.length === 0) {
    write(await standardInput(), {});
    return 0;
  }
  const { corpusPieces, readPiece, Rejections } = await import('./tokenizer-corpus.ts');
  const rejections = new Rejections();
  const notes = { consumed: () => {}, rejected: (reason: string) => rejections.add(reason) };
  for (const piece of await corpusPieces(sources, options))
    for await (const batch of readPiece(piece, notes))
      for (let i = 0; i < batch.length; i++) {
        const { corpus, id } = batch.rows[i]!;
        write(batch.bytes(i), { corpus, id });
      }
  const warning = rejections.line();
  if (warning) process.stderr.write(`${warning}\n`);
  return 0;
}

function parseIds(text: string): number[] {
  return text
    .split(/[\s,[\]]+/)
    .filter((part) => part !== '')
    .map((part) => {
      if (!/^\d{1,9}$/.test(part))
        throw new ConfigurationError('not an id', {
          expected: 'whole numbers',
          found: JSON.stringify(part.slice(0, 40)),
        });
      return Number(part);
    });
}

/** `provender tokenizer decode`: ids, from arguments or standard input, to text. Into a pipe the bytes go as they are. */
export async function decodeCommand(path: string, given: readonly string[]): Promise<number> {
  const tokenizer = await openTokenizer(path);
  const ids = parseIds(given.length > 0 ? given.join(' ') : (await standardInput()).toString());
  if (process.stdout.isTTY) process.stdout.write(`${printable(tokenizer.decode(ids))}\n`);
  else process.stdout.write(tokenizer.decodeBytes(ids));
  return 0;
}

export interface InspectCommandOptions {
  readonly file?: string;
  readonly specialTokens?: boolean;
  readonly table?: boolean;
  readonly json?: boolean;
}

/** `provender tokenizer inspect`: how a text splits. */
export async function inspectCommand(
  path: string,
  texts: readonly string[],
  options: InspectCommandOptions,
): Promise<number> {
  const tokenizer = await openTokenizer(path);
  const utf8 =
    texts.length > 0
      ? Buffer.from(texts.join(' '))
      : options.file === undefined
        ? await standardInput()
        : await readFile(options.file).catch((error: unknown) => {
            throw classifySystemError(error, { file: options.file });
          });
  const out = new TokenBuffer();
  (options.specialTokens ? new SpecialTokenEncoder(tokenizer) : tokenizer).encodeInto(utf8, out);
  const tokens = out.ids();
  if (options.json) {
    process.stdout.write(`${JSON.stringify(inspectedTokens(tokenizer, tokens))}\n`);
    return 0;
  }
  const shown = options.table
    ? tokenTable(inspectedTokens(tokenizer, tokens)).join('\n')
    : splitText(tokenizer, tokens);
  const perToken = tokens.length > 0 ? `, ${(utf8.length / tokens.length).toFixed(2)} bytes a token` : '';
  process.stdout.write(`${shown}\n\n${count(tokens.length)} tokens, ${bytes(utf8.length)}${perToken}\n`);
  return 0;
}

const TIMED_SECONDS = 0.5;

/** Megabytes a second on one thread; the first pass warms up, unless it is long enough to count itself. */
function encodingSpeed(tokenizer: Tokenizer, texts: readonly SampledText[]): number {
  const out = new TokenBuffer(1 << 16);
  let total = 0;
  for (const { utf8 } of texts) total += utf8.length;
  const pass = (): number => {
    const start = performance.now();
    for (const { utf8 } of texts) {
      out.clear();
      tokenizer.encodeInto(utf8, out);
    }
    return (performance.now() - start) / 1000;
  };
  const first = pass();
  if (first > TIMED_SECONDS) return total / 1e6 / first;
  let fastest = Number.POSITIVE_INFINITY;
  for (let spent = 0; spent < TIMED_SECONDS; ) {
    const seconds = pass();
    fastest = Math.min(fastest, seconds);
    spent += Math.max(seconds, 1e-3);
  }
  return total / 1e6 / fastest;
}

export interface CompareCommandOptions extends CorpusOptions {
  readonly tokenizer: readonly string[];
  readonly by?: string;
  readonly megabytes: number;
  readonly json?: boolean;
}

/** `provender tokenizer compare`: several tokenizers on the same text. */
export async function compareCommand(
  sources: readonly string[],
  options: CompareCommandOptions,
): Promise<number> {
  const tokenizers = await openTokenizers(options.tokenizer);
  const { corpusPieces, Rejections, sampleCorpora } = await import('./tokenizer-corpus.ts');
  const rejections = new Rejections();
  const sample = await sampleCorpora(
    await corpusPieces(sources, options),
    options.megabytes * 1e6,
    options.by,
    rejections,
  );
  if (sample.length === 0) throw new InputError('there is no text to compare on');
  const corpora = groupByCorpus(sample);
  const measured: MeasuredTokenizer[] = [];
  for (const [name, tokenizer] of tokenizers) {
    const builder = new TokenizerReportBuilder(tokenizer);
    for (const { corpus, utf8 } of sample) builder.add(corpus, utf8);
    const speeds = [...corpora].map(([corpus, texts]) => [corpus, encodingSpeed(tokenizer, texts)] as const);
    measured.push({
      name,
      corpora: builder.result(0).corpora['']!,
      megabytesPerSecond: Object.fromEntries(speeds),
    });
  }
  const warning = rejections.line();
  if (warning) process.stderr.write(`${warning}\n`);
  const text = options.json ? JSON.stringify(measured) : fertilityLines(measured).join('\n');
  process.stdout.write(`${text}\n`);
  return 0;
}

function groupByCorpus(sample: readonly SampledText[]): Map<string, SampledText[]> {
  const groups = new Map<string, SampledText[]>();
  for (const text of sample) {
    const group = groups.get(text.corpus);
    if (group) group.push(text);
    else groups.set(text.corpus, [text]);
  }
  return groups;
}
