import { createReadStream } from 'node:fs';

/** Lines of a file. Not `node:readline`, whose newer versions end a line at U+2028 too, which JSON leaves unescaped. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}
