// Decontamination against an index of a million n-grams: MB of text a second on one core. The peer is datatrove's
// NGramsDecontFilter with an index of as many hashes; both are given the same documents, some of them planted.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Random } from '../../dist/core/random.js';
import { NgramIndexBuilder } from '../../dist/quality/decontamination/build.js';
import { readNgramIndex, writeNgramIndex } from '../../dist/quality/decontamination/index-file.js';
import { NgramMatcher, overlapsOf } from '../../dist/quality/decontamination/match.js';
import { median, peerPython } from './peers.mjs';
import { realTexts } from './quality.mjs';
import { PEER, startPeer } from './quality-language.mjs';

const ROUNDS = 5;
const N = 13;
const NGRAMS = 1_000_000;
const OURS_BYTES = 64 * 2 ** 20;
/** datatrove is slow: a few documents say as much. */
const PEER_DOCUMENTS = 40;

/** Examples of evaluation sets: gsm8k's questions, and as many made of its words as a million n-grams need. */
function examples() {
  const path = '../shared/data/jsonl/gsm8k-test.jsonl.gz';
  const real = existsSync(path)
    ? gunzipSync(readFileSync(path))
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).question)
    : ['how many apples does each of the seven children get when a farmer shares out forty two of them'];
  const words = [
    ...new Set(
      real
        .join(' ')
        .toLowerCase()
        .match(/[a-z]+/g),
    ),
  ];
  const random = new Random('decontaminate');
  const made = [];
  for (let n = 0; n < NGRAMS; n += 200 - N + 1)
    made.push(Array.from({ length: 200 }, () => words[random.below(words.length)]).join(' '));
  return { real, made };
}

async function decontaminate() {
  const { real, made } = examples();
  const all = [...real, ...made];
  const builder = new NgramIndexBuilder(N, 'words');
  const folder = mkdtempSync(join(tmpdir(), 'quality-'));
  all.forEach((text, i) => {
    builder.add({ set: 'examples', name: `${i}` }, Buffer.from(text));
  });
  await writeNgramIndex(join(folder, 'index'), builder.finish().parts);
  const index = readNgramIndex(join(folder, 'index'));
  rmSync(folder, { recursive: true });
  const matcher = new NgramMatcher(index);
  const texts = realTexts().map((text, i) => (i % 10 === 3 ? `${text}\n${made[i % made.length]}` : text));
  const flagged = texts.map((text) => overlapsOf(index, matcher.hits(Buffer.from(text))).length > 0);
  const documents = texts.map((text) => Buffer.from(text));
  const textBytes = documents.reduce((sum, text) => sum + text.length, 0);
  const repeat = Math.ceil(OURS_BYTES / textBytes);
  const python = peerPython('quality-learned', PEER);
  const few = texts.slice(0, PEER_DOCUMENTS);
  const fewBytes = few.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const peer =
    python &&
    startPeer(python, 'tests/bench/quality_decontaminate_peer.py', { texts: few, examples: all, n: N });
  try {
    if (peer) {
      const { contaminated } = await peer.round();
      const wrong = few.findIndex((_, i) => contaminated[i] !== flagged[i]);
      if (wrong >= 0)
        throw new Error(`text ${wrong}: datatrove says ${contaminated[wrong]}, we say ${flagged[wrong]}`);
    }
    const ours = [];
    const ofCpu = [];
    const theirs = [];
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      const before = process.cpuUsage();
      for (let k = 0; k < repeat; k++) for (const text of documents) matcher.hits(text);
      ours.push((textBytes * repeat) / 1e3 / (performance.now() - started));
      const { user, system } = process.cpuUsage(before);
      ofCpu.push((textBytes * repeat) / (user + system));
      if (peer) theirs.push(fewBytes / 1e6 / (await peer.round()).seconds);
    }
    console.error(
      `    index: ${index.ngrams} n-grams in ${(index.bytesInMemory / 1e6).toFixed(1)} MB of memory; ${median(ofCpu).toFixed(1)} MB for a second of CPU time, which other processes do not change`,
    );
    const row = {
      area: 'quality',
      case: 'decontaminate',
      unit: 'MB/s',
      ours: median(ours),
      peers: {},
      ratio: {},
    };
    if (peer) {
      row.peers.datatrove = median(theirs);
      row.ratio.datatrove = row.ours / row.peers.datatrove;
    }
    return row;
  } finally {
    peer?.close();
  }
}

export const decontaminationCases = { decontaminate };
