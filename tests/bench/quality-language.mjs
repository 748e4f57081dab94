// Language identification: `language` with all four presets, as a run has it, and `language-alone`. The peer is
// datatrove's LanguageFilter over fastText's C++; its lid.176.bin is not in any registry, so that both read lid.176.ftz.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { viewOf } from '../../dist/core/text-view.js';
import { language } from '../../dist/quality/judges/language.js';
import { LanguageIdentifier, languageModelPath } from '../../dist/quality/language/model.js';
import { median, peerPython } from './peers.mjs';
import { judge, realTexts, warmUp } from './quality.mjs';

export const PEER = [
  'datatrove==0.10.1',
  'spacy==3.8.18',
  'numpy',
  'regex',
  'xxhash==3.5.0',
  'fasttext-numpy2-wheel',
  'fasteners',
];
const ROUNDS = 3;
/** Repetitions in a round of the language alone, so that a round takes a while. */
const ALONE = 20;
const OPTIONS = language.options.parse({});

/** One JSON line in, one out. */
export function startPeer(python, script, argument) {
  const folder = mkdtempSync(join(tmpdir(), 'quality-'));
  writeFileSync(join(folder, 'argument.json'), JSON.stringify(argument));
  const child = spawn(python, [script, join(folder, 'argument.json')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async round(request = {}) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('the peer ended');
      return JSON.parse(value);
    },
    close() {
      child.stdin.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function identify(text, identifier) {
  const view = viewOf(text);
  const values = language.judge.measure(view, OPTIONS, identifier);
  const code = language.judge.describe(values, OPTIONS, identifier, view).language;
  return { code, probability: values[0], keep: language.judge.decide(values, OPTIONS).keep };
}

async function measure(name, ours, request) {
  const texts = realTexts();
  const identifier = LanguageIdentifier.open();
  const python = peerPython('quality-learned', PEER);
  const peer =
    python &&
    startPeer(python, 'tests/bench/quality_language_peer.py', { texts, model: languageModelPath() });
  try {
    if (peer) {
      const { found } = await peer.round({ presets: false, repeat: 1 });
      texts.forEach((text, i) => {
        const mine = identify(text, identifier);
        const [code, score, keep] = found[i];
        if (mine.code !== code || mine.keep !== keep || Math.abs(mine.probability - score) > 1e-4)
          throw new Error(`text ${i}: datatrove says ${found[i]}, we say ${JSON.stringify(mine)}`);
      });
    }
    warmUp();
    const mine = [];
    const theirs = [];
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      for (let k = 0; k < request.repeat; k++) for (const text of texts) ours(text, identifier);
      mine.push((performance.now() - started) / 1000);
      if (peer) theirs.push((await peer.round(request)).seconds);
    }
    const rate = (seconds) => (texts.length * request.repeat) / median(seconds);
    const row = { area: 'quality', case: name, unit: 'documents/s', ours: rate(mine), peers: {}, ratio: {} };
    if (peer) {
      row.peers.datatrove = rate(theirs);
      row.ratio.datatrove = row.ours / row.peers.datatrove;
    }
    return row;
  } finally {
    peer?.close();
  }
}

export const languageCases = {
  language: () =>
    measure('language', (text, identifier) => [identify(text, identifier), judge(text)], {
      presets: true,
      repeat: 1,
    }),
  'language-alone': () => measure('language-alone', identify, { presets: false, repeat: ALONE }),
};
