// Real text in many languages for the benchmarks: Debian's debian-handbook in all its languages and manual pages, fetched
// once with apt-get into .venv/corpus; without apt, the shared test data.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, '.venv/corpus');
const DATA = join(ROOT, '../shared/data');
const PACKAGES = [
  'debian-handbook',
  ...['de', 'fr', 'ja', 'ru', 'zh', 'es', 'pl', 'it', 'pt-br'].map((l) => `manpages-${l}`),
  ...['dev', 'de-dev', 'fr-dev', 'ja-dev', 'ru-dev', 'pl-dev'].map((l) => `manpages-${l}`),
];
const TRAINING_BYTES = 100_000_000;

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: '\u00a0' };

const htmlText = (html) =>
  html
    .replaceAll(/<(script|style|head)\b[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, decimal, name) =>
      name ? (ENTITIES[name] ?? all) : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
    )
    .replaceAll(/\n\s*\n\s*/g, '\n\n')
    .trim();

function* filesUnder(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else if (entry.isFile()) yield path;
  }
}

function* debianDocuments() {
  for (const name of PACKAGES) {
    const folder = join(FOLDER, name);
    if (!existsSync(folder)) {
      mkdirSync(FOLDER, { recursive: true });
      spawnSync('apt-get', ['download', name], { cwd: FOLDER, stdio: 'ignore' });
      const file = readdirSync(FOLDER).find((f) => f.startsWith(`${name}_`) && f.endsWith('.deb'));
      if (!file || spawnSync('dpkg-deb', ['-x', file, folder], { cwd: FOLDER }).status !== 0) continue;
    }
    for (const path of filesUnder(folder)) {
      if (path.endsWith('.html')) yield htmlText(readFileSync(path, 'utf8'));
      else if (path.endsWith('.gz') && path.includes('/man/'))
        yield gunzipSync(readFileSync(path)).toString();
    }
  }
}

export function englishDocuments() {
  const lines = gunzipSync(readFileSync(join(DATA, 'jsonl/cc_en_head-0091.jsonl.gz')))
    .toString()
    .split('\n');
  const pages = lines.filter(Boolean).map((line) => JSON.parse(line).text);
  const wiki = readFileSync(join(DATA, 'text/wikitext-2-valid.txt'), 'utf8').split(/(?<=\n)(?= = [^=])/);
  return [...pages, ...wiki].filter((text) => text.trim() !== '');
}

/** About `bytes` of documents, taken evenly over all languages; undefined without apt. */
export function mixedDocuments(bytes) {
  const all = [...debianDocuments()].filter((text) => text.length > 500);
  if (all.length < 1000) return undefined;
  const step = Math.max(1, Math.floor(all.reduce((n, text) => n + Buffer.byteLength(text), 0) / bytes));
  return all.filter((_, i) => i % step === 0);
}

/** Path and size of a text file of up to 100 MB to train on. */
export function trainingFile() {
  const path = join(FOLDER, 'training.txt');
  if (!existsSync(path)) {
    let text = '';
    let bytes = 0;
    const parts = [];
    for (const document of debianDocuments()) {
      text = `${document}\n`;
      bytes += Buffer.byteLength(text);
      if (bytes > TRAINING_BYTES) break;
      parts.push(text);
    }
    if (parts.length < 1000) return undefined;
    writeFileSync(path, parts.join(''));
  }
  return { path, bytes: statSync(path).size };
}
