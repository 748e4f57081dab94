import { APART, SPECIALS } from './spacy-english.ts';
import { Spans } from './spans.ts';

/** What the second pass of the splitter changes in place. */
export interface Tokens {
  readonly text: string;
  length: number;
  starts: Uint32Array;
  ends: Uint32Array;
}

interface Node {
  readonly next: Map<string, Node>;
  /** A pattern ends here. */
  last: boolean;
}

const ROOT: Node = { next: new Map(), last: false };
let longestToken = 0;
let longestPattern = 0;
/** First units of the first two tokens of every pattern: almost all pairs of tokens are told apart by these. */
const FIRST = new Uint8Array(1 << 16);
const SECOND = new Uint8Array(1 << 16);
for (const line of APART.split('\n')) {
  const tokens = line.split('\t');
  let node = ROOT;
  for (const token of tokens) {
    let next = node.next.get(token);
    if (next === undefined) {
      next = { next: new Map(), last: false };
      node.next.set(token, next);
    }
    node = next;
    longestToken = Math.max(longestToken, token.length);
  }
  node.last = true;
  longestPattern = Math.max(longestPattern, tokens.length);
  FIRST[tokens[0]!.charCodeAt(0)] = 1;
  SECOND[tokens[1]!.charCodeAt(0)] = 1;
}
/** The pieces of a special case, by its text. */
const PIECES = new Map(SPECIALS.split('\n').map((line) => [line.replaceAll('\t', ''), line.split('\t')]));

/**
 * spaCy's last pass (Tokenizer._apply_special_cases): a sequence of tokens that spells a special case becomes that
 * special case. Sequences match across blanks too; such a match changes nothing but keeps others from matching.
 */
export function rejoin(tokens: Tokens): void {
  const matches = findMatches(tokens);
  if (matches.length > 0) apply(tokens, matches, choose(matches, tokens.length));
}

/** Ranges of tokens, ordered by start. */
function findMatches({ text, length, starts, ends }: Tokens): Spans {
  const found = new Spans();
  for (let i = 0; i + 1 < length; i++) {
    if (FIRST[text.charCodeAt(starts[i]!)] === 0 || SECOND[text.charCodeAt(starts[i + 1]!)] === 0) continue;
    let node: Node | undefined = ROOT;
    for (let k = i; k < length; k++) {
      if (ends[k]! - starts[k]! > longestToken) break;
      node = node.next.get(text.slice(starts[k], ends[k]));
      if (node === undefined) break;
      if (node.last) found.push(i, k + 1);
    }
  }
  return found;
}

/** [matches] 1 where a match holds: the longest first, then the first; one that loses still bars its tokens. */
function choose({ starts, ends, length }: Spans, tokens: number): Uint8Array {
  const chosen = new Uint8Array(length);
  const barred = new Uint8Array(tokens);
  for (let size = longestPattern; size > 1; size--) {
    for (let i = 0; i < length; i++) {
      const start = starts[i]!;
      const end = ends[i]!;
      if (end - start !== size) continue;
      if (barred[start] === 0 && barred[end - 1] === 0) chosen[i] = 1;
      barred.fill(1, start, end);
    }
  }
  return chosen;
}

function apply(tokens: Tokens, matches: Spans, chosen: Uint8Array): void {
  const { text, length, starts, ends } = tokens;
  const out = new Spans(length + 64);
  let i = 0;
  for (let m = 0; m < matches.length; m++) {
    if (chosen[m] === 0) continue;
    const first = matches.starts[m]!;
    const last = matches.ends[m]! - 1;
    const pieces = PIECES.get(text.slice(starts[first], ends[last]));
    if (pieces === undefined) continue;
    for (; i < first; i++) out.push(starts[i]!, ends[i]!);
    let at = starts[first]!;
    for (const piece of pieces) {
      out.push(at, at + piece.length);
      at += piece.length;
    }
    i = last + 1;
  }
  if (i === 0) return;
  for (; i < length; i++) out.push(starts[i]!, ends[i]!);
  tokens.length = out.length;
  tokens.starts = out.starts;
  tokens.ends = out.ends;
}
