import { Parser } from 'htmlparser2';
import { DROP, TAG_FLAGS, TAG_NAMES } from '../../../src/ingest/html/tags.ts';

/** Stands where a tag was, so that what two tags part is not decoded as one entity. */
const MARK = '\u{f0000}';
const DROPPED = new Set(TAG_NAMES.filter((_, id) => TAG_FLAGS[id]! & DROP));
DROPPED.add('title');

/** The words of a page outside dropped elements, as htmlparser2 reads it: the slow twin of our parser's pieces. */
export function wordsOfTwin(html: string): string[] {
  let dropped = 0;
  let text = '';
  const parser = new Parser(
    {
      onopentagname(name) {
        if (DROPPED.has(name)) dropped++;
        text += MARK;
      },
      ontext(part) {
        if (dropped === 0) text += part;
      },
      onclosetag(name) {
        if (DROPPED.has(name)) dropped--;
        text += MARK;
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  parser.write(html);
  parser.end();
  return wordsOf(text);
}

/** Words whatever element they are in: tags in the middle of a word do not part it, invisible characters are none. */
export function wordsOf(text: string): string[] {
  return text
    .replaceAll(MARK, '')
    .replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, '')
    .normalize('NFC')
    .split(/\s+/)
    .filter((word) => word !== '');
}
