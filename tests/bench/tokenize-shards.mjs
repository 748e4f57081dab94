// From documents (JSONL) to finished shards on one core: a whole run of provender against datatrove's tokenization step.
// As a script: carries out a pipeline of one worker in a folder and prints {seconds, tokens}.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tokenizerFromTiktoken } from '../../dist/tokenize/tokenizer.js';
import { vocabularyJson } from '../../dist/tokenize/write-json.js';
import { median } from './peers.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCRIPT = fileURLToPath(import.meta.url);

/** GPT-2's tokenizer with its end of text. */
function writeTokenizer(path) {
  const ranks = join(ROOT, 'node_modules/gpt-tokenizer/data/r50k_base.tiktoken');
  const specialTokens = { '<|endoftext|>': 50_256 };
  const options = { preTokenizer: 'gpt2', specialTokens };
  writeFileSync(
    path,
    vocabularyJson(tokenizerFromTiktoken(readFileSync(ranks, 'utf8'), options, ranks).vocabulary),
  );
}

async function carryOut(folder, out) {
  const { resolvePipeline } = await import('../../dist/core/pipeline-file.js');
  const { planPipeline } = await import('../../dist/execute/plan.js');
  const { runPlan } = await import('../../dist/execute/run.js');
  const { stepTable } = await import('../../dist/step-table.js');
  const pipeline = {
    name: 'bench',
    run: { workers: 1 },
    steps: [
      { read: { inputs: [{ files: ['documents.jsonl'] }] } },
      { 'load-tokenizer': { file: 'tokenizer.json' } },
      'encode',
      'shard',
    ],
  };
  const start = performance.now();
  const file = { file: 'bench.yaml', baseFolder: folder };
  const plan = await planPipeline(await resolvePipeline(pipeline, stepTable, file), stepTable);
  await runPlan(plan, { runFolder: out, signal: new AbortController().signal });
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds })}\n`);
}

/** Tokens and the sum of their ids, through a format that is nothing but the ids. */
async function contentOf(out, to) {
  const { artifactFolder } = await import('../../dist/cli/artifacts.js');
  const { exportShards } = await import('../../dist/shard/exports/export.js');
  const names = await exportShards(await artifactFolder(out, 'shards'), to, 'nanogpt');
  let tokens = 0;
  let ids = 0;
  for (const name of names.filter((one) => one.endsWith('.bin'))) {
    const bytes = readFileSync(join(to, name));
    const written = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    tokens += written.length;
    for (const id of written) ids += id;
  }
  return { tokens, ids };
}

/** Pins to one core where the system can. */
function onOneCore(command, args) {
  const pinned = process.platform === 'linux' ? ['taskset', ['-c', '0', command, ...args]] : [command, args];
  const printed = execFileSync(pinned[0], pinned[1], { maxBuffer: 1 << 26 }).toString();
  return JSON.parse(printed.trim().split('\n').at(-1));
}

export async function shardsRow(documents, rounds, python) {
  const folder = mkdtempSync(join(tmpdir(), 'provender-bench-'));
  try {
    const tokenizer = join(folder, 'tokenizer.json');
    writeTokenizer(tokenizer);
    const lines = documents.map((text, i) => `${JSON.stringify({ id: `${i}`, text })}\n`);
    writeFileSync(join(folder, 'documents.jsonl'), lines.join(''));
    const bytes = documents.reduce((n, text) => n + Buffer.byteLength(text), 0);
    const ours = [];
    const theirs = [];
    for (let round = 0; round < rounds; round++) {
      const [out, trove] = [join(folder, `run-${round}`), join(folder, `datatrove-${round}`)];
      mkdirSync(trove);
      ours.push(bytes / 1e6 / onOneCore(process.execPath, [SCRIPT, folder, out]).seconds);
      const peer = onOneCore(python, [
        join(ROOT, 'tests/bench/tokenize-datatrove.py'),
        folder,
        tokenizer,
        trove,
      ]);
      theirs.push(bytes / 1e6 / peer.seconds);
      const content = await contentOf(out, join(folder, `bin-${round}`));
      if (content.tokens !== peer.tokens || content.ids !== peer.ids)
        throw new Error(`the shards differ: ${JSON.stringify(content)} against ${JSON.stringify(peer)}`);
    }
    const [a, b] = [median(ours), median(theirs)];
    return {
      area: 'tokenize',
      case: 'shards',
      unit: 'MB/s',
      ours: a,
      peers: { datatrove: b },
      ratio: { datatrove: a / b },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === SCRIPT) await carryOut(process.argv[2], process.argv[3]);
