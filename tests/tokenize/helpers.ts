import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { PRE_TOKENIZER_REGEX, type PreTokenizerName } from '../../src/tokenize/pre-tokenizers.ts';
import {
  mergeCounts,
  PreTokenCounter,
  type TrainedBpe,
  type TrainOptions,
  trainBpe,
} from '../../src/tokenize/tokenizer.ts';
import { classAt } from '../../src/tokenize/unicode-classes.ts';

export const DATA = '../shared/data';
export const hasData = existsSync(DATA);
export const encoder = new TextEncoder();

export function readText(name: string): Buffer {
  return readFileSync(`${DATA}/text/${name}`);
}

export function readGptNeoJson(): string {
  return gunzipSync(readFileSync(`${DATA}/tokenizers/gpt-neo-tokenizer.json.gz`)).toString();
}

/** The documents of a JSONL file of the shared data. */
export function readDocuments(name: string): string[] {
  const lines = gunzipSync(readFileSync(`${DATA}/jsonl/${name}`))
    .toString()
    .split('\n');
  return lines.filter(Boolean).map((line) => {
    const record = JSON.parse(line);
    return record.text ?? `${record.question}\n${record.answer}`;
  });
}

export const TRAIN_DEFAULTS = { minFrequency: 1, specialTokens: [] as string[] };

/** Counts documents and trains on them in one go. */
export function trainOn(
  documents: Iterable<string | Uint8Array>,
  options: Partial<TrainOptions> & { vocabularySize: number },
): TrainedBpe {
  const preTokenizer = options.preTokenizer ?? 'gpt2';
  const counter = new PreTokenCounter({ preTokenizer });
  for (const d of documents) counter.add(typeof d === 'string' ? encoder.encode(d) : d);
  return trainBpe(mergeCounts([counter.serialize()]), { ...TRAIN_DEFAULTS, ...options, preTokenizer });
}

/** Text that is hard on a pre-tokenizer: every class of character, white space, contractions, scripts, emoji. */
export const awkwardText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ' ',
        '  ',
        '\n',
        '\r\n',
        '\t',
        '\u00a0',
        '\u3000',
        '\u0085',
        '\ufeff',
        '\u2028',
        "'",
        "'s",
        "'S",
        "'\u017f",
        "'ll",
        "'VE",
        "'re",
        "'T",
        '/',
        '...',
        '!?',
        '\u0301',
        '\u0951',
        '👩‍👩‍👧‍👦',
        '🇩🇪',
        '👍🏽',
        '0',
        '12',
        '2024',
        '٣',
        '²',
        'Ⅷ',
      ),
      fc.constantFrom(
        'the',
        'The',
        'THE',
        'word',
        'straße',
        'ǅ',
        'ʰ',
        'ª',
        'Ἀθήνα',
        'слово',
        '中文',
        '日本語テキスト',
        'ภาษาไทย',
        'हिन्दी',
        '한국어',
      ),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc
        .integer({ min: 0, max: 0x10ffff })
        .filter((c) => c < 0xd800 || c > 0xdfff)
        .map((c) => String.fromCodePoint(c)),
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''));

/** One stand-in for each class, which every Unicode version classes alike: U A, L a, Lo, M, N, \s, \n. */
const STAND_INS = ['§', 'Á', 'á', '中', '\u0301', '²', '\u00a0', '\n'];

/**
 * The slow twin of the scanners: the published expression run by JavaScript's engine, on text in which every character
 * beyond ASCII but the long s is replaced by its class's stand-in (so that the engine's Unicode version and its own idea
 * of \s do not matter). Returns the ends of the pre-tokens in bytes.
 */
export function cutByRegex(utf8: Uint8Array, name: Exclude<PreTokenizerName, 'none'>): number[] {
  let text = '';
  const endOf: number[] = [];
  for (let p = 0; p < utf8.length; ) {
    const at = classAt(utf8, p, utf8.length);
    const isLongS = utf8[p] === 0xc5 && utf8[p + 1] === 0xbf;
    if (utf8[p]! < 0x80) text += String.fromCharCode(utf8[p]!);
    else text += isLongS ? '\u017f' : STAND_INS[at & 7]!;
    p += at >> 3;
    endOf.push(p);
  }
  const source = PRE_TOKENIZER_REGEX[name].replaceAll(
    /\(\?i:([^)]*)\)/g,
    (_, body: string) => `(?:${anyCase(body)})`,
  );
  const ends: number[] = [];
  let expected = 0;
  for (const match of text.matchAll(new RegExp(source, 'gu'))) {
    if (match.index !== expected) throw new Error(`the expression left a gap at ${expected}`);
    expected = match.index + match[0].length;
    ends.push(endOf[expected - 1]!);
  }
  return ends;
}

/** Node 20's engine has no inline (?i:...). */
function anyCase(body: string): string {
  return body.replaceAll(/[a-z]/g, (c) => `[${c}${c.toUpperCase()}${c === 's' ? '\u017f' : ''}]`);
}
