import { spawn } from 'node:child_process';
import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { decompressedWindow } from '../../dist/io/compression.js';
import { readStep } from '../../dist/io/steps/read.js';
import { parseHttpResponse } from '../../dist/io/warc/http.js';
import { ArchiveReader } from '../../dist/io/warc/records.js';
import { crawl } from './ingest-crawl.mjs';
import { extraction } from './ingest-extraction.mjs';
import { median, peerPython } from './peers.mjs';

const PEERS = ['fastwarc==2.0.1', 'warcio==1.8.1'];
const ROUNDS = 5;
/** Until then the kernel is compiled well; a WARC as crawls have them is a hundred times as long. */
const WARM_ROUNDS = 6;
const WARC_ROUNDS = 11;
const JSONL = '../shared/data/jsonl/cc_en_head-0091.jsonl.gz';
const WARC = '../shared/data/web/pages.warc.gz';

function startPeer(python, peer) {
  const child = spawn(python, ['tests/bench/ingest_peer.py', peer, WARC], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async round() {
      child.stdin.write('\n');
      const { value } = await lines.next();
      const [seconds, count, digest] = value.split(' ');
      return { seconds: Number(seconds), count: Number(count), digest };
    },
    stop: () => child.kill(),
  };
}

/** CPU time of this process: for one thread what a quiet machine's clock says, and a busy one does not change it. */
function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function ourWarc() {
  const start = cpuSeconds();
  const whole = createHash('sha1');
  const window = decompressedWindow(WARC, statSync(WARC).size);
  const reader = new ArchiveReader(window, WARC, 1 << 28, (error) => {
    throw error;
  });
  let count = 0;
  for (let record = await reader.next(); record; record = await reader.next()) {
    const { body } = parseHttpResponse(record.content);
    whole.update(hash('sha1', body, 'buffer'));
    count++;
  }
  await window.close();
  return { seconds: cpuSeconds() - start, count, digest: whole.digest('hex') };
}

/** gzip WARC with a digest of every payload, in one thread: records a second of CPU time. */
async function warc() {
  if (!existsSync(WARC)) return undefined;
  const python = peerPython('ingest', PEERS);
  const peers = python
    ? { fastwarc: startPeer(python, 'fastwarc'), warcio: startPeer(python, 'warcio') }
    : {};
  const times = { ours: [] };
  try {
    const { count, digest } = await ourWarc();
    for (let round = 1; round < WARM_ROUNDS; round++) await ourWarc();
    for (const [name, peer] of Object.entries(peers)) {
      times[name] = [];
      const first = await peer.round();
      // warcio parses HTTP only for URLs that begin with http; this file has others, whose headers it leaves in the payload.
      const same = first.count === count && (name === 'warcio' || first.digest === digest);
      if (!same) throw new Error(`${name} read other payloads`);
    }
    for (let round = 0; round < WARC_ROUNDS; round++) {
      times.ours.push((await ourWarc()).seconds);
      for (const [name, peer] of Object.entries(peers)) times[name].push((await peer.round()).seconds);
    }
    const ours = count / median(times.ours);
    const row = { area: 'ingest', case: 'warc', unit: 'records/s', ours, peers: {}, ratio: {} };
    for (const name of Object.keys(peers)) {
      row.peers[name] = count / median(times[name]);
      row.ratio[name] = ours / row.peers[name];
    }
    return row;
  } finally {
    for (const peer of Object.values(peers)) peer.stop();
  }
}

async function readOnce(options, folder) {
  const signal = new AbortController().signal;
  const [file] = await readStep.source.list(options, { baseFolder: folder, signal });
  let bytes = 0;
  let peak = 0;
  const context = {
    reject: (_, error) => {
      throw error;
    },
    consumed() {},
    signal,
    batchBytes: 1 << 20,
    batchDocuments: 1000,
  };
  const start = cpuSeconds();
  for await (const { batch } of readStep.source.read(
    { ...file, start: 0, end: file.size },
    undefined,
    context,
  )) {
    bytes += batch.textBytes;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  return { seconds: cpuSeconds() - start, size: file.size, bytes, peak };
}

/** Plain JSONL of web text to batches of documents, in one thread: MB of the file for a second of CPU time, and the peak of memory at 1 GB. */
async function jsonl() {
  if (!existsSync(JSONL)) return undefined;
  const unit = gunzipSync(readFileSync(JSONL));
  const folder = mkdtempSync(join(tmpdir(), 'ingest-'));
  const write = (name, size) => {
    const file = openSync(join(folder, name), 'w');
    for (let at = 0; at < size; at += unit.length) writeSync(file, unit);
    closeSync(file);
    return readStep.options.parse({ inputs: [{ files: name }] });
  };
  try {
    const small = write('small.jsonl', 2e8);
    const times = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const { seconds, size } = await readOnce(small, folder);
      if (round > 0) times.push(size / 1e6 / seconds);
    }
    const large = await readOnce(write('large.jsonl', 1e9), folder);
    const ours = median(times);
    return {
      area: 'ingest',
      case: 'jsonl',
      unit: 'MB/s',
      ours,
      peers: {},
      ratio: {},
      peakMegabytesAt1GB: large.peak / 1e6,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const CASES = { crawl, extraction, jsonl, warc };

export async function run({ cases = [] } = {}) {
  const rows = [];
  for (const [name, measure] of Object.entries(CASES)) {
    if (cases.length && !cases.includes(name)) continue;
    const row = await measure();
    if (row) rows.push(row);
  }
  return rows;
}
