import { decodeHTML } from 'entities';
import { mainText } from './main-text.ts';
import { metadataOf, type PageMetadata } from './metadata.ts';
import { Page } from './page.ts';
import { blockText, render } from './render.ts';

export interface ExtractOptions {
  /** `main`: the page's own text, without what surrounds it; `all`: every text on it. */
  readonly scope?: 'main' | 'all';
  /** Where the page was had: relative canonical URLs are taken from there. */
  readonly url?: string;
  /** Longer pages are cut here, in characters. */
  readonly maxChars?: number;
}

export interface ExtractedPage {
  readonly text: string;
  readonly metadata: PageMetadata;
}

export const MAX_PAGE_CHARS = 16_000_000;
/** Fewer characters of text than this, and other places are tried. */
const SHORT_CHARS = 250;
const ARTICLE_BODY = /"articleBody"\s*:\s*"((?:[^"\\]|\\.)*)"/;

const page = new Page();

/**
 * The text of an HTML page and what it says of itself. Where the page shows next to nothing without scripts, what is
 * in `<noscript>` is taken, or the article that its JSON-LD carries. Linear in the page; never throws; not reentrant
 * (nothing in it waits).
 */
export function extractPage(html: string, options: ExtractOptions = {}): ExtractedPage {
  const { scope = 'main', url, maxChars = MAX_PAGE_CHARS } = options;
  const source = html.length > maxChars ? html.slice(0, maxChars) : html;
  let text = textOf(source, scope, false);
  const metadata = metadataOf(page.arena, url);
  if (text.length < SHORT_CHARS && /<noscript/i.test(source))
    text = longer(text, textOf(source, scope, true));
  if (text.length < SHORT_CHARS && scope === 'main') text = longer(text, linkedArticle(source));
  return { text, metadata };
}

function textOf(html: string, scope: 'main' | 'all', noscript: boolean): string {
  page.load(html, noscript);
  if (scope === 'main') return render(page, mainText(page));
  const all = Array.from({ length: page.arena.blocks }, (_, block) => ({
    block,
    text: blockText(page.arena, block),
  }));
  return render(
    page,
    all.filter(({ text }) => text !== ''),
  );
}

function longer(one: string, other: string): string {
  return other.length > one.length ? other : one;
}

/** The article in a page's JSON-LD (schema.org, `articleBody`), which may be HTML itself. */
function linkedArticle(html: string): string {
  if (!html.includes('"articleBody"')) return '';
  const quoted = ARTICLE_BODY.exec(html)?.[1];
  if (quoted === undefined) return '';
  try {
    // Line breaks are not allowed in JSON's strings, and often in these.
    const body = decodeHTML(JSON.parse(`"${quoted.replace(/[\n\r\t]/g, ' ')}"`) as string);
    return textOf(`<article>${body.replace(/\n/g, '<br><br>')}</article>`, 'main', false);
  } catch {
    return '';
  }
}
