// Pages to their main text, one core: pages a second, and precision, recall and F1 as trafilatura's evaluation counts
// them (a string that the text must have is a true positive where it is found, one that it must not have a false one).
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { decodeHtml } from '../../dist/ingest/charset.js';
import { extractPage } from '../../dist/ingest/html/extract.js';
import { decompressedWindow } from '../../dist/io/compression.js';
import { parseHttpResponse } from '../../dist/io/warc/http.js';
import { ArchiveReader } from '../../dist/io/warc/records.js';
import { median, peerPython } from './peers.mjs';

const WARC = '../shared/data/web/pages.warc.gz';
const EXPECTED = '../shared/data/web/expected.json';
const PACKAGES = ['trafilatura==2.3.1', 'lxml_html_clean', 'resiliparse==2.0.1'];
const ROUNDS = 3;

async function readPages() {
  const window = decompressedWindow(WARC, statSync(WARC).size);
  const reader = new ArchiveReader(window, WARC, 1 << 28, (error) => {
    throw error;
  });
  const pages = [];
  for (let record = await reader.next(); record; record = await reader.next()) {
    if (record.type !== 'response') continue;
    const { body } = parseHttpResponse(record.content);
    pages.push({ url: record.headers.get('warc-target-uri'), body: Buffer.from(body) });
  }
  await window.close();
  return pages;
}

function judge(texts, expected) {
  let truePositives = 0;
  let falseNegatives = 0;
  let falsePositives = 0;
  for (const [i, text] of texts.entries()) {
    for (const one of expected[i].with) text.includes(one) ? truePositives++ : falseNegatives++;
    for (const one of expected[i].without) if (text.includes(one)) falsePositives++;
  }
  const precision = truePositives / (truePositives + falsePositives);
  const recall = truePositives / (truePositives + falseNegatives);
  return { precision, recall, f1: (2 * precision * recall) / (precision + recall) };
}

function startPeer(python, peer, folder) {
  const command = ['-c', '0', python, 'tests/bench/ingest_extraction_peer.py', peer, folder];
  const child = spawn('taskset', command, { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const round = async () => {
    child.stdin.write('\n');
    return Number((await lines.next()).value);
  };
  return {
    round,
    async first() {
      await round();
      return JSON.parse((await lines.next()).value);
    },
    stop: () => child.kill(),
  };
}

function ours(pages) {
  const start = performance.now();
  const texts = pages.map(({ body }) => extractPage(decodeHtml(body, undefined, true).text).text);
  return { texts, seconds: (performance.now() - start) / 1000 };
}

export async function extraction() {
  if (!existsSync(WARC)) return undefined;
  const pages = await readPages();
  const byUrl = new Map(
    Object.entries(JSON.parse(readFileSync(EXPECTED, 'utf8'))).map(([url, value]) => [url.trim(), value]),
  );
  const expected = pages.map(({ url }) => byUrl.get(url.trim()));
  const folder = mkdtempSync(join(tmpdir(), 'extraction-'));
  const python = peerPython('extraction', PACKAGES);
  const peers = {};
  try {
    for (const [i, { body }] of pages.entries())
      writeFileSync(join(folder, `${String(i).padStart(4, '0')}.html`), body);
    for (const name of python ? ['trafilatura', 'resiliparse'] : [])
      peers[name] = startPeer(python, name, folder);
    const scores = { ours: judge(ours(pages).texts, expected) };
    for (const [name, peer] of Object.entries(peers)) scores[name] = judge(await peer.first(), expected);
    const times = { ours: [], ...Object.fromEntries(Object.keys(peers).map((name) => [name, []])) };
    for (let round = 0; round < ROUNDS; round++) {
      times.ours.push(ours(pages).seconds);
      for (const [name, peer] of Object.entries(peers)) times[name].push(await peer.round());
    }
    const speed = (name) => pages.length / median(times[name]);
    const row = {
      area: 'ingest',
      case: 'extraction',
      unit: 'pages/s',
      ours: speed('ours'),
      peers: {},
      ratio: {},
      scores,
    };
    for (const name of Object.keys(peers)) {
      row.peers[name] = speed(name);
      row.ratio[name] = row.ours / row.peers[name];
    }
    return row;
  } finally {
    for (const peer of Object.values(peers)) peer.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
