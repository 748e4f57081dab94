import { decodeHTML } from 'entities';
import { scanNested } from './nested.ts';

/** Elements whose content is no text of the article. */
const DROPPED = new Set(
  'ref gallery math chem timeline imagemap score graph mapframe templatestyles section hiero syntaxhighlight source'.split(
    ' ',
  ),
);
/** Elements whose content is text as it stands, whatever it looks like. */
const VERBATIM = new Set(['nowiki', 'pre']);
/** Closing sections that hold lists of links rather than text, in the languages with the largest Wikipedias. */
const END_SECTIONS =
  /^(?:references|notes|external links|further reading|see also|sources|bibliography|einzelnachweise|weblinks|literatur|siehe auch|anmerkungen|quellen|notes et références|références|liens externes|voir aussi|annexes|bibliographie|referencias|enlaces externos|véase también|bibliografía|note|collegamenti esterni|voci correlate|altri progetti|bibliografia|referências|ligações externas|ver também|przypisy|linki zewnętrzne|zobacz też|примечания|ссылки|литература|см\. также|脚注|外部リンク|関連項目|参考文献|参考资料|外部链接|参见)$/iu;

/**
 * The plain text of an article in MediaWiki's markup: templates, tables, references, images and categories are left
 * out, links become their labels, headings and lists keep a line each. Linear in the text.
 */
export function wikiToText(markup: string): string {
  let text = markup.replace(/<!--[\s\S]*?(?:-->|$)/g, '').replace(/[\u{f0000}\u{f0001}]/gu, '');
  const kept: string[] = [];
  // What must not be read as markup is put aside.
  text = replaceElements(text, (name, inner) => {
    if (DROPPED.has(name)) return '';
    if (!VERBATIM.has(name)) return undefined;
    kept.push(inner);
    return `\u{f0000}${kept.length - 1}\u{f0001}`;
  });
  text = scanNested(text);
  text = text
    .replace(/\[(?:https?:|ftp:)?\/\/[^\s[\]]+(?: ([^[\]\n]*))?\]/g, (_, label?: string) => label ?? '')
    .replace(/__[A-Z]{3,}__/g, '')
    .replace(/'{2,5}/g, '')
    .replace(/<\/?(?:br|hr|p|div|blockquote|li|ul|ol|tr|td|table)\b[^>]*>/gi, '\n')
    .replace(/<\/?[a-z][^<>]*>/gi, '');
  // Twice: dumps escape the entities that articles are written with.
  text = decodeHTML(text);
  const lines = linesOf(text);
  return lines
    .join('\n')
    .replace(/\u{f0000}(\d+)\u{f0001}/gu, (_, i: string) => kept[Number(i)] ?? '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/**
 * Puts `by(name, content)` in the place of elements, where it gives a string. An element that nothing closes stays;
 * that nothing closes its name is then known for the rest of the text.
 */
function replaceElements(text: string, by: (name: string, content: string) => string | undefined): string {
  const parts: string[] = [];
  const unclosed = new Set<string>();
  const OPEN = /<([a-z]+)\b([^<>]*)>/gi;
  let at = 0;
  for (let match = OPEN.exec(text); match; match = OPEN.exec(text)) {
    const name = match[1]!.toLowerCase();
    if (unclosed.has(name) || (!DROPPED.has(name) && !VERBATIM.has(name))) continue;
    let end = OPEN.lastIndex;
    let content = '';
    if (!match[2]!.endsWith('/')) {
      const close = new RegExp(`</${name}\\s*>`, 'gi');
      close.lastIndex = end;
      const found = close.exec(text);
      if (!found) {
        unclosed.add(name);
        continue;
      }
      content = text.slice(end, found.index);
      end = close.lastIndex;
    }
    const replacement = by(name, content);
    if (replacement === undefined) continue;
    parts.push(text.slice(at, match.index), replacement);
    at = end;
    OPEN.lastIndex = end;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

function linesOf(text: string): string[] {
  const lines: string[] = [];
  /** Headings that have nothing under them yet, and how deep the section is that is left out. */
  let pending: { level: number; title: string }[] = [];
  let skipping = 0;
  for (const raw of text.split('\n')) {
    const line = raw.replace(/[^\S\n]+/g, ' ').trim();
    const heading = /^(={1,6})\s*(.*?)\s*\1$/.exec(line);
    if (heading) {
      const level = heading[1]!.length;
      if (skipping && level > skipping) continue;
      skipping = END_SECTIONS.test(heading[2]!) ? level : 0;
      if (!skipping && heading[2]) {
        // A heading that has nothing under it gives way to the next of its level or above.
        pending = pending.filter((one) => one.level < level);
        pending.push({ level, title: heading[2] });
      }
      continue;
    }
    if (skipping) continue;
    const item = /^([*#:;]+)\s*(.*)$/.exec(line);
    const content = item ? itemText(item[1]!, item[2]!) : line;
    if (content === '' || /^[\s\p{P}]*$/u.test(content)) {
      if (lines.length && lines.at(-1) !== '') lines.push('');
      continue;
    }
    if (pending.length) {
      if (lines.length && lines.at(-1) !== '') lines.push('');
      for (const { title } of pending) lines.push(title, '');
      pending = [];
    }
    lines.push(content);
  }
  return lines;
}

function itemText(marks: string, content: string): string {
  if (content === '') return '';
  const last = marks.at(-1)!;
  const indent = '  '.repeat(Math.min(marks.length - 1, 8));
  return last === '*' || last === '#' ? `${indent}- ${content}` : content;
}
