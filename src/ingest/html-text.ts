import { Parser } from 'htmlparser2';

/** What is not read as text. Not `head`: pages leave it open, or put it around everything; its text is in its title. */
const DROPPED = new Set(['script', 'style', 'title', 'template', 'noscript', 'svg', 'math', 'iframe']);
const BLOCK = new Set(
  (
    'address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form ' +
    'h1 h2 h3 h4 h5 h6 header hr legend li main menu nav ol p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
);
const CELL = new Set(['td', 'th']);

export interface HtmlTextOptions {
  /** Longer pages are cut here. */
  readonly maxChars?: number;
}

/**
 * The text of an HTML page as it would be read: blocks on lines of their own, an empty line between paragraphs,
 * white space folded but in `pre`; scripts, styles and the title are left out. Linear in the page, no recursion.
 */
export function htmlToText(html: string, { maxChars = 16_000_000 }: HtmlTextOptions = {}): string {
  const parts: string[] = [];
  let dropped = 0;
  let pre = 0;
  /** Line breaks and spaces owed before the next text. */
  let breaks = 0;
  let space = false;
  const write = (text: string): void => {
    if (parts.length) parts.push(breaks > 0 ? '\n'.repeat(breaks) : space ? ' ' : '');
    parts.push(text);
    breaks = 0;
    space = false;
  };
  const parser = new Parser(
    {
      onopentagname(name) {
        if (DROPPED.has(name)) dropped++;
        else if (name === 'pre') pre++;
        if (name === 'br') breaks = Math.min(2, breaks + 1);
        else if (BLOCK.has(name)) breaks = Math.max(breaks, name === 'p' || /^h[1-6]$/.test(name) ? 2 : 1);
        else if (CELL.has(name)) space = true;
      },
      ontext(text) {
        if (dropped > 0) return;
        if (pre > 0) {
          const lines = text.replace(/\r\n?/g, '\n');
          if (/\S/.test(lines)) write(lines);
          else if (lines.includes('\n')) breaks = Math.max(breaks, 1);
          return;
        }
        const folded = text.replace(/[\t\n\f\r ]+/g, ' ');
        if (folded.startsWith(' ')) space = true;
        // Not `trim`: a no-break space is text.
        const inner = folded.replace(/^ | $/g, '');
        if (inner === '') return;
        write(inner);
        space = folded.endsWith(' ');
      },
      onclosetag(name) {
        if (DROPPED.has(name)) dropped = Math.max(0, dropped - 1);
        else if (name === 'pre') pre = Math.max(0, pre - 1);
        if (BLOCK.has(name)) breaks = Math.max(breaks, name === 'p' || /^h[1-6]$/.test(name) ? 2 : 1);
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  parser.write(html.length > maxChars ? html.slice(0, maxChars) : html);
  parser.end();
  return parts
    .join('')
    .replace(/[ \t]+\n/g, '\n')
    .replace(/^\s+|\s+$/g, '');
}
