// Shards: loading shuffled batches of 8 x 1,024 with ids, positions and verified digests; writing; the global shuffle.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { BlockFileWriter } from '../../dist/shard/block-writer.js';
import { exportShards } from '../../dist/shard/exports/export.js';
import { SHARD_FORMAT } from '../../dist/shard/format.js';
import { DocumentCursor, KeyOrder } from '../../dist/shard/key-order.js';
import { ShardLoader } from '../../dist/shard/loader.js';
import { ShardFile } from '../../dist/shard/shard-file.js';
import { ShardWriter } from '../../dist/shard/shard-writer.js';
import { SIDE, SideFile } from '../../dist/shard/side-file.js';
import { shardPython } from '../interop/shard/venv.mjs';
import { median } from './peers.mjs';
import { batches, buildSet, DIGEST, fillSide, VOCABULARY, writeSide } from './shard-documents.mjs';

const CONTEXT = 1024;
const ROWS = 8;
const ROUNDS = 3;
/** Of the shuffle: half a gigabyte, at which starting and ending weigh little on either side. */
const SHUFFLED_TOKENS = 240e6;
/** Of the cases that write one shard: nearly what a shard has unless the pipeline says otherwise. */
const WRITTEN_TOKENS = 99e6;
function startPeer(folder) {
  const python = shardPython();
  if (!python) return undefined;
  const child = spawn(python, ['tests/bench/shard_peer.py', folder, String(CONTEXT + 1)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the peer ended on ${JSON.stringify(request).slice(0, 80)}`);
        if (value.startsWith('answer ')) return JSON.parse(value.slice(7));
      }
    },
    close: () => child.stdin.end(),
  };
}

const digestOf = (tokens) =>
  createHash('sha256')
    .update(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength))
    .digest('hex');

/** The peers must give the same tokens at the same places as the loader before anything is timed. */
async function check(peer, loader, folder) {
  const starts = Array.from({ length: ROWS }, (_, row) => loader.windowStart(3, row));
  const ours = digestOf(loader.batch(3).tokens);
  const theirs = await peer.ask({ numpy: starts });
  if (theirs.digest !== ours) throw new Error('numpy reads other tokens than the loader');
  const raw = readFileSync(join(folder, 'nanogpt/train.bin'));
  const all = new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2);
  const numbers = [0, 5, 77];
  const wanted = Int32Array.from(
    numbers.flatMap((n) => [...all.subarray(n * (CONTEXT + 1), (n + 1) * (CONTEXT + 1))]),
  );
  const samples = await peer.ask({ mosaic: numbers });
  if (samples.digest !== digestOf(wanted)) throw new Error('streaming reads other tokens than the loader');
}

async function load(folder) {
  const side = join(folder, 'one.side');
  await writeSide(side, batches(60e6));
  const shards = join(folder, 'shards');
  await buildSet([side], shards);
  await exportShards(shards, join(folder, 'nanogpt'), 'nanogpt');
  await exportShards(shards, join(folder, 'mds'), 'mds', { windowTokens: CONTEXT + 1 });
  const options = { split: 'train', context: CONTEXT, rows: ROWS, orderSeed: 1 };
  const loader = await ShardLoader.open(shards, options);
  const fromDisk = await ShardLoader.open(shards, { ...options, memoryBytes: 0 });
  const peer = startPeer(folder);
  if (peer) await check(peer, loader, folder);
  const seconds = { ours: [], fresh: [], disk: [], numpy: [], mosaic: [] };
  const ourBatches = 4000;
  // A batch gives its memory to the next, as a training loop that is done with it does.
  const time = (from, step, reuse = true) => {
    const started = performance.now();
    for (let i = 0, batch; i < ourBatches; i++) batch = from.batch(step + i, reuse ? batch : undefined);
    return (performance.now() - started) / 1000 / ourBatches;
  };
  time(loader, 0);
  for (let round = 0; round < ROUNDS; round++) {
    seconds.ours.push(time(loader, round * ourBatches));
    seconds.fresh.push(time(loader, round * ourBatches, false));
    seconds.disk.push(time(fromDisk, round * ourBatches));
    if (!peer) continue;
    seconds.numpy.push((await peer.ask({ time: 'numpy', batches: 1000 })).seconds / 1000);
    seconds.mosaic.push((await peer.ask({ time: 'mosaic', batches: 300 })).seconds / 300);
  }
  peer?.close();
  await loader.close();
  await fromDisk.close();
  const rate = (list) => (ROWS * CONTEXT) / median(list);
  const peers = peer ? { numpy: rate(seconds.numpy), 'mosaicml-streaming': rate(seconds.mosaic) } : {};
  return [
    row('load', 'tokens/s', rate(seconds.ours), peers),
    row('load, new memory for each batch', 'tokens/s', rate(seconds.fresh), peers),
    row('load, window by window from the page cache', 'tokens/s', rate(seconds.disk), peers),
  ];
}

function plainWrite(path, bytes) {
  const chunk = new Uint8Array(1 << 20).fill(7);
  const started = performance.now();
  const file = openSync(path, 'w');
  for (let left = bytes; left > 0; left -= chunk.length)
    writeSync(file, chunk, 0, Math.min(left, chunk.length));
  fsyncSync(file);
  closeSync(file);
  const seconds = (performance.now() - started) / 1000;
  rmSync(path);
  return seconds;
}

/** Documents in memory and in order, as the shuffle holds them before it writes. */
async function heldDocuments(folder) {
  const path = join(folder, 'held.side');
  await writeSide(path, batches(WRITTEN_TOKENS));
  const side = new SideFile(path);
  const order = new KeyOrder(2 ** 31, folder, undefined, SIGNALS.length);
  const groups = order.groups([side]);
  const { value: group } = await groups.next();
  if (group.length !== side.documents) throw new Error('the documents are more than one group');
  const close = async () => {
    await groups.return();
    side.close();
    rmSync(path);
  };
  return { group, close };
}

/** A set of several shards, as one of gigabytes is: a thread writes whole shards. */
const SHUFFLED_SHARD_TOKENS = 2e7;
const SIGNALS = ['length.characters', 'gopher.stopWords', 'dedup.size'];
/** Documents that go by before timers have their turn; in the shuffle that is some milliseconds. */
const AT_ONCE = 4096;

/** A group of documents to a shard on the disk, synced. */
async function writeShard(path, group) {
  const { memory } = group;
  const corpora = ['books', 'web'];
  const writer = new ShardWriter(
    path,
    'train',
    0,
    { tokenizerDigest: DIGEST, vocabularySize: VOCABULARY, endOfText: undefined, corpora, signals: SIGNALS },
    memory,
  );
  memory.name(group.sides, ({ footer }) => ({
    corpusOf: footer.corpora.map((name) => corpora.indexOf(name)),
    columnsOf: footer.shapes.map((shape) => shape.map((i) => SIGNALS.indexOf(footer.signals[i]))),
  }));
  for (let k = 0, rested = 0; k < group.length; ) {
    if (k - rested >= AT_ONCE) {
      await setImmediate();
      rested = k;
    }
    k += writer.addGroup(k, group.length);
  }
  await writer.finish();
}

/** The same tokens in the same container, digested and synced, with the ends of the documents and nothing else. */
async function writeBare(path, group) {
  const { memory } = group;
  const writer = new BlockFileWriter(path, SHARD_FORMAT, memory.writerBuffers);
  const ends = new Float64Array(group.length);
  const cursor = new DocumentCursor();
  let at = 0;
  for (let from = 0; from < group.length; from += AT_ONCE) {
    await setImmediate();
    const to = Math.min(group.length, from + AT_ONCE);
    for (let k = from; k < to; k++) {
      group.moveTo(k, cursor);
      at += cursor.words[cursor.at + SIDE.tokens];
      ends[k] = at;
    }
    memory.gather(writer, from, to, 2);
  }
  writer.align(8);
  writer.add(new Uint8Array(ends.buffer));
  await writer.finish(() => {});
}

/**
 * What lineage costs (id, source, byte range, corpus, signals of each document): from tokens in memory to shards in global
 * random order, against documents that are numbers without a source or signals; and one shard against a file in the same
 * container with the tokens and the ends of the documents alone.
 */
async function lineage(folder) {
  const full = [...batches(WRITTEN_TOKENS)];
  const plain = full.map((batch) => ({
    ...batch,
    rows: () => batch.rows().map((row) => ({ ...row, id: `${row.ordinal}`, source: '', signals: {} })),
  }));
  const { group, close } = await heldDocuments(folder);
  const tokens = full.reduce((sum, batch) => sum + batch.tokens.length, 0);
  const path = join(folder, 'one.shard');
  const seconds = { full: [], plain: [], shard: [], bare: [] };
  const time = async (into, work) => {
    const started = performance.now();
    const making = await work();
    into.push((performance.now() - started) / 1000 - (making ?? 0));
    rmSync(path, { recursive: true });
  };
  const build = async (part) => {
    mkdirSync(path);
    const { making } = await writeSide(join(path, 'side'), part);
    await buildSet([join(path, 'side')], join(path, 'shards'), 256 << 20, SHUFFLED_SHARD_TOKENS);
    return making;
  };
  // By turns, since what the one before left to the disk and the collector slows the next.
  const works = [
    () => time(seconds.plain, () => build(plain)),
    () => time(seconds.full, () => build(full)),
    () => time(seconds.bare, () => writeBare(path, group)),
    () => time(seconds.shard, () => writeShard(path, group)),
  ];
  for (let round = 0; round < 2 * ROUNDS + 1; round++) {
    for (const work of works) await work();
    if (round > 0) works.reverse();
  }
  await writeShard(path, group);
  await close();
  const { header } = new ShardFile(path, 'none');
  const fixed = (header.sourcesAt - header.endsAt) / header.documents;
  // The first round warms up.
  const rate = (list) => tokens / median(list.slice(1));
  return [
    row('lineage', 'tokens/s', rate(seconds.full), { 'without-lineage': rate(seconds.plain) }),
    row('lineage, one shard', 'tokens/s', rate(seconds.shard), { 'tokens-alone': rate(seconds.bare) }),
    row('lineage, fixed bytes a document', 'bytes', fixed, {}),
  ];
}

async function write(folder) {
  const { group, close } = await heldDocuments(folder);
  const path = join(folder, 'one.shard');
  const ours = [];
  const plain = [];
  for (let round = 0; round < 4 * ROUNDS + 1; round++) {
    const started = performance.now();
    await writeShard(path, group);
    const seconds = (performance.now() - started) / 1000;
    const bytes = statSync(path).size;
    rmSync(path);
    const theirs = plainWrite(path, bytes);
    if (round === 0) continue;
    ours.push(bytes / seconds);
    plain.push(bytes / theirs);
  }
  await close();
  return [row('write', 'bytes/s', median(ours), { 'plain-write': median(plain) })];
}

/** What the peer reads: the tokens of all documents, and where each ends. Gives their number and sum. */
function writeForPeer(folder, parts) {
  const text = [];
  const ends = [];
  let at = 0;
  let sum = 0;
  for (const { tokens, offsets } of parts.flat()) {
    for (let i = 1; i < offsets.length; i++) {
      const document = Uint16Array.from(tokens.subarray(offsets[i - 1], offsets[i]));
      text.push(document, Uint16Array.of(VOCABULARY - 1));
      for (const token of document) sum += token;
      sum += VOCABULARY - 1;
      at += document.length + 1;
      ends.push(BigInt(at));
    }
  }
  writeFileSync(join(folder, 'tokens.bin'), Buffer.concat(text.map((list) => new Uint8Array(list.buffer))));
  writeFileSync(join(folder, 'ends.bin'), new Uint8Array(BigUint64Array.from(ends).buffer));
  return { tokens: at, sum };
}

async function sumOf(shards) {
  const options = { split: 'train', context: 1, rows: 1, orderSeed: 0 };
  const loader = await ShardLoader.open(shards, options);
  let sum = 0;
  for await (const { tokens } of loader.documents()) for (const id of tokens) sum += id;
  await loader.close();
  return sum;
}

/** From tokens in memory to shards in global random order; datatrove shuffles each file and merges. */
async function shuffle(folder) {
  const peer = startPeerFor(folder);
  const parts = Array.from({ length: 8 }, (_, part) => [...batches(SHUFFLED_TOKENS / 8, part)]);
  const all = writeForPeer(folder, parts);
  const ours = [];
  const theirs = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const place = join(folder, `round-${round}`);
    mkdirSync(place);
    const sides = parts.map((_, part) => join(place, `${part}.side`));
    const started = performance.now();
    const syncing = [];
    let tokens = 0;
    let rows = 0;
    for (const [part, path] of sides.entries()) {
      const { written, making, finish } = await fillSide(path, parts[part]);
      // The next part begins while the last one is synced, as parts in several workers do.
      syncing.push(finish());
      tokens += written;
      rows += making;
    }
    await Promise.all(syncing);
    await buildSet(sides, join(place, 'shards'), 64 << 20, SHUFFLED_SHARD_TOKENS);
    ours.push(tokens / ((performance.now() - started) / 1000 - rows));
    if (tokens !== all.tokens) throw new Error('the two sides shuffle different documents');
    if (round === 0 && (await sumOf(join(place, 'shards'))) !== all.sum)
      throw new Error('the shuffle lost or changed tokens');
    rmSync(place, { recursive: true });
    if (!peer) continue;
    const answer = await peer.ask({ shuffle: folder, files: parts.length });
    if (answer.tokens !== all.tokens || answer.sum !== all.sum)
      throw new Error('datatrove shuffled other tokens');
    theirs.push(tokens / answer.seconds);
  }
  peer?.close();
  return [row('shuffle', 'tokens/s', median(ours), peer ? { datatrove: median(theirs) } : {})];
}

function startPeerFor(folder) {
  mkdirSync(join(folder, 'nanogpt'), { recursive: true });
  writeFileSync(join(folder, 'nanogpt/train.bin'), Buffer.alloc(1 << 16));
  return startPeer(folder);
}

function row(name, unit, ours, peers) {
  const ratio = Object.fromEntries(Object.entries(peers).map(([peer, value]) => [peer, ours / value]));
  return { area: 'shard', case: name, unit, ours, peers, ratio };
}

/** Two bytes a token, three times over: datatrove has what it read, what it shuffled and what it merged on the disk. */
const DISK_BYTES_A_TOKEN = 7;

/**
 * 10 GB of tokens (PROVENDER_BENCH_TOKENS says otherwise), each side in a process of its own so that its peak memory is told;
 * minutes, so only when asked for. Where each is goes to stderr.
 */
async function shuffleLarge(folder) {
  const tokens = Number(process.env.PROVENDER_BENCH_TOKENS ?? 5e9);
  const { bavail, bsize } = statfsSync(folder);
  const [needed, free] = [DISK_BYTES_A_TOKEN * tokens, bavail * bsize].map((n) => Math.ceil(n / 2 ** 30));
  if (free < needed) throw new Error(`${needed} GiB of disk are needed in ${folder}, ${free} are free`);
  const measure = (name, command, script) => {
    const place = join(folder, 'large');
    mkdirSync(place);
    const stdio = ['ignore', 'pipe', 'inherit'];
    const printed = execFileSync(command, [script, place, String(tokens)], { stdio });
    rmSync(place, { recursive: true });
    const found = JSON.parse(printed.toString().trim().split('\n').at(-1));
    const told = [`${found.seconds.toFixed(1)} s`, `${found.cpu.toFixed(1)} s of CPU in all`];
    process.stderr.write(
      `${name}: ${told.join(', ')}, peak memory ${Math.ceil(found.kilobytes / 1024)} MiB\n`,
    );
    return found;
  };
  const ours = measure('provender', process.execPath, 'tests/bench/shard-large.mjs');
  const python = shardPython();
  const theirs = python && measure('datatrove', python, 'tests/bench/shard_large_peer.py');
  const megabytes = { ours: ours.kilobytes / 1024, theirs: theirs && theirs.kilobytes / 1024 };
  const memory = row(
    'shuffle-10GB-memory',
    'MiB',
    megabytes.ours,
    theirs ? { datatrove: megabytes.theirs } : {},
  );
  if (theirs) memory.ratio.datatrove = megabytes.theirs / megabytes.ours;
  const speed = ({ tokens, seconds }) => tokens / seconds;
  return [row('shuffle-10GB', 'tokens/s', speed(ours), theirs ? { datatrove: speed(theirs) } : {}), memory];
}

const CASES = { load, write, lineage, shuffle, 'shuffle-10GB': shuffleLarge };
const ON_REQUEST = new Set(['shuffle-10GB']);

export async function run({ cases = [] } = {}) {
  const rows = [];
  for (const [name, measure] of Object.entries(CASES)) {
    if (cases.length > 0 ? !cases.includes(name) : ON_REQUEST.has(name)) continue;
    const folder = mkdtempSync(join(tmpdir(), 'provender-bench-'));
    try {
      rows.push(...(await measure(folder)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return rows;
}
