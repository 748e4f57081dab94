import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Minhash } from 'minhash';
import { minhashDedupOptions, resolveMinhash } from '../../dist/dedup/minhash-options.js';
import { Signer } from '../../dist/dedup/signer.js';
import { corpusWithCopies, fewTexts, manyTexts } from './dedup-corpus.mjs';
import { belowDocuments } from './dedup-substrings.mjs';
import { runWhole } from './dedup-whole.mjs';
import { median, peerPython } from './peers.mjs';

// text-dedup 0.4.0 is the newest that Python 3.11 takes; xxhash 4 no longer hashes strings, which datatrove passes.
const PEERS = [
  'datatrove==0.10.1',
  'spacy==3.8.18',
  'orjson',
  'xxhash<4',
  'tokenizers',
  'rensa==0.5.0',
  'text-dedup==0.4.0',
];
const ROUNDS = 3;

function startPeer(python, peer, texts) {
  const folder = mkdtempSync(join(tmpdir(), 'dedup-'));
  writeFileSync(join(folder, 'texts.json'), JSON.stringify(texts));
  const child = spawn(python, ['tests/bench/dedup_peer.py', peer, join(folder, 'texts.json')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async round() {
      child.stdin.write('\n');
      const { value, done } = await lines.next();
      if (done) throw new Error(`${peer} ended`);
      return JSON.parse(value);
    },
    close() {
      child.stdin.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The `minhash` package on a few of the texts: it does about a hundred documents a second. */
function npmPeer(texts) {
  const some = texts.filter((_, i) => i % 40 === 0);
  return {
    async round() {
      const started = performance.now();
      for (const text of some) {
        const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
        const minhash = new Minhash({ numPerm: 128 });
        for (let i = 0; i + 5 <= words.length; i++) minhash.update(words.slice(i, i + 5).join(' '));
      }
      const share =
        some.reduce((sum, text) => sum + text.length, 0) / texts.reduce((sum, text) => sum + text.length, 0);
      return { seconds: (performance.now() - started) / 1000 / share };
    },
    close() {},
  };
}

const signerOf = (options) => new Signer(resolveMinhash(minhashDedupOptions.parse(options)));
const share = (a, b) => a.filter((value, j) => value === b[j]).length / a.length;

function checkSame(ours, theirs) {
  const wrong = ours.findIndex(
    (signature, i) => JSON.stringify(signature?.map(String) ?? null) !== JSON.stringify(theirs[i]),
  );
  if (wrong >= 0) throw new Error(`text ${wrong}: the peer's signature is another`);
}

/** Our estimates of similarity against rensa's, over neighbours among the texts. */
function checkEstimates(ours, theirs) {
  for (let i = 1; i < ours.length; i++) {
    if (!ours[i] || !ours[i - 1]) continue;
    const difference = share(ours[i], ours[i - 1]) - share(theirs[i], theirs[i - 1]);
    if (Math.abs(difference) > 0.2) throw new Error(`text ${i}: rensa's estimate is ${difference} away`);
  }
}

async function measure(name, options, texts, peers) {
  const signer = signerOf(options);
  const bytes = texts.map((text) => new TextEncoder().encode(text));
  const signatures = bytes.map((text) => (signer.sign(text) ? [...signer.minima] : null));
  const times = { ours: [] };
  for (const [peer, { round, check }] of Object.entries(peers)) {
    times[peer] = [];
    check?.(signatures, (await round()).signatures);
  }
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.now();
    let repeats = 0;
    while (performance.now() - started < 500) {
      for (const text of bytes) signer.sign(text);
      repeats++;
    }
    times.ours.push((performance.now() - started) / 1000 / repeats);
    for (const [peer, { round }] of Object.entries(peers)) times[peer].push((await round()).seconds);
  }
  const rate = (key) => texts.length / median(times[key]);
  const row = { area: 'dedup', case: name, unit: 'documents/s', ours: rate('ours'), peers: {}, ratio: {} };
  for (const peer of Object.keys(peers)) {
    row.peers[peer] = rate(peer);
    row.ratio[peer] = row.ours / row.peers[peer];
  }
  return row;
}

/** 128 permutations of 5-word shingles, from text, one core: provender's preset, and datatrove's bit for bit. */
export async function run({ cases = [] } = {}) {
  const wanted = (name) => cases.length === 0 || cases.includes(name);
  const texts = fewTexts(12);
  const python = peerPython('dedup', PEERS);
  const open = (peer, check) => ({ ...startPeer(python, peer, texts), check });
  const rows = [];
  if (wanted('signatures')) {
    const peers = { minhash: npmPeer(texts) };
    if (python) {
      for (const peer of ['datatrove', 'text-dedup']) peers[peer] = open(peer);
      peers.rensa = open('rensa', checkEstimates);
    }
    rows.push(await measure('signatures', { bands: 16, rows: 8 }, texts, peers));
    for (const peer of Object.values(peers)) peer.close();
  }
  if (wanted('signatures-datatrove')) {
    const peers = python ? { datatrove: open('datatrove', checkSame) } : {};
    const options = { preset: 'datatrove', bands: 16, rows: 8 };
    rows.push(await measure('signatures-datatrove', options, texts, peers));
    for (const peer of Object.values(peers)) peer.close();
  }
  rows.push(...(await belowDocuments(wanted, python)));
  if (wanted('whole')) {
    const texts = Object.values(await manyTexts()).flat();
    rows.push(...runWhole('whole', corpusWithCopies(texts), python));
  }
  if (wanted('whole-12MB')) rows.push(...runWhole('whole-12MB', corpusWithCopies(fewTexts(1)), python));
  return rows;
}
