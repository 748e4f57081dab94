// Cases `whole` of the area dedup: the four jobs from JSONL files to JSONL files, two cores.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ClusterReader } from '../../dist/dedup/clusters.js';
import { median } from './peers.mjs';

const ROUNDS = Number(process.env.DEDUP_ROUNDS ?? 2);
const FILES = 2;

function writeInput(folder, texts) {
  mkdirSync(folder, { recursive: true });
  for (let file = 0; file < FILES; file++) {
    const lines = texts.flatMap((text, i) =>
      i % FILES === file ? [JSON.stringify({ id: `${i}`, text })] : [],
    );
    writeFileSync(join(folder, `${file}.jsonl`), `${lines.join('\n')}\n`);
  }
}

/** Seconds that a program takes. */
function time(command, args, options) {
  const started = performance.now();
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stderr.slice(-3000)}`);
  return (performance.now() - started) / 1000;
}

function ours(folder, name, options, partitionBytes) {
  const home = join(folder, `ours-${name}`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home);
  const pipeline = join(home, 'whole.yaml');
  writeFileSync(
    pipeline,
    `name: whole
run: { workers: 2, partitionBytes: ${partitionBytes}, minFreeBytes: 1 }
steps:
  - read: { inputs: [{ files: '../input/*.jsonl' }] }
  - minhash-dedup: { ${options} }
  - write: { folder: kept, compression: none }
`,
  );
  const cli = resolve('dist/cli.js');
  const seconds = time(process.execPath, [cli, 'run', pipeline, '-o', join(home, 'run'), '-q']);
  return { seconds, clusters: ourClusters(join(home, 'run/units/01-minhash-dedup/artifact')) };
}

function ourClusters(folder) {
  const reader = new ClusterReader(folder);
  const clusters = new Map();
  for (const { cluster, label } of reader)
    clusters.set(cluster, [...(clusters.get(cluster) ?? []), Number(label.id)]);
  reader.close();
  return canonical(clusters);
}

/** Clusters as text that compares: members ascend, clusters by their first. */
function canonical(clusters) {
  const lists = [...clusters.values()]
    .filter((list) => list.length > 1)
    .map((list) => list.sort((a, b) => a - b));
  return lists
    .sort((a, b) => a[0] - b[0])
    .map((list) => list.join(' '))
    .join('\n');
}

function datatrove(folder, python) {
  const out = join(folder, 'datatrove');
  rmSync(out, { recursive: true, force: true });
  const seconds = time(python, ['tests/bench/dedup_whole_peer.py', join(folder, 'input'), out]);
  const clusters = new Map();
  for (const line of readFileSync(join(out, 'clusters'), 'utf8').trim().split('\n')) {
    const [file, document, cluster] = line.split(' ').map(Number);
    clusters.set(cluster, [...(clusters.get(cluster) ?? []), document * FILES + file]);
  }
  return { seconds, clusters: canonical(clusters) };
}

/** text-dedup numbers the documents file after file. */
const UNPICKLE = `
import pickle, sys, json
with open(sys.argv[1], "rb") as file: forest = pickle.load(file)
parent = forest["parent"] if isinstance(forest, dict) else forest.parent
def find(x):
    while parent.get(x, x) != x: x = parent[x]
    return x
print(json.dumps([[x, find(x)] for x in parent]))`;

function textDedup(folder, python, texts) {
  const out = join(folder, 'text-dedup');
  rmSync(out, { recursive: true, force: true });
  const args = ['-m', 'text_dedup.minhash', '--path', 'json', '--split', 'train', '--column', 'text'];
  args.push('--data_dir', join(folder, 'input'), '--output', out, '--cache_dir', join(folder, 'cache'));
  args.push('--num_proc', '2', '--debug', '--num_perm', '128', '--b', '16', '--r', '8');
  // Without the network; and every round from the files, not from what an earlier one cached.
  const cache = join(folder, 'hf');
  rmSync(cache, { recursive: true, force: true });
  rmSync(join(folder, 'cache'), { recursive: true, force: true });
  const env = { ...process.env, HF_HUB_OFFLINE: '1', HF_HOME: cache, HF_DATASETS_OFFLINE: '1' };
  const seconds = time(python, args, { env, cwd: folder });
  const { stdout, status, stderr } = spawnSync(python, ['-c', UNPICKLE, join(out, 'uf.pkl')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  const half = Math.ceil(texts.length / FILES);
  const clusters = new Map();
  for (const [row, root] of JSON.parse(stdout)) {
    const document = row < half ? row * FILES : (row - half) * FILES + 1;
    clusters.set(root, [...(clusters.get(root) ?? []), document]);
  }
  return { seconds, clusters: canonical(clusters) };
}

function requireSame(peer, ours, theirs) {
  if (ours === theirs) return;
  const here = new Set(ours.split('\n'));
  const there = new Set(theirs.split('\n'));
  const only = (a, b) => [...a].filter((line) => !b.has(line)).slice(0, 5);
  throw new Error(
    `${peer} finds other clusters: only ours ${JSON.stringify(only(here, there))}, only theirs ${JSON.stringify(only(there, here))}`,
  );
}

/** Our options that give a peer's signatures, and the peer: text-dedup with the 128 permutations of the case `signatures`. */
const PEERS = {
  datatrove: { options: 'preset: datatrove', run: datatrove },
  'text-dedup': { options: 'preset: text-dedup, bands: 16, rows: 8', run: textDedup },
};

/**
 * Each peer beside us with its own signatures, which must come to the same clusters. In the row NAME we are measured
 * with datatrove's, in NAME-text-dedup with text-dedup's.
 */
export function runWhole(name, texts, python) {
  const folder = mkdtempSync(join(tmpdir(), 'dedup-whole-'));
  try {
    writeInput(join(folder, 'input'), texts);
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    // Four partitions: the peers too are told to cut the corpus, which is smaller than our default.
    const partition = Math.ceil(bytes / 3);
    console.error(`${name}: ${texts.length} documents, ${(bytes / 1e6).toFixed(0)} MB`);
    const times = {};
    const add = (who, seconds) => {
      times[who] ??= [];
      times[who].push(seconds);
      console.error(`  ${who}: ${seconds.toFixed(2)} s`);
    };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [peer, { options, run }] of Object.entries(PEERS)) {
        const mine = ours(folder, peer, options, partition);
        add(`ours ${peer}`, mine.seconds);
        if (!python) continue;
        const theirs = run(folder, resolve(python), texts);
        add(peer, theirs.seconds);
        requireSame(peer, mine.clusters, theirs.clusters);
      }
    }
    const rate = (who) => texts.length / median(times[who]);
    const row = (label, own, peers) => ({
      area: 'dedup',
      case: label,
      unit: 'documents/s',
      ours: rate(own),
      peers: Object.fromEntries(peers.map((peer) => [peer, rate(peer)])),
      ratio: Object.fromEntries(peers.map((peer) => [peer, rate(own) / rate(peer)])),
    });
    const there = python ? Object.keys(PEERS) : [];
    return [
      row(name, 'ours datatrove', there),
      row(
        `${name}-text-dedup`,
        'ours text-dedup',
        there.filter((peer) => peer === 'text-dedup'),
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
