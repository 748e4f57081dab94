// Area `tokenize`: encoding against tiktoken, tokenizers and others, training against tokenizers. Run after `npm run build`:
//   node tests/bench/tokenize.mjs [--json] [CASE ...]   (all cases by default; see CASES)
// Peers are set up in .venv/ (git-ignored). Outputs are checked equal before anything is timed.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { TokenBuffer, tokenizerFromJson, tokenizerFromTiktoken } from '../../dist/tokenize/tokenizer.js';
import { vocabularyJson } from '../../dist/tokenize/write-json.js';
import { median, tokenizePython } from './peers.mjs';
import { englishDocuments, mixedDocuments, trainingFile } from './tokenize-corpus.mjs';
import { shardsRow } from './tokenize-shards.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const VENV = join(ROOT, '.venv');
const ROUNDS = 5;

const require = createRequire(import.meta.url);
const encoder = new TextEncoder();
const bytesOf = (documents) => documents.reduce((n, text) => n + Buffer.byteLength(text), 0);

let python;

function setUpPeers() {
  python = tokenizePython();
  if (!python) throw new Error('the Python peers cannot be installed');
  const node = join(VENV, 'node');
  if (!existsSync(join(node, 'node_modules/tiktoken'))) {
    mkdirSync(node, { recursive: true });
    execFileSync('npm', ['install', '--prefix', node, '--no-audit', '--no-fund', 'tiktoken@1.0.22'], {
      stdio: 'ignore',
    });
  }
}

/** A Python peer as a process that answers commands. */
function pythonPeer() {
  const env = { ...process.env, TOKENIZERS_PARALLELISM: 'false', RAYON_NUM_THREADS: '2' };
  const child = spawn(python, [join(ROOT, 'tests/bench/tokenize-peers.py')], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the Python peer ended at ${command.do}`);
      return JSON.parse(value);
    },
    close: () => child.stdin.end(),
  };
}

const TIKTOKEN_PATTERNS = {
  r50k: String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s`,
  cl100k: String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`,
  o200k: [
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
    String.raw`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ].join('|'),
};
const SCANNER_OF = { r50k: 'gpt2', cl100k: 'cl100k', o200k: 'o200k' };

/** A candidate: `ids(text)` for the check, `time(documents)` in seconds. */
function inProcess(ids) {
  return {
    ids: (documents) => documents.map(ids),
    time: (documents) => {
      const start = performance.now();
      for (const text of documents) ids(text);
      return (performance.now() - start) / 1000;
    },
  };
}

function ourCandidate(tokenizer) {
  const out = new TokenBuffer(1 << 16);
  const encoded = new Map();
  const utf8Of = (text) => {
    if (!encoded.has(text)) encoded.set(text, encoder.encode(text));
    return encoded.get(text);
  };
  return {
    ids: (documents) => documents.map((text) => Array.from(tokenizer.encode(utf8Of(text)))),
    time: (documents) => {
      const texts = documents.map(utf8Of);
      const start = performance.now();
      for (const text of texts) {
        out.clear();
        tokenizer.encodeInto(text, out);
      }
      return (performance.now() - start) / 1000;
    },
  };
}

async function pythonCandidate(command) {
  const peer = pythonPeer();
  await peer.ask({ do: 'load', ...command });
  return {
    ids: async () => (await peer.ask({ do: 'ids' })).ids,
    time: async (documents) => (await peer.ask({ do: 'encode', limit: documents.length })).seconds,
    close: peer.close,
  };
}

async function rankCandidates(name, documentsFile) {
  const ranks = join(ROOT, `node_modules/gpt-tokenizer/data/${name}_base.tiktoken`);
  const text = readFileSync(ranks, 'utf8');
  const ours = tokenizerFromTiktoken(text, { preTokenizer: SCANNER_OF[name], specialTokens: {} }, ranks);
  const json = join(VENV, `${name}.json`);
  writeFileSync(json, vocabularyJson(ours.vocabulary));
  const gpt = await import(
    pathToFileURL(join(ROOT, `node_modules/gpt-tokenizer/esm/encoding/${name}_base.js`)).href
  );
  const { Tiktoken } = require(join(VENV, 'node/node_modules/tiktoken'));
  const wasm = new Tiktoken(text, {}, TIKTOKEN_PATTERNS[name]);
  const { Tokenizer } = await import('@huggingface/tokenizers');
  const js = new Tokenizer(JSON.parse(readFileSync(json, 'utf8')), {});
  return {
    ours: ourCandidate(ours),
    tiktoken: await pythonCandidate({
      peer: 'tiktoken',
      ranks,
      pattern: TIKTOKEN_PATTERNS[name],
      documents: documentsFile,
    }),
    'tiktoken-wasm': inProcess((t) => wasm.encode_ordinary(t)),
    tokenizers: await pythonCandidate({ peer: 'tokenizers', tokenizer: json, documents: documentsFile }),
    'gpt-tokenizer': inProcess((t) =>
      gpt.encode(t, { allowedSpecial: new Set(), disallowedSpecial: new Set() }),
    ),
    '@huggingface/tokenizers': inProcess((t) => js.encode(t, { add_special_tokens: false }).ids),
  };
}

async function jsonCandidates(text, documentsFile) {
  const json = join(VENV, 'gpt-neo.json');
  writeFileSync(json, text);
  const { Tokenizer } = await import('@huggingface/tokenizers');
  const js = new Tokenizer(JSON.parse(text), {});
  return {
    ours: ourCandidate(tokenizerFromJson(text, json)),
    tokenizers: await pythonCandidate({ peer: 'tokenizers', tokenizer: json, documents: documentsFile }),
    '@huggingface/tokenizers': inProcess((t) => js.encode(t, { add_special_tokens: false }).ids),
  };
}

function head(documents, bytes) {
  let taken = 0;
  const end = documents.findIndex((text) => (taken += Buffer.byteLength(text)) >= bytes);
  return documents.slice(0, end < 0 ? documents.length : end + 1);
}

/** Documents on which a peer's ids are not ours. Peers that JavaScript's engine runs know another Unicode version. */
async function differing(candidates, documents) {
  const ours = candidates.ours.ids(documents).map((ids) => ids.join());
  const counts = {};
  for (const [name, candidate] of Object.entries(candidates)) {
    if (name === 'ours') continue;
    const theirs = await candidate.ids(documents);
    counts[name] = theirs.filter((ids, i) => Array.from(ids).join() !== ours[i]).length;
    if (counts[name] > 0 && ['tiktoken', 'tokenizers', 'tiktoken-wasm'].includes(name))
      throw new Error(`${name} encodes ${counts[name]} documents in other ids`);
  }
  return counts;
}

async function encodeRow(name, makeCandidates, documents) {
  mkdirSync(VENV, { recursive: true });
  const documentsFile = join(VENV, 'documents.json');
  writeFileSync(documentsFile, JSON.stringify(documents));
  const candidates = await makeCandidates(documentsFile);
  const differ = await differing(candidates, documents);
  const speeds = Object.fromEntries(Object.keys(candidates).map((key) => [key, []]));
  for (let round = -1; round < ROUNDS; round++)
    for (const [key, candidate] of Object.entries(candidates)) {
      const seconds = await candidate.time(documents);
      if (round >= 0) speeds[key].push(bytesOf(documents) / 1e6 / seconds);
    }
  for (const candidate of Object.values(candidates)) candidate.close?.();
  const ours = median(speeds.ours);
  const row = { area: 'tokenize', case: name, unit: 'MB/s', ours, peers: {}, ratio: {}, differ };
  for (const key of Object.keys(speeds)) {
    if (key === 'ours') continue;
    row.peers[key] = median(speeds[key]);
    row.ratio[key] = ours / row.peers[key];
  }
  return row;
}

function childJson(command, argument) {
  return JSON.parse(
    execFileSync(process.execPath, [join(ROOT, `tests/bench/${command}`), JSON.stringify(argument)], {
      maxBuffer: 1 << 28,
    }).toString(),
  );
}

async function trainRows(rounds) {
  const file = trainingFile();
  if (!file) throw new Error('no text to train on: apt-get could not fetch it');
  const settings = { vocabularySize: 32_000 + 256, minFrequency: 2 };
  const ours = [];
  const theirs = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(childJson('tokenize-train.mjs', { file: file.path, workers: 2, ...settings }));
    const peer = pythonPeer();
    theirs.push(await peer.ask({ do: 'train', files: [file.path], ...settings }));
    peer.close();
    const at = ours[round].merges.findIndex((merge, i) => merge !== theirs[round].merges[i]);
    if (at >= 0 || ours[round].merges.length !== theirs[round].merges.length)
      throw new Error(`merge ${at} differs: ${ours[round].merges[at]} against ${theirs[round].merges[at]}`);
  }
  const speed = (runs) => median(runs.map((run) => file.bytes / 1e6 / run.seconds));
  const memory = (runs) => median(runs.map((run) => run.kilobytes / 1024));
  const make = (name, unit, a, b, ratio) => ({
    area: 'tokenize',
    case: name,
    unit,
    ours: a,
    peers: { tokenizers: b },
    ratio: { tokenizers: ratio },
  });
  const [s, t, m, n] = [speed(ours), speed(theirs), memory(ours), memory(theirs)];
  return [make('train', 'MB/s', s, t, s / t), make('train-memory', 'MiB', m, n, n / m)];
}

/** Two threads against one, each encoding the same documents. */
async function threadsRow(documents) {
  const documentsFile = join(VENV, 'documents.json');
  writeFileSync(documentsFile, JSON.stringify(documents));
  const speeds = { 1: [], 2: [] };
  for (let round = 0; round < ROUNDS; round++)
    for (const threads of [1, 2]) {
      const { megabytesPerSecond } = childJson('tokenize-threads.mjs', { documentsFile, threads });
      speeds[threads].push(megabytesPerSecond);
    }
  const [one, two] = [median(speeds[1]), median(speeds[2])];
  return {
    area: 'tokenize',
    case: 'threads',
    unit: 'MB/s',
    ours: two,
    peers: { 'one thread': one },
    ratio: { 'one thread': two / one },
  };
}

/** English and, where apt is there, 25 languages: about 2.4 MB. */
const bothKinds = () => [...head(englishDocuments(), 1_200_000), ...(mixedDocuments(1_200_000) ?? [])];

function gptNeoRow() {
  const file = join(ROOT, '../shared/data/tokenizers/gpt-neo-tokenizer.json.gz');
  const neo = gunzipSync(readFileSync(file)).toString();
  return encodeRow('encode-gpt-neo', (documents) => jsonCandidates(neo, documents), bothKinds());
}

/** One or more rows each. */
const CASES = {
  encode: async () => [await encodeRow('encode', (file) => rankCandidates('r50k', file), bothKinds())],
  'encode-english': async () => [
    await encodeRow(
      'encode-english',
      (file) => rankCandidates('r50k', file),
      head(englishDocuments(), 1_200_000),
    ),
  ],
  'encode-cl100k': async () => [
    await encodeRow('encode-cl100k', (file) => rankCandidates('cl100k', file), bothKinds()),
  ],
  'encode-o200k': async () => [
    await encodeRow('encode-o200k', (file) => rankCandidates('o200k', file), bothKinds()),
  ],
  'encode-gpt-neo': async () => [await gptNeoRow()],
  train: () => trainRows(3),
  threads: async () => [await threadsRow(bothKinds())],
  // Enough text that starting is a small part: about 20 MB.
  shards: async () => [
    await shardsRow([...englishDocuments(), ...(mixedDocuments(18_000_000) ?? [])], 3, python),
  ],
};

/** Runs the cases (all by default) and returns their rows; `print` is given each as it is ready. */
export async function run({ cases = [], print = () => {} } = {}) {
  setUpPeers();
  const rows = [];
  for (const [name, measure] of Object.entries(CASES)) {
    if (cases.length > 0 && !cases.includes(name)) continue;
    for (const row of await measure()) {
      rows.push(row);
      print(row);
    }
  }
  return rows;
}

function lineOf(row) {
  const ratios = Object.entries(row.ratio).map(
    ([peer, ratio]) => `${peer} ${row.peers[peer].toFixed(2)} (${ratio.toFixed(2)}x)`,
  );
  return `${row.case}: ${row.ours.toFixed(2)} ${row.unit}; ${ratios.join(', ')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const show = process.argv.includes('--json') ? JSON.stringify : lineOf;
  await run({ cases: names, print: (row) => process.stdout.write(`${show(row)}\n`) });
}
