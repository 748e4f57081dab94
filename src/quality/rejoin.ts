import { APART, SPECIALS } from './spacy-english.ts';

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
  FIRST[tokens[0]!.charCodeAt(0)] = 1;
  SECOND[tokens[1]!.charCodeAt(0)] = 1;
}
/** The pieces of a special case, by its text. */
const PIECES = new Map(SPECIALS.split('\n').map((line) => [line.replaceAll('\t', ''), line.split('\t')]));

/** Tokens [start, end). */
interface Match {
  start: number;
  end: number;
}

/**
 * spaCy's last pass (Tokenizer._apply_special_cases): a sequence of tokens that spells a special case becomes that
 * special case. Sequences match across blanks too; such a match changes nothing but keeps others from matching.
 */
export function rejoin(tokens: Tokens): void {
  const matches = findMatches(tokens);
  if (matches.length === 0) return;
  const edits: Match[] = [];
  for (let i = 0; i < matches.length; ) {
    let j = i + 1;
    let reach = matches[i]!.end;
    while (j < matches.length && matches[j]!.start < reach) reach = Math.max(reach, matches[j++]!.end);
    const group = matches.slice(i, j);
    for (const match of group.length === 1 ? group : longestFirst(group))
      if (piecesOf(tokens, match) !== undefined) edits.push(match);
    i = j;
  }
  if (edits.length > 0) apply(tokens, edits);
}

/** Ordered by start. */
function findMatches({ text, length, starts, ends }: Tokens): Match[] {
  const found: Match[] = [];
  for (let i = 0; i + 1 < length; i++) {
    if (FIRST[text.charCodeAt(starts[i]!)] === 0 || SECOND[text.charCodeAt(starts[i + 1]!)] === 0) continue;
    let node: Node | undefined = ROOT;
    for (let k = i; k < length; k++) {
      if (ends[k]! - starts[k]! > longestToken) break;
      node = node.next.get(text.slice(starts[k], ends[k]));
      if (node === undefined) break;
      if (node.last) found.push({ start: i, end: k + 1 });
    }
  }
  return found;
}

/** The longest wins, the first of equals; one that loses still bars the tokens it covers, as in spaCy. */
function longestFirst(group: Match[]): Match[] {
  const order = [...group].sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start);
  const seen = new Set<number>();
  const kept: Match[] = [];
  for (const match of order) {
    if (!seen.has(match.start) && !seen.has(match.end - 1)) kept.push(match);
    for (let k = match.start; k < match.end; k++) seen.add(k);
  }
  return kept.sort((a, b) => a.start - b.start);
}

function piecesOf({ text, starts, ends }: Tokens, { start, end }: Match): string[] | undefined {
  return PIECES.get(text.slice(starts[start], ends[end - 1]));
}

function apply(tokens: Tokens, edits: readonly Match[]): void {
  const { length, starts, ends } = tokens;
  let size = length;
  for (const edit of edits) size += piecesOf(tokens, edit)!.length;
  const newStarts = new Uint32Array(size);
  const newEnds = new Uint32Array(size);
  let out = 0;
  let i = 0;
  for (const edit of edits) {
    for (; i < edit.start; i++, out++) {
      newStarts[out] = starts[i]!;
      newEnds[out] = ends[i]!;
    }
    let at = starts[i]!;
    for (const piece of piecesOf(tokens, edit)!) {
      newStarts[out] = at;
      at += piece.length;
      newEnds[out++] = at;
    }
    i = edit.end;
  }
  newStarts.set(starts.subarray(i, length), out);
  newEnds.set(ends.subarray(i, length), out);
  tokens.length = out + (length - i);
  tokens.starts = newStarts;
  tokens.ends = newEnds;
}
