import pc from 'picocolors';
import { bytes, count, excerpt, printable, table } from '../core/format.ts';
import type { CorpusFertility, ReportedToken, TokenizerReport } from '../tokenize/report.ts';
import type { Tokenizer } from '../tokenize/tokenizer.ts';

/** Rows of a table on paper: more corpora than this are in the JSON only. */
const MOST_CORPORA = 24;
const MOST_TOKENS = 12;

export interface MeasuredTokenizer {
  readonly name: string;
  readonly corpora: readonly CorpusFertility[];
  /** By corpus, where it was measured. */
  readonly megabytesPerSecond?: Readonly<Record<string, number>>;
}

const figure = (value: number | undefined) =>
  value === undefined || Number.isNaN(value) ? '-' : value.toFixed(2);

/** Corpus by corpus, the tokenizers beside each other. */
export function fertilityLines(tokenizers: readonly MeasuredTokenizer[]): string[] {
  const timed = tokenizers.some(({ megabytesPerSecond }) => megabytesPerSecond);
  const heading = ['corpus', 'text', 'tokenizer', 'bytes/token', 'tokens/word', ...(timed ? ['MB/s'] : [])];
  const rows: string[][] = [heading];
  const corpora = tokenizers[0]?.corpora ?? [];
  const shown = [...corpora].sort((a, b) => b.bytes - a.bytes).slice(0, MOST_CORPORA);
  for (const { corpus, bytes: size } of shown)
    for (const [i, tokenizer] of tokenizers.entries()) {
      const figures = tokenizer.corpora.find((one) => one.corpus === corpus);
      rows.push([
        i === 0 ? excerpt(corpus, 32) : '',
        i === 0 ? bytes(size) : '',
        excerpt(tokenizer.name.split('/').slice(-2).join('/'), 48),
        figure(figures?.bytesPerToken),
        figure(figures?.fertility),
        ...(timed ? [figure(tokenizer.megabytesPerSecond?.[corpus])] : []),
      ]);
    }
  const align = ['left', 'right', 'left', 'right', 'right', 'right'] as const;
  const lines = table(rows, align.slice(0, heading.length));
  lines[0] = pc.bold(lines[0]!);
  if (corpora.length > shown.length)
    lines.push(pc.dim(`and ${corpora.length - shown.length} smaller corpora`));
  return lines;
}

/** A token's text on one line, in quotes. */
export function tokenLabel(text: string): string {
  return excerpt(JSON.stringify(text), 60);
}

const listed = (tokens: readonly ReportedToken[]) =>
  tokens
    .slice(0, MOST_TOKENS)
    .map(({ text }) => tokenLabel(text))
    .join('  ');

/** What the report says of the tokens themselves. */
export function tokenLines(report: TokenizerReport): string[] {
  const lines = [
    `${pc.bold('longest tokens')}  ${listed(report.longest)}`,
    `${pc.bold('most frequent')}   ${listed(report.mostFrequent)}`,
  ];
  const unused = report.unusedCount === 0 ? 'none' : `${count(report.unusedCount)}: ${listed(report.unused)}`;
  lines.push(`${pc.bold('never used')}      ${unused}`);
  return lines;
}

const COLOURS = [pc.bgCyan, pc.bgYellow, pc.bgGreen, pc.bgMagenta, pc.bgBlue] as const;
const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A token as it is shown in a text: bytes that are no whole characters in hexadecimal. */
function shownToken(token: Uint8Array): string {
  try {
    return printable(fatal.decode(token)).replaceAll('\t', '→');
  } catch {
    return `<${[...token].map((b) => b.toString(16).padStart(2, '0')).join(' ')}>`;
  }
}

/** A text with its tokens apart: by colours on a terminal, elsewhere by bars. */
export function splitText(
  tokenizer: Tokenizer,
  ids: ArrayLike<number>,
  coloured = pc.isColorSupported,
): string {
  let text = '';
  for (let i = 0; i < ids.length; i++) {
    const shown = shownToken(tokenizer.tokenBytes(ids[i]!));
    if (!coloured) {
      text += `${i ? '|' : ''}${shown.replaceAll('\n', '⏎\n')}`;
      continue;
    }
    const colour = COLOURS[i % COLOURS.length]!;
    // A colour that goes over the end of a line would fill the rest of it.
    const paint = (part: string) => (part === '' ? '' : colour(pc.black(part)));
    text += shown
      .split('\n')
      .map((line, n, lines) => paint(n + 1 < lines.length ? `${line}⏎` : line))
      .join('\n');
  }
  return text;
}

export interface InspectedToken {
  readonly id: number;
  /** U+FFFD where the bytes are no whole characters. */
  readonly text: string;
  /** Hexadecimal. */
  readonly bytes: string;
}

export function inspectedTokens(tokenizer: Tokenizer, ids: ArrayLike<number>): InspectedToken[] {
  return Array.from(ids, (id) => {
    const token = Buffer.from(tokenizer.tokenBytes(id));
    return { id, text: token.toString(), bytes: token.toString('hex') };
  });
}

/** One token a line: number, id, bytes, text. */
export function tokenTable(tokens: readonly InspectedToken[]): string[] {
  const rows = tokens.map(({ id, text, bytes: hex }, i) => [
    `${i}`,
    `${id}`,
    tokenLabel(text),
    hex.slice(0, 48),
  ]);
  return table([['#', 'id', 'token', 'bytes'], ...rows], ['right', 'right', 'left', 'left']);
}
