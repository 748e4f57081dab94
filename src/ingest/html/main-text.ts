import { BODY_TEXT, LIKELY } from './hints.ts';
import { type Page, Sums, TABLE_PARTS, TEXT_HOLDERS } from './page.ts';
import { isBoilerplate } from './phrases.ts';
import { Pruning, prune } from './prune.ts';
import { blockText } from './render.ts';
import { BLOCK, TAG, TAG_FLAGS } from './tags.ts';

const { article: ARTICLE, main: MAIN, h1: H1 } = TAG;
/** Less kept prose than this, or than a fifth of all, and names are not trusted. */
const MIN_PROSE_CHARS = 200;
const MIN_PROSE_SHARE = 0.2;
/** Text between the title and the element that holds the rest is looked for in so many blocks. */
const MAX_LEAD_BLOCKS = 40;
const SHORT_LINE_CHARS = 150;

const pruning = new Pruning();
const mass = new Sums();
const left = new Sums();

/**
 * The blocks that are the page's own text, in order, with their text. First what surrounds it is pruned; then the
 * element is chosen that holds most of the prose that is left with the least of anything else; then its short lines
 * are judged by what is around them.
 */
export function mainText(page: Page): { readonly block: number; readonly text: string }[] {
  const { blocks } = page.arena;
  prune(page, pruning, true);
  let kept = 0;
  for (let b = 0; b < blocks; b++) if (!pruning.blocks[b]) kept += page.prose.between(b, b + 1);
  if (kept < MIN_PROSE_CHARS || kept < MIN_PROSE_SHARE * page.prose.between(0, blocks))
    prune(page, pruning, false);
  const { first, end } = withLead(page, mainElement(page));
  const chosen: { block: number; text: string }[] = [];
  for (let block = first; block < end; block++) {
    if (pruning.blocks[block]) continue;
    const text = blockText(page.arena, block);
    if (text === '') continue;
    const judged = text.length <= SHORT_LINE_CHARS && !TABLE_PARTS.has(page.tagOf(block));
    if (!judged || !isBoilerplate(text)) chosen.push({ block, text });
  }
  return withoutBareHeadings(page, withoutStrayLines(page, chosen, first));
}

interface Range {
  readonly first: number;
  readonly end: number;
}

/** The element with the best harmonic mean of prose found and prose among all that it holds, weighed by its name. */
function mainElement(page: Page): Range {
  const { arena } = page;
  const { blocks } = arena;
  const out = pruning.blocks;
  mass.fill(blocks, (b) => (out[b] ? 0 : page.prose.between(b, b + 1)));
  left.fill(blocks, (b) => (out[b] ? 0 : arena.chars.values[b]!));
  const all = mass.between(0, blocks);
  let best: Range = { first: 0, end: blocks };
  let bestScore = -1;
  for (let n = 0; n < arena.nodes; n++) {
    const first = arena.firstBlock.values[n]!;
    const end = arena.endBlock.values[n]!;
    const tag = arena.tag.values[n]!;
    if (end <= first || pruning.nodes[n] || !(TAG_FLAGS[tag]! & BLOCK)) continue;
    const found = mass.between(first, end);
    if (found <= 0) continue;
    const recall = found / all;
    const precision = found / left.between(first, end);
    const score = ((2 * precision * recall) / (precision + recall)) * weightOf(tag, pruning.hints[n]!);
    // The innermost of equals.
    if (score < bestScore) continue;
    bestScore = score;
    best = { first, end };
  }
  return best;
}

function weightOf(tag: number, hints: number): number {
  if (hints & BODY_TEXT) return 1.25;
  if (tag === ARTICLE) return 1.2;
  if (tag === MAIN) return 1.1;
  return hints & LIKELY ? 1.08 : 1;
}

/** Adds the prose between the page's title and the chosen element: a lead that stands in a header. */
function withLead(page: Page, { first, end }: Range): Range {
  const { arena } = page;
  let title = -1;
  for (let n = 0; n < arena.nodes && arena.firstBlock.values[n]! < first; n++)
    if (arena.tag.values[n] === H1 && arena.endBlock.values[n]! > arena.firstBlock.values[n]!)
      title = arena.endBlock.values[n]!;
  if (title < 0 || title > first || first - title >= MAX_LEAD_BLOCKS) return { first, end };
  for (let b = title; b < first; b++) if (!page.isProse(b)) pruning.blocks[b] = 1;
  return { first: title, end };
}

type Chosen = readonly { readonly block: number; readonly text: string }[];

/** Leaves out short lines in no paragraph, list or table: labels at the top, what follows the last sentence. */
function withoutStrayLines(page: Page, chosen: Chosen, first: number): { block: number; text: string }[] {
  const { chars, linkChars, words, stops } = page.arena;
  const lastProse = chosen.findLast(({ block }) => page.isProse(block))?.block ?? -1;
  return chosen.filter(({ block }) => {
    if (page.isProse(block) || page.isHeading(block) || TEXT_HOLDERS.has(page.tagOf(block))) return true;
    if (linkChars.values[block]! > 0.7 * chars.values[block]! && chars.values[block]! < 100) return false;
    const atEdge = block > lastProse || block - first < 3;
    return !(atEdge && words.values[block]! < 10 && stops.values[block] === 0);
  });
}

/** Leaves out headings at the end that nothing stands under, but not the title. */
function withoutBareHeadings(page: Page, chosen: Chosen): { block: number; text: string }[] {
  let end = chosen.length;
  while (end > 0 && page.isHeading(chosen[end - 1]!.block)) end--;
  return chosen.filter(({ block }, i) => i < end || page.tagOf(block) === H1);
}
