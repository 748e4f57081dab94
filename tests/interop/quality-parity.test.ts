import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { c4, cleanC4 } from '../../src/quality/judges/c4.ts';
import { fineweb } from '../../src/quality/judges/fineweb.ts';
import { gopherQuality } from '../../src/quality/judges/gopher-quality.ts';
import { gopherRepetition } from '../../src/quality/judges/gopher-repetition.ts';
import { peerPython } from '../bench/peers.mjs';
import { REASONS } from '../quality/golden.ts';
import { realTexts, SET_NAMES, type TextSet } from './quality-corpus.ts';

/**
 * The four presets against datatrove's own verdicts, reasons included, on all real text at hand; the table beside this
 * file says what was compared and explains each document that differs. QUALITY_WRITE=1 compares every set, or those of
 * QUALITY_SETS=web,mail,html, and writes the table anew.
 */
const PEER = ['datatrove==0.10.1', 'spacy==3.8.18', 'numpy', 'regex'];
const TABLE = new URL('./quality-parity.json', import.meta.url);
const PRESETS = ['gopher-quality', 'gopher-repetition', 'fineweb', 'c4'] as const;

interface Row {
  documents: number;
  /** What datatrove drops, and how many of those are dropped here for the same reason. */
  dropped: number;
  droppedSame: number;
  same: number;
  /** Cause -> documents that differ. */
  differences: Record<string, number>;
}
type Table = Record<string, Record<string, Row>>;

const python = process.env.PROVENDER_DATATROVE_PYTHON ?? peerPython('quality', PEER);

const JUDGES = [gopherQuality, gopherRepetition, fineweb].map((step) => ({
  kind: step.kind,
  judge: step.judge,
  options: step.options.parse({}) as never,
}));
const C4 = c4.options.parse({});

function ours(text: string): Record<string, string> {
  const view = viewOf(text);
  const verdicts: Record<string, string> = {};
  for (const { kind, judge, options } of JUDGES) {
    const verdict = judge.decide(judge.measure(view, options, undefined as never), options);
    verdicts[kind] = verdict.keep ? '' : verdict.reason;
  }
  const left = cleanC4(text, C4);
  verdicts.c4 =
    'text' in left
      ? `kept ${createHash('sha256').update(left.text).digest('hex').slice(0, 16)}`
      : left.reason;
  return verdicts;
}

/** datatrove takes a quarter of a second for a page: what it said is kept, so that a run can be cut off and go on. */
const SAID = '.venv/quality-verdicts.jsonl';
const keyOf = (text: string): string => createHash('sha256').update(`${PEER[0]} ${text}`).digest('hex');

function saidBefore(): Map<string, Record<string, string>> {
  const said = new Map<string, Record<string, string>>();
  if (existsSync(SAID))
    for (const line of readFileSync(SAID, 'utf8').split('\n').slice(0, -1)) {
      const { key, ...verdicts } = JSON.parse(line) as Record<string, string>;
      said.set(key!, verdicts);
    }
  return said;
}

function verdictsOf(theirs: Record<string, unknown>): Record<string, string> {
  const verdicts: Record<string, string> = {};
  for (const kind of ['gopher-quality', 'gopher-repetition', 'fineweb'] as const) {
    const reason = theirs[kind] as string;
    verdicts[kind] = REASONS[kind]![reason] ?? reason;
  }
  const [reason, digest] = theirs.c4 as [string, string];
  verdicts.c4 = reason === '' ? `kept ${digest}` : REASONS.c4![reason]!;
  return verdicts;
}

/** Asks datatrove about these texts. */
async function ask(
  texts: readonly (readonly [string, string])[],
  found: Map<string, Record<string, string>>,
): Promise<void> {
  const child = spawn(python!, ['tests/interop/quality_verdicts.py'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const { id: key, ...theirs } = JSON.parse(line) as { id: string } & Record<string, unknown>;
      const verdicts = verdictsOf(theirs);
      found.set(key, verdicts);
      appendFileSync(SAID, `${JSON.stringify({ key, ...verdicts })}\n`);
    }
  })();
  for (const [key, text] of texts)
    if (!child.stdin.write(`${JSON.stringify({ id: key, text })}\n`))
      await new Promise((resolve) => child.stdin.once('drain', resolve));
  child.stdin.end();
  await reading;
}

/** datatrove's verdicts on these texts, in their order. */
async function askAll(texts: readonly string[]): Promise<Record<string, string>[]> {
  const found = saidBefore();
  const keys = texts.map(keyOf);
  const open = [...new Map(keys.map((key, i) => [key, texts[i]!]))].filter(([key]) => !found.has(key));
  const n = Math.min(4, availableParallelism());
  await Promise.all(
    Array.from({ length: n }, (_, k) =>
      ask(
        open.filter((_, i) => i % n === k),
        found,
      ),
    ),
  );
  return keys.map((key) => found.get(key)!);
}

const isKept = (verdict: string): boolean => verdict === '' || verdict.startsWith('kept ');

function causeOf(theirs: string, mine: string): string {
  if (theirs === 'ZeroDivisionError')
    return 'datatrove fails: it divides by the number of words or lines, which is 0';
  return `datatrove: ${theirs || 'kept'}; here: ${mine || 'kept'}`;
}

function compare({ texts }: TextSet, theirs: readonly Record<string, string>[]): Record<string, Row> {
  const rows: Record<string, Row> = {};
  for (const preset of PRESETS)
    rows[preset] = { documents: texts.length, dropped: 0, droppedSame: 0, same: 0, differences: {} };
  texts.forEach((text, i) => {
    const mine = ours(text);
    for (const preset of PRESETS) {
      const row = rows[preset]!;
      const their = theirs[i]![preset]!;
      const same = their === mine[preset];
      if (same) row.same++;
      else {
        const cause = causeOf(their, mine[preset]!);
        row.differences[cause] = (row.differences[cause] ?? 0) + 1;
      }
      if (isKept(their)) continue;
      row.dropped++;
      if (same) row.droppedSame++;
    }
  });
  return rows;
}

describe.skipIf(!python || !existsSync(python))(`verdicts of datatrove in ${python}`, () => {
  let found: Table;
  const committed = existsSync(TABLE) ? (JSON.parse(readFileSync(TABLE, 'utf8')) as Table) : {};

  const names = process.env.QUALITY_WRITE
    ? (process.env.QUALITY_SETS?.split(',') ?? SET_NAMES)
    : Object.keys(committed);

  beforeAll(async () => {
    found = {};
    for (const set of await realTexts(names)) {
      found[set.name] = compare(set, await askAll(set.texts));
    }
    if (process.env.QUALITY_WRITE)
      writeFileSync(TABLE, `${JSON.stringify({ ...committed, ...found }, null, 2)}\n`);
  }, 3_600_000);

  it('were asked for', ({ skip }) => {
    if (Object.keys(found).length === 0) skip('../shared/data is not on this machine');
  });

  it('are the same for at least 99 %, and for 97 % of what datatrove drops', () => {
    for (const [set, rows] of Object.entries(found)) {
      for (const [preset, { documents, same, dropped, droppedSame }] of Object.entries(rows)) {
        expect(same / documents, `${preset} on ${set}`).toBeGreaterThanOrEqual(0.99);
        if (dropped > 0) expect(droppedSame / dropped, `${preset} on ${set}`).toBeGreaterThanOrEqual(0.97);
      }
    }
  });

  it('differ only as the table says', () => {
    const table = JSON.parse(readFileSync(TABLE, 'utf8')) as Table;
    for (const [set, rows] of Object.entries(found)) expect(rows, set).toEqual(table[set]);
  });
});
